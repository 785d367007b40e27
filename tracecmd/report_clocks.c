// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether the events of a report are all of one trace clock. */
#include "report.h"

#define CLOCKS_MAX 4			/* what is told of, at most */
#define PLACES_MAX 3

struct clock_group {
	const char *clock;
	unsigned nr;			/* buffers */
	struct buf places;
};
struct clocks {
	const struct report *rp;
	struct clock_group groups[CLOCKS_MAX];
	unsigned nr;
};

static bool has_data(const struct dat_buffer *b)
{
	for (uint32_t i = 0; i < b->nr_cpus; i++)
		if (b->cpus[i].size)
			return true;
	return false;
}

/* NULL: not known, or there is nothing of it. A guest's top level is in its host's clock. */
static const char *clock_of(const struct report *rp, const struct report_file *f, unsigned nr)
{
	const struct dat_info *info = dat_reader_info(f->reader);
	const struct dat_buffer *b = dat_reader_buffer(f->reader, nr);
	const char *clock = *b->clock || *b->name ? b->clock : info->clock;

	if (!has_data(b) || !*clock || (!*b->name && info->time_shift.present && !rp->raw_ts))
		return NULL;
	return clock;
}

/* The clock that is a file's own with several files: dates make times of one another's. */
static const char *shared_clock(const struct report *rp, const struct report_file *f,
				const char *clock)
{
	if (rp->files.nr == 1 || rp->raw_ts)
		return clock;
	if (f->times.ts_offset)
		return NULL;		/* whoever gives that knows where the file belongs */
	return dat_reader_info(f->reader)->has_date && !rp->no_date ? "time of day" : clock;
}

static void put_place(struct clock_group *g, const struct report *rp, const struct report_file *f,
		      const char *buffer)
{
	if (++g->nr > PLACES_MAX)
		return;
	buf_puts(&g->places, g->nr > 1 ? ", " : "");
	if (rp->files.nr > 1)
		buf_printf(&g->places, "'%s'%s", f->path, *buffer ? " " : "");
	else if (!*buffer)
		buf_puts(&g->places, "the top level");
	if (*buffer)
		buf_printf(&g->places, "instance '%s'", buffer);
}

static void add_buffer(struct clocks *c, const struct report_file *f, const char *buffer,
		       const char *clock)
{
	unsigned i = 0;

	while (i < c->nr && strcmp(c->groups[i].clock, clock))
		i++;
	if (i == CLOCKS_MAX)
		return;			/* enough to tell */
	if (i == c->nr)
		c->groups[c->nr++].clock = clock;
	put_place(&c->groups[i], c->rp, f, buffer);
}

static void add_file(struct clocks *c, const struct report_file *f)
{
	const char *own = NULL;		/* the first one, which dates and offsets are of */

	for (unsigned b = 0; b < dat_reader_nr_buffers(f->reader); b++) {
		const char *clock = clock_of(c->rp, f, b);

		if (clock && !own)
			own = clock;
		if (clock && !strcmp(clock, own))
			clock = shared_clock(c->rp, f, clock);
		if (clock)
			add_buffer(c, f, dat_reader_buffer(f->reader, b)->name, clock);
	}
}

void report_tell_clocks(const struct report *rp)
{
	struct clocks c = { .rp = rp };
	struct buf text AUTO_BUF = { 0 };

	for (size_t i = 0; i < rp->files.nr; i++)
		add_file(&c, &rp->files.v[i]);
	for (unsigned i = 0; i < c.nr; i++) {
		struct clock_group *g = &c.groups[i];

		if (!strcmp(g->clock, "uptime"))
			notice(rp->notices, "the trace clock 'uptime' counts hundredths of a second, which are shown as if they "
			       "were nanoseconds, as trace-cmd shows them: --ts2secs 100 shows seconds");
		if (!g->places.failed)
			buf_printf(&text, "%s%s (%s%s)", i ? ", " : "", g->clock, g->places.data,
				   g->nr > PLACES_MAX ? ", ..." : "");
		buf_release(&g->places);
	}
	if (c.nr > 1 && !text.failed)
		notice(rp->notices, "events of different trace clocks are put in one order by their numbers: "
		       "which was first, and how long it took from one clock's to another's, cannot be "
		       "told so. Record all with one clock (-C in front of the first -B)%s. These are: %s", rp->files.nr > 1 ? ", or each file with --date" : "", text.data);
}

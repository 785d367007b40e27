// SPDX-License-Identifier: GPL-2.0-or-later
/* report --count: how many events there are, and how many were lost. */
#include <errno.h>
#include <stdlib.h>

#include "report.h"
#include "tally.h"

#define EVENT_IDS 65536			/* an event's type has 16 bits */

/* ---- what to count by ------------------------------------------------------------- */

static const char *const key_names[BY_KEYS] = { "event", "cpu", "task", "buffer", "time" };

static int unknown_key(const char *word, struct err *e)
{
	struct near near;

	err_set(e, -EINVAL, "--count: events are counted by event, cpu, task, buffer or time=WIDTH, "
		"not by '%s'", word);
	near_init(&near, word);
	for (unsigned i = 0; i < BY_KEYS; i++)
		near_try(&near, key_names[i]);
	near_hint(&near, e);
	return -EINVAL;
}

/* "10ms", "0.5", "3us"; without a unit seconds, or what the clock counts. */
static int parse_width(const char *text, struct report_count *c, struct err *e)
{
	static const struct { const char *name; uint64_t ns; } units[] = {
		{ "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 },
	};
	const char *unit = text + strspn(text, "0123456789.");
	uint64_t scale = 0, whole = 0;
	double width;
	char *end;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(*unit ? unit : "s", units[i].name))
			scale = units[i].ns;
	width = strtod(text, &end) * scale;
	if (end != unit || end == text || width < 1 || width > 9e18)
		return err_set(e, -EINVAL, "--count: '%s' is no width of time, like 0.1, 10ms or 50us",
			       text);
	c->bin_in_seconds = parse_u64(text, &whole) < 0;
	c->bin = c->bin_in_seconds ? (uint64_t)(width + 0.5) : whole;
	return 0;
}

static int add_key(struct report_count *c, const char *word, struct err *e)
{
	size_t len = strcspn(word, "=");
	unsigned key = 0;

	while (key < BY_KEYS && (strlen(key_names[key]) != len || memcmp(key_names[key], word, len)))
		key++;
	if (key == BY_KEYS || (word[len] && key != BY_TIME))
		return unknown_key(word, e);
	for (unsigned i = 0; i < c->nr; i++)
		if (c->by[i] == key)
			return err_set(e, -EINVAL, "--count: '%s' is given twice", key_names[key]);
	c->by[c->nr++] = key;
	if (key == BY_TIME && !word[len])
		return err_set(e, -EINVAL, "--count: how long is a span of time? Give 'time=10ms'");
	return key == BY_TIME ? parse_width(word + len + 1, c, e) : 0;
}

int report_count_by(struct report_count *c, const char *words, struct err *e)
{
	AUTO_FREE char *copy = strdup(words ? words : key_names[BY_EVENT]);
	char *rest = copy, *word;

	if (!copy)
		return err_set(e, -ENOMEM, "out of memory");
	*c = (struct report_count){ .wanted = true };
	while ((word = strsep(&rest, ","))) {
		int r = add_key(c, word, e);

		if (r < 0)
			return r;
	}
	return 0;
}

int report_check_count(const struct report *rp, struct err *e)
{
	if (rp->questions)
		return usage_error(e, "--count is a question of its own: ask the others without it");
	if (rp->csv_events || rp->with_text)
		return usage_error(e, "--count shows no events: %s has no use",
				   rp->csv_events ? "csv:EVENT" : "--text");
	if (rp->first_events || rp->wakeup)
		return usage_error(e, "--count and %s exclude each other", rp->wakeup ? "-w" : "--first");
	return EXIT_OK;
}

static bool counts_by(const struct report_count *c, enum report_key key)
{
	for (unsigned i = 0; i < c->nr; i++)
		if (c->by[i] == key)
			return true;
	return false;
}

/* ---- counting ------------------------------------------------------------------------ */

/* What one thread counts. */
struct counter {
	struct tally events, lost;
	uint64_t *by_id;		/* of the CPU at hand, not in the tally yet */
	struct replay_cpu cpu;
	bool any;			/* there is a CPU at hand */
	bool printed;			/* its last event was wanted */
	bool begun;			/* the range of time was reached */
	/* losses in front of the next event, which is in the range of time or not */
	uint64_t lost_before, unknown_before;
	int rc;				/* why losses could not be counted */
};

struct count {
	struct report *rp;
	bool by_event, by_cpu, by_task, by_buffer, by_time;
	bool each;			/* each event has to be looked at */
	struct replay_run_opts range;	/* of time */
	uint64_t first_ts;		/* what times count from */
	struct counter *counters;	/* by thread */
	unsigned threads;
};

/* The key of a CPU's events, as far as they have one in common. */
static struct tally_key key_of(const struct count *c, const struct replay_cpu *cpu)
{
	struct tally_key key = { 0 };

	if (c->by_event || c->by_task || c->by_buffer)
		key.file = cpu->file;	/* ids and names are a file's own */
	if (c->by_buffer)
		key.buffer = cpu->buffer;
	if (c->by_cpu)
		key.cpu = cpu->cpu;
	return key;
}

/* Takes what was counted by id into the tally. */
static int settle(const struct count *c, struct counter *ct)
{
	struct tally_key key;
	int r = 0;

	if (!ct->any || c->each)
		return 0;
	key = key_of(c, &ct->cpu);
	for (uint32_t id = 0; id < EVENT_IDS && !r; id++) {
		if (!ct->by_id[id])
			continue;
		if (c->by_event)
			key.id = id;
		r = tally_add(&ct->events, &key, ct->by_id[id]);
		ct->by_id[id] = 0;
	}
	return r;
}

/* ---- losses ---- */

static int add_lost(struct counter *ct, int id, uint64_t n)
{
	struct tally_key key = {
		.file = ct->cpu.file, .buffer = ct->cpu.buffer, .cpu = ct->cpu.cpu, .id = id,
	};

	return n ? tally_add(&ct->lost, &key, n) : 0;
}

/* The losses that wait for their event's time are counted, or not. */
static int settle_lost(struct counter *ct, bool wanted)
{
	int r = wanted ? add_lost(ct, LOST_KNOWN, ct->lost_before) : 0;

	if (!r && wanted)
		r = add_lost(ct, LOST_UNKNOWN, ct->unknown_before);
	ct->lost_before = ct->unknown_before = 0;
	return r;
}

/* What the CPU at hand leaves behind; losses at its end lie before no end of time. */
static int leave_cpu(const struct count *c, struct counter *ct)
{
	int r = settle(c, ct);

	return r < 0 || !ct->any ? r : settle_lost(ct, !c->range.has_to);
}

static int see_cpu(const struct count *c, struct counter *ct, const struct replay_cpu *cpu)
{
	int r;

	if (ct->any && ct->cpu.nr == cpu->nr)
		return 0;
	r = leave_cpu(c, ct);
	ct->cpu = *cpu;
	ct->any = true;
	ct->printed = ct->begun = false;
	return r;
}

static void count_lost(void *ctx, unsigned worker, const struct replay_cpu *cpu, uint64_t lost)
{
	const struct count *c = ctx;
	struct counter *ct = &c->counters[worker];
	int r = see_cpu(c, ct, cpu);

	if (lost == RING_LOST_UNKNOWN)
		ct->unknown_before++;
	else if (__builtin_add_overflow(ct->lost_before, lost, &ct->lost_before))
		ct->lost_before = UINT64_MAX;
	if (!r && !c->range.has_from && !c->range.has_to)
		r = settle_lost(ct, true);
	if (r < 0)
		ct->rc = r;
}

/* ---- events ---- */

/* @in: it is in the range of time; if not, a stack behind it may ask for it. */
static int count_record(const struct count *c, struct counter *ct, const struct ring_page *page,
			const struct ring_event *ev, bool in, struct tally_key *key)
{
	struct report_file *f = &c->rp->files.v[ct->cpu.file];
	struct event_record view = {
		.data = ev->data, .len = ev->len, .cpu = ct->cpu.cpu,
		.avail = page->data + page->size - (const uint8_t *)ev->data,
	};

	if (!report_wants(c->rp, f, &view, &ct->printed) || !in)
		return 0;
	if (c->by_event)
		key->id = event_db_record_id(f->db, ev->data, ev->len);
	if (c->by_task)
		key->pid = event_db_record_pid(f->db, ev->data, ev->len);
	if (c->by_time)
		key->bin = (clock_convert(ct->cpu.conv, ev->ts) - c->first_ts) / c->rp->count.bin;
	return tally_add(&ct->events, key, 1);
}

/*
 * Whether an event is in the range of time, of which each CPU has nothing behind
 * the first event at or after its end: 0 not, 1, -1 not any more.
 */
static int in_range(const struct count *c, struct counter *ct, uint64_t raw_ts)
{
	uint64_t ts = clock_convert(ct->cpu.conv, raw_ts);

	if (c->range.has_to && ts >= c->range.to)
		return -1;
	if (c->range.has_from && ts < c->range.from)
		return 0;
	ct->begun = true;
	return 1;
}

/* What struct replay_scan's page returns. */
static int count_each(const struct count *c, struct counter *ct, struct ring_page *page)
{
	struct tally_key key = key_of(c, &ct->cpu);
	struct ring_event ev;
	int r = 0, in = 1, seen = 0;

	while (r >= 0 && ring_page_next(page, &ev) > 0) {
		if (c->range.has_from || c->range.has_to) {
			in = in_range(c, ct, ev.ts);
			r = settle_lost(ct, in > 0);
		}
		if (in < 0)
			return r < 0 ? r : seen | REPLAY_SCAN_ENOUGH;
		if (!in && !ct->begun)
			seen = REPLAY_SCAN_FRONT;
		if (!r)
			r = count_record(c, ct, page, &ev, in, &key);
	}
	return r < 0 ? r : seen;
}

static int cannot_count(const struct count *c, int r, struct err *e)
{
	if (r != -E2BIG)
		return err_errno(e, r, "cannot count");
	return err_set(e, r, "cannot count: there are more than %u different counts. %s, or a part of the trace "
		       "(--from, --to)", (unsigned)TALLY_MAX, c->by_time ? "Choose wider spans of time (time=WIDTH)" :
		       "Tell events apart by less");
}

static int count_page(void *ctx, unsigned worker, const struct replay_cpu *cpu,
		      struct ring_page *page, struct err *e)
{
	const struct count *c = ctx;
	struct counter *ct = &c->counters[worker];
	int r = ct->rc;

	if (!r)
		r = see_cpu(c, ct, cpu);
	if (r < 0)
		return cannot_count(c, r, e);
	if (!c->each) {
		ring_page_count(page, ct->by_id);
		return 0;
	}
	r = count_each(c, ct, page);
	return r < 0 ? cannot_count(c, r, e) : r;
}

static int merge(struct tally *to, const struct tally *from)
{
	int r = 0;

	for (size_t i = 0; i < from->size && !r; i++)
		if (from->v[i].count)
			r = tally_add(to, &from->v[i].key, from->v[i].count);
	return r;
}

/* Everything into the first thread's tallies. */
static int merge_all(struct count *c)
{
	int r = 0;

	for (unsigned i = 0; i < c->threads && !r; i++) {
		struct counter *ct = &c->counters[i];

		r = ct->rc ? ct->rc : leave_cpu(c, ct);
		if (!r && i)
			r = merge(&c->counters[0].events, &ct->events);
		if (!r && i)
			r = merge(&c->counters[0].lost, &ct->lost);
	}
	return r;
}

static int count_all(struct count *c, struct err *e)
{
	struct replay_scan scan = {
		.threads = c->threads, .in_order = c->each, .ctx = c, .page = count_page,
		.lost = count_lost, .has_from = c->range.has_from, .from = c->range.from,
		.has_to = c->range.has_to, .to = c->range.to,
	};
	int r;

	for (unsigned i = 0; i < c->threads && !c->each; i++) {
		c->counters[i].by_id = calloc(EVENT_IDS, sizeof(uint64_t));
		if (!c->counters[i].by_id)
			return err_errno(e, -ENOMEM, "cannot count");
	}
	r = replay_scan(c->rp->replay, &scan, e);
	if (!r) {
		r = merge_all(c);
		if (r < 0)
			cannot_count(c, r, e);
	}
	return r;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Spans of time need one unit. */
static int check_clocks(const struct report *rp, struct err *e)
{
	bool first = replay_in_seconds(rp->replay, 0);

	for (unsigned i = 0; i < rp->files.nr; i++) {
		bool seconds = replay_in_seconds(rp->replay, i);

		if (seconds != first)
			return err_set(e, -EINVAL, "--count: the clock of '%s' counts seconds, that of "
				       "'%s' does not", rp->files.v[first ? 0 : i].path,
				       rp->files.v[first ? i : 0].path);
		if (!seconds && rp->count.bin_in_seconds && rp->raw_ts)
			return err_set(e, -EINVAL, "--count: with --raw-ts times are counts, not seconds: leave "
				       "it out, or give the width of a span of time as a number");
		if (!seconds && rp->count.bin_in_seconds)
			return err_set(e, -EINVAL, "--count: the clock of '%s' does not count seconds: "
				       "give the width of a span of time as a number", rp->files.v[i].path);
	}
	return 0;
}

int report_counts(struct report *rp, struct err *e)
{
	struct count c = {
		.rp = rp, .threads = rp->threads,
		.by_event = counts_by(&rp->count, BY_EVENT), .by_cpu = counts_by(&rp->count, BY_CPU),
		.by_task = counts_by(&rp->count, BY_TASK), .by_buffer = counts_by(&rp->count, BY_BUFFER),
		.by_time = counts_by(&rp->count, BY_TIME),
	};
	int r = c.by_time ? check_clocks(rp, e) : 0;

	if (r < 0)
		return r;
	if (c.by_time)
		report_tell_clocks(rp);
	if (c.by_time && replay_in_seconds(rp->replay, 0) && !rp->count.bin_in_seconds)
		rp->count.bin *= 1000000000;
	if (c.by_time && rp->align_ts) {
		r = replay_first_ts(rp->replay, &c.first_ts, e);
		if (r < 0)
			return r;
	}
	r = report_range(rp, &c.range, e);
	if (r < 0)
		return r;
	c.each = c.by_task || c.by_time || c.range.has_from || c.range.has_to;
	for (size_t i = 0; i < rp->files.nr; i++)
		c.each |= report_filtering(rp, &rp->files.v[i]);
	c.counters = calloc(c.threads, sizeof(*c.counters));
	if (!c.counters)
		return err_errno(e, -ENOMEM, "cannot count");
	r = count_all(&c, e);
	if (!r) {
		r = report_print_counts(rp, &c.counters[0].events, &c.counters[0].lost);
		if (r < 0)
			err_errno(e, r, "cannot count");
	}
	for (unsigned i = 0; i < c.threads; i++) {
		tally_release(&c.counters[i].events);
		tally_release(&c.counters[i].lost);
		free(c.counters[i].by_id);
	}
	free(c.counters);
	return r;
}

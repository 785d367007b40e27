// SPDX-License-Identifier: GPL-2.0-or-later
/* --profile: a profile of each buffer instead of its events. */
#include <errno.h>
#include <stdlib.h>

#include "report.h"

/* The same pair may be named by the user and by each file. */
static bool is_known(const struct profile_hooks *hooks, const char *text)
{
	for (size_t i = 0; i < hooks->nr; i++)
		if (!strcmp(hooks->v[i].text, text))
			return true;
	return false;
}

/* Adds the hooks that the files name to the user's. */
static int read_hooks(struct report *rp, struct err *e)
{
	for (size_t f = 0; f < rp->files.nr; f++) {
		const struct dat_reader *r = rp->files.v[f].reader;

		for (unsigned i = 0; i < dat_reader_nr_options(r); i++) {
			const struct dat_option *o = dat_reader_option(r, i);
			const char *text = (const char *)o->data;
			struct err why = { 0 };

			if (o->id != DAT_HOOK || !o->size || text[o->size - 1] || is_known(&rp->hooks, text))
				continue;
			if (profile_hooks_add(&rp->hooks, text, &why) == -ENOMEM)
				return err_set(e, -ENOMEM, "out of memory");
			if (why.code)
				notice(rp->notices, "'%s': %s", rp->files.v[f].path, why.text);
		}
	}
	return 0;
}

struct run {
	struct report *rp;
	uint64_t align;			/* --align-ts */
	VEC(bool) printed;		/* by stream: whether its last event is accounted */
	bool lost;
};

static int take(struct run *run, const struct replay_record *rec, struct err *e)
{
	struct report *rp = run->rp;
	struct report_file *f = &rp->files.v[rec->file];
	struct report_buffer *b = &f->buffers[rec->buffer];
	const struct profile_opts opts = {
		.hooks = &rp->hooks, .global_irqs = rp->global_irqs, .by_comm = rp->by_comm,
		.seconds = f->line.seconds, .notices = rp->notices,
	};
	const struct event_record view = {
		.ts = rec->ts - run->align, .data = rec->data, .len = rec->len, .cpu = rec->cpu,
		.avail = rec->page->data + rec->page->size - (const uint8_t *)rec->data,
	};
	int r = b->profile ? 0 : profile_new(f->db, &opts, &b->profile, e);

	while (!r && run->printed.nr <= rec->stream)
		if (vec_push(&run->printed, false))
			r = err_set(e, -ENOMEM, "out of memory");
	if (r)
		return r;
	if (rec->lost) {
		run->lost = true;
		profile_lost(b->profile, rec->cpu);
	}
	if (!report_wants(rp, f, &view, &run->printed.v[rec->stream]))
		return 0;
	return profile_record(b->profile, &view, e);
}

static int take_all(struct run *run, struct err *e)
{
	struct replay_record rec;
	int r = 1;

	if (run->rp->align_ts)
		r = replay_first_ts(run->rp->replay, &run->align, e);
	while (r > 0 && (r = replay_next(run->rp->replay, &rec, e)) > 0) {
		int failed = rec.data ? take(run, &rec, e) : 0;

		if (failed)
			r = failed;
	}
	return r;
}

static int print_file(struct report *rp, unsigned file, struct err *e)
{
	struct report_file *f = &rp->files.v[file];
	int r = 0;

	report_print_cpus(rp, file);
	for (unsigned b = 0; b < dat_reader_nr_buffers(f->reader) && !r; b++) {
		const char *name = dat_reader_buffer(f->reader, b)->name;

		if (!f->buffers[b].profile)
			continue;
		if (*name)
			out_printf("\nbuffer: %s\n", name);
		r = profile_print(f->buffers[b].profile, e);
	}
	return r;
}

int report_profile(struct report *rp, struct err *e)
{
	struct run run = { .rp = rp };
	int r = read_hooks(rp, e);

	if (!r)
		r = take_all(&run, e);
	for (unsigned i = 0; i < rp->files.nr && !r; i++)
		r = print_file(rp, i, e);
	if (!r && run.lost)
		notice(rp->notices, "events were lost: what may have ended in such places is not "
		       "accounted");
	vec_release(&run.printed);
	return r;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* --profile: a profile of each buffer instead of its events. */
#include <errno.h>

#include "report.h"

/* The same pair may be named by the user and by each file. */
static bool is_known(const struct profile_hooks *hooks, const char *text)
{
	for (size_t i = 0; i < hooks->nr; i++)
		if (!strcmp(hooks->v[i].text, text))
			return true;
	return false;
}

int report_read_hooks(struct report *rp, struct err *e)
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

int report_profile_record(struct report *rp, const struct replay_record *rec,
			  const struct event_record *view, bool wanted, struct err *e)
{
	struct report_file *f = &rp->files.v[rec->file];
	struct report_buffer *b = &f->buffers[rec->buffer];
	const struct profile_opts opts = {
		.hooks = &rp->hooks, .global_irqs = rp->global_irqs, .by_comm = rp->by_comm,
		.seconds = f->line.seconds, .notices = rp->notices,
	};
	int r = b->profile ? 0 : profile_new(f->db, &opts, &b->profile, e);

	if (r)
		return r;
	if (rec->lost)
		profile_lost(b->profile, rec->cpu);
	return wanted ? profile_record(b->profile, view, e) : 0;
}

int report_print_profile(struct report *rp, unsigned file, struct err *e)
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

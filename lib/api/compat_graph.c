// SPDX-License-Identifier: LGPL-2.1-or-later
/* Texts of the function tracers' events, for libtraceevent. */
#include "api/compat.h"

static int peek_next(void *ctx, struct event_record *ret)
{
	const struct replay_record *rec;

	if (compat_next_cpu(ctx, &rec) < 0)
		return 0;
	*ret = (struct event_record) {
		.ts = rec->ts, .data = rec->data, .len = rec->len, .avail = rec->len, .cpu = rec->cpu,
	};
	return 1;
}

/* The exit has become part of its entry's text: nobody reads it. */
static void take_next(void *ctx)
{
	const struct replay_record *rec;
	int cpu = compat_next_cpu(ctx, &rec);

	if (cpu < 0)
		return;
	compat_forget(ctx, cpu);
	replay_lane_take(((struct tracecmd_input *)ctx)->lanes, cpu);
}

int compat_print(struct trace_seq *s, struct tep_record *record, struct tep_event *event, void *file)
{
	struct compat_file *f = file;
	struct tracecmd_input *h = compat_reading(f);
	const struct event_next next = { .peek = peek_next, .take = take_next, .ctx = h };
	const struct event_record rec = {
		.ts = record->ts, .data = record->data, .len = record->size, .avail = record->size,
		.cpu = record->cpu,
	};

	buf_clear(&f->text);
	if (!event_own_text(f->ctx, event, &rec, h && h->lanes ? &next : NULL, &f->text) || f->text.failed)
		return 1;	/* then libtraceevent prints the fields by the kernel's format */
	trace_seq_puts(s, f->text.data);
	return 0;
}

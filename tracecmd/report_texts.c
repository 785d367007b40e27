// SPDX-License-Identifier: GPL-2.0-or-later
/* report --stat --debug: events whose texts are made by libtraceevent, which takes its time. */
#include <errno.h>
#include <stdlib.h>

#include "report.h"

#define EVENT_IDS 65536			/* an event's type has 16 bits */

struct count { uint64_t *by_id; unsigned file; };

static int count_page(void *ctx, unsigned worker, const struct replay_cpu *cpu,
		      struct ring_page *page, struct err *e)
{
	struct count *c = ctx;

	(void)worker;
	(void)e;
	if (cpu->file == c->file)
		ring_page_count(page, c->by_id);
	return 0;
}

static void ignore_lost(void *ctx, unsigned worker, const struct replay_cpu *cpu, uint64_t lost)
{
	(void)ctx;
	(void)worker;
	(void)cpu;
	(void)lost;
}

static void print_counts(struct event_db *db, const uint64_t *by_id)
{
	bool any = false;

	out_printf("\nEvents whose text libtraceevent makes:\n");
	for (int id = 0; id < EVENT_IDS; id++) {
		struct tep_event *event = by_id[id] ? event_db_event(db, id) : NULL;
		const char *why = event ? event_db_foreign_text(db, id) : NULL;

		if (!why)
			continue;
		any = true;
		out_printf("%12llu %s:%s: %s\n", (unsigned long long)by_id[id], event->system,
			   event->name, why);
	}
	if (!any)
		out_printf("   none\n");
}

int report_print_foreign_texts(struct report *rp, unsigned file, struct err *e)
{
	AUTO_FREE uint64_t *by_id = calloc(EVENT_IDS, sizeof(*by_id));
	struct count c = { .by_id = by_id, .file = file };
	const struct replay_scan scan = {
		.threads = 1, .ctx = &c, .page = count_page, .lost = ignore_lost,
	};
	int r;

	if (!by_id)
		return err_errno(e, -ENOMEM, "cannot count");
	r = replay_scan(rp->replay, &scan, e);
	if (!r)
		print_counts(rp->files.v[file].db, by_id);
	return r;
}

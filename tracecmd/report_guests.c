// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A host's kvm events hold addresses of its guests. Where the guest's file is
 * reported too, plugin_kvm is given the guest's symbols: it calls
 * tep_plugin_kvm_get_func of the program, if the program exports one
 * (traceevent/event-parse.h; the Makefile exports it).
 */
#include "report.h"

/* The plugin's question names no handle of ours. */
static struct report *joined;

__attribute__((visibility("default")))
const char *tep_plugin_kvm_get_func(struct tep_event *event, struct tep_record *record,
				    unsigned long long *addr)
{
	for (size_t i = 0; joined && i < joined->files.nr; i++) {
		struct report_file *host = &joined->files.v[i];
		const char *name;
		uint64_t start;
		unsigned guest;

		if (event_db_tep(host->db) != event->tep)
			continue;
		if (!replay_guest_of(joined->replay, i,
				     event_db_record_pid(host->db, record->data, record->size), &guest))
			return NULL;
		name = event_db_symbol(joined->files.v[guest].db, *addr, &start, NULL);
		if (name)
			*addr = start;
		return name;
	}
	return NULL;
}

/* Names live as long as the guest's tables: there is nothing to free. */
__attribute__((visibility("default")))
void tep_plugin_kvm_put_func(const char *func)
{
	(void)func;
}

void report_join_guests(struct report *rp)
{
	joined = rp->files.nr > 1 ? rp : NULL;
}

void report_leave_guests(void)
{
	joined = NULL;
}

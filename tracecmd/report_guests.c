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

/* The file whose recording a host's thread ran as a guest's CPU. */
static struct report_file *guest_of_thread(struct report *rp, const struct report_file *host,
					   int32_t pid)
{
	const struct dat_info *info = dat_reader_info(host->reader);

	for (uint32_t g = 0; g < info->nr_guests; g++) {
		const struct dat_guest *guest = &info->guests[g];
		bool runs = false;

		for (uint32_t i = 0; i < guest->nr_vcpus && !runs; i++)
			runs = guest->host_pids[i] == pid;
		for (size_t i = 0; runs && i < rp->files.nr; i++) {
			const struct dat_info *other = dat_reader_info(rp->files.v[i].reader);

			if (other->has_trace_id && other->trace_id == guest->trace_id)
				return &rp->files.v[i];
		}
	}
	return NULL;
}

__attribute__((visibility("default")))
const char *tep_plugin_kvm_get_func(struct tep_event *event, struct tep_record *record,
				    unsigned long long *addr)
{
	for (size_t i = 0; joined && i < joined->files.nr; i++) {
		struct report_file *host = &joined->files.v[i], *guest;
		const char *name;
		uint64_t start;
		int pid;

		if (event_db_tep(host->db) != event->tep)
			continue;
		pid = event_db_record_pid(host->db, record->data, record->size);
		guest = pid > 0 ? guest_of_thread(joined, host, pid) : NULL;
		name = guest ? event_db_symbol(guest->db, *addr, &start, NULL) : NULL;
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

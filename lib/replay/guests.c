// SPDX-License-Identifier: LGPL-2.1-or-later
/* A host's file beside the files of its guests. */
#include "files.h"
#include "replay.h"

static bool runs_on(const struct dat_guest *guest, int pid)
{
	for (uint32_t i = 0; i < guest->nr_vcpus; i++)
		if (guest->host_pids[i] == pid)
			return true;
	return false;
}

bool replay_guest_of(const struct replay *rp, unsigned host, int pid, unsigned *ret_guest)
{
	const struct dat_info *info = dat_reader_info(rp->files.v[host].reader);

	for (uint32_t g = 0; pid > 0 && g < info->nr_guests; g++) {
		if (!runs_on(&info->guests[g], pid))
			continue;
		for (size_t i = 0; i < rp->files.nr; i++) {
			const struct dat_info *other = dat_reader_info(rp->files.v[i].reader);

			if (other->has_trace_id && other->trace_id == info->guests[g].trace_id) {
				*ret_guest = i;
				return true;
			}
		}
	}
	return false;
}

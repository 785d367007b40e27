// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is known of a file. */
#include <errno.h>

#include "api/compat.h"

API struct tep_handle *tracecmd_get_tep(struct tracecmd_input *h)
{
	return h ? event_db_tep(h->file->db) : NULL;
}

API unsigned long long tracecmd_get_traceid(struct tracecmd_input *h)
{
	return h ? dat_reader_info(compat_reader(h))->trace_id : 0;
}

API void tracecmd_set_private(struct tracecmd_input *h, void *data)
{
	if (h)
		h->priv = data;
}

API void *tracecmd_get_private(struct tracecmd_input *h)
{
	return h ? h->priv : NULL;
}

API int tracecmd_cpus(struct tracecmd_input *h)
{
	return h ? h->nr_cpus : 0;
}

API int tracecmd_long_size(struct tracecmd_input *h)
{
	return h ? dat_reader_header(compat_reader(h))->long_size : 0;
}

/* ---- time ---- */

/* As the records were when nothing was added: read apart from where the handle stands. */
static int first_ts(struct tracecmd_input *h, uint64_t *ret, struct err *e)
{
	const struct replay_record *rec;
	struct replay_lanes *lanes;
	bool found = false;
	int rc = replay_lanes_new(h->file->replay, 0, h->buffer, 0, &lanes, e);

	if (rc)
		return rc;
	for (uint32_t cpu = 0; cpu < replay_lanes_cpus(lanes) && rc >= 0; cpu++) {
		rc = replay_lane_peek(lanes, cpu, &rec, e);
		if (rc > 0 && (!found || rec->ts < *ret)) {
			*ret = rec->ts;
			found = true;
		}
	}
	replay_lanes_free(lanes);
	return rc < 0 ? rc : 0;
}

API unsigned long long tracecmd_get_first_ts(struct tracecmd_input *h)
{
	struct err e = { 0 };
	uint64_t ts = 0;

	if (compat_need(h, true))
		return 0;
	if (first_ts(h, &ts, &e) < 0)
		compat_fail(&e);
	return ts;
}

API void tracecmd_add_ts_offset(struct tracecmd_input *h, long long offset)
{
	if (!compat_need(h, true))
		replay_lanes_add_time(h->lanes, offset);
}

API int tracecmd_get_tsc2nsec(struct tracecmd_input *h, int *mult, int *shift,
			      unsigned long long *offset)
{
	const struct dat_info *info;

	if (compat_need(h, false))
		return -1;
	info = dat_reader_info(compat_reader(h));
	if (mult)
		*mult = info->tsc2nsec.mult;
	if (shift)
		*shift = info->tsc2nsec.shift;
	if (offset)
		*offset = info->tsc2nsec.offset;
	return strcmp(info->clock, "x86-tsc") && strcmp(info->clock, "tsc2nsec") ? -1 : 0;
}

/* ---- texts and numbers ---- */

API const char *tracecmd_get_trace_clock(struct tracecmd_input *h)
{
	const struct dat_reader *r;
	const char *clock = "";

	if (!h)
		return NULL;
	r = compat_reader(h);
	if (h->buffer < dat_reader_nr_buffers(r))
		clock = dat_reader_buffer(r, h->buffer)->clock;
	if (!*clock)
		clock = dat_reader_info(r)->clock;
	return *clock ? clock : NULL;
}

API const char *tracecmd_get_cpustats(struct tracecmd_input *h)
{
	return h ? dat_reader_info(compat_reader(h))->cpustat : NULL;
}

API const char *tracecmd_get_uname(struct tracecmd_input *h)
{
	return h ? dat_reader_info(compat_reader(h))->uname : NULL;
}

API const char *tracecmd_get_version(struct tracecmd_input *h)
{
	return h ? dat_reader_info(compat_reader(h))->version : NULL;
}

API unsigned long long tracecmd_get_cpu_file_size(struct tracecmd_input *h, int cpu)
{
	return compat_need(h, true) || cpu < 0 ? 0 : replay_lane_file_size(h->lanes, cpu);
}

API unsigned long tracecmd_get_in_file_version(struct tracecmd_input *h)
{
	return h ? dat_reader_header(compat_reader(h))->version : 0;
}

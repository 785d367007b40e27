// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the kernel put aside by itself: longest latencies, snapshots taken by triggers. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "record/recording_inside.h"

/* The kernel shows one until it has found a longer latency: that again is not added. */
int recording_read_text(struct recorded *b, struct err *e)
{
	AUTO_BUF struct buf text = { 0 };
	size_t last = b->text.len - b->last_text;
	int r = kernel_read(b->in, "trace", &text);

	if (r)
		return err_errno(e, r, "cannot read what tracer '%s' found", b->setup->tracer);
	if (last && text.len == last && !memcmp(text.data, b->text.data + b->last_text, last))
		return 0;
	b->last_text = b->text.len;
	return buf_put(&b->text, text.data, text.len) ? err_errno(e, -ENOMEM, "cannot record") : 0;
}

#define TEXTS_MAX (RECORD_TEXTS_MAX_MB << 20)

void recording_hear_latencies(struct recording *rec)
{
	for (size_t i = 0; i < rec->buffers.nr && rec->setup->thresh_us; i++) {
		const struct recorded *b = &rec->buffers.v[i];
		char path[PATH_MAX];

		if (!b->is_text || kernel_instance_path(b->in, "tracing_max_latency", path, sizeof(path)))
			continue;
		if (rec->latency_fd < 0)
			rec->latency_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (rec->latency_fd >= 0)
			inotify_add_watch(rec->latency_fd, path, IN_MODIFY);
	}
}

int recording_latency_fd(const struct recording *rec)
{
	return rec->latency_fd;
}

void recording_latency(struct recording *rec)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(rec->latency_fd, events, sizeof(events)) > 0)
		;
	for (size_t i = 0; i < rec->buffers.nr; i++) {
		struct recorded *b = &rec->buffers.v[i];

		if (b->is_text && (b->text.len > TEXTS_MAX || recording_read_text(b, NULL)))
			rec->latencies_left++;
	}
}

uint64_t recording_latencies_left(const struct recording *rec)
{
	return rec->latencies_left;
}

int recording_snapshot(struct recording *rec, struct err *e)
{
	bool any = false;
	int r = 0;

	for (size_t i = 0; i < rec->buffers.nr && !r; i++) {
		struct recorded *b = &rec->buffers.v[i];

		if (!b->is_text)
			continue;
		any = true;
		r = recording_read_text(b, e);
		if (!r && kernel_has(b->in, "tracing_max_latency"))
			r = kernel_write(b->in, "tracing_max_latency", "0", e);
		if (!r)			/* one that came in between */
			r = recording_read_text(b, e);
	}
	if (!any)
		return err_set(e, -EOPNOTSUPP, "no latency tracer is recorded (-p irqsoff, wakeup ...), whose "
			       "longest latency could be put aside; all else is read as it comes");
	return r;
}

/* A snapshot's buffer is called after its instance: "NAME.snapshot", "snapshot". */
static int add_kept(struct recording *rec, const struct recorded *b, struct err *e)
{
	const char *instance = kernel_instance_name(b->in);
	struct kept k = { .of = b, .first_stream = recorder_nr_streams(rec->kept_by) };
	int r = 0;

	if (asprintf(&k.name, "%s%ssnapshot", instance, *instance ? "." : "") < 0)
		return err_errno(e, -ENOMEM, "cannot record");
	for (size_t c = 0; c < b->nr_cpus && !r; c++) {
		struct stream_source src = { .name = k.name, .cpu = b->cpus[c], .file = "snapshot_raw" };

		r = recording_add_stream(rec, rec->kept_by, b, &src, e);
	}
	if (!r && vec_push(&rec->kept, k))
		r = err_errno(e, -ENOMEM, "cannot record");
	if (r)
		free(k.name);
	return r;
}

int snapshots_read(struct recording *rec, struct err *e)
{
	struct recorder_opts ro = rec->opts.recorder;
	int r = 0;

	ro.codec = rec->opts.codec;
	ro.max_bytes = ro.cut_bytes = ro.sync_s = 0;
	for (size_t i = 0; i < rec->buffers.nr && !r; i++) {
		const struct recorded *b = &rec->buffers.v[i];

		if (!b->takes_part || b->is_text || !kernel_setup_takes_snapshots(b->setup) ||
		    !kernel_has(b->in, "snapshot"))
			continue;
		if (!rec->kept_by)
			r = recorder_new(&ro, &rec->kept_by, e);
		if (!r)
			r = add_kept(rec, b, e);
	}
	if (!r && rec->kept_by)
		r = recorder_start(rec->kept_by, e);
	if (!r && rec->kept_by)
		r = recorder_stop(rec->kept_by, e);
	return r ? err_wrap(e, "cannot read the snapshot") : 0;
}

void snapshots_release(struct recording *rec, bool unlink_spools)
{
	recorder_free(rec->kept_by, unlink_spools);
	for (size_t i = 0; i < rec->kept.nr; i++)
		free(rec->kept.v[i].name);
	vec_release(&rec->kept);
}

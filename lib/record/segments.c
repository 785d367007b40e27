// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record/recording_inside.h"

int segment_new(size_t nr_streams, struct segment *ret, struct err *e)
{
	*ret = (struct segment){ .streams = calloc(nr_streams + 1, sizeof(*ret->streams)),
				 .nr = nr_streams };
	return ret->streams ? 0 : err_errno(e, -ENOMEM, "cannot record");
}

void segment_release(struct segment *s, bool unlink_spools)
{
	for (size_t i = 0; s->streams && i < s->nr; i++) {
		spool_close(s->streams[i].spool, unlink_spools);
		free(s->streams[i].text);
	}
	free(s->streams);
	*s = (struct segment){ 0 };
}

uint64_t segment_bytes(const struct segment *s)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->nr; i++)
		if (s->streams[i].spool)
			sum += spool_disk_bytes(s->streams[i].spool);
	return sum;
}

/* Waits until the disk has it. */
static int segment_sync(const struct segment *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < s->nr && !r; i++)
		if (s->streams[i].spool)
			r = spool_sync(s->streams[i].spool, e);
	return r;
}

int segments_cut(struct recording *rec, struct err *e)
{
	size_t nr = recorder_nr_streams(rec->recorder);
	AUTO_FREE struct recorder_cut *cut = calloc(nr + 1, sizeof(*cut));
	struct segment *s;
	int r;

	/* One more, for the last. */
	if (!cut || vec_reserve(&rec->segments, 2))
		return err_errno(e, -ENOMEM, "cannot go on recording");
	s = &rec->segments.v[rec->segments.nr];
	r = segment_new(nr, s, e);
	if (r)
		return r;
	r = recorder_cut(rec->recorder, cut, e);
	rec->segments.nr++;
	for (size_t i = 0; i < nr; i++) {
		s->streams[i].spool = cut[i].spool;
		s->streams[i].stats = cut[i].stats;
	}
	if (!r)
		r = counters_read(rec, s, false, e);
	return !r && rec->opts.recorder.sync_s ? segment_sync(s, e) : r;
}

static void remove_first(struct recording *rec)
{
	segment_release(&rec->segments.v[0], true);
	memmove(rec->segments.v, rec->segments.v + 1, --rec->segments.nr * sizeof(*rec->segments.v));
}

void segments_past(struct recording *rec)
{
	const struct segment *s = &rec->segments.v[0];

	for (size_t i = 0; i < s->nr; i++)
		segment_stream_add(&rec->past.streams[i], &s->streams[i]);
	remove_first(rec);
}

void segments_drop(struct recording *rec)
{
	const struct segment *s = &rec->segments.v[0];

	for (size_t i = 0; i < s->nr; i++)
		if (s->streams[i].spool)
			rec->dropped[i] += spool_disk_bytes(s->streams[i].spool);
	remove_first(rec);
}

uint64_t recording_dropped(const struct recording *rec)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < recorder_nr_streams(rec->recorder); i++)
		sum += rec->dropped[i];
	return sum;
}

void segment_stream_add(struct segment_stream *to, const struct segment_stream *s)
{
	recorder_stats_add(&to->stats, &s->stats);
	to->counters.overrun += s->counters.overrun;
	to->counters.commit_overrun += s->counters.commit_overrun;
	to->counters.dropped += s->counters.dropped;
	to->counters.read += s->counters.read;
	to->counters.entries = s->counters.entries;
	to->counters.buffer_kb = s->counters.buffer_kb;
}

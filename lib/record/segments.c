// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

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

// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>

#include "remote/packed.h"

#define USIZE (256u << 10)		/* of a chunk with few CPUs */
#define PACKED_END 3u			/* the kind of what is no chunk, and the last */
#define SLACK 2				/* gaps whose numbers are found late make one longer */
#define SLACK_MANY 4			/* and the numbers of many CPUs may have holes */

static uint32_t flags_of(const struct ring_abi *abi)
{
	return (abi->big_endian ? SPOOL_BIG_ENDIAN : 0) | (abi->long_size == 4 ? SPOOL_LONG32 : 0);
}

static void name_codec(const struct codec *codec, char name[8])
{
	memset(name, 0, 8);
	if (codec)
		memcpy(name, codec_name(codec), strnlen(codec_name(codec), 8));
}

size_t packed_frame(const struct recorder_chunk *c, uint64_t seq)
{
	struct spool_header h = {
		.version = SPOOL_VERSION, .kind = SPOOL_DATA, .flags = flags_of(&c->abi), .cpu = c->cpu,
		.page_size = c->page_size, .seq = seq, .first_ts = c->first_ts, .last_ts = c->last_ts,
		.csize = c->csize, .usize = c->len,
	};

	name_codec(c->codec, h.codec);
	spool_header_encode(&h, c->frame + SPOOL_HEADER, c->frame);
	return SPOOL_HEADER + c->csize;
}

void packed_end(uint32_t cpu, uint64_t seq, uint8_t header[SPOOL_HEADER])
{
	const struct spool_header h = { .version = SPOOL_VERSION, .kind = PACKED_END, .cpu = cpu, .seq = seq };

	spool_header_encode(&h, NULL, header);
}

static uint32_t usize_max(uint32_t cpus, uint32_t page_size)
{
	uint32_t each = RECORDER_PACKED_BYTES / cpus;

	return each >= USIZE ? SLACK * USIZE : SLACK_MANY * (each > page_size ? each : page_size);
}

uint64_t packed_bytes_max(uint32_t cpus, uint32_t page_size)
{
	return (uint64_t)cpus * usize_max(cpus, page_size);
}

bool packed_whole(const uint8_t *frame, const struct spool_header *h)
{
	return spool_check(frame, frame + SPOOL_HEADER, h->csize) == h->check;
}

int packed_header(const uint8_t *bytes, const struct packed_expected *x, struct spool_header *ret, struct err *e)
{
	char codec[8], none[8] = { 0 };
	struct spool_header h;
	bool raw, end;

	name_codec(x->codec, codec);
	end = spool_header_decode(bytes, &h) && h.version == SPOOL_VERSION && h.kind == PACKED_END && x->ends;
	if (!spool_header_decode(bytes, &h) || h.version != SPOOL_VERSION || (h.kind != SPOOL_DATA && !end))
		return err_set(e, -EPROTO, "what came for CPU %" PRIu32 " is no chunk of sub-buffers", x->cpu);
	if (h.cpu != x->cpu || h.seq != x->seq)
		return err_set(e, -EPROTO, "chunk %" PRIu64 " of CPU %" PRIu32 " came, number %" PRIu64 " of CPU %" PRIu32
			       " was expected", h.seq, h.cpu, x->seq, x->cpu);
	raw = !memcmp(h.codec, none, sizeof(none));
	if (end)
		return packed_whole(bytes, &h) ? 1 : err_set(e, -EPROTO, "the end of CPU %" PRIu32 " was damaged on its way", x->cpu);
	if (h.page_size != x->page_size || h.flags != flags_of(x->abi) || (!raw && memcmp(h.codec, codec, sizeof(codec))))
		return err_set(e, -EPROTO, "a chunk of CPU %" PRIu32 " is of another kind than the metadata tell", x->cpu);
	if (!h.usize || h.usize % x->page_size || h.usize > usize_max(x->cpus, x->page_size) || !h.csize ||
	    (raw ? h.csize != h.usize : h.csize > codec_bound(x->codec, h.usize)))
		return err_set(e, -EPROTO, "a chunk of CPU %" PRIu32 " claims %" PRIu32 " bytes of sub-buffers in %" PRIu32
			       ", at most %" PRIu32 " were expected", x->cpu, h.usize, h.csize, usize_max(x->cpus, x->page_size));
	*ret = h;
	return 0;
}

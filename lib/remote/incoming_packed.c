// SPDX-License-Identifier: LGPL-2.1-or-later
/* Chunks that come compressed go into spools as they are. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "remote/incoming_inside.h"
#include "remote/packed.h"

void *incoming_packed_room(struct incoming *in, uint32_t cpu, size_t *ret_len)
{
	struct incoming_cpu *c = &in->cpu[cpu];

	if (!c->frame)
		c->frame = malloc(SPOOL_HEADER);
	if (!c->frame)
		return NULL;
	*ret_len = SPOOL_HEADER + c->head.csize - c->len;
	return c->frame + c->len;
}

/* The header is there: room for what it announces. */
static int take_header(struct incoming *in, uint32_t cpu, struct err *e)
{
	struct incoming_cpu *c = &in->cpu[cpu];
	const struct packed_expected x = {
		.cpu = cpu, .page_size = in->page_size, .cpus = in->cpus, .seq = c->seq, .abi = &in->abi, .codec = in->codec,
		.ends = in->ends,
	};
	int r = packed_header(c->frame, &x, &c->head, e);
	uint8_t *frame;

	if (r < 0)
		return r;
	if (r) {
		c->ended = true;
		c->seq++;
		incoming_give_back(in, c);
		return 0;
	}
	frame = realloc(c->frame, SPOOL_HEADER + c->head.csize + SPOOL_ALIGN);
	if (!frame) {
		c->head = (struct spool_header){ 0 };
		return err_errno(e, -ENOMEM, "cannot receive");
	}
	c->frame = frame;
	c->room = c->head.csize;
	in->shared->used += c->room;
	return 0;
}

static int take_chunk(struct incoming *in, uint32_t cpu, struct err *e)
{
	struct incoming_cpu *c = &in->cpu[cpu];
	const struct spool_header *h = &c->head;
	uint64_t before = spool_disk_bytes(c->spool);
	int r;

	if (!packed_whole(c->frame, h))
		return err_set(e, -EBADMSG, "chunk %" PRIu64 " of CPU %" PRIu32 " was damaged on its way", h->seq, cpu);
	r = incoming_over_quota(in, h->csize, e);
	if (!r && !*h->codec)
		r = spool_append_raw(c->spool, c->frame, h->csize, h->first_ts, h->last_ts, e);
	else if (!r)
		r = spool_append(c->spool, c->frame, h->csize, h->usize, h->first_ts, h->last_ts, e);
	if (r)
		return r;
	in->disk_bytes += spool_disk_bytes(c->spool) - before;
	c->seq++;
	c->head = (struct spool_header){ 0 };
	incoming_give_back(in, c);
	return 0;
}

void incoming_expect_ends(struct incoming *in)
{
	in->ends = true;
}

uint64_t incoming_chunks(const struct incoming *in, uint32_t cpu)
{
	return in->cpu[cpu].seq;
}

bool incoming_ended(const struct incoming *in, uint32_t cpu)
{
	return in->cpu[cpu].ended;
}

void incoming_begin_anew(struct incoming *in, uint32_t cpu)
{
	struct incoming_cpu *c = &in->cpu[cpu];

	c->head = (struct spool_header){ 0 };
	incoming_give_back(in, c);
}

int incoming_packed_got(struct incoming *in, uint32_t cpu, struct err *e)
{
	struct incoming_cpu *c = &in->cpu[cpu];

	if (c->ended)
		return err_set(e, -EPROTO, "CPU %" PRIu32 " goes on behind its end", cpu);
	if (c->len == SPOOL_HEADER && !c->head.csize)
		return take_header(in, cpu, e);
	return c->head.csize && c->len == SPOOL_HEADER + c->head.csize ? take_chunk(in, cpu, e) : 0;
}

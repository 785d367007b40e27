/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * live: records of CPUs that are being recorded, merged by time while they come. Sub-buffers are put in by
 * any number of threads and taken out as records by one.
 *
 * What a CPU has not delivered yet may be earlier than what another one has. So records are handed out up to
 * a time which is known to be complete: all that was recorded before a flush began has been put once
 * that is done, and live_latest() of then was recorded before. Times of different clocks have no order:
 * each clock's records are merged among themselves.
 */
#ifndef TRACECMD_REPLAY_LIVE_H
#define TRACECMD_REPLAY_LIVE_H

#include "clock/clock.h"
#include "ring/ring.h"

/* One CPU of one buffer: a stream, by its number. */
struct live_stream {
	uint32_t page_size;
	uint32_t clock;			/* those of one clock have its number, from 0 on */
	struct clock_conv conv;		/* of its times */
};

struct live_record {
	uint32_t stream;
	uint64_t ts;			/* converted */
	const void *data;		/* a view: until the next record is asked for */
	uint32_t len, avail;		/* of the payload; readable bytes from data on */
	uint64_t lost;			/* events before it, of its stream: 0, a number, RING_LOST_UNKNOWN */
};

struct live;

/* @max_bytes: of sub-buffers that wait to be taken out, about; four times as many while a flush goes on. 0, -ENOMEM. */
int live_new(const struct ring_abi *abi, const struct live_stream *streams, size_t nr, size_t max_bytes,
	     struct live **ret, struct err *e);
void live_free(struct live *l);

/*
 * Puts whole sub-buffers of a stream, copied, in their order: one thread at a time for each stream. Waits while
 * there is no room. 0, -ENOMEM, -ECANCELED after live_cancel.
 */
int live_put(struct live *l, uint32_t stream, const void *pages, size_t len, struct err *e);
/* Nothing is taken out any more. */
void live_cancel(struct live *l);
/* No more is put. */
void live_end(struct live *l);

/* ---- for the one thread that takes records out ---------------------------------- */

/* What is put is what makes the records complete that are there already: there is more room for it, until @on is false. */
void live_flushing(struct live *l, bool on);
/* Waits until there is no room, all was put (live_end) or @ms have passed. */
void live_wait(struct live *l, unsigned ms);
/* Whether live_put waits for room: then order has to give way. */
bool live_is_full(struct live *l);
bool live_has_ended(struct live *l);
/* Time of the latest record of a clock put so far; 0: there was none. */
uint64_t live_latest(struct live *l, uint32_t clock);
/* What was put by now counts from now on. The record given last is gone. */
void live_refill(struct live *l);
/* The next record, of each clock at its @until at the latest; NULL: at any time. 1, 0. */
int live_next(struct live *l, const uint64_t *until, struct live_record *ret);
/* What follows the record given last in its stream, whatever its time, and stays to be given: 1; 0: nothing yet. */
int live_peek(const struct live *l, struct live_record *ret);
/* Records given after later ones, because there was no room to wait for them. */
uint64_t live_late(const struct live *l);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * perf_sample: records as perf_event_open(2) lays them out, in its rings and in perf.data
 * files. Source of facts: include/uapi/linux/perf_event.h.
 *
 *	0	u32	type
 *	4	u16	misc
 *	6	u16	size of all of it, this head included
 *	8		body, by type and by the attribute of its event
 *
 * Nothing is copied or kept: what is returned are views of the caller's bytes, which
 * have to lie in one piece (a record that wraps around in a ring is the caller's to
 * join). Numbers have the order of the machine that recorded, which may be another one.
 */
#ifndef TRACECMD_KERNEL_PERF_SAMPLE_H
#define TRACECMD_KERNEL_PERF_SAMPLE_H

#include "base/base.h"

#define PERF_RECORD_HEAD 8
#define PERF_RECORD_SIZE_MAX 65535
#define PERF_BIG_ENDIAN (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)	/* of rings: this machine's */

/* What of a struct perf_event_attr tells which event it is and how its records lie. */
struct perf_attr {
	uint32_t type;
	uint64_t config;
	uint64_t sample_type, read_format;
	bool sample_id_all;
	bool use_clockid;
	int32_t clockid;			/* if use_clockid */
	bool big_endian;
};

/*
 * Reads the @len bytes of an attribute: those of the kernel's own struct, or older and
 * shorter ones (64 at least), or newer and longer ones. 0, or -EBADMSG: too short.
 */
int perf_attr_decode(const void *data, size_t len, bool big_endian, struct perf_attr *ret);

/* One record. */
struct perf_record {
	uint32_t type;
	uint16_t misc;
	uint16_t size;
	uint64_t offset;			/* where it began, for messages */
	const uint8_t *body;			/* behind the head, size - 8 bytes */
};

/*
 * The next one of @c, which gives the byte order. 1; 0: at the end; -ENODATA: it is not all
 * there (nothing is taken); -EBADMSG: its size is below that of its head.
 */
int perf_record_next(struct cur *c, struct perf_record *ret, struct err *e);

/*
 * The id that tells which event the record is of, where several are in one stream: it lies at the
 * same place for all of them, so any one's attribute will do. False: it has none.
 */
bool perf_record_id(const struct perf_attr *a, const struct perf_record *r, uint64_t *ret);
/* Whether ids lie at the same place by both. */
bool perf_attr_same_ids(const struct perf_attr *a, const struct perf_attr *b);

/* Where and when, as far as the attribute has it recorded; 0 else. */
struct perf_where {
	uint64_t has;				/* PERF_SAMPLE_ID, _TID, _TIME, _CPU .. */
	uint32_t pid, tid, cpu;
	uint64_t time, id, stream_id;
};

struct perf_sample {
	struct perf_where at;
	uint64_t ip, addr, period;
	const uint8_t *chain;			/* chain_nr addresses; perf_chain_at */
	uint64_t chain_nr;
	const uint8_t *raw;			/* of a tracepoint: the record as ftrace has it */
	uint32_t raw_len;			/* up to 7 bytes of padding included */
	bool has_raw;
	bool big_endian;
};

/*
 * A PERF_RECORD_SAMPLE up to its raw data; what may follow (branches, registers, copies of
 * stacks) is not looked at. 0, or -EBADMSG and @e says what lies past its end.
 */
int perf_sample_parse(const struct perf_attr *a, const struct perf_record *r,
		      struct perf_sample *ret, struct err *e);
/* An address of the chain, or a mark (PERF_CONTEXT_KERNEL ..): @i below chain_nr. */
static inline uint64_t perf_chain_at(const struct perf_sample *s, uint64_t i)
{
	return get_u64(s->chain + 8 * i, s->big_endian);
}

/*
 * PERF_RECORD_LOST: so many records found no room in the ring before this one. Also
 * PERF_RECORD_LOST_SAMPLES: all that the event @id lost, or what hardware lost. 0, -EBADMSG.
 */
struct perf_lost {
	struct perf_where at;
	uint64_t id;				/* of an event of that ring; 0: unknown */
	uint64_t lost;
};
int perf_lost_parse(const struct perf_attr *a, const struct perf_record *r, struct perf_lost *ret,
		    struct err *e);

/* PERF_RECORD_COMM: the task has that name now. 0, -EBADMSG. */
struct perf_comm {
	struct perf_where at;
	uint32_t pid, tid;
	const char *name;
};
int perf_comm_parse(const struct perf_attr *a, const struct perf_record *r, struct perf_comm *ret,
		    struct err *e);

/* PERF_RECORD_FORK and PERF_RECORD_EXIT. 0, -EBADMSG. */
struct perf_task {
	struct perf_where at;
	uint32_t pid, ppid, tid, ptid;
	uint64_t time;
};
int perf_task_parse(const struct perf_attr *a, const struct perf_record *r, struct perf_task *ret,
		    struct err *e);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words of a text that depend on the texts before it (ctx.c). */
#ifndef TRACECMD_EVENT_FIXUPS_H
#define TRACECMD_EVENT_FIXUPS_H

#include "event/db.h"

enum event_fixup_kind {
	FIXUP_LEARN,			/* the name of task pid is told: words[word, len) */
	FIXUP_COMM,			/* at, len: the name of task pid, by put */
	FIXUP_TS_DIFF,			/* at, len: time since the line before, which is now */
	FIXUP_INDENT,			/* at: indentation of a called function */
};

struct event_fixup {
	enum event_fixup_kind kind;
	uint32_t len;
	size_t at;
	struct event_db *db;
	int pid;
	union {
		size_t word;
		void (*put)(const char *comm, struct buf *out);
		uint64_t now;		/* in the units that are shown */
		struct { const char *parent, *func; uint32_t cpu; } call;
	};
};

#define TS_DIFF_WIDTH 8

/* Whether a task's name cannot change any more. */
bool ctx_knows(struct event_ctx *ctx, int pid);
/* What covers an address, as event_db_symbol; valid until the next call. */
const struct ctx_symbol *ctx_symbol(struct event_ctx *ctx, uint64_t addr);
/* Looks once where the records of a parsed event name tasks. */
void ctx_find_teaches(struct event_slot *slot);
/* Remembers the task names that a record tells. */
void ctx_learn(struct event_ctx *ctx, const struct event_slot *slot, const struct event_record *rec);
/* "(+N)" since the line before, padded. */
void ctx_put_ts_diff(struct event_ctx *ctx, const struct event_line_state *state, uint64_t now,
		     struct buf *out);
/* The indentation of a function event: what its text begins with. */
void ctx_put_indent(struct event_ctx *ctx, uint32_t cpu, const char *parent, const char *func,
		    struct buf *out);
/* How many fixups wait; 0 while texts are made in order. */
size_t ctx_nr_fixups(const struct event_ctx *ctx);
/*
 * The text behind whose beginning the fixups from the @first-th on were left was made in
 * a buf of its own, and is now copied to @at of the buf that fixups are for. Bytes may be
 * escaped on the way: an indentation's place is the text's very beginning, which stays.
 */
void ctx_move_fixups(struct event_ctx *ctx, size_t first, size_t at);

#endif

// SPDX-License-Identifier: LGPL-2.1-or-later
/* One thread's tools, and the words that wait for the texts before them. */
#include <errno.h>
#include <stdlib.h>

#include "event/builtin.h"
#include "event/fixups.h"

int event_ctx_new(struct event_db *db, struct event_ctx **ret, struct err *e)
{
	struct event_ctx *ctx = calloc(1, sizeof(*ctx));

	if (!ctx)
		return err_set(e, -ENOMEM, "out of memory");
	ctx->db = db;
	trace_seq_init(&ctx->seq);
	if (ctx->seq.state != TRACE_SEQ__GOOD) {
		free(ctx);
		return err_set(e, -ENOMEM, "out of memory");
	}
	plugin_text_prepare(ctx);
	*ret = ctx;
	return 0;
}

void event_ctx_free(struct event_ctx *ctx)
{
	if (!ctx)
		return;
	if (ctx->seq.state == TRACE_SEQ__GOOD)
		trace_seq_destroy(&ctx->seq);
	buf_release(&ctx->padded);
	buf_release(&ctx->other);
	free(ctx);
}

void event_ctx_defer(struct event_ctx *ctx, struct event_fixups *fx)
{
	ctx->fixups = fx;
	event_ctx_forget(ctx);
}

void event_ctx_forget(struct event_ctx *ctx)
{
	/* 0, the idle task, needs no teaching */
	memset(ctx->taught, 0, sizeof(ctx->taught));
	/* an address known to have no name does not tell why again */
	memset(ctx->symbols, 0, sizeof(ctx->symbols));
}

/* ---- symbols ----------------------------------------------------------------------- */

const struct ctx_symbol *ctx_symbol(struct event_ctx *ctx, uint64_t addr)
{
	uint64_t hash = addr * 0x9e3779b97f4a7c15ull >> 32;
	struct ctx_symbol *s = &ctx->symbols[hash % ARRAY_SIZE(ctx->symbols)];

	if (s->addr == addr && s->used)
		return s;
	*s = (struct ctx_symbol){ .addr = addr, .used = true };
	s->name = event_db_symbol(ctx->db, addr, &s->start, NULL);
	s->len = s->name ? strlen(s->name) : 0;
	return s;
}

/* ---- task names ------------------------------------------------------------------- */

static const char unknown_comm[] = "<...>";

const char *event_ctx_comm(struct event_ctx *ctx, int pid)
{
	const char *name = event_db_known_comm(ctx->db, pid);

	if (!name && !ctx->fixups)
		name = past_comm(&ctx->db->past, pid);
	return name ? name : unknown_comm;
}

int event_ctx_renew_comms(struct event_ctx *ctx, const char *text, size_t len)
{
	int r = event_db_renew_comms(ctx->db, text, len);

	if (r > 0)
		memset(ctx->tasks, 0, sizeof(ctx->tasks));
	return r < 0 ? r : 0;
}

bool ctx_knows(struct event_ctx *ctx, int pid)
{
	return event_ctx_comm(ctx, pid) != unknown_comm;
}

void event_ctx_put_comm(struct event_ctx *ctx, int pid, void (*put)(const char *comm, struct buf *out),
			struct buf *out)
{
	struct event_fixup fix = { .kind = FIXUP_COMM, .db = ctx->db, .pid = pid, .put = put };
	const char *name = event_ctx_comm(ctx, pid);

	fix.at = out->len;
	put(name, out);
	fix.len = out->len - fix.at;
	if (name == unknown_comm && ctx->fixups)
		out->failed |= vec_push(&ctx->fixups->v, fix) < 0;
}

/* Where the text of a comm field lies; false: not in the record. */
static bool find_comm(const struct tep_format_field *f, const struct event_record *rec,
		      uint32_t *offset, uint32_t *len)
{
	if (f->flags & TEP_FIELD_IS_DYNAMIC)
		return format_dynamic(f, rec->data, rec->len, offset, len);
	*offset = f->offset;
	*len = f->size;
	return f->offset >= 0 && f->size >= 0 && *offset <= rec->len && *len <= rec->len - *offset;
}

static int *taught_place(struct event_ctx *ctx, int pid)
{
	return &ctx->taught[(unsigned)pid % ARRAY_SIZE(ctx->taught)];
}

/* Whether what a record tells of a task's name is nothing new. */
static bool is_old(struct event_ctx *ctx, int pid)
{
	const struct ctx_task *task = &ctx->tasks[(unsigned)pid % ARRAY_SIZE(ctx->tasks)];

	return (task->pid == pid && task->len) || *taught_place(ctx, pid) == pid ||
	       event_db_known_comm(ctx->db, pid);
}

/* Into the past. Without the memory for it, a name stays unknown. */
static void remember(struct event_db *db, int pid, const char *name, size_t len)
{
	if (past_learn(&db->past, pid, name, len) != -ENOSPC || db->past.full_told)
		return;
	db->past.full_told = true;
	event_db_tell(db, "only events tell the names of more than %u tasks: those of further ones are "
		      "not remembered", (unsigned)db->past.nr_comms);
}

static void learn(struct event_ctx *ctx, int pid, const char *name, size_t len)
{
	struct event_fixups *fx = ctx->fixups;
	struct event_fixup fix = { .kind = FIXUP_LEARN, .db = ctx->db, .pid = pid, .len = len };

	if (!fx) {
		remember(ctx->db, pid, name, len);
		return;
	}
	fix.word = fx->words.len;
	if (!buf_put(&fx->words, name, len) && !vec_push(&fx->v, fix))
		*taught_place(ctx, pid) = pid;
}

void ctx_learn(struct event_ctx *ctx, const struct event_slot *slot, const struct event_record *rec)
{
	for (size_t i = 0; i < ARRAY_SIZE(slot->teaches) && slot->teaches[i].comm; i++) {
		uint32_t offset, len;
		uint64_t pid;

		if (!format_number(slot->teaches[i].pid, rec->data, rec->len, &pid) ||
		    is_old(ctx, pid) || !find_comm(slot->teaches[i].comm, rec, &offset, &len))
			continue;
		learn(ctx, pid, (const char *)rec->data + offset,
		      strnlen((const char *)rec->data + offset, len));
	}
}

bool event_db_tells_comms(struct event_db *db, int id)
{
	return event_db_slot(db, id)->teaches[0].comm;
}

int event_db_note_comms(struct event_db *db, const struct event_record *rec)
{
	const struct event_slot *slot = event_db_slot(db, event_db_record_id(db, rec->data, rec->len));

	for (size_t i = 0; i < ARRAY_SIZE(slot->teaches) && slot->teaches[i].comm; i++) {
		const char *name = rec->data;
		uint32_t offset, len;
		uint64_t pid;

		if (!format_number(slot->teaches[i].pid, rec->data, rec->len, &pid) ||
		    event_db_known_comm(db, pid) || !find_comm(slot->teaches[i].comm, rec, &offset, &len))
			continue;
		if (past_learn(&db->noted, pid, name + offset, strnlen(name + offset, len)) == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

int event_db_each_noted_comm(struct event_db *db, int (*fn)(void *ctx, int pid, const char *comm),
			     void *ctx)
{
	const struct event_past *noted = &db->noted;
	int r = 0;

	for (size_t i = 0; i < noted->cap_comms && !r; i++)
		if (noted->comms[i].name)
			r = fn(ctx, noted->comms[i].pid, past_comm(noted, noted->comms[i].pid));
	return r;
}

void ctx_find_teaches(struct event_slot *slot)
{
	static const struct { const char *event, *pid, *comm; } known[] = {
		{ "sched_switch", "prev_pid", "prev_comm" }, { "sched_switch", "next_pid", "next_comm" },
		{ "sched_wakeup", "pid", "comm" }, { "sched_wakeup_new", "pid", "comm" },
	};
	unsigned nr = 0;

	if (strcmp(slot->pub.system, "sched"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		struct event_teaches t;

		if (strcmp(slot->pub.name, known[i].event))
			continue;
		t.pid = tep_find_any_field(slot->event, known[i].pid);
		t.comm = tep_find_any_field(slot->event, known[i].comm);
		if (t.pid && t.comm)
			slot->teaches[nr++] = t;
	}
}

/* ---- settling ------------------------------------------------------------------------ */

static char *put_ts_diff(char *p, const struct event_line_state *state, uint64_t now)
{
	char *start = p;

	if (state->any) {
		p = put_bytes(p, "(+", 2);
		p = put_signed(p, now - state->last);
		*p++ = ')';
	}
	return p - start < TS_DIFF_WIDTH ? put_fill(p, ' ', TS_DIFF_WIDTH - (p - start)) : p;
}

void ctx_put_ts_diff(struct event_ctx *ctx, const struct event_line_state *state, uint64_t now,
		     struct buf *out)
{
	struct event_fixup fix = { .kind = FIXUP_TS_DIFF, .db = ctx->db, .now = now,
				   .at = out->len, .len = TS_DIFF_WIDTH };
	char *p = buf_room(out, NUMBER_MAX + 3 + TS_DIFF_WIDTH);

	if (!p)
		return;
	buf_wrote(out, put_ts_diff(p, state, now));
	if (!state->any && ctx->fixups)
		out->failed |= vec_push(&ctx->fixups->v, fix) < 0;
}

void ctx_put_indent(struct event_ctx *ctx, uint32_t cpu, const char *parent, const char *func,
		    struct buf *out)
{
	struct event_fixup fix = { .kind = FIXUP_INDENT, .db = ctx->db, .at = out->len,
				   .call = { parent, func, cpu } };

	if (ctx->fixups)
		out->failed |= vec_push(&ctx->fixups->v, fix) < 0;
	else
		buf_fill(out, ' ', CALLS_INDENT * calls_level(&ctx->db->past.calls, cpu, parent, func));
}

size_t ctx_nr_fixups(const struct event_ctx *ctx)
{
	return ctx->fixups ? ctx->fixups->v.nr : 0;
}

void ctx_move_fixups(struct event_ctx *ctx, size_t first, size_t at)
{
	for (size_t i = first; ctx->fixups && i < ctx->fixups->v.nr; i++)
		ctx->fixups->v.v[i].at += at;
}

/* What a fixup's place holds in truth: appended to @word. False: it is right as it is. */
static bool settle_one(const struct event_fixup *fix, const struct event_line_state *state,
		       const char *words, struct buf *word)
{
	struct event_past *past = &fix->db->past;
	const char *name;
	char *p;

	switch (fix->kind) {
	case FIXUP_LEARN:
		remember(fix->db, fix->pid, words + fix->word, fix->len);
		return false;
	case FIXUP_COMM:
		name = past_comm(past, fix->pid);
		if (name)
			fix->put(name, word);
		return name;
	case FIXUP_TS_DIFF:
		p = state->any ? buf_room(word, NUMBER_MAX + 3 + TS_DIFF_WIDTH) : NULL;
		if (p)
			buf_wrote(word, put_ts_diff(p, state, fix->now));
		return p;
	case FIXUP_INDENT:
		return !buf_fill(word, ' ', CALLS_INDENT * calls_level(&past->calls, fix->call.cpu,
				fix->call.parent, fix->call.func)) && word->len;
	}
	return false;
}

/*
 * Until a word is found that is longer or shorter than its place, words are put in
 * place; from there on the text is copied.
 */
int event_fixups_settle(struct event_fixups *fx, const struct event_line_state *state,
			struct buf *text)
{
	struct buf copy = fx->spare;
	AUTO_BUF struct buf word = { 0 };
	size_t copied = 0;		/* of the text */

	buf_clear(&copy);
	text->failed |= fx->words.failed;
	for (size_t i = 0; i < fx->v.nr && !text->failed; i++) {
		const struct event_fixup *fix = &fx->v.v[i];

		buf_clear(&word);
		if (!settle_one(fix, state, fx->words.data, &word))
			continue;
		if (!copied && word.len == fix->len) {
			memcpy(text->data + fix->at, word.data, word.len);
			continue;
		}
		buf_put(&copy, text->data + copied, fix->at - copied);
		buf_put(&copy, word.data, word.len);
		copied = fix->at + fix->len;
		text->failed |= copy.failed | word.failed;
	}
	fx->v.nr = 0;
	buf_clear(&fx->words);
	if (copied && !text->failed) {
		struct buf old = *text;

		text->failed |= buf_put(&copy, text->data + copied, text->len - copied) < 0;
		*text = copy;
		copy = old;
	}
	fx->spare = copy;
	return text->failed ? -ENOMEM : 0;
}

void event_fixups_release(struct event_fixups *fx)
{
	vec_release(&fx->v);
	buf_release(&fx->words);
	buf_release(&fx->spare);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The text of one event: made here for the function graph, stacks and raw
 * data, else by libtraceevent from a copy of the record with zeros behind it.
 * This is the one place that hands records to libtraceevent.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/builtin.h"
#include "event/fixups.h"
#include "event/plain.h"

/* Behind the copy, so that a string without an end stops there. Plugins read a little further than the record says, too. */
#define PAD 512

/*
 * A record as libtraceevent may see it: the bytes the format wants, and zeros.
 * Stack records are shorter than their "caller" field (kernel 6.1: only the
 * frames there are). libtraceevent's fields (-R) then show the bytes that
 * follow in the sub-buffer, as they do for an empty string at a record's end
 * (fixture probes-6.12); so with @fields these follow, as far as there are any.
 * Where the sub-buffer ends first there are zeros.
 */
static bool make_record(struct event_ctx *ctx, const struct event_slot *slot,
			const struct event_record *rec, bool fields, struct tep_record *ret)
{
	uint32_t want = rec->len, have, extra = 0, len;

	if (slot->check.fixed_end > want)
		want = slot->check.fixed_end;
	have = want < rec->avail ? want : rec->avail;
	len = rec->len < slot->check.rest_start ? want : rec->len;
	if (fields)
		extra = rec->avail - have < PAD / 2 ? rec->avail - have : PAD / 2;
	buf_clear(&ctx->padded);
	if (buf_put(&ctx->padded, rec->data, have + extra) || buf_fill(&ctx->padded, 0, want - have) ||
	    buf_fill(&ctx->padded, 0, PAD - extra))
		return false;
	*ret = (struct tep_record){
		.ts = rec->ts, .size = len, .record_size = len,
		.data = ctx->padded.data, .cpu = rec->cpu, .ref_count = 1, .locked = 1,
		.priv = (void *)rec,
	};
	return true;
}

static void put_seq(struct event_ctx *ctx, struct buf *out)
{
	struct trace_seq *s = &ctx->seq;

	/* a plugin may have ended its text itself: what follows is none of it */
	if (s->state == TRACE_SEQ__GOOD)
		buf_put(out, s->buffer, strnlen(s->buffer, s->len));
}

bool event_field_number(const struct tep_format_field *field, const struct event_record *rec,
			uint64_t *ret)
{
	return format_number(field, rec->data, rec->len, ret);
}

/* ---- the text --------------------------------------------------------------------- */

/* libtraceevent's text by the print format, plugins left aside. Under the lock. */
static void run_print_format(struct event_ctx *ctx, struct tep_event *event, struct tep_record *record)
{
	int no_handler = event->flags & TEP_EVENT_FL_NOHANDLE;

	event->flags |= TEP_EVENT_FL_NOHANDLE;
	tep_print_event(ctx->db->tep, &ctx->seq, record, "%s", TEP_PRINT_INFO);
	/* it may have found the format wanting: that stays */
	event->flags = (event->flags & ~TEP_EVENT_FL_NOHANDLE) | no_handler;
}

#define KVM_INSN_MAX 15			/* x86's longest instruction */

/*
 * libtraceevent's plugin_kvm (1.7.1) writes the bytes of an instruction, as many as the record says, into room for the
 * longest there is, and a zero before the end of its text: it is not asked where these would be other places.
 */
static bool handler_is_safe(const struct event_slot *slot, const struct event_record *rec)
{
	const struct tep_format_field *len;
	uint64_t n;

	if (strcmp(slot->pub.name, "kvm_emulate_insn") || strcmp(slot->pub.system, "kvm"))
		return true;
	len = tep_find_any_field(slot->event, "len");
	return len && event_field_number(len, rec, &n) && n >= 1 && n <= KVM_INSN_MAX;
}

/*
 * Plugins and libtraceevent. A plugin whose handler returns non-zero wants the
 * print format's text behind its own. @handled: that was done already.
 */
static void put_text(struct event_ctx *ctx, const struct event_slot *slot, const struct event_record *rec,
		     bool fields, bool handled, struct buf *out)
{
	struct tep_event *event = slot->event;
	struct tep_record record;
	bool runnable, more = true;

	event_db_need_texts(ctx->db);
	if (!make_record(ctx, slot, rec, fields, &record)) {
		out->failed = true;
		return;
	}
	event_lock();
	runnable = format_check_print(&slot->check, event, record.data, ctx->padded.len - PAD, record.size) &&
		   (!(event->flags & TEP_EVENT_FL_ISBPRINT) || bprint_is_safe(ctx->db, slot, rec));
	trace_seq_reset(&ctx->seq);
	/* warnings end with what it says */
	errno = 0;
	if (!fields && !handled && slot->plugin)
		plugins_need(ctx->db);
	if (!fields && !handled && event->handler && !(event->flags & TEP_EVENT_FL_NOHANDLE) &&
	    handler_is_safe(slot, rec)) {
		ctx_learn(ctx, slot, rec);
		more = event->handler(&ctx->seq, &record, event, event->context);
	}
	if (fields && runnable)
		tep_record_print_fields(&ctx->seq, &record, event);
	else if (more && runnable)
		run_print_format(ctx, event, &record);
	event_unlock();
	trace_seq_terminate(&ctx->seq);
	put_seq(ctx, out);
	if (more && !runnable) {
		if (!fields)
			buf_puts(out, "[FAILED TO PARSE]");
		plain_fields(event, rec, out);
	}
}

/* Whether the record has what the text made here needs. */
static bool has_own_text(const struct event_slot *slot, const struct event_record *rec)
{
	char why[128];

	if (!slot->text || rec->len < slot->text_end)
		return false;
	return !slot->check.dynamic.nr || format_check_record(&slot->check, rec->data, rec->len,
							      rec->avail, why, sizeof(why));
}

const char *event_db_foreign_text(struct event_db *db, int id)
{
	const struct event_slot *slot = event_db_slot(db, id);

	if (!slot || slot->text || slot->check.bad_fields)
		return NULL;
	if (slot->plugin)
		return "a plugin prints it";
	return slot->prog ? NULL : slot->no_prog;
}

/* Texts are parts of lines. */
static void trim_newline(struct buf *out, size_t start)
{
	if (out->data && out->len > start && out->data[out->len - 1] == '\n')
		out->data[--out->len] = 0;
}

bool event_own_text(struct event_ctx *ctx, struct tep_event *event, const struct event_record *rec,
		    const struct event_next *next, struct buf *out)
{
	const struct event_slot *slot = event_db_slot(ctx->db, event->id);
	size_t start = out->len;

	if (!slot || slot->event != event || slot->check.bad_fields || !has_own_text(slot, rec) ||
	    slot->text(ctx, slot, rec, next, out) != BUILTIN_DONE)
		return false;
	trim_newline(out, start);
	return true;
}

void event_text(struct event_ctx *ctx, struct tep_event *event, const struct event_record *rec,
		bool fields, const struct event_next *next, struct buf *out)
{
	struct event_slot *slot = event_db_slot(ctx->db, event->id);

	ctx->times = NULL;
	if (slot)
		ctx_text(ctx, slot, rec, fields, next, out);
}

/* Whether trace-cmd's text, which begins at @start of @out, is the kernel's: until it is not, once. */
static void compare_texts(struct event_ctx *ctx, struct event_slot *slot, const struct event_record *rec,
			  size_t start, const struct buf *out)
{
	struct buf *other = &ctx->other;

	if (atomic_load_explicit(&slot->texts_differ, memory_order_relaxed))
		return;
	buf_clear(other);
	if (prog_run(slot->kernel_prog, ctx->db, rec, other) &&
	    (other->len != out->len - start || memcmp(other->data, out->data + start, other->len)))
		atomic_store_explicit(&slot->texts_differ, true, memory_order_relaxed);
}

void ctx_text(struct event_ctx *ctx, struct event_slot *slot, const struct event_record *rec,
	      bool fields, const struct event_next *next, struct buf *out)
{
	enum event_builtin made = BUILTIN_NOT;
	size_t start = out->len, at;
	char why[128];

	if (slot->plain && slot->prog && !fields && prog_run(slot->prog, ctx->db, rec, out))
		goto trim;
	fields |= slot->fields;
	if (slot->check.bad_fields) {
		buf_puts(out, "[FAILED TO PARSE]");
		return;
	}
	if (!fields && has_own_text(slot, rec))
		made = slot->text(ctx, slot, rec, next, out);
	if (made == BUILTIN_DONE)
		goto trim;
	at = out->len;
	if (!fields && slot->prog && (made == BUILTIN_PART || !slot->plugin) &&
	    prog_run(slot->prog, ctx->db, rec, out))
		goto compare;
	if (!format_check_record(&slot->check, rec->data, rec->len, rec->avail, why,
				 sizeof(why))) {
		buf_printf(out, "[BAD RECORD: %s]", why);
		plain_fields(slot->event, rec, out);
	} else {
		put_text(ctx, slot, rec, fields, made == BUILTIN_PART, out);
	}
compare:
	if (slot->kernel_prog && !fields && (made == BUILTIN_PART || !slot->plugin))
		compare_texts(ctx, slot, rec, at, out);
trim:
	trim_newline(out, start);
}

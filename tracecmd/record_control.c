// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <unistd.h>

#include "record_control.h"

static int run_status(void *ctx, const char *args, uint64_t *ticket, struct buf *answer,
		      struct err *e)
{
	struct record_control *rc = ctx;

	(void)args;
	(void)ticket;
	return progress_status(rc->progress, answer) ? err_errno(e, -ENOMEM, "cannot tell the status") : 0;
}

static int run_flush(void *ctx, const char *args, uint64_t *ticket, struct buf *answer,
		     struct err *e)
{
	struct record_control *rc = ctx;

	(void)args;
	(void)answer;
	(void)e;
	*ticket = recording_flush(rc->rec);
	return recording_flushed(rc->rec, *ticket) ? 0 : CONTROL_LATER;
}

static int flush_done(void *ctx, uint64_t ticket, struct buf *answer, struct err *e)
{
	struct record_control *rc = ctx;

	(void)answer;
	(void)e;
	return recording_flushed(rc->rec, ticket) ? 0 : CONTROL_LATER;
}

static int ask_part(struct record_control *rc, bool forget, uint64_t *ticket, struct err *e)
{
	*ticket = recording_ask_part(rc->rec, forget, 0);
	return *ticket ? CONTROL_LATER : err_set(e, -EINVAL, "nothing is saved before the end: "
						 PARTS_UNFIT);
}

static int run_save(void *ctx, const char *args, uint64_t *ticket, struct buf *answer, struct err *e)
{
	(void)args;
	(void)answer;
	return ask_part(ctx, false, ticket, e);
}

static int run_rotate(void *ctx, const char *args, uint64_t *ticket, struct buf *answer,
		      struct err *e)
{
	struct record_control *rc = ctx;

	(void)args;
	(void)answer;
	if (rc->out->opts.last_bytes || rc->out->opts.last_ns)
		return err_set(e, -EINVAL, "this recording keeps only its last part: 'save' makes a file of "
			       "that");
	return ask_part(rc, true, ticket, e);
}

static int part_done(void *ctx, uint64_t ticket, struct buf *answer, struct err *e)
{
	struct record_control *rc = ctx;
	int r = recording_part_done(rc->rec, ticket, answer, e);

	return !r ? CONTROL_LATER : r > 0 ? 0 : r;
}

static int run_snapshot(void *ctx, const char *args, uint64_t *ticket, struct buf *answer,
			struct err *e)
{
	struct record_control *rc = ctx;

	(void)args;
	(void)ticket;
	(void)answer;
	return recording_snapshot(rc->rec, e);
}

/* As INT and TERM do: with a command that one is to end first. */
static int run_stop(void *ctx, const char *args, uint64_t *ticket, struct buf *answer,
		    struct err *e)
{
	(void)ctx;
	(void)args;
	(void)ticket;
	(void)answer;
	if (kill(getpid(), SIGTERM) < 0)
		return err_errno(e, -errno, "cannot stop");
	return CONTROL_AT_END;
}

static bool records(const struct record_control *rc, size_t i)
{
	return kernel_setup_is_recorded(&rc->out->o->setup, i);
}

static int run_about(void *ctx, const char *args, uint64_t *ticket, struct buf *answer,
		     struct err *e)
{
	const struct record_control *rc = ctx;
	const struct kernel_setup *s = &rc->out->o->setup;

	(void)args;
	(void)ticket;
	buf_printf(answer, "records into '%s'", rc->out->path);
	for (size_t i = 0; i < s->instances.nr; i++)
		if (records(rc, i))
			buf_printf(answer, ", %s%s%s", i ? "instance '" : "the top level",
				   s->instances.v[i].name, i ? "'" : "");
	return answer->failed ? err_errno(e, -ENOMEM, "cannot tell what is recorded") : 0;
}

static int run_has(void *ctx, const char *args, uint64_t *ticket, struct buf *answer, struct err *e)
{
	const struct record_control *rc = ctx;
	const struct kernel_setup *s = &rc->out->o->setup;
	bool has = false;

	(void)ticket;
	(void)e;
	for (size_t i = 0; i < s->instances.nr; i++)
		has |= records(rc, i) && !strcmp(s->instances.v[i].name, args);
	return buf_puts(answer, has ? "yes" : "no");
}

static const struct control_command commands_of_record[] = {
	{ .name = "status", .run = run_status },
	{ .name = "flush", .run = run_flush, .done = flush_done },
	{ .name = "save", .run = run_save, .done = part_done },
	{ .name = "rotate", .run = run_rotate, .done = part_done },
	{ .name = "snapshot", .run = run_snapshot },
	{ .name = "stop", .run = run_stop, .ends = true },
	{ .name = "about", .run = run_about },
	{ .name = "has", .takes_args = true, .run = run_has },
	{ .name = NULL },
};

void record_control_open(struct record_control *rc, const struct notices *notices)
{
	struct err e;

	if (control_open(&rc->socket, commands_of_record, rc, recording_flushed_fd(rc->rec), &e))
		notice(notices, "%s; this recording cannot be controlled but by signals", e.text);
}

void record_control_close(struct record_control *rc, const struct err *e)
{
	control_close(rc->socket, e && e->code ? e->text : NULL);
	rc->socket = NULL;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* libtraceevent's handle in the hands of programs. */
#include <errno.h>
#include <stdio.h>

#include "event/db.h"

/* ---- the event of the block tracer ---- */

/* enum trace_type, kernel/trace/trace.h */
#define FUNCTION_ID 1
#define BLKTRACE_ID 13

/*
 * What that tracer writes (struct blk_io_trace, include/uapi/linux/blktrace_api.h) has no
 * format in tracefs; programs find this one in trace-cmd's handles.
 */
static const char blktrace_format[] =
	"name: blktrace\n"
	"ID: 13\n"
	"format:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\n"
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\n"
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\n"
	"\n"
	"\tfield:u64 sector;\toffset:16;\tsize:8;\n"
	"\tfield:int bytes;\toffset:24;\tsize:4;\n"
	"\tfield:int action;\toffset:28;\tsize:4;\n"
	"\tfield:int pid;\toffset:32;\tsize:4;\n"
	"\tfield:int device;\toffset:36;\tsize:4;\n"
	"\tfield:int cpu;\toffset:40;\tsize:4;\n"
	"\tfield:short error;\toffset:44;\tsize:2;\n"
	"\tfield:short pdu_len;\toffset:46;\tsize:2;\n"
	"\tfield:void data;\toffset:48;\tsize:0;\n"
	"\n"
	"print fmt: \"%d\", REC->pid\n";

static int add_blktrace(struct event_db *db, struct err *e)
{
	const struct event_name *first = event_db_name(db, FUNCTION_ID);

	/* as trace-cmd has it: beside the events of the kernel's own tracers only */
	if (!first || strcmp(first->system, "ftrace") || event_db_name(db, BLKTRACE_ID))
		return 0;
	return event_db_add_format(db, "ftrace", blktrace_format, sizeof(blktrace_format) - 1, e);
}

/* ---- filling ---- */

/* The layout is known, and the file's own text of it checked, already. */
static int set_header_page(struct event_db *db, struct err *e)
{
	unsigned size = db->opts.long_size;
	char text[512];

	snprintf(text, sizeof(text),
		 "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
		 "\tfield: local_t commit;\toffset:8;\tsize:%u;\tsigned:1;\n"
		 "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
		 "\tfield: char data;\toffset:%u;\tsize:%u;\tsigned:0;\n",
		 size, 8 + size, db->opts.page_size - 8 - size);
	if (tep_parse_header_page(db->tep, text, strlen(text), size))
		return err_set(e, -EINVAL, "libtraceevent refuses sub-buffers of %u bytes", db->opts.page_size);
	return 0;
}

/* libtraceevent prints the fields of an event whose print format is not to be run. */
static void mark_unprintable(struct event_db *db)
{
	for (size_t i = 0; i < db->names.nr; i++) {
		struct event_slot *slot = event_db_slot(db, db->names.v[i].id);

		if (slot && slot->check.bad_print)
			slot->event->flags |= TEP_EVENT_FL_FAILED;
	}
}

static const char *const tracer_events[] = {
	"function", "funcgraph_entry", "funcgraph_exit", "fgraph_retaddr_entry",
};

static void print_tracers(struct event_db *db)
{
	for (size_t i = 0; i < ARRAY_SIZE(tracer_events); i++) {
		struct tep_event *event = event_db_event_by_name(db, "ftrace", tracer_events[i]);

		if (event && !event->handler)
			tep_register_event_handler(db->tep, event->id, NULL, NULL, db->print, db->print_ctx);
	}
}

int event_db_fill_tep(struct event_db *db, tep_event_handler_func print, void *ctx, struct err *e)
{
	int r = event_db_need_formats(db, e);

	if (!r)
		r = add_blktrace(db, e);
	if (!r)
		r = set_header_page(db, e);
	if (r)
		return r;
	db->print = print;
	db->print_ctx = ctx;
	event_lock();
	plugins_need(db);
	event_db_parse_formats(db);
	mark_unprintable(db);
	event_db_need_texts(db);
	if (!db->no_builtins)
		print_tracers(db);
	event_unlock();
	return 0;
}

/* ---- leaving ---- */

void leave_tep(struct event_db *db)
{
	struct event_symbol s;

	if (!db->print || tep_get_ref(db->tep) < 2)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(tracer_events); i++)
		tep_unregister_event_handler(db->tep, -1, "ftrace", tracer_events[i], db->print, db->print_ctx);
	tep_reset_function_resolver(db->tep);
	for (size_t i = 0; event_db_nth_symbol(db, i, &s); i++)
		tep_register_function(db->tep, (char *)s.name, s.addr, (char *)s.module);
}

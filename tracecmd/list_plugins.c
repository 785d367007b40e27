// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>

#include <traceevent/event-parse.h>
#include <traceevent/trace-seq.h>

#include "event/event.h"
#include "list_plugins.h"

/* Loads all plugins and prints what @print tells of them. */
static int with_plugins(void (*print)(struct trace_seq *seq, struct tep_plugin_list *list),
			struct err *e)
{
	struct tep_handle *tep = tep_alloc();
	struct tep_plugin_list *list;
	struct trace_seq seq;

	if (!tep) {
		err_errno(e, -ENOMEM, "cannot list the plugins");
		return EXIT_FAILED;
	}
	list = tep_load_plugins(tep);
	trace_seq_init(&seq);
	print(&seq, list);
	if (seq.state == TRACE_SEQ__GOOD)
		out_put(seq.buffer, seq.len);
	else
		err_errno(e, -ENOMEM, "cannot list the plugins");
	trace_seq_destroy(&seq);
	tep_unload_plugins(list, tep);
	tep_free(tep);
	return e->code ? EXIT_FAILED : EXIT_OK;
}

static void print_files(struct trace_seq *seq, struct tep_plugin_list *list)
{
	tep_print_plugins(seq, "  ", "\n", list);
}

static void print_options(struct trace_seq *seq, struct tep_plugin_list *list)
{
	(void)list;
	tep_plugin_print_options(seq);
}

int list_plugins(struct err *e)
{
	return with_plugins(print_files, e);
}

int list_plugin_options(struct err *e)
{
	const char *name, *text;
	int status = with_plugins(print_options, e);

	/* This library's own, in the same shape. */
	for (unsigned i = 0; !status && event_graph_option(i, &name, &text); i++)
		out_printf("%s  plugin:\tfgraph\n  option:\t%s\n    desc:\t%s\n     set:\t0\n",
			   i ? "------------\n" : "============\n", name, text);
	return status;
}

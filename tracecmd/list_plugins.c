// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Whether libtraceevent's text tells of a plugin's options. */
static bool tells_of(const struct trace_seq *seq, const char *plugin)
{
	char key[64];

	snprintf(key, sizeof(key), "plugin:\t%s\n", plugin);
	return seq->state == TRACE_SEQ__GOOD && memmem(seq->buffer, seq->len, key, strlen(key));
}

/* libtraceevent's, and what is built in and has no plugin there, in the same shape. */
static void print_options(struct trace_seq *seq, struct tep_plugin_list *list)
{
	struct event_plugin_option o;
	const char *last = NULL;

	(void)list;
	tep_plugin_print_options(seq);
	for (unsigned i = 0; event_plugin_option(i, &o); i++) {
		if ((!last || strcmp(last, o.plugin)) && tells_of(seq, o.plugin))
			continue;
		trace_seq_printf(seq, "%s  plugin:\t%s\n  option:\t%s\n    desc:\t%s\n     set:\t%d\n",
				 last && !strcmp(last, o.plugin) ? "------------\n" : "============\n",
				 o.plugin, o.name, o.text, o.on);
		last = o.plugin;
	}
}

int list_plugins(struct err *e)
{
	return with_plugins(print_files, e);
}

int list_plugin_options(struct err *e)
{
	return with_plugins(print_options, e);
}

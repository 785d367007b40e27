/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of a struct event_db, for this room only. */
#ifndef TRACECMD_EVENT_DB_H
#define TRACECMD_EVENT_DB_H

#include <regex.h>

#include "event/check.h"
#include "event/event.h"
#include "event/tables.h"

/* Events of the ftrace system whose text is made here (builtin.c, graph.c). */
enum event_builtin {
	BUILTIN_NONE,
	BUILTIN_GRAPH_ENTRY,
	BUILTIN_GRAPH_RETADDR_ENTRY,
	BUILTIN_GRAPH_EXIT,
	BUILTIN_KERNEL_STACK,
	BUILTIN_RAW_DATA,
	BUILTIN_COUNT
};

struct event_slot {
	struct event_name pub;
	struct tep_event *event;	/* once parsed */
	bool tried;			/* parsing was attempted */
	/* set when parsed */
	enum event_builtin builtin;
	bool fields;			/* EVENT_STYLE_FIELDS */
	struct format_check check;
};

/* Where a common field lies; size 0: the formats have none. */
struct event_place { uint32_t offset, size; };

struct event_common {
	bool known;
	struct event_place pid, flags, preempt, migrate, lock;
};

struct event_style_rule {
	enum event_style style;
	regex_t regex;
};

struct event_graph_opts {
	bool tailprint, depth, retval_skip, retval_dec, retval_hex;
};

struct event_db {
	struct event_db_opts opts;
	struct event_db_source src;
	bool formats_asked, kallsyms_asked, printk_asked, cmdlines_asked;
	struct err formats_why;		/* why not all formats could be had */
	bool formats_told;
	unsigned told;			/* notices so far */
	unsigned damage;		/* texts of the source that could not be had */
	struct tep_handle *tep;
	struct tep_plugin_list *plugins;
	VEC(struct event_slot) slots;
	struct event_name *names;	/* made by event_db_names */
	size_t nr_names;
	uint32_t *by_id;		/* slot number + 1, by id */
	size_t nr_by_id;
	struct event_common common;
	VEC(struct event_style_rule) styles;
	bool no_builtins;
	bool compat_31;
	struct event_graph_opts graph;
	VEC(char *) plugin_options;	/* given to libtraceevent, values left out */
	struct symbols symbols;
	struct printks printks;
	struct comms comms;
	struct trace_seq seq;		/* libtraceevent's text of one event */
	struct buf padded;		/* the record it works on */
};

/* The slot of an id, parsed; NULL if there is none. */
struct event_slot *event_db_slot(struct event_db *db, int id);
/* Task names and printk formats are registered with libtraceevent. */
void event_db_need_texts(struct event_db *db);
/* Asks the source for formats once. 0 or -errno. */
int event_db_need_formats(struct event_db *db, struct err *e);
const struct event_common *event_db_common(struct event_db *db, int id);
/* Unsigned number of 1, 2, 4 or 8 bytes; false if it does not lie in the record. */
bool event_db_number(const struct event_db *db, const struct event_place *p, const void *data,
		     size_t len, uint64_t *ret);

#endif

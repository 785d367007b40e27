/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of a struct event_db, for this room only. */
#ifndef TRACECMD_EVENT_DB_H
#define TRACECMD_EVENT_DB_H

#include <regex.h>
#include <stdatomic.h>

#include "event/check.h"
#include "event/event.h"
#include "event/prog.h"
#include "event/past.h"
#include "event/tables.h"
#include "plugins/plugins.h"

/*
 * What became of a text that is made in this room (builtin.h): it is whole, the
 * print format's text belongs behind it, or nothing was appended because the
 * record has not what it needs; then it is printed as any other event.
 */
enum event_builtin { BUILTIN_DONE, BUILTIN_PART, BUILTIN_NOT };
struct event_slot;
typedef enum event_builtin (*event_builtin_fn)(struct event_ctx *ctx, const struct event_slot *slot,
					       const struct event_record *rec,
					       const struct event_next *next, struct buf *out);

/* Where a field lies; size 0: the format has none. */
struct event_place { uint32_t offset, size; };

/* Largest id a record can have: common_type is 16 bits. */
#define EVENT_ID_MAX 65535

#define HEADING_MIN 32

/* Where a record names a task; comm NULL: nowhere. */
struct event_teaches { const struct tep_format_field *pid, *comm; };

/* A plugin's text of an event, and the plugin's options. */
struct event_bound { struct plugin_binding at; uint64_t options; };

/*
 * What a plugin's text is asked with: all but the record is there already
 * (plugin_text_prepare), as filling it in anew takes longer than a text.
 */
struct ctx_asked {
	struct tracecmd_plugin_call call;
	struct event_ctx *ctx;
	const struct event_slot *slot;	/* that its fields and options are of; NULL: none yet */
	struct buf *out;
};

/* A parsed event. Nothing in it changes once it can be found in a db. */
struct event_slot {
	struct event_name pub;
	struct tep_event *event;	/* NULL: it cannot be had ... */
	const char *why;		/* ... which is told so, if not NULL */
	char *own_why;
	char *heading;			/* " NAME: ", padded, and readable up to HEADING_MIN */
	uint32_t heading_len;
	event_builtin_fn text;		/* NULL: none is made here */
	uint32_t text_end;		/* how far a record must reach for it */
	struct event_place at[7];	/* what it works on */
	struct event_bound *bound;	/* for texts of plugins */
	bool fields;			/* EVENT_STYLE_FIELDS */
	bool no_handler;		/* EVENT_STYLE_NO_HANDLER */
	bool plugin;			/* a plugin, not loaded yet perhaps, prints it */
	bool plain;			/* nothing but its print format makes its text */
	struct prog *prog;		/* its print format; NULL: libtraceevent prints it */
	struct prog *kernel_prog;	/* the kernel's text, where that may differ and is asked for */
	atomic_bool texts_differ;	/* it did, once */
	const char *no_prog;		/* why */
	struct event_teaches teaches[2];	/* task names in it */
	struct format_check check;
};

struct event_common {
	atomic_bool known;
	bool usual;			/* where every kernel since 2.6.31 but RT ones has them */
	struct event_place pid, flags, preempt, migrate, lock;
};

struct event_style_rule {
	enum event_style style;
	regex_t regex;
};

struct event_graph_opts {
	bool tailprint, depth, retval_skip, retval_dec, retval_hex, args;
};

struct event_plugins {
	struct tep_plugin_list *list;
	/*
	 * Those of the system are what this room knows (plugins.c), and there are no
	 * others: they are loaded when a text needs one.
	 */
	bool known;
	bool in_order;			/* some may remember what they have seen */
	atomic_bool loaded;		/* or there is nothing to load */
};

/*
 * Tables that are written under the lock and published by an atomic store, so
 * that they can be read without it. What has no word of its own is written
 * under the lock, or before there is a second thread.
 */
struct event_db {
	struct event_db_opts opts;
	struct event_db_source src;
	bool formats_asked, formats_told;
	atomic_bool have_formats;	/* as many as there are */
	struct err formats_why;		/* why not all formats could be had */
	unsigned told;			/* notices so far */
	unsigned left_out;		/* formats without a name or id */
	unsigned not_parsed;		/* those that have a text why */
	atomic_uint damage;		/* texts of the source that could not be had */
	void (*tell_needs)(void *ctx, const char *text);	/* NULL: once, by the notices */
	void *tell_needs_ctx;
	struct tep_handle *tep;		/* every call that may write: under the lock */
	struct event_plugins plugins;
	VEC(struct event_name) names;	/* the formats, in the order they were added */
	uint32_t *by_id;		/* number in names + 1, by id */
	size_t nr_by_id;
	struct event_slot *_Atomic *slots;	/* by id; NULL: not looked for yet */
	struct event_common common;
	VEC(struct event_style_rule) styles;
	bool no_builtins;
	bool compat_31;
	enum event_texts texts;
	struct event_graph_opts graph;
	uint64_t table_options[PLUGINS_NR];	/* of plugins_all: which are on */
	VEC(char *) plugin_options;	/* of other plugins, given to libtraceevent; values left out */
	tep_event_handler_func print;	/* of event_db_fill_tep; NULL: it was not called */
	void *print_ctx;
	/* the source's texts: tables that are whole once their flag is set (texts.c) */
	atomic_bool have_symbols, have_printks, have_comms, have_tep_texts;
	struct err symbols_why, printks_why, comms_why;	/* why not, or not all, could be had */
	struct symbols symbols;
	struct printks printks;
	struct comms comms;
	struct event_past past;		/* of whoever makes texts in order */
	struct event_past noted;	/* names that event_db_note_comms met; no calls */
};

/* What covers an address; name NULL: nothing does. */
struct ctx_symbol { uint64_t addr, start; const char *name; uint32_t len; bool used; };

/* A task's column in front of a line; len 0: none. */
struct ctx_task { int pid; bool latency; uint8_t len; char text[26]; };

/* The millisecond that the last time was in, and how it is written: "12345.678" */
struct ctx_milli { uint64_t start; uint8_t len; char text[16]; };

struct event_ctx {
	struct event_db *db;
	struct ctx_asked asked;
	struct event_fixups *fixups;	/* NULL: texts are made in order */
	struct trace_seq seq;		/* libtraceevent's text of one event */
	struct buf padded;		/* the record it works on */
	struct buf other;		/* the kernel's text beside trace-cmd's */
	struct ctx_milli milli;
	const struct event_line_opts *times;	/* how the line at hand shows them; NULL: the text is in none */
	int taught[256];		/* tasks whose name was told to fixups, by pid */
	struct ctx_task tasks[512];	/* known ones, by pid */
	struct ctx_symbol symbols[256];	/* by address */
};

/* For everything in this room that is not read-only (db.c). May be taken again. */
void event_lock(void);
void event_unlock(void);
/* Tells as a notice; of endless things only the first. */
void event_db_tell(struct event_db *db, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Writes a time as the line at hand shows those in texts, at most 40 bytes; with microseconds in a text that is in no line. */
char *ctx_put_time(const struct event_ctx *ctx, char *p, uint64_t ts);
/* The text of an event of a known slot: event_text. */
void ctx_text(struct event_ctx *ctx, struct event_slot *slot, const struct event_record *rec,
	      bool fields, const struct event_next *next, struct buf *out);
/* Finds and parses what event_db_slot did not find; never NULL, ->event may be: then that is
 * not told. */
struct event_slot *event_db_make_slot(struct event_db *db, int id);
/* Tells why it has no event, where each need is told. */
void event_db_tell_slot(struct event_db *db, const struct event_slot *slot);
/* The slot of an id, parsed; NULL if there is none. */
static inline struct event_slot *event_db_slot(struct event_db *db, int id)
{
	struct event_slot *slot;

	if ((unsigned)id > EVENT_ID_MAX)
		return NULL;
	slot = atomic_load_explicit(&db->slots[id], memory_order_acquire);
	if (!slot)
		slot = event_db_make_slot(db, id);
	if (__builtin_expect(slot->event != NULL, 1))
		return slot;
	event_db_tell_slot(db, slot);
	return NULL;
}
/* Task names and printk formats are registered with libtraceevent. */
void event_db_need_texts(struct event_db *db);
/* By the file's task names; NULL for a pid they lack. */
const char *event_db_known_comm(struct event_db *db, int pid);
/* As comms_renew, of the db's table. */
int event_db_renew_comms(struct event_db *db, const char *text, size_t len);
/* The printk format at an address, or NULL. */
const char *event_db_printk(struct event_db *db, uint64_t addr);
/*
 * Before a format is parsed: plugins whose functions it may call are loaded.
 * Returns whether its events are printed by a plugin that is loaded later.
 */
bool plugins_for_format(struct event_db *db, const struct event_name *name);
/* All of them. */
void event_db_parse_formats(struct event_db *db);
/* Takes what is the db's out of libtraceevent's handle, before it goes. */
void leave_tep(struct event_db *db);
/* Loads what was put off, with the lock held. */
void plugins_need(struct event_db *db);
/* Whether an event's handler, if it has one, is that of libtraceevent's own plugins. */
bool plugins_are_known(const struct event_db *db, const struct tep_event *event);
/* Asks the source for formats once. 0 or -errno. */
int event_db_need_formats(struct event_db *db, struct err *e);
const struct event_common *event_db_common(struct event_db *db, int id);
/* Unsigned number of 1, 2, 4 or 8 bytes; false if it does not lie in the record. */
bool event_db_number(const struct event_db *db, const struct event_place *p, const void *data,
		     size_t len, uint64_t *ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * event: what the bytes of an event mean. Formats (parsed by libtraceevent
 * when their first event is met), symbols, task names, plugins, filters, and
 * the text of an event. Knows no files: texts come in, words go out.
 *
 * A struct event_db belongs to one trace file (its instances share it). It is
 * set up by one thread: made, given a source, plugins, options, styles, added
 * symbols. From then on any number of threads may ask it; what a text needs for
 * itself is in a struct event_ctx, one for each thread. The source's functions
 * and the notices are then called by any of these threads, one at a time for
 * all dbs of the process.
 *
 * The words are those of libtraceevent 1.7 and of trace-cmd 3.3's report;
 * Documentation/differences.md lists where and why they differ.
 */
#ifndef TRACECMD_EVENT_H
#define TRACECMD_EVENT_H

#include <traceevent/event-parse.h>

#include "base/base.h"

/* ---- the tables of one trace file ------------------------------------------ */

struct event_db;

struct event_db_opts {
	bool big_endian;
	unsigned long_size;			/* kernel long */
	uint32_t page_size;
	int cpus;
	const struct notices *notices;
};
int event_db_new(const struct event_db_opts *opts, struct event_db **ret, struct err *e);
void event_db_free(struct event_db *db);

/*
 * Where texts come from when they are needed: each is called at most once, at
 * the first use, and may give a text of length 0. The text must stay valid
 * as long as the db.
 */
struct event_db_source {
	/* calls add for each format; ids are indexed, nothing is parsed yet */
	int (*formats)(void *ctx, struct event_db *db, struct err *e);
	int (*kallsyms)(void *ctx, const char **text, size_t *len, struct err *e);
	int (*printk)(void *ctx, const char **text, size_t *len, struct err *e);
	int (*cmdlines)(void *ctx, const char **text, size_t *len, struct err *e);
	void *ctx;
};
void event_db_set_source(struct event_db *db, const struct event_db_source *src);
/*
 * Indexes one format text (a view that must outlive the db) by the id and name
 * of its first lines. A text without them, or an id met before, is told as a
 * notice and left out: 0 all the same. -ENOMEM.
 */
int event_db_add_format(struct event_db *db, const char *system, const char *text, size_t len,
			struct err *e);

/* Plugins: system and user directories of libtraceevent and its environment.
 * -EINVAL if an option was set that none of them has, with near matches. */
int event_db_load_plugins(struct event_db *db, bool no_system, bool no_plugins, struct err *e);
/*
 * After that: appends to @b what makes texts besides print formats, for a person: that
 * there are built-in texts, and the files of the plugins that are loaded, or the folder they
 * will be loaded from when an event needs one. 0, -ENOMEM.
 */
int event_db_put_plugins(const struct event_db *db, struct buf *b);
/*
 * Whether texts must be made in the order of the events: plugins that this
 * library does not know, or with options, may remember what they have seen.
 */
bool event_db_in_order(const struct event_db *db);
/*
 * Sets a plugin's option, for the process if it is not built in: "[PLUGIN:]NAME[=VALUE]"; without a
 * value a switch is turned over. Those of the function graph ("fgraph:") and of tables built in
 * (plugins/) are this db's, and without PLUGIN of all that have it; the rest go to libtraceevent.
 * Before plugins are loaded. -EINVAL for an unknown fgraph option, with near matches, and for a
 * value that is none.
 */
int event_db_plugin_option(struct event_db *db, const char *option, struct err *e);

/* The options of what is built in, one after the other, those of a plugin together. False past the last. */
struct event_plugin_option { const char *plugin, *name, *text; bool on; /* at first */ };
bool event_plugin_option(unsigned i, struct event_plugin_option *ret);

/* How the text of some events is made. */
enum event_style {
	EVENT_STYLE_FIELDS,		/* fields instead of text */
	EVENT_STYLE_NO_HANDLER,		/* the kernel's print format, no plugin */
};
/*
 * For events whose name or system matches the basic regular expression
 * @regex as a whole, ignoring case. Before the first event is parsed.
 * -EINVAL with the reason for a bad expression.
 */
int event_db_set_style(struct event_db *db, enum event_style style, const char *regex,
		       struct err *e);
/*
 * The words of trace-cmd 3.1: no return values in graphs, and so on. It turns options of plugins
 * off, too, which event_db_plugin_option then may turn on.
 */
void event_db_set_compat_31(struct event_db *db, bool compat);

/*
 * Texts by print formats, where trace-cmd's differ from those of the kernel's "trace" file (small signed numbers,
 * arrays and characters of probes' arguments).
 */
enum event_texts {
	EVENT_TEXTS_TRACE_CMD,
	EVENT_TEXTS_COMPARE,		/* trace-cmd's; event_db_odd_texts() tells of which events they differ */
	EVENT_TEXTS_KERNEL,
};
/* Before the first format is parsed; without it: EVENT_TEXTS_TRACE_CMD. */
void event_db_set_texts(struct event_db *db, enum event_texts texts);
/* Appends the names of events whose texts so far had another kernel's text: "SYSTEM:EVENT, ...", the first few. How many there are. */
unsigned event_db_odd_texts(struct event_db *db, struct buf *out);

/* Parses if need be. NULL: no format of that id. The event lives as long as the db. */
struct tep_event *event_db_event(struct event_db *db, int id);
struct tep_event *event_db_event_by_name(struct event_db *db, const char *system, const char *name);
/* Parses every format. The number that failed, each told as a notice; or -errno. */
int event_db_parse_all(struct event_db *db, struct err *e);
/* All formats in the order they were added, without parsing them. The array
 * and what it points to live as long as the db. */
struct event_name { const char *system, *name; int id; const char *format; size_t format_len; };
int event_db_names(struct event_db *db, const struct event_name **ret, size_t *nr, struct err *e);
/* The one of an id, unparsed; NULL if there is none. Lives as long as no format is added. */
const struct event_name *event_db_name(struct event_db *db, int id);

/* How many of the source's texts were asked for and could not be had; each was told. */
unsigned event_db_damage(const struct event_db *db);
/*
 * For whoever makes texts that he may throw away: that names, symbols, printk formats or an event's
 * format could not be had is not told once by the notices and counted then, but by @tell, whenever some
 * are needed (of the same address again not always: event_ctx_forget), in the thread that
 * needs them and by several at a time. @text is the same pointer each time and lives as long
 * as the db.
 */
void event_db_tell_needs(struct event_db *db, void (*tell)(void *ctx, const char *text), void *ctx);

/*
 * For programs that work with libtraceevent's handle on their own: every format is parsed,
 * plugins are loaded, names of tasks and printk formats are registered with it, and it knows
 * the header page's layout. Symbols it asks for when it needs some. Events of the function
 * tracers are printed by @print where no plugin does, unless event_db_load_plugins was told to
 * leave plugins out. References to the handle may outlive the db: then it is left with
 * all symbols, and without plugins. 0 or -errno.
 */
int event_db_fill_tep(struct event_db *db, tep_event_handler_func print, void *ctx, struct err *e);
/* libtraceevent's handle of it; only to compare with, where other threads may
 * be at work: what libtraceevent does with it is not thread safe. */
struct tep_handle *event_db_tep(struct event_db *db);
/* common_type of a record; -1 if it is too short. */
int event_db_record_id(struct event_db *db, const void *data, size_t len);
/* common_pid; -1 if the record is too short or no format is known. */
int event_db_record_pid(struct event_db *db, const void *data, size_t len);
/* common_flags; 0 if there are none. */
unsigned event_db_record_flags(struct event_db *db, const void *data, size_t len);
/* By the file's task names: "<idle>" for 0, "<...>" for a pid they lack. */
const char *event_db_comm(struct event_db *db, int pid);
/* Task names known to the file: calls fn for each pid and name until it returns non-zero. */
int event_db_each_comm(struct event_db *db, int (*fn)(void *ctx, int pid, const char *comm),
		       void *ctx);
/*
 * Names that only events tell, for who asks for tasks by name; no text shows them
 * for it. Where a text learns names from a record, notes those of tasks that neither the file
 * nor an earlier record named. Records in the order of lines; one thread. 0, -ENOMEM.
 */
struct event_record;
int event_db_note_comms(struct event_db *db, const struct event_record *rec);
bool event_db_tells_comms(struct event_db *db, int id);	/* whether such events do */
/* As event_db_each_comm, of the noted ones. */
int event_db_each_noted_comm(struct event_db *db, int (*fn)(void *ctx, int pid, const char *comm),
			     void *ctx);
/* Symbol covering @addr: its name or NULL; *start is its address, *module NULL
 * for the kernel itself. @start and @module may be NULL. */
const char *event_db_symbol(struct event_db *db, uint64_t addr, uint64_t *start, const char **module);
int event_db_add_kallsyms(struct event_db *db, const char *text, size_t len);	/* --kallsyms */
/* Symbols in ascending order of address: false past the last. */
struct event_symbol { uint64_t addr; const char *name, *module; };
bool event_db_nth_symbol(struct event_db *db, size_t i, struct event_symbol *ret);
/* Printk formats in ascending order of address: false past the last. */
bool event_db_nth_printk(struct event_db *db, size_t i, uint64_t *addr, const char **fmt);

/* ---- records and their text ------------------------------------------------- */

/* A record as printers and filters see it: a view. */
struct event_record {
	uint64_t ts;			/* as printed */
	const void *data;
	uint32_t len;			/* of the record */
	uint32_t avail;			/* readable bytes from data on (its sub-buffer), >= len */
	uint32_t cpu;
};

/* ---- making texts ------------------------------------------------------------ */

/* One thread's tools for the texts of one db, which must outlive it. */
struct event_ctx;
int event_ctx_new(struct event_db *db, struct event_ctx **ret, struct err *e);	/* 0, -ENOMEM */
void event_ctx_free(struct event_ctx *ctx);
/*
 * A task's name as a line would show it now: event_db_comm's, or where the file
 * has none the one that the texts made so far told (not while they are deferred).
 * The string lives as long as the db.
 */
const char *event_ctx_comm(struct event_ctx *ctx, int pid);
/*
 * Names of tasks as the kernel has them now, lines "PID NAME": for who makes texts of what is happening, by one ctx
 * of the db and in one thread. They take the place of other names of these pids; strings that were given
 * before are gone. 0, -ENOMEM.
 */
int event_ctx_renew_comms(struct event_ctx *ctx, const char *text, size_t len);

/* Unsigned value of a field of 1, 2, 4 or 8 bytes; false if the record does not
 * reach to it. */
bool event_field_number(const struct tep_format_field *field, const struct event_record *rec,
			uint64_t *ret);

/*
 * The record that follows in the same buffer on the same CPU, for joining a
 * function's entry and exit into one line. (With event_db_set_compat_31: on any
 * CPU, as trace-cmd has it.) peek leaves it where it is: 1, or 0
 * if there is none. take is called when the record peek gave last has become
 * part of the text and is not to be printed on its own.
 */
struct event_next {
	int (*peek)(void *ctx, struct event_record *ret);
	void (*take)(void *ctx);
	void *ctx;
};

/*
 * Appends the event's text, without a newline at its end. @fields: its fields
 * instead (as -R). A record too short for its format becomes a note, and
 * nothing beyond rec->avail is ever read. @next may be NULL.
 */
void event_text(struct event_ctx *ctx, struct tep_event *event, const struct event_record *rec,
		bool fields, const struct event_next *next, struct buf *out);
/* This library's own text of an event, without a newline at its end: false where it has
 * none, or the record is not as its format says. */
bool event_own_text(struct event_ctx *ctx, struct tep_event *event, const struct event_record *rec,
		    const struct event_next *next, struct buf *out);

/* ---- texts that wait for those before them ------------------------------------ */

/*
 * Some words depend on the texts made before: the name of a task that the file
 * lacks and an earlier event told, the indentation of function events, the first
 * --ts-diff. A ctx keeps account of that in its db, so its texts must be made in
 * the order of the events; and of all threads only one may do so at a time.
 *
 * Other threads make texts out of order: their ctx is told to defer, which leaves
 * a fixup for each such word. When all that comes before is settled, whoever has
 * the account settles the fixups of a text too.
 *
 *	thread		event_ctx_defer(ctx, &window->fixups);
 *			event_line(ctx, .., &window->state, .., &window->text); ...
 *	in order	event_fixups_settle(&window->fixups, &state, &window->text);
 *			if (window->state.any) state = window->state;
 */
struct event_fixup;
struct event_fixups {			/* { 0 }: none */
	VEC(struct event_fixup) v;
	struct buf words;
	struct buf spare;		/* memory for a text */
};
struct event_line_state;
/* From now on fixups go to @fx, for texts appended to one buf (of several ctxs, too)
 * from its start on, not moved or cut meanwhile. NULL: settled at once, as at first. */
void event_ctx_defer(struct event_ctx *ctx, struct event_fixups *fx);
/* The texts made last are thrown away, unsettled: what was told with them is told again. */
void event_ctx_forget(struct event_ctx *ctx);
/*
 * A task's name that is part of a text made elsewhere (JSON): appends it by @put,
 * and again when it is known better. @put must give the same for the same name.
 */
void event_ctx_put_comm(struct event_ctx *ctx, int pid, void (*put)(const char *comm, struct buf *out),
			struct buf *out);
/*
 * Settles all fixups of @text in order and empties @fx (its memory is kept).
 * @state: of the line before @text. 0 or -ENOMEM (and text->failed).
 */
int event_fixups_settle(struct event_fixups *fx, const struct event_line_state *state,
			struct buf *text);
void event_fixups_release(struct event_fixups *fx);

/*
 * Why an event's text is made by libtraceevent or a plugin, and not by this
 * library's own code, which is faster: a few words that live forever. NULL: it
 * is not, or there is no such event.
 */
const char *event_db_foreign_text(struct event_db *db, int id);

/* ---- filters ------------------------------------------------------------------ */

/*
 * Which records are wanted. The language is told in the manual page of report:
 *	NAME[,NAME ...] [: EXPRESSION]
 * Each NAME is SYSTEM/EVENT, or an event's or a system's name; basic regular
 * expressions that match as a whole, ignoring case. The expression has C's
 * operators and precedence, =~ and !~ (regular expressions), fields, COMM, CPU,
 * numbers and strings. An event that has not the field, or whose record does
 * not reach to it, fails the comparison; so does a division by zero.
 * Task names are those of the file.
 *
 * A filter is added to by one thread; then any number of threads may match.
 */
struct event_filter;
int event_filter_new(struct event_db *db, struct event_filter **ret, struct err *e);
void event_filter_free(struct event_filter *f);
/*
 * Adds a filter; several let through what any of them does. @exclude: what it
 * matches is dropped, whatever else matches it. Returns 1; 0 if it was added
 * but some NAME is none of this db's events or systems (another file's may be),
 * told by @e; -ENOENT, and it is not added, if none is, or none of its events
 * has a field (unless a NAME has a '*'), with near matches; -EINVAL with the
 * column if it is malformed.
 */
int event_filter_add(struct event_filter *f, const char *text, bool exclude, struct err *e);
/*
 * Events by shell globs, "GLOB[,GLOB ...]", each SYSTEM:EVENT, SYSTEM/EVENT, or
 * for names of events and of systems. Nothing else is wanted then, whatever
 * filters let through; of several selections each counts. @exclude: these are
 * dropped. Returns as event_filter_add, but a selection is added for -ENOENT
 * too: nothing is selected then.
 */
int event_filter_select(struct event_filter *f, const char *text, bool exclude, struct err *e);
/* A filter that lets through what is of one of these processes, or about it: the
 * fields common_pid, pid or next_pid say so. 0 or -errno. */
int event_filter_add_pids(struct event_filter *f, const int *pids, size_t nr, struct err *e);
/* Whether some filter says what is wanted, not only what is not. */
bool event_filter_includes(const struct event_filter *f);
/* Whether records of that id can be wanted, by the names alone: no format is parsed. */
bool event_filter_may_match(const struct event_filter *f, int id);
#define EVENT_IDS 65536			/* common_type has 16 bits */
/*
 * For each of the EVENT_IDS ids whether events of that id may match, as far as is known:
 * while records are matched some of them turn to 0 (other threads may read them
 * meanwhile, as relaxed atomics). Valid until something is added; NULL before that.
 */
const uint8_t *event_filter_ids(const struct event_filter *f);
/* Whether the record is wanted; everything is while nothing was added. */
bool event_filter_match(struct event_filter *f, const struct event_record *rec);
/* Appends what was understood: a line "SYSTEM:EVENT: EXPRESSION" for each event
 * a filter names, "not" in front of what is excluded. */
void event_filter_describe(struct event_filter *f, struct buf *out);

/* ---- lines ---------------------------------------------------------------------- */

struct event_line_opts {
	bool latency;			/* -l */
	bool fields;			/* -R */
	bool nanoseconds;		/* -t */
	bool seconds;			/* times are nanoseconds, not counts */
	bool counts_in_texts;		/* those in texts are printed as counts all the same (--raw-ts) */
	bool ts_diff;
	bool no_flags;			/* no flags column in the default format */
	bool loose_clock;		/* counts get a blank in front, as times do */
};
/* What lines know of the one before. { 0 } to start. */
struct event_line_state { bool any; uint64_t last; };

/* Appends a time as lines show it, its colon left out. */
void event_time(const struct event_line_opts *opts, uint64_t ts, struct buf *out);
/* Appends one line without its newline. Several lines for events with stacks. */
void event_line(struct event_ctx *ctx, const struct event_line_opts *opts,
		struct event_line_state *state, const struct event_record *rec,
		const struct event_next *next, struct buf *out);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * event: what the bytes of an event mean. Formats (parsed by libtraceevent
 * when their first event is met), symbols, task names, plugins, filters, and
 * the text of an event. Knows no files: texts come in, words go out.
 *
 * A struct event_db belongs to one trace file (its instances share it) and to
 * one thread.
 */
#ifndef TRACECMD_EVENT_H
#define TRACECMD_EVENT_H

#include <traceevent/event-parse.h>

#include "base/base.h"

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
int event_db_add_format(struct event_db *db, const char *system, const char *text, size_t len,
			struct err *e);

/* Plugins: system and user directories of libtraceevent and its environment. */
int event_db_load_plugins(struct event_db *db, bool no_system, bool no_plugins, struct err *e);

/* Parses if need be. NULL: no format of that id. The event lives as long as the db. */
struct tep_event *event_db_event(struct event_db *db, int id);
struct tep_event *event_db_event_by_name(struct event_db *db, const char *system, const char *name);
/* All formats, without parsing them. */
struct event_name { const char *system, *name; int id; const char *format; size_t format_len; };
int event_db_names(struct event_db *db, const struct event_name **ret, size_t *nr, struct err *e);

struct tep_handle *event_db_tep(struct event_db *db);
/* common_type of a record; -1 if it is too short. */
int event_db_record_id(struct event_db *db, const void *data, size_t len);
int event_db_record_pid(struct event_db *db, const void *data, size_t len);
const char *event_db_comm(struct event_db *db, int pid);	/* "<idle>", "<...>" */
/* Symbol covering @addr: its name or NULL; *start is its address. */
const char *event_db_symbol(struct event_db *db, uint64_t addr, uint64_t *start, const char **module);
int event_db_add_kallsyms(struct event_db *db, const char *text, size_t len);	/* --kallsyms */

#endif

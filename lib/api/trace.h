/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of struct tracecmd_trace, for this room only. */
#ifndef TRACECMD_API_TRACE_H
#define TRACECMD_API_TRACE_H

#include <pthread.h>

#include "api/api.h"
#include "replay/replay.h"

struct trace_file {
	struct tracecmd_file_facts facts;
	char *cut;			/* of the facts */
	struct event_db *db;
	struct event_ctx *ctx;		/* of tracecmd_event_text */
	struct tracecmd_event_info *events;	/* made at the first wish */
	size_t nr_events;
	struct trace_fields *fields;	/* those that were asked for */
	struct trace_tasks *tasks;	/* likewise */
	struct event_ctx *record_ctx;	/* of tracecmd_record_text */
};

/* A CPU whose next record, a function's exit, has become part of the text of
 * the entry before it. */
struct joined {
	unsigned int file, buffer;
	uint32_t cpu;
};

struct tracecmd_trace {
	struct tracecmd_trace_opts opts;
	struct notices notices;		/* one at a time, whichever thread tells them */
	pthread_mutex_t notice_lock;
	struct replay *replay;
	struct trace_file *files;
	unsigned int nr_files;
	struct replay_record record;	/* the one given last */
	bool have_record;
	VEC(struct joined) joined;
	bool record_joined;		/* its text was given with the record before */
	struct tracecmd_event event;
	struct tep_event *format;	/* of record; NULL: none */
	struct buf text;
	struct buf record_text;
	struct event_fixups fixups;	/* of record_text: what other events told is left out */
};

/* The file's formats and names, with plugins; made when its first event is
 * met. NULL and @e on failure. */
struct event_db *trace_db(struct tracecmd_trace *t, unsigned int file, struct err *e);
/* The same, and -EINVAL if there is no such file. 0 or -errno. */
int trace_find_file(struct tracecmd_trace *t, unsigned int file, struct event_db **db, struct err *e);
/* -EBADMSG if a file is cut, or @damage is not 0; told once all else was. */
int trace_check_whole(struct tracecmd_trace *t, uint64_t damage, struct err *e);
/* Frees what formats.c made. */
void trace_release_formats(struct trace_file *f);
/* Any event of the file that can be understood, or NULL: they all begin with the same fields. */
struct tep_event *trace_any_event(struct event_db *db);

/* enum tracecmd_type of a number of @size bytes. */
static inline int number_type(unsigned size, bool is_signed)
{
	int type = size == 1 ? TRACECMD_TYPE_INT8 : size == 2 ? TRACECMD_TYPE_INT16 :
		   size == 4 ? TRACECMD_TYPE_INT32 : TRACECMD_TYPE_INT64;

	return is_signed ? type : type + 1;
}

static inline bool is_number(int type)
{
	return type >= TRACECMD_TYPE_INT8 && type <= TRACECMD_TYPE_UINT64;
}

/* Its bytes; 0 for what is no number. */
static inline unsigned number_size(int type)
{
	return is_number(type) ? 1u << (type - TRACECMD_TYPE_INT8) / 2 : 0;
}

static inline bool number_signed(int type)
{
	return (type - TRACECMD_TYPE_INT8) % 2 == 0;
}

#endif

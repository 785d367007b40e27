/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of exporting, for export*.c only. */
#ifndef TRACECMD_EVENT_EXPORT_PLAN_H
#define TRACECMD_EVENT_EXPORT_PLAN_H

#include "event/db.h"
#include "event/escape.h"
#include "event/export.h"
#include "event/fields.h"

/* What copying of short texts may write beyond. */
#define COPY_SLACK 32

/* A field, and the text in front of its value. */
struct plan_field {
	struct event_field f;
	uint32_t key, key_len;		/* in the plan's keys */
};

/* All about an event that does not depend on the record. */
struct export_plan {
	struct tep_event *event;
	const struct event_slot *slot;
	bool teaches;			/* its records tell names of tasks */
	bool skip;			/* the columns are not of this event */
	struct plan_field pid;		/* its name NULL: there is none */
	uint32_t nr_common, nr_fields;
	struct plan_field *common;	/* but for type and pid */
	struct plan_field *fields;	/* CSV with columns: by column, name NULL if not there */
	struct buf keys;		/* COPY_SLACK bytes follow */
	uint32_t nr_decoders;
	struct export_decoder *decoders;	/* of "decoded" */
	/* of keys: system, event, "fields"; 0 long where it is part of the first field's key */
	uint32_t head, head_len;
	/* bytes of a line at most, its strings, arrays, task and place aside */
	size_t fixed_max;
};

#define TASK_CACHE 256
#define TASK_MAX COPY_SLACK

/* A task's name as it is written, by pid; longer ones are not kept. */
struct task_entry {
	const struct event_export *of;	/* NULL: empty */
	int pid;
	uint32_t len, with_pid;		/* of the name; with the pid behind it, 0: not known */
	char text[TASK_MAX];
};

/* What stands in front of a line's nanoseconds, and behind them as far as the task: of the
 * line before, mostly that of this one too. */
struct line_second { const struct event_export *of; uint64_t start; uint32_t len; char text[COPY_SLACK]; };
struct line_cpu { const struct event_export *of; uint32_t cpu, len; char text[2 * COPY_SLACK]; };

struct event_export_ctx {
	struct task_entry tasks[TASK_CACHE];
	struct line_second second;
	struct line_cpu cpu;
	struct buf bytes;		/* "bytes": strings that are not valid UTF-8 */
	struct buf text;		/* of the event */
};

struct event_export {
	struct event_db *db;
	struct event_export_opts opts;
	enum escape how;		/* of strings inside of fields */
	bool big_endian;
	uint32_t nr_plans;
	struct export_plan **plans;	/* by id; read and written atomically */
};

/* The event's plan; NULL if the file has no format of that id, or no memory. */
struct export_plan *export_plan(struct event_export *x, int id);

/* '"NAME":', and a comma in front. */
void export_put_member(struct buf *out, bool first, const char *name, enum escape how);

/*
 * export_decode.c: what the print format makes of single fields. Makes the plan's
 * decoders; 0 or -ENOMEM.
 */
int export_decoders_new(struct export_plan *plan, enum escape how);
void export_decoders_free(struct export_plan *plan);
/* Appends the members of an object, without its braces. @text is used between. */
void export_decode(const struct export_plan *plan, struct event_db *db,
		   const struct event_record *rec, enum escape how, struct buf *text,
		   struct buf *out);

/* A number of a record, or null. */
static inline char *put_value(char *p, const struct event_field *f, const uint8_t *at, bool big)
{
	uint64_t v = event_number_at(at, f->size, f->is_signed, big);

	return f->is_signed ? put_signed(p, v) : put_dec(p, v);
}

/* Copies COPY_SLACK bytes at once: there are as many behind, and room for them. */
static inline char *put_key(char *p, const char *key, uint32_t len)
{
	memcpy(p, key, COPY_SLACK);
	for (uint32_t i = COPY_SLACK; __builtin_expect(i < len, 0); i += COPY_SLACK)
		memcpy(p + i, key + i, COPY_SLACK);
	return p + len;
}

#endif

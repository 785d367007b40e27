/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the profile share. */
#ifndef TRACECMD_PROFILE_INSIDE_H
#define TRACECMD_PROFILE_INSIDE_H

#include "profile.h"

#define PROFILE_NONE UINT32_MAX		/* of indexes */
#define PROFILE_STARTS_MAX 4		/* pairs one event begins that can have its stack */

/* How the value of a pair, or of a counted event, is shown. */
enum profile_value {
	PROFILE_HEX, PROFILE_DEC, PROFILE_STATE, PROFILE_SOFTIRQ, PROFILE_FUNCTION,
};

/* Two kinds of events that belong together. */
struct profile_pair {
	int start_id, end_id;
	struct tep_format_field *start_field, *end_field;	/* what both have in common */
	int wakeup_id;			/* ends by the task's wake-up, if that comes first; -1 */
	struct tep_format_field *wakeup_field;
	bool of_known;			/* only of tasks that were seen before */
	struct tep_format_field *pid_field;	/* of the start: whose time it is; NULL: its own */
	struct tep_format_field *value_field;	/* of the start: what is shown */
	enum profile_value value;
	bool by_pid;			/* start_field and end_field are pids */
	bool per_task, per_cpu;		/* start and end are of one task, on one CPU */
	bool irq;			/* -G makes it the CPU's */
	bool global;
	bool nests;			/* starts of one key are ended newest first */
	bool keeps_first;		/* else, a start while one waits: false: takes its place */
	int rank;			/* order of accounts; 0: by the start's id */
};

/* Which parts an event has. */
struct profile_kind {
	bool known;
	bool is_stack, counted, is_switch;
	struct tep_event *event;
	struct tep_format_field *first;	/* counted: by this one; NULL: as 0 */
	enum profile_value value;
	VEC(uint32_t) starts, ends;	/* pairs */
};

struct profile_sum { uint64_t nr, total, max, max_ts, min, min_ts; };

/* A frame of all stacks of one account; those of one parent are its callers. */
struct profile_node {
	uint64_t addr;
	uint32_t children, next;	/* PROFILE_NONE: none */
	struct profile_sum sum;
};

enum profile_owner { PROFILE_TASK, PROFILE_CPU, PROFILE_GLOBAL };

struct profile_task {
	enum profile_owner owner;
	int pid;
	uint32_t cpu;			/* of idle tasks and PROFILE_CPU */
	bool has_run;			/* was seen on a CPU */
	bool joined;			/* counted with another one of its name */
	char comm[32];			/* newest name */
};

/* The times of one task, event and value. */
struct profile_account {
	uint32_t task;
	uint32_t pair;			/* PROFILE_NONE: counted, or of kind id */
	int id;				/* the event's (the start's) */
	uint64_t value;
	struct profile_sum sum;
	uint32_t stacks;		/* first node, PROFILE_NONE */
};

/* A start that waits for its end. */
struct profile_start {
	uint32_t cpu;
	uint64_t value, ts, serial;
	uint32_t task;
	uint32_t below;			/* the start that it nests in */
	uint64_t *stack;		/* owned; innermost first; room is kept for the next */
	uint32_t stack_len, stack_room;	/* len 0: none */
	uint64_t stack_ts;
};

/* What is known of a CPU. */
struct profile_cpu {
	uint64_t lost;			/* serial of the last record behind a loss */
	/* what a stack that comes next belongs to */
	uint32_t starts[PROFILE_STARTS_MAX], nr_starts;
	uint32_t account;		/* PROFILE_NONE: nothing */
	uint64_t serial;		/* of the starts: they may be gone */
	int pid;
};

struct profile {
	struct event_db *db;
	struct profile_opts opts;
	VEC(struct profile_pair) pairs;
	struct profile_kind *kinds;	/* by event id */
	struct tep_format_field *stack_caller;	/* of kernel_stack */
	const char *states[16];		/* letters of a task's state, by bit */
	uint64_t state_mask;		/* bits that have letters */
	uint32_t wakeup_pair;		/* sched_wakeup to sched_switch, or PROFILE_NONE */
	struct tep_format_field *prev_comm, *next_comm, *next_pid;

	VEC(struct profile_task) tasks;
	VEC(struct profile_account) accounts;
	VEC(struct profile_start) starts;
	VEC(struct profile_node) nodes;
	VEC(struct profile_cpu) cpus;
	VEC(uint64_t) frames;		/* of the stack looked at */
	struct map task_of, account_of, start_of, node_of;
	uint32_t free_start;		/* list of unused starts, by "below" */
	uint64_t serial;
	bool full;			/* limits reached, told */
};

#define PROFILE_IDS 65536		/* common_type has 16 bits */
#define PROFILE_STATE_PREEMPTED UINT64_MAX
#define PROFILE_MAX (1u << 22)		/* accounts, starts, frames: no more of each */

/* profile_events.c */
int profile_find_pairs(struct profile *p, struct err *e);
struct profile_kind *profile_kind(struct profile *p, int id);
/* The word behind "EVENT:" of an account, appended. */
void profile_put_value(struct profile *p, const struct profile_account *a, struct buf *out);
/* What of a prev_state tells accounts apart: its lowest bit, 0 for running, or
 * that the task was preempted. */
uint64_t profile_state(const struct profile *p, uint64_t prev_state);

/* profile.c */
/* The account of a task, pair (PROFILE_NONE: counted) and value; *ret
 * PROFILE_NONE: there is no room for it. 0, -ENOMEM. */
int profile_account(struct profile *p, uint32_t task, uint32_t pair, int id, uint64_t value,
		    uint32_t *ret);
void profile_sum_add(struct profile_sum *s, uint64_t delta, uint64_t ts);
void profile_sum_join(struct profile_sum *s, const struct profile_sum *more);

/* profile_comm.c */
/* Tasks of one name become the one of them that was met first. 0, -ENOMEM. */
int profile_join_tasks(struct profile *p);

/* profile_stacks.c */
/* Adds a stack of @nr frames, innermost first, to the account. 0, -ENOMEM. */
int profile_add_stack(struct profile *p, uint32_t account, const uint64_t *frames, size_t nr,
		      uint64_t delta, uint64_t ts);
/* Adds the tree at @from to the account. 0, -ENOMEM. */
int profile_join_stacks(struct profile *p, uint32_t account, uint32_t from);
/* Reads the record's frames into p->frames. False: it has none. */
bool profile_read_stack(struct profile *p, const struct event_record *rec);
/* Tells once that memory is not to grow further. */
void profile_tell_full(struct profile *p);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of struct tracecmd_input, and those functions of trace-cmd's library that its
 * header does not have, but that some programs call all the same.
 */
#ifndef TRACECMD_API_COMPAT_H
#define TRACECMD_API_COMPAT_H

#include <pthread.h>

#include "api/api.h"
#include "include/trace-cmd.h"
#include "replay/lanes.h"

/* ---- what is exported besides trace-cmd.h ---- */

/* Number of CPUs; bytes of a long of the recorder. */
int tracecmd_cpus(struct tracecmd_input *handle);
int tracecmd_long_size(struct tracecmd_input *handle);
/* The next record of a CPU, or of all, without going on: locked, and the handle's until it
 * is read or something else of its CPU is. @rec_cpu may be NULL. */
struct tep_record *tracecmd_peek_data(struct tracecmd_input *handle, int cpu);
struct tep_record *tracecmd_peek_next_data(struct tracecmd_input *handle, int *rec_cpu);
/* The next record of all CPUs. */
struct tep_record *tracecmd_read_next_data(struct tracecmd_input *handle, int *rec_cpu);
/* The record before @record on its CPU, which goes on behind it; the last one of a CPU. */
struct tep_record *tracecmd_read_prev(struct tracecmd_input *handle, struct tep_record *record);
struct tep_record *tracecmd_read_cpu_last(struct tracecmd_input *handle, int cpu);
void tracecmd_record_ref(struct tep_record *record);
/* The next record is the first one at or after @ts. 0, -1. */
int tracecmd_set_cpu_to_timestamp(struct tracecmd_input *handle, int cpu, unsigned long long ts);
void tracecmd_set_all_cpus_to_timestamp(struct tracecmd_input *handle, unsigned long long time);
/* The offset of the record that is next, 0 at the end; setting it: 0, -1 if it is not in
 * that CPU's data. */
unsigned long long tracecmd_get_cursor(struct tracecmd_input *handle, int cpu);
int tracecmd_set_cursor(struct tracecmd_input *handle, int cpu, size_t offset);
/* Texts of the file; NULL where it has none. */
const char *tracecmd_get_trace_clock(struct tracecmd_input *handle);
const char *tracecmd_get_cpustats(struct tracecmd_input *handle);
const char *tracecmd_get_uname(struct tracecmd_input *handle);
const char *tracecmd_get_version(struct tracecmd_input *handle);
/* Bytes of a CPU's data in the file; the version of its format. */
unsigned long long tracecmd_get_cpu_file_size(struct tracecmd_input *handle, int cpu);
unsigned long tracecmd_get_in_file_version(struct tracecmd_input *handle);

/* ---- inside ---- */

/* What the handles of one file share. */
struct compat_file {
	pthread_mutex_t lock;		/* of refs and handles */
	uint32_t refs;
	VEC(struct tracecmd_input *) handles;
	struct notices notices;
	struct replay *replay;
	struct event_db *db;
	struct event_ctx *ctx;		/* of texts of our own */
	struct buf text;
	char *cut;			/* why and where it ends too early; NULL: it does not */
};

typedef int (*compat_callback)(struct tracecmd_input *, struct tep_record *, int, void *);
typedef int (*compat_follow)(struct tracecmd_input *, struct tep_event *, struct tep_record *, int,
			     void *);

struct follower {
	struct tep_event *event;	/* NULL: events in front of which some were lost */
	compat_follow fn;
	void *data;
};

/* Filters of a handle. */
struct tracecmd_filter {
	struct event_filter *want, *drop;	/* NULL: none */
	int stacks[2];			/* ids of stacks; -1: none */
};

struct tracecmd_cpu_map {
	struct tracecmd_input *guest;
	int host_pid;
	void *priv;
};

struct compat_cpu {
	struct tep_record *peeked;	/* locked; the record that is next */
	bool passed;			/* the record before went through the filters */
};

struct tracecmd_input {
	struct compat_file *file;
	unsigned buffer;		/* number; nr_buffers: there is no top level */
	bool is_instance;
	void *priv;
	struct replay_lanes *lanes;	/* NULL: not ready to be read */
	struct replay_merge *merge;	/* of read_next_data; NULL: not made yet */
	struct record_pool *pool;
	struct compat_cpu *cpus;
	int nr_cpus;
	struct tracecmd_filter filter;
	VEC(struct follower) followers;
	/* of a guest */
	struct tracecmd_input *host;	/* NULL: not mapped */
	struct tracecmd_cpu_map *maps;
	int nr_maps;
	/* of a host */
	VEC(struct tracecmd_input *) guests;
};

static inline struct dat_reader *compat_reader(const struct tracecmd_input *h)
{
	return replay_reader(h->file->replay, 0);
}

/* ---- compat_tell.c ---- */

/* To tep_vprint, for things told on the way and, with the errno set, for failures. */
void compat_tell(void *ctx, const char *text);
void compat_fail(const struct err *e);
/* 0, or -1 and EINVAL if there is no handle, or, @ready, none that can be read. */
int compat_need(const struct tracecmd_input *h, bool ready);

/* ---- compat_record.c: records in the hands of programs ---- */

struct record_pool *record_pool_new(void);	/* NULL: no memory */
/* It goes with the last record that is still out. */
void record_pool_free(struct record_pool *p);
/* A record of what was peeked last of its CPU. NULL: ENOMEM. */
struct tep_record *compat_record(struct tracecmd_input *h, const struct replay_record *rec);

/* ---- compat_read.c ---- */

/* The handle that the calling thread read last, if it is one of the file's. NULL: none. */
struct tracecmd_input *compat_reading(struct compat_file *f);
void compat_now_reading(struct tracecmd_input *h);
/* The record that was taken, or the peeked one in its place. */
struct tep_record *compat_taken(struct tracecmd_input *h, int cpu, const struct replay_record *rec);
/* Something else of that CPU, or of all, is read: what was peeked is not next any more. */
void compat_forget(struct tracecmd_input *h, int cpu);
void compat_forget_all(struct tracecmd_input *h);
/* The CPU whose record is the next of all; -1: none. */
int compat_next_cpu(struct tracecmd_input *h, const struct replay_record **ret);
/* All CPUs with data, tags are their numbers. 0 or -errno. */
int compat_merge_all(struct tracecmd_input *h, struct replay_merge *m, struct err *e);

/* ---- compat_graph.c ---- */

/* libtraceevent's handler of the function tracers' events; @file: struct compat_file. */
int compat_print(struct trace_seq *s, struct tep_record *record, struct tep_event *event,
		 void *file);

/* ---- compat_filter.c ---- */

bool compat_wants(struct tracecmd_input *h, const struct replay_record *rec);
void compat_filter_release(struct tracecmd_filter *f);
/* Calls those who follow; their results together. */
int compat_follow_missed(struct tracecmd_input *h, struct tep_record *r, int cpu);
int compat_follow_event(struct tracecmd_input *h, struct tep_record *r, int cpu);
static inline bool compat_filters(const struct tracecmd_input *h)
{
	return h->filter.want || h->filter.drop;
}

/* ---- compat_maps.c ---- */

/* Takes the handle out of others' hands. */
void compat_unmap(struct tracecmd_input *h);

#endif

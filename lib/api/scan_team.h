/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scan's columns read by several threads. The team's parts are scans, each of some
 * of the streams (a stream is a CPU of a buffer); each has a thread that fills batches ahead. The
 * caller's thread merges them: the row that comes next is the earliest of the parts'
 * next rows, of equal times that of the lower stream. Each part is merged so
 * itself, and what is earliest of the earliest is the same whatever the parts are.
 * A record before which time stepped back on its CPU comes right behind the later
 * one, whether that is selected or not: so a row's time is here the latest one of its part so far.
 */
#ifndef TRACECMD_API_SCAN_TEAM_H
#define TRACECMD_API_SCAN_TEAM_H

#include <pthread.h>

#include "api/scan.h"

#define TEAM_ROWS 4096			/* of a batch */
#define TEAM_BATCHES 4			/* of a part; memory is taken when they are filled */

/* Words that a part met in a batch. */
struct team_words { VEC(int32_t) ends; struct buf bytes; };

struct team_batch {
	struct tracecmd_values *v;	/* of the part's columns */
	struct team_words *words;	/* likewise */
	uint32_t rows;
	int rc;				/* 0 rows: why */
	struct err err;
	struct tracecmd_scan_facts facts;	/* of the part so far */
};

/* A part's words, and their numbers for the caller; -1: he has not met it. */
struct team_map { VEC(int32_t) ends; struct buf bytes; VEC(int32_t) codes; };

struct team_part {
	struct scan_team *team;
	struct tracecmd_scan *scan;
	pthread_t thread;
	bool threaded;			/* else the caller fills its batches */
	int *given;			/* by column: words that batches had */
	struct team_batch batches[TEAM_BATCHES];
	pthread_cond_t freed;
	/* under the lock */
	uint32_t filled, used;		/* batches so far */
	/* of the merge */
	struct team_batch *now;		/* the one that is used; NULL: the next one is to be taken */
	uint32_t at;			/* row in it */
	bool ended;
	struct team_map *maps;		/* by column */
	struct tracecmd_scan_facts facts;
};

struct scan_team {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	bool stop;			/* under the lock */
	bool started;
	unsigned nr;
	struct team_part *parts;
	size_t nr_columns;		/* the caller's; behind them SCAN_LATEST and SCAN_STREAM */
	int rc;				/* of a part that failed, and why */
	struct err err;
};

/* Makes the caller's columns of the parts' next rows. Rows, 0 when all have ended, -errno. */
int team_merge(struct tracecmd_scan *s, struct tracecmd_values *values, uint32_t max, struct err *e);
/* Sees to it that each part has a next row or has ended: 0 or -errno. */
int team_need_rows(struct tracecmd_scan *s, struct err *e);

#endif

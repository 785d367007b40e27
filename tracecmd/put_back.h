/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Putting the kernel back beside the making of the file. It takes the kernel
 * longer than writing 20 MB: after a change of the processes whose events are
 * recorded it waits for all CPUs to have passed several times (RCU), 30 to 50 ms.
 */
#ifndef TRACECMD_PUT_BACK_H
#define TRACECMD_PUT_BACK_H

#include <pthread.h>
#include <semaphore.h>

#include "command.h"
#include "kernel/kernel.h"

struct put_back {
	struct kernel *kernel;		/* NULL: not begun */
	pthread_t thread;
	sem_t decided;			/* whether the rest is to follow */
	bool rest;
	struct err e;
};

/* Tracing is off: begins with what the buffers can be read without. Fine if it cannot. */
void put_back_begin(struct put_back *p, struct kernel *k);
/* Nothing but the closing of files is asked of the kernel any more: goes on with the rest. */
void put_back_rest(struct put_back *p);
/* Waits for that, or for what has begun of it. Returns 0, or what could not be put back. */
int put_back_end(struct put_back *p, struct err *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --trigger: events that end or save a recording. They are switched on in an instance of their own,
 * with the kernel's filter, so nothing but what fires wakes us, and nothing of it is in the
 * trace.
 */
#ifndef TRACECMD_RECORD_TRIGGER_H
#define TRACECMD_RECORD_TRIGGER_H

#include "record/record.h"
#include "trace_options.h"

struct record_trigger {
	const struct trace_options *o;
	struct recording *rec;
	struct kernel_instance *in;
	int fd;				/* of the instance's events; -1: there are no triggers */
	uint64_t fired_ns;		/* monotonic_ns(); 0: not, or served */
	unsigned ticket;		/* of the part that was asked for last; 0: none */
	unsigned nr;			/* times it fired */
};

#define RECORD_TRIGGER_NONE ((struct record_trigger){ .fd = -1 })

/* Between kernel_setup_apply and tracing. Close in every case. 0, -errno. */
int record_trigger_open(struct record_trigger *t, const struct trace_options *o, struct err *e);
/* The recording that is to be ended or saved. */
void record_trigger_set(struct record_trigger *t, struct recording *rec);
void record_trigger_close(struct record_trigger *t);

/* To be polled for reading; -1: nothing. */
int record_trigger_fd(const struct record_trigger *t);
/* Milliseconds until record_trigger_serve is to be called at the latest; -1: not before the
 * descriptor says so. */
int record_trigger_wait_ms(const struct record_trigger *t);
/* Looks whether it fired, and does what is due. True: the recording shall end. */
bool record_trigger_serve(struct record_trigger *t);
/* The recording ends, whatever the reason: one that was to end it, and has fired, still says where the file begins. */
void record_trigger_end(struct record_trigger *t);

#endif

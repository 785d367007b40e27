/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stamps: what a trace clock shows at a moment. Markers are written to an instance of
 * its own and read back with the times the kernel gave them: there is no
 * other way to ask for most clocks.
 */
#ifndef TRACECMD_STAMPS_H
#define TRACECMD_STAMPS_H

#include "kernel/kernel.h"

struct stamps;
/*
 * Makes the instance "tracecmd-NAME-PID" with that clock ("": its default one). Up to @lanes threads use
 * it at once, each with a place for @slots times. @k has to stay; it is used here and by stamps_free
 * only, and kernel_undo removes the instance, too. 0, -errno, told.
 */
int stamps_new(struct kernel *k, const char *name, const char *clock, unsigned lanes, uint32_t slots,
	       struct stamps **ret, struct err *e);
/* Removes the instance. 0; -errno, told; @s is gone in every case. */
int stamps_free(struct stamps *s, struct err *e);

/* Forgets the lane's times. Its thread runs on @cpu from here on if it may; -1: where it does. 0, -errno, told. */
int stamps_begin(struct stamps *s, unsigned lane, int cpu, struct err *e);
/* Has the kernel note the time now. 0, -errno, told. */
int stamps_mark(struct stamps *s, unsigned lane, uint32_t slot, struct err *e);
/* The times of the lane by their slots, 0: none; its own, until stamps_begin. 0, -errno, told. */
int stamps_read(struct stamps *s, unsigned lane, const uint64_t **ret, struct err *e);

#endif

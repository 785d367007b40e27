/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A trace file to be read: one that is there, what a recording left that was not
 * finished or runs still, or standard input.
 */
#ifndef TRACECMD_INPUT_H
#define TRACECMD_INPUT_H

#include "command.h"
#include "dat/dat.h"

struct input {
	struct dat_reader *reader;	/* the caller's from now on */
	char *cut;			/* why and where it ends too early; NULL: it does not */
};

/*
 * Opens @path ("-": standard input, which may be a pipe). If there is no such
 * file, or it is none to be read, the spools of a recording into it are looked for;
 * "FILE.meta" means them alone. What the user should know is told through @notices.
 * Release in every case. 0, -errno.
 */
int input_open(const char *path, const struct notices *notices, struct input *ret, struct err *e);
void input_release(struct input *in);		/* not the reader */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be asked of a recording while it runs, through its control socket. */
#ifndef TRACECMD_RECORD_CONTROL_H
#define TRACECMD_RECORD_CONTROL_H

#include "control_server.h"
#include "progress.h"
#include "record_output.h"

struct record_control {
	struct control *socket;		/* NULL: none */
	struct kernel *kernel;
	const struct record_output *out;
	struct recording *rec;
	struct progress *progress;
};

/*
 * Listens. What the others point to must live until record_control_close; progress_begin
 * comes before the first command is served. A socket that cannot be made is told as a notice:
 * recording goes on without.
 */
void record_control_open(struct record_control *rc, const struct notices *notices);
/* The recording has ended, with @e (code 0: well). Fine if it was never opened. */
void record_control_close(struct record_control *rc, const struct err *e);

#endif

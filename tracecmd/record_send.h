/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record -N: what is recorded goes to a listener instead of a file. */
#ifndef TRACECMD_RECORD_SEND_H
#define TRACECMD_RECORD_SEND_H

#include "command.h"
#include "record/record.h"
#include "remote/remote.h"

/* Before tracing is on: agrees with the listener, sends the file's front, opens what data go by. 0, -errno. */
int record_send_begin(struct sender *s, struct recording *rec, struct err *e);
/* After recording_stop: the rest, and the farewell. 0, -errno. */
int record_send_end(struct sender *s, struct recording *rec, struct err *e);

#endif

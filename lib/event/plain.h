/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fields as libtraceevent shows them where a print format does not serve. */
#ifndef TRACECMD_EVENT_PLAIN_H
#define TRACECMD_EVENT_PLAIN_H

#include "event/event.h"

/* Appends " NAME=VALUE" for each of the event's own fields; what does not lie in the
 * record is left out. */
void plain_fields(const struct tep_event *event, const struct event_record *rec, struct buf *out);

#endif

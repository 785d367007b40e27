/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts of ftrace's own events that are made in this room. */
#ifndef TRACECMD_EVENT_BUILTIN_H
#define TRACECMD_EVENT_BUILTIN_H

#include "event/db.h"

/*
 * The text of an event with slot->builtin. False (and nothing appended) if
 * the record or its format does not have what the text needs: then it is
 * printed as any other event.
 */
bool builtin_text(struct event_ctx *ctx, struct event_slot *slot, const struct event_record *rec,
		  const struct event_next *next, struct buf *out);

/* Its parts: function_graph's entry and exit (graph.c). */
bool graph_entry_text(struct event_ctx *ctx, struct event_slot *slot, const struct event_record *rec,
		      const struct event_next *next, struct buf *out);
bool graph_exit_text(struct event_ctx *ctx, struct event_slot *slot, const struct event_record *rec,
		     struct buf *out);

/*
 * Whether libtraceevent can be let loose on a bprint record: no width in its
 * format or its arguments is endless (bprint.c).
 */
bool bprint_is_safe(struct event_db *db, const struct event_slot *slot,
		    const struct event_record *rec);

/* A field's value by name; false if there is none or the record is too short. */
bool builtin_field(const struct event_slot *slot, const char *name, const struct event_record *rec,
		   uint64_t *ret);

#endif

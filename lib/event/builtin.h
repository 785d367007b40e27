/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Texts that are made in this room instead of by libtraceevent's plugins or
 * print formats. Which one an event has is decided when it is parsed, by its
 * name and by the fields its format has.
 */
#ifndef TRACECMD_EVENT_BUILTIN_H
#define TRACECMD_EVENT_BUILTIN_H

#include "event/db.h"

/*
 * Sets slot->text and the places it works on, or leaves it NULL. The text is
 * asked for only when the record reaches to slot->text_end.
 */
void builtin_find(struct event_db *db, struct event_slot *slot);

/* The function graph's (graph.c). */
void graph_find(const struct event_db *db, struct event_slot *slot);
/* trace_bprintk's, where its format is of the usual kind (bprint.c). */
void bprint_find(struct event_slot *slot);
/* The texts of tables built in; @asked: only those that an option asks for (plugin_texts.c). */
void plugin_text_find(const struct event_db *db, struct event_slot *slot, bool asked);
/* ctx->asked, once for a ctx. */
void plugin_text_prepare(struct event_ctx *ctx);
/* What the loaded plugin @file prints, if it has tracecmd's entry. */
void plugin_text_find_of(struct event_slot *slot, const char *file);
/* That entry; NULL: it has none, or is not loaded. */
tracecmd_plugin_entry_fn plugin_entry(const char *file);

/* The options of tables as they are at first (plugin_options.c). */
void plugin_options_begin(struct event_db *db);
/* Off: what libtraceevent 1.7 does not print. */
void plugin_options_compat_31(struct event_db *db);
/* What was set must be an option of some plugin that was loaded: -EINVAL, with near matches. */
int plugin_options_check(struct event_db *db, struct err *e);

/*
 * Whether libtraceevent can be let loose on a bprint record: no width in its
 * format or its arguments is endless (bprint.c).
 */
bool bprint_is_safe(struct event_db *db, const struct event_slot *slot,
		    const struct event_record *rec);

/*
 * slot->at[nr] becomes the place of a number of 1, 2, 4 or 8 bytes; false if the
 * event has no such field.
 */
bool builtin_place(struct event_slot *slot, unsigned nr, const char *name);
/* A number at a place that the caller has seen to lie in the record. */
static inline uint64_t builtin_number(const struct event_db *db, struct event_place p,
				      const struct event_record *rec)
{
	uint64_t v = 0;

	get_uint((const uint8_t *)rec->data + p.offset, p.size, db->opts.big_endian, &v);
	return v;
}

#endif

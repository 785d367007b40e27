// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which text is made here; each kind has a file of its own. */
#include <dlfcn.h>

#include "event/builtin.h"

bool builtin_place(struct event_slot *slot, unsigned nr, const char *name)
{
	struct tep_format_field *f = tep_find_field(slot->event, name);

	if (!f || f->flags & TEP_FIELD_IS_ARRAY || f->offset < 0 ||
	    (f->size != 1 && f->size != 2 && f->size != 4 && f->size != 8))
		return false;
	slot->at[nr] = (struct event_place){ .offset = f->offset, .size = f->size };
	if ((uint32_t)f->offset + f->size > slot->text_end)
		slot->text_end = f->offset + f->size;
	return true;
}

/* ---- which -------------------------------------------------------------------------- */

void builtin_find(struct event_db *db, struct event_slot *slot)
{
	Dl_info handler;

	if (!slot->plugin)
		bprint_find(slot);
	if (slot->text || db->no_builtins || slot->no_handler)
		return;
	if (plugins_are_known(db, slot->event)) {
		plugin_text_find(db, slot, false);
		if (!slot->text && !strcmp(slot->pub.system, "ftrace"))
			graph_find(db, slot);
	} else if (!slot->event->handler) {
		plugin_text_find(db, slot, true);
	} else if (dladdr((void *)slot->event->handler, &handler) && handler.dli_fname) {
		plugin_text_find_of(slot, handler.dli_fname);
	}
}

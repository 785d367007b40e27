// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Definitions of dynamic events, and of user events with a record behind a NUL. What is taken gives
 * a line for the kernel that is taken again, for the same event.
 */
#include <stdlib.h>

#include "kernel/dynevent.h"
#include "kernel/user_event.h"

static void read_again(const struct kernel_dyn_def *def)
{
	AUTO_BUF struct buf line = { 0 }, again = { 0 };
	struct kernel_dyn_def same;
	struct err e = { 0 };

	/* a marker is the kernel's text once its place was looked up in the program */
	if (def->marker || kernel_dyn_text(def, &line))
		return;
	/* a chosen group makes it longer, and longer than what is read */
	if (kernel_dyn_parse(line.data, KERNEL_DYN_ANYWHERE, &same, &e)) {
		if (line.len < 4000)
			abort();
	} else if (same.type != def->type || kernel_dyn_text(&same, &again) || strcmp(line.data, again.data)) {
		abort();
	}
	kernel_dyn_def_release(&same);
}

static void user_event(const char *text, const void *record, size_t len)
{
	AUTO_BUF struct buf line = { 0 }, again = { 0 };
	struct kernel_user_def def, same = { 0 };
	struct err e = { 0 };

	if (!kernel_user_parse(text, &def, &e) && !kernel_user_text(&def, &line)) {
		if (kernel_user_parse(line.data, &same, &e) || (!kernel_user_text(&same, &again) && strcmp(line.data, again.data)) ||
		    same.size != def.size)
			abort();
		if (!kernel_user_check(&def, record, len, &e) && len < def.size)
			abort();
	}
	kernel_user_release(&same);
	kernel_user_release(&def);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_BUF struct buf text = { 0 };
	struct kernel_dyn_def def;
	struct err e = { 0 };

	if (buf_put(&text, data, len) || !text.data)
		return 0;
	user_event(text.data, text.data + strlen(text.data), text.len - strlen(text.data));
	if (!kernel_dyn_parse(text.data, KERNEL_DYN_ANYWHERE, &def, &e) && def.name)
		read_again(&def);
	kernel_dyn_def_release(&def);
	return 0;
}

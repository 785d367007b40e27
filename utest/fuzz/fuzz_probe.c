// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Definitions of dynamic events. What is taken gives a line for the kernel that is taken again,
 * for the same event.
 */
#include <stdlib.h>

#include "kernel/dynevent.h"

static void read_again(const struct kernel_dyn_def *def)
{
	AUTO_BUF struct buf line = { 0 }, again = { 0 };
	struct kernel_dyn_def same;
	struct err e = { 0 };

	if (kernel_dyn_text(def, &line))
		return;
	/* a chosen group makes it longer, and longer than what is read */
	if (kernel_dyn_parse(line.data, false, &same, &e)) {
		if (line.len < 4000)
			abort();
	} else if (same.type != def->type || kernel_dyn_text(&same, &again) || strcmp(line.data, again.data)) {
		abort();
	}
	kernel_dyn_def_release(&same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_BUF struct buf text = { 0 };
	struct kernel_dyn_def def;
	struct err e = { 0 };

	if (buf_put(&text, data, len) || !text.data)
		return 0;
	if (!kernel_dyn_parse(text.data, false, &def, &e) && def.name)
		read_again(&def);
	kernel_dyn_def_release(&def);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* record --probe: events that are made for the recording. */
#include <errno.h>

#include "trace_options.h"

int trace_probe_add(struct kernel_instance_setup *is, const char *text, struct err *e)
{
	struct kernel_dyn_def def;
	int r = kernel_dyn_parse(text, KERNEL_DYN_ANYWHERE, &def, e);

	if (!r && kernel_setup_probe(is, &def))
		return EXIT_OK;
	if (!r)
		r = err_errno(e, -ENOMEM, "cannot make a probe");
	else
		kernel_dyn_def_release(&def);
	err_wrap(e, "option --probe");
	return r == -EINVAL ? EXIT_USAGE : EXIT_FAILED;
}

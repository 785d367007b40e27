// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel/usdt.h"
#include "list_usdt.h"

static int print_marker(void *ctx, const struct usdt_marker *m)
{
	(void)ctx;
	out_printf("%s:%s 0x%llx ", m->provider, m->name, (unsigned long long)m->offset);
	if (m->semaphore)
		out_printf("counter=0x%llx", (unsigned long long)m->semaphore);
	else
		out_printf("counter=none");
	out_printf("%s%s\n", *m->args ? " " : "", m->args);
	return 0;
}

int list_usdt(const char *path, struct err *e)
{
	return usdt_each(path, print_marker, NULL, e) ? EXIT_FAILED : EXIT_OK;
}

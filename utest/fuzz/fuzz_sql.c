// SPDX-License-Identifier: GPL-2.0-or-later
/* SQL statements, fitted to the copy of a tracefs: a plan, or an error with its words. */
#include <stdlib.h>

#include "kernel/sql.h"

#define ROOT "utest/fixtures/tracefs"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct kernel *k;
	struct kernel_sql_plan plan;
	struct kernel_sql_ask ask = { .name = "fuzz" };
	AUTO_BUF struct buf text = { 0 };
	struct err e = { 0 };

	if (!k && kernel_open(ROOT, NULL, &k, &e))
		abort();		/* not run from the top of the tree */
	if (len < 1 || buf_put(&text, data + 1, len - 1) || !text.data)
		return 0;
	ask.text = text.data;
	ask.handler = *data & 1 ? "onmax" : NULL;
	ask.variable = "lat";
	ask.snapshot = *data & 2;
	ask.save = *data & 4 ? "prev_comm,next_pid" : NULL;
	if (!kernel_sql_plan(k, &ask, &plan, &e) != (plan.nr > 0) || (!plan.nr && !*e.text))
		abort();
	kernel_sql_plan_release(&plan);
	return 0;
}

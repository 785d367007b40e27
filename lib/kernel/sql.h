/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One SQL statement as what the kernel makes of it: a histogram of one event, or a synthetic event
 * that tells how two events followed each other (Documentation/trace/histogram.rst):
 *
 *	SELECT ITEM[, ITEM]... FROM EVENT [[AS] NAME] [JOIN EVENT [[AS] NAME] ON FIELD = FIELD[, ...]]
 *		[WHERE CONDITION]
 *
 * An item is a FIELD, "CAST(FIELD AS TYPE)", "A + B" or "A - B", the latter in parentheses or not, each
 * with "AS NAME" behind. Keywords are so in any case, and no keywords behind a '\'.
 */
#ifndef TRACECMD_KERNEL_SQL_H
#define TRACECMD_KERNEL_SQL_H

#include "base/base.h"
#include "kernel/kernel.h"

/* What is to be done beside the statement. */
struct kernel_sql_ask {
	const char *text;		/* the statement */
	const char *name;		/* of the synthetic event; NULL: "Anonymous" */
	const char *handler;		/* "onmax", "onchange"; NULL: each match */
	const char *variable;		/* the item whose maximum or change it is */
	bool trace, snapshot;		/* with a handler, neither nor @save: trace */
	const char *save;		/* fields of the second event, "a,b"; NULL: none */
};

struct kernel_sql_hist {
	char *system, *event;
	char *text;			/* "hist:keys=..." */
};
struct kernel_sql_plan {
	char *synth;			/* "s:NAME TYPE FIELD; ..."; NULL: none is needed */
	struct kernel_sql_hist hists[2];
	size_t nr;
};

/*
 * Reads the statement and fits it to the events of a kernel, which is not changed. Release in every
 * case. 0; -EINVAL, -ENOENT with a caret under the place and near matches; -ENOMEM; -errno.
 */
int kernel_sql_plan(struct kernel *k, const struct kernel_sql_ask *ask, struct kernel_sql_plan *ret,
		    struct err *e);
void kernel_sql_plan_release(struct kernel_sql_plan *plan);
/* Whether the statement has a JOIN, and so makes an event. */
bool kernel_sql_plan_joins(const struct kernel_sql_plan *plan);
/*
 * Makes it: all, or with kernel_undo after a failure nothing. Its histograms are the instance's. 0, or
 * -errno with the kernel's explanation.
 */
int kernel_sql_make(struct kernel_instance *in, const struct kernel_sql_plan *plan, struct err *e);

#endif

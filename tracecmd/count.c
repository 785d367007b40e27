// SPDX-License-Identifier: GPL-2.0-or-later
/* count: how often events happen, exactly, with nothing recorded. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "event/escape.h"
#include "kernel/counters.h"
#include "record_wait.h"

#define LOOK_MS 100
#define DRAIN_MS 20			/* the rings hold 2 MiB each */

enum { OPT_PER_CPU = 256, OPT_PER_TASK, OPT_JSON, OPT_MAX_TIME };

struct count {
	VEC(struct kernel_count_ask) asks;
	struct kernel_count_plan plan;
	bool all;			/* -a */
	bool json;
	const char *output;		/* -o; NULL: standard output */
	struct new_file file;
	uint64_t max_seconds;		/* 0: no limit */
	char **command;			/* NULL: until a signal */
	struct kernel *k;
	struct kernel_counters *counters;
	struct child_plan command_plan;
	struct child child;
	struct timespec end;
	struct err *e;
};

/* ---- counting ----------------------------------------------------------------------------- */

/* Now and then while waiting: true if the time is over, or nothing can be taken any more. */
static bool look(void *ctx)
{
	struct count *c = ctx;
	struct timespec now;

	if (kernel_counters_drain(c->counters, c->e))
		return true;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return c->max_seconds && (now.tv_sec > c->end.tv_sec ||
				  (now.tv_sec == c->end.tv_sec && now.tv_nsec >= c->end.tv_nsec));
}

static int wait_for_end(struct count *c, int signals)
{
	struct record_watch watch = { .tick = look, .ctx = c };
	struct watched none = { 0 };
	unsigned seen = 0;
	enum record_end why;

	if (c->plan.by == KERNEL_COUNT_BY_TASK)
		watch.tick_ms = DRAIN_MS;
	else if (c->max_seconds)
		watch.tick_ms = LOOK_MS;
	clock_gettime(CLOCK_MONOTONIC, &c->end);
	c->end.tv_sec += c->max_seconds;
	why = record_wait(&c->child, &none, signals, -1, &watch, &seen, c->e);
	if (c->e->code)
		return EXIT_FAILED;
	if (why == RECORD_END_COMMAND)
		return child_wait(&c->child);
	child_detach(&c->child);
	return EXIT_OK;
}

/* The exit status: the command's. */
static int run_and_count(struct count *c)
{
	sigset_t mask;
	int status = EXIT_FAILED, signals = stop_signals_take(&mask, c->e);

	if (signals < 0)
		return EXIT_FAILED;
	if ((!c->command || !child_fork(&c->child, &c->command_plan, &mask, NULL, NULL, c->e)) &&
	    !kernel_counters_start(c->counters, c->e) && (!c->command || !child_go(&c->child, c->e)))
		status = wait_for_end(c, signals);
	if (!c->e->code && kernel_counters_stop(c->counters, c->e))
		status = EXIT_FAILED;
	close(signals);
	return status;
}

/* ---- printing ----------------------------------------------------------------------------- */

static void put_row(const struct count *c, struct buf *b, const struct kernel_count *row)
{
	buf_printf(b, "%14" PRIu64 "%s", row->count, row->nanoseconds ? " ns  " : "  ");
	if (c->plan.by == KERNEL_COUNT_BY_CPU)
		row->cpu < 0 ? buf_puts(b, "     -  ") : buf_printf(b, "CPU %2d  ", row->cpu);
	buf_printf(b, "%s:%s", row->event.system, row->event.name);
	if (row->tid >= 0)
		buf_printf(b, "  %s-%d", *row->comm ? row->comm : "<...>", row->tid);
	else if (c->plan.by == KERNEL_COUNT_BY_TASK && row->count)
		buf_puts(b, "  (other tasks)");
	buf_puts(b, "\n");
}

static void put_json_row(const struct count *c, struct buf *b, const struct kernel_count *row)
{
	AUTO_BUF struct buf name = { 0 };

	buf_printf(&name, "%s:%s", row->event.system, row->event.name);
	buf_puts(b, "{\"event\":");
	put_quoted(b, name.data ? name.data : "", ESCAPE_JSON);
	if (c->plan.by == KERNEL_COUNT_BY_CPU)
		row->cpu < 0 ? buf_puts(b, ",\"cpu\":null") : buf_printf(b, ",\"cpu\":%d", row->cpu);
	if (row->tid >= 0) {
		buf_printf(b, ",\"tid\":%d,\"task\":", row->tid);
		put_quoted(b, row->comm, ESCAPE_JSON);
	} else if (c->plan.by == KERNEL_COUNT_BY_TASK) {
		buf_puts(b, ",\"tid\":null,\"task\":null");
	}
	buf_printf(b, ",\"%s\":%" PRIu64 "}\n", row->nanoseconds ? "nanoseconds" : "count", row->count);
	b->failed |= name.failed;
}

static int print(struct count *c, const struct kernel_counts *counts)
{
	AUTO_BUF struct buf text = { 0 };
	int r;

	/* of what a shell pattern means, that which happened */
	for (size_t i = 0; i < counts->nr; i++)
		if (counts->v[i].count || counts->v[i].named)
			(c->json ? put_json_row : put_row)(c, &text, &counts->v[i]);
	if (text.failed)
		return err_errno(c->e, -ENOMEM, "cannot print what was counted");
	if (!c->output)
		return out_put(text.data, text.len), 0;
	r = write_full(c->file.fd, text.data, text.len);
	return r ? err_errno(c->e, r, "cannot write '%s'", c->output) : new_file_commit(&c->file, c->e);
}

/* ---- command line --------------------------------------------------------------------------- */

static int add_filter(struct count *c, const char *filter)
{
	if (!c->asks.nr)
		return usage_error(c->e, "option -f %s comes before the -e that it is for", filter);
	if (c->asks.v[c->asks.nr - 1].filter)
		return usage_error(c->e, "a second -f for -e %s: join them with '&&'", c->asks.v[c->asks.nr - 1].pattern);
	c->asks.v[c->asks.nr - 1].filter = filter;
	return EXIT_OK;
}

static int add_event(struct count *c, const char *pattern)
{
	if (!*pattern)
		return usage_error(c->e, "option -e is empty");
	if (vec_push(&c->asks, (struct kernel_count_ask){ .pattern = pattern }))
		return err_errno(c->e, -ENOMEM, "cannot read the command line"), EXIT_FAILED;
	return EXIT_OK;
}

static int set_by(struct count *c, enum kernel_count_by by)
{
	if (c->plan.by != KERNEL_COUNT_BY_EVENT && c->plan.by != by)
		return usage_error(c->e, "options --per-cpu and --per-task exclude each other");
	c->plan.by = by;
	return EXIT_OK;
}

static const struct option long_options[] = {
	{ "per-cpu", no_argument, NULL, OPT_PER_CPU },
	{ "per-task", no_argument, NULL, OPT_PER_TASK },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "max-time", required_argument, NULL, OPT_MAX_TIME },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

static int take_option(struct count *c, int opt, char **argv)
{
	switch (opt) {
	case 'e':
		return add_event(c, optarg);
	case 'f':
		return add_filter(c, optarg);
	case 'a':
		c->all = true;
		return EXIT_OK;
	case 'o':
		c->output = optarg;
		return EXIT_OK;
	case OPT_PER_CPU:
		return set_by(c, KERNEL_COUNT_BY_CPU);
	case OPT_PER_TASK:
		return set_by(c, KERNEL_COUNT_BY_TASK);
	case OPT_JSON:
		c->json = true;
		return EXIT_OK;
	case OPT_MAX_TIME:
		if (parse_u64(optarg, &c->max_seconds) || !c->max_seconds || c->max_seconds > INT32_MAX)
			return usage_error(c->e, "option --max-time %s: no number of seconds", optarg);
		return EXIT_OK;
	}
	return option_refused(opt, argv, long_options, c->e);
}

static int take_options(struct count *c, int argc, char **argv)
{
	int opt, status;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+:e:f:ao:h", long_options, NULL)) != -1) {
		if (opt == 'h')
			return EXIT_HELP;
		status = take_option(c, opt, argv);
		if (status)
			return status;
	}
	if (optind < argc)
		c->command = argv + optind;
	if (!c->asks.nr)
		return usage_error(c->e, "nothing to count: option -e names the events");
	c->plan.of = c->command && !c->all ? KERNEL_COUNT_OURS : KERNEL_COUNT_ALL;
	c->plan.asks = c->asks.v;
	c->plan.nr_asks = c->asks.nr;
	return EXIT_OK;
}

/* All that can fail does so before the command runs. */
static int count(struct count *c)
{
	struct kernel_counts counts = { 0 };
	int status;

	if ((c->command && child_plan_make(&c->command_plan, c->command, NULL, c->e)) ||
	    (c->output && new_file_open(&c->file, c->output, c->e)) ||
	    kernel_open(NULL, &stderr_notices, &c->k, c->e) ||
	    kernel_counters_open(c->k, &c->plan, &c->counters, c->e))
		return EXIT_FAILED;
	status = run_and_count(c);
	if (c->e->code)
		return status;
	if (kernel_counters_read(c->counters, &counts, c->e) || print(c, &counts))
		status = EXIT_FAILED;
	vec_release(&counts);
	return status;
}

static int count_run(int argc, char **argv, struct err *e)
{
	struct count c = { .child = CHILD_NONE, .file.fd = -1, .e = e };
	int status = take_options(&c, argc, argv);

	if (!status)
		status = count(&c);
	new_file_discard(&c.file);
	kernel_counters_close(c.counters);
	child_release(&c.child);
	child_plan_release(&c.command_plan);
	kernel_close(c.k);
	vec_release(&c.asks);
	return status;
}

const struct command count_command = {
	.name = "count",
	.summary = "count events exactly, without recording them",
	.usage = "-e EVENT [-f FILTER] [options] [COMMAND [argument...]]",
	.help = "  -e EVENT        count it: as -e of record; may be given several times\n"
		"  -f FILTER       only where the event before fits\n"
		"  -a              what happens anywhere while COMMAND runs, not in it alone\n"
		"  --per-cpu       apart for each CPU\n"
		"  --per-task      apart for each task\n"
		"  --max-time N    end after N seconds\n"
		"  -o FILE         write the numbers to FILE, not to standard output\n"
		"  --json          for programs: a line for each number\n"
		"\nWithout COMMAND, what happens anywhere is counted until Ctrl-C. The kernel counts\n"
		"(perf_event_open): no event is lost, and tracing is left as it is.\n",
	.runs_command = true,
	.run = count_run,
};

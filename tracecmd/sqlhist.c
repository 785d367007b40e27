// SPDX-License-Identifier: GPL-2.0-or-later
/* sqlhist: histograms and synthetic events out of SQL. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command.h"
#include "kernel/sql.h"
#include "supervisor.h"

#define SQL_FILE_MAX (1u << 20)

struct sqlhist {
	struct kernel_sql_ask ask;
	bool execute;
	const char *file;		/* -f: "-" is standard input */
	const char *root;		/* -t */
	const char *instance;		/* -B */
	struct buf text;		/* the statement */
	struct kernel *k;
	struct kernel_instance *in;
	struct err *e;
};

/* ---- the commands that do it --------------------------------------------------- */

/* As one word of a shell. */
static void put_shell_word(struct buf *b, const char *word)
{
	buf_puts(b, "'");
	for (; *word; word++)
		if (*word == '\'')
			buf_puts(b, "'\\''");
		else
			buf_put(b, word, 1);
	buf_puts(b, "'");
}

static int print_command(struct sqlhist *q, struct kernel_instance *in, const char *text, const char *file)
{
	AUTO_BUF struct buf path = { 0 }, line = { 0 };

	buf_printf(&path, "%s%s%s/%s", kernel_root(q->k), in == kernel_top(q->k) ? "" : "/instances/",
		   kernel_instance_name(in), file);
	buf_puts(&line, "echo ");
	put_shell_word(&line, text);
	buf_puts(&line, " >> ");
	if (path.failed || line.failed)
		return err_errno(q->e, -ENOMEM, "cannot print the commands");
	if (strpbrk(path.data, " '\"$\\`*?[(){};&|<>~#"))
		put_shell_word(&line, path.data);
	else
		buf_puts(&line, path.data);
	if (buf_puts(&line, "\n"))
		return err_errno(q->e, -ENOMEM, "cannot print the commands");
	out_put(line.data, line.len);
	return 0;
}

static int print_plan(struct sqlhist *q, const struct kernel_sql_plan *plan)
{
	int r = plan->synth ? print_command(q, kernel_top(q->k), plan->synth, "dynamic_events") : 0;

	for (size_t i = 0; !r && i < plan->nr; i++) {
		AUTO_BUF struct buf file = { 0 };

		r = buf_printf(&file, "events/%s/%s/trigger", plan->hists[i].system, plan->hists[i].event) ?
		    err_errno(q->e, -ENOMEM, "cannot print the commands") :
		    print_command(q, q->in, plan->hists[i].text, file.data);
	}
	return r;
}

struct making {
	struct sqlhist *q;
	const struct kernel_sql_plan *plan;
};

static int make(void *ctx, struct err *e)
{
	const struct making *m = ctx;

	return kernel_sql_make(m->q->in, m->plan, e);
}

static int execute(struct sqlhist *q, const struct kernel_sql_plan *plan)
{
	struct making m = { q, plan };

	return supervisor_change(q->k, make, &m, q->e);
}

static int work(struct sqlhist *q)
{
	struct kernel_sql_plan plan;
	int r = kernel_sql_plan(q->k, &q->ask, &plan, q->e);

	if (!r && q->ask.name && !kernel_sql_plan_joins(&plan))
		notice(&stderr_notices, "option -n '%s' has no effect: without JOIN it is a histogram, not an event",
		       q->ask.name);
	if (!r && q->execute)
		r = execute(q, &plan);
	if (!r)
		r = print_plan(q, &plan);
	kernel_sql_plan_release(&plan);
	return r ? EXIT_FAILED : EXIT_OK;
}

/* ---- command line ------------------------------------------------------------------ */

static int take_handler(struct sqlhist *q, const char *handler)
{
	if (q->ask.handler && strcmp(q->ask.handler, handler))
		return usage_error(q->e, "options -m and -c exclude each other");
	q->ask.handler = handler;
	q->ask.variable = optarg;
	return EXIT_OK;
}

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

static int take_option(struct sqlhist *q, int opt, char **argv)
{
	switch (opt) {
	case 'n': q->ask.name = optarg; break;
	case 'e': q->execute = true; break;
	case 'f': q->file = optarg; break;
	case 't': q->root = optarg; break;
	case 'B': q->instance = optarg; break;
	case 'm': return take_handler(q, "onmax");
	case 'c': return take_handler(q, "onchange");
	case 's': q->ask.snapshot = true; break;
	case 'T': q->ask.snapshot = q->ask.trace = true; break;
	case 'S': q->ask.save = optarg; break;
	case 'h': return EXIT_HELP;
	default: return option_refused(opt, argv, long_options, q->e);
	}
	return EXIT_OK;
}

static int read_statement(struct sqlhist *q)
{
	int r = strcmp(q->file, "-") ? path_read_all(q->file, &q->text, SQL_FILE_MAX) :
				       fd_read_all(STDIN_FILENO, &q->text, SQL_FILE_MAX);

	if (!r)
		r = buf_puts(&q->text, "");
	if (r)
		err_errno(q->e, r, "cannot read SQL from '%s'", q->file);
	else if (memchr(q->text.data, 0, q->text.len))
		r = err_set(q->e, -EINVAL, "cannot read SQL from '%s': it is no text", q->file);
	return r ? EXIT_FAILED : EXIT_OK;
}

/* The words are joined: the statement need not be quoted as a whole. */
static int take_statement(struct sqlhist *q, int nr, char **words)
{
	if (q->file && nr)
		return usage_error(q->e, "with -f there is no statement on the command line: '%s'", words[0]);
	if (!q->file && !nr)
		return usage_error(q->e, "a statement is missing: 'SELECT ... FROM ...', or -f FILE");
	if (!q->ask.handler && (q->ask.snapshot || q->ask.save))
		return usage_error(q->e, "option -%s needs -m or -c: the item whose maximum or change it is for",
				   q->ask.save ? "S" : q->ask.trace ? "T" : "s");
	if (q->file)
		return read_statement(q);
	for (int i = 0; i < nr; i++)
		buf_printf(&q->text, "%s%s", i ? " " : "", words[i]);
	return q->text.failed ? err_errno(q->e, -ENOMEM, "cannot read the command line"), EXIT_FAILED : EXIT_OK;
}

static int take_options(struct sqlhist *q, int argc, char **argv)
{
	int opt, status = EXIT_OK;

	optind = 0;
	opterr = 0;
	while (!status && (opt = getopt_long(argc, argv, ":n:ef:t:B:m:c:sTS:h", long_options, NULL)) != -1)
		status = take_option(q, opt, argv);
	return status ? status : take_statement(q, argc - optind, argv + optind);
}

static int sqlhist_run(int argc, char **argv, struct err *e)
{
	struct sqlhist q = { .instance = "", .e = e };
	int status = take_options(&q, argc, argv);

	q.ask.text = q.text.data;
	if (!status && (kernel_open(q.root, &stderr_notices, &q.k, e) ||
			kernel_instance_get(q.k, q.instance, false, &q.in, e)))
		status = EXIT_FAILED;
	if (!status)
		status = work(&q);
	buf_release(&q.text);
	kernel_close(q.k);
	return status;
}

const struct command sqlhist_command = {
	.name = "sqlhist",
	.summary = "make histograms and synthetic events out of SQL",
	.usage = "[-e] [-n NAME] [-B INSTANCE] [-t DIR] [-m ITEM | -c ITEM] [-s] [-T] [-S FIELD[,FIELD]...]\n"
		 "       'SQL' | -f FILE",
	.help = "  -e         do it; without it, the commands that would do it are printed\n"
		"  -n NAME    of the synthetic event; default: Anonymous\n"
		"  -f FILE    read the SQL from this file; '-': from standard input\n"
		"  -t DIR     a tracefs, or the copy of one\n"
		"  -B NAME    histograms of this instance\n"
		"  -m ITEM    with JOIN: not at each match, but when this item has a new maximum\n"
		"  -c ITEM    the same when it changes\n"
		"  -s         then take a snapshot instead of writing the event\n"
		"  -T         take a snapshot, and write the event\n"
		"  -S FIELDS  save these fields of the second event in the histogram\n"
		"\nSELECT FIELD | CAST(FIELD AS TYPE) | FIELD - FIELD | FIELD + FIELD [AS NAME], ...\n"
		"FROM EVENT [AS NAME] [JOIN EVENT [AS NAME] ON FIELD = FIELD, ...] [WHERE CONDITION]\n"
		"\nWithout JOIN it is a histogram ('tracecmd trigger show'), with it an event that the second\n"
		"of two events makes (record -e NAME). TYPE: _COUNTER_, hex, sym, sym-offset, syscall,\n"
		"execname, log2, buckets=SIZE. Beside fields there are TIMESTAMP, TIMESTAMP_USECS,\n"
		"TIMESTAMP_DELTA, TIMESTAMP_DELTA_USECS, STACKTRACE.\n",
	.on_kernel = true,
	.run = sqlhist_run,
};

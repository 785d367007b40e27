// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command.h"
#include "include/tracecmd.h"
#include "notes.h"

const struct command *const commands[] = {
	&record_command,
	&control_command,
	&extract_command,
	&stream_command,
	&start_command,
	&set_command,
	&stop_command,
	&restart_command,
	&reset_command,
	&clear_command,
	&show_command,
	&snapshot_command,
	&stat_command,
	&list_command,
	&probe_command,
	&trigger_command,
	&sqlhist_command,
	&count_command,
	&user_event_command,
	&doctor_command,
	&report_command,
	&convert_command,
	&restore_command,
	&attach_command,
	&dump_command,
	&listen_command,
	&agent_command,
	&setup_guest_command,
	&collect_command,
	NULL
};

static void print_notice(void *ctx, const char *text)
{
	(void)ctx;
	out_message(text);
}

const struct notices stderr_notices = { .fn = print_notice };

int usage_error(struct err *e, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(e, -EINVAL, "%s", text);
	return EXIT_USAGE;
}

int verbose_level(const char *arg, uint64_t *level, struct err *e)
{
	static const char *const levels[] = { "none", "crit", "err", "warn", "info", "debug", "all" };
	uint64_t n;

	if (!arg)
		return EXIT_OK;
	if (parse_u64(arg, &n))
		for (n = 0; n < ARRAY_SIZE(levels); n++)
			if (!strncmp(arg, levels[n], strlen(levels[n])))
				break;
	if (n >= ARRAY_SIZE(levels))
		return usage_error(e, "option --verbose: '%s' is no level; there are none, crit, err, "
				   "warn, info, debug, all", arg);
	*level = n;
	return EXIT_OK;
}

/* "add, list or del" */
static void put_names(struct buf *b, const char *const *names, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		buf_printf(b, "%s%s", !i ? "" : i + 1 < nr ? ", " : " or ", names[i]);
}

size_t take_action(int argc, char **argv, const char *const *names, size_t nr, struct err *e)
{
	AUTO_BUF struct buf all = { 0 };
	struct near near;

	for (size_t i = 0; argc > 1 && i < nr; i++)
		if (!strcmp(argv[1], names[i]))
			return i;
	put_names(&all, names, nr);
	if (argc < 2) {
		usage_error(e, "what to do is missing: %s", all.failed ? "" : all.data);
		return nr;
	}
	near_init(&near, argv[1]);
	for (size_t i = 0; i < nr; i++)
		near_try(&near, names[i]);
	usage_error(e, "'%s' is nothing that '%s' does: that is %s", argv[1], argv[0], all.failed ? "" : all.data);
	near_hint(&near, e);
	return nr;
}

void option_near(const char *word, const struct option *longs, struct err *e)
{
	struct near near;

	near_init(&near, word + strspn(word, "-"));
	for (; longs->name; longs++)
		near_try(&near, longs->name);
	near_hint(&near, e);
}

int option_refused(int opt, char **argv, const struct option *longs, struct err *e)
{
	const char *word = argv[optind - 1];

	if (opt == ':')
		return optopt < 128 && optopt > ' ' ?
			usage_error(e, "option -%c needs a value", optopt) :
			usage_error(e, "option %s needs a value", word);
	if (optopt < 128 && optopt > ' ')
		return usage_error(e, "there is no option -%c", optopt);
	usage_error(e, "there is no option '%s'", word);
	option_near(word, longs, e);
	return EXIT_USAGE;
}

static void print_help(void)
{
	out_printf("tracecmd: record and replay what the Linux kernel does\n\n"
		   "usage: tracecmd COMMAND [options]\n\ncommands:\n");
	for (unsigned i = 0; commands[i]; i++)
		out_printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	out_printf("\n'tracecmd COMMAND --help' tells a command's options; "
		   "'tracecmd --version' the version.\n");
}

static void print_command_help(const struct command *c)
{
	out_printf("usage: tracecmd %s %s\n\n%s\n\n%s", c->name, c->usage, c->summary, c->help);
}

static const struct command *find_command(const char *name, struct err *e)
{
	struct near near;

	near_init(&near, name);
	for (unsigned i = 0; commands[i]; i++) {
		if (!strcmp(commands[i]->name, name))
			return commands[i];
		near_try(&near, commands[i]->name);
	}
	err_set(e, -EINVAL, "there is no command '%s'", name);
	near_hint(&near, e);
	err_hint(e, "'tracecmd --help' lists the commands");
	return NULL;
}

static bool is_help(const char *arg)
{
	return !strcmp(arg, "-h") || !strcmp(arg, "--help");
}

static bool is_version(const char *arg)
{
	return !strcmp(arg, "--version");
}

/* Whether the command's line holds such a word, wherever that is no other command's. */
static bool asks(const struct command *c, int argc, char **argv, bool (*is)(const char *arg))
{
	int end = c->runs_command && argc > 3 ? 3 : argc;

	for (int i = 2; i < end && strcmp(argv[i], "--"); i++)
		if (is(argv[i]))
			return true;
	return false;
}

static void print_version(void)
{
	out_printf("tracecmd %s\n", tracecmd_version());
}

static int run(int argc, char **argv, struct err *e)
{
	const struct command *c;
	int status;

	if (argc < 2) {
		print_help();
		return EXIT_USAGE;
	}
	if (is_help(argv[1]) || (!strcmp(argv[1], "help") && argc == 2)) {
		print_help();
		return EXIT_OK;
	}
	if (is_version(argv[1]) || !strcmp(argv[1], "version")) {
		print_version();
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "help")) {
		c = find_command(argv[2], e);
		if (!c)
			return EXIT_USAGE;
		print_command_help(c);
		return EXIT_OK;
	}
	c = find_command(argv[1], e);
	if (!c)
		return EXIT_USAGE;
	if (asks(c, argc, argv, is_help)) {
		print_command_help(c);
		return EXIT_OK;
	}
	if (!c->own_version && asks(c, argc, argv, is_version)) {
		print_version();
		return EXIT_OK;
	}
	if (c->on_kernel && !(argc == 3 && !strcmp(argv[2], "--recover")))
		notes_tell();
	status = c->run(argc - 1, argv + 1, e);
	if (status == EXIT_HELP) {
		print_command_help(c);
		return EXIT_OK;
	}
	if (status == EXIT_VERSION) {
		print_version();
		return EXIT_OK;
	}
	if (status == EXIT_USAGE && e->code)
		err_hint(e, "see 'tracecmd %s --help'", c->name);
	return status;
}

/* What is closed would be a file of ours otherwise: what is written there fails, and commands see it closed. */
static void fill_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null", (fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	int status;

	fill_standard();
	signal(SIGXFSZ, SIG_IGN);	/* a file that may not grow is a disk that is full */
	status = run(argc, argv, &e);
	if (e.code) {
		out_message(e.text);
		if (!status)
			status = EXIT_FAILED;
	}
	e.code = 0;
	if (out_finish(&e) < 0) {
		out_message(e.text);
		if (!status)
			status = EXIT_FAILED;
	}
	return status;
}

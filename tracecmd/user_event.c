// SPDX-License-Identifier: GPL-2.0-or-later
/* user-event: events that programs write, listed, made, removed, and written by scripts. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "command.h"
#include "event/escape.h"
#include "kernel/dynevent.h"
#include "kernel/setup.h"
#include "kernel/user_event.h"

enum { OPT_JSON = 256, OPT_MULTI };

enum action { LIST, STATUS, REGISTER, DELETE, WRITE, NR_ACTIONS };

#define BIT(action) (1u << (action))
/* Processes that may hold an event: as many as one reads. */
#define PROCESSES_MAX 8

static const char *const action_names[NR_ACTIONS] = {
	[LIST] = "list", [STATUS] = "status", [REGISTER] = "register", [DELETE] = "delete", [WRITE] = "write",
};

struct user_event {
	enum action action;
	bool json, quiet;
	unsigned flags;			/* KERNEL_USER_* */
	char **words;			/* behind the options */
	size_t nr_words;
	struct kernel *k;
	struct kernel_user_events all;
	struct kernel_user_def def;
	struct buf record;
	int fd;
	struct err *e;
};

/* ---- list, status ------------------------------------------------------------- */

/* Words are names, with or without "user_events:". */
static bool is_chosen(const struct user_event *u, const struct kernel_user_event *ev)
{
	AUTO_BUF struct buf full = { 0 };

	if (buf_printf(&full, "%s:%s", ev->system, ev->name))
		return false;
	for (size_t i = 0; i < u->nr_words; i++)
		if (!strcmp(u->words[i], ev->name) || !strcmp(u->words[i], ev->base) || !strcmp(u->words[i], full.data))
			return true;
	return !u->nr_words;
}

static void put_member(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, "\"%s\":", name);
	put_quoted(b, text, ESCAPE_JSON);
}

/* "ftrace, perf"; of JSON in quotes. */
static void put_listeners(const struct kernel_user_event *ev, const char *quote, struct buf *b)
{
	const struct {
		bool on;
		const char *name;
	} all[] = { { ev->ftrace, "ftrace" }, { ev->perf, "perf" }, { ev->other, "other" } };
	size_t nr = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].on)
			buf_printf(b, "%s%s%s%s", nr++ ? ", " : "", quote, all[i].name, quote);
}

/* What makes ftrace listen: instances where it is on, triggers. */
static int put_users(struct user_event *u, const struct kernel_user_event *ev, struct buf *b)
{
	const struct kernel_dyn_event dyn = { KERNEL_DYN_USER, ev->system, ev->name, "" };
	struct kernel_words users = { 0 };
	int r = ev->ftrace ? kernel_dyn_users(u->k, &dyn, &users, u->e) : 0;

	for (size_t i = 0; i < users.nr; i++) {
		buf_puts(b, i || !u->json ? ", " : "");
		if (u->json)
			put_quoted(b, users.v[i], ESCAPE_JSON);
		else
			buf_puts(b, users.v[i]);
	}
	kernel_words_release(&users);
	return r;
}

static int put_json(struct user_event *u, const struct kernel_user_event *ev, struct buf *b)
{
	int r = 0;

	buf_puts(b, " {");
	put_member(b, "system", ev->system);
	buf_puts(b, ",");
	put_member(b, "name", ev->name);
	buf_puts(b, ",");
	put_member(b, "fields", ev->fields);
	buf_puts(b, ",\"listeners\":[");
	put_listeners(ev, "\"", b);
	buf_puts(b, "]");
	if (u->action == STATUS) {
		buf_puts(b, ",\"users\":[");
		r = put_users(u, ev, b);
		buf_puts(b, "]");
	}
	buf_puts(b, "}");
	return r;
}

static int put_text(struct user_event *u, const struct kernel_user_event *ev, struct buf *b)
{
	int r = 0;

	buf_printf(b, "%s:%s", ev->system, ev->name);
	if (u->action == LIST) {
		buf_printf(b, "%s%s", *ev->fields ? " " : "", ev->fields);
	} else if (ev->ftrace || ev->perf || ev->other) {
		buf_puts(b, ": ");
		put_listeners(ev, "", b);
		r = put_users(u, ev, b);
	} else {
		buf_puts(b, ": nobody listens");
	}
	buf_puts(b, "\n");
	return r;
}

static int no_such_event(struct user_event *u, const char *name)
{
	struct near near;

	err_set(u->e, -ENOENT, "there is no user event '%s'", name);
	near_init(&near, name);
	for (size_t i = 0; i < u->all.nr; i++)
		near_try(&near, u->all.v[i].name);
	near_hint(&near, u->e);
	err_hint(u->e, "'tracecmd user-event list' lists them");
	return EXIT_FAILED;
}

static int read_all(struct user_event *u)
{
	int r = kernel_open(NULL, &stderr_notices, &u->k, u->e);

	if (!r)
		r = kernel_user_list(u->k, &u->all, u->e);
	return r ? EXIT_FAILED : EXIT_OK;
}

static int list(struct user_event *u)
{
	AUTO_BUF struct buf out = { 0 };
	size_t nr = 0;

	if (read_all(u))
		return EXIT_FAILED;
	for (size_t i = 0; i < u->all.nr; i++) {
		if (!is_chosen(u, &u->all.v[i]))
			continue;
		if (u->json)
			buf_puts(&out, nr ? ",\n" : "[\n");
		nr++;
		if (u->json ? put_json(u, &u->all.v[i], &out) : put_text(u, &u->all.v[i], &out))
			return EXIT_FAILED;
	}
	if (!nr && u->nr_words)
		return no_such_event(u, u->words[0]);
	if (u->json)
		buf_puts(&out, nr ? "\n]\n" : "[]\n");
	if (out.failed)
		return err_errno(u->e, -ENOMEM, "cannot list the user events"), EXIT_FAILED;
	out_put(out.data, out.len);
	return EXIT_OK;
}

/* ---- register, delete ------------------------------------------------------------ */

/* Words that are one definition, or the beginning of one: those without '=' in them. */
static int parse_definition(struct user_event *u, size_t nr)
{
	AUTO_BUF struct buf text = { 0 };

	for (size_t i = 0; i < nr; i++)
		buf_printf(&text, "%s%s", i ? " " : "", u->words[i]);
	if (text.failed)
		return err_errno(u->e, -ENOMEM, "cannot read the command line"), EXIT_FAILED;
	return kernel_user_parse(text.data, &u->def, u->e) ? EXIT_FAILED : EXIT_OK;
}

/* tracefs is mounted if need be. Whoever may write events need not be allowed to look. */
static int open_data(struct user_event *u)
{
	if (!u->k)
		kernel_open(NULL, &stderr_notices, &u->k, NULL);
	u->fd = kernel_user_open(NULL, u->e);
	return u->fd < 0 ? EXIT_FAILED : EXIT_OK;
}

/* The bit is this process's, which ends; the event stays. */
static int make(struct user_event *u)
{
	uint32_t enabled = 0, index;
	int status = parse_definition(u, u->nr_words);

	if (!status)
		status = open_data(u);
	if (!status && kernel_user_register(u->fd, &u->def, u->flags | KERNEL_USER_PERSIST, &enabled, &index, u->e))
		status = EXIT_FAILED;
	if (!status)
		kernel_user_unregister(u->fd, &enabled, NULL);
	return status;
}

/* Who may hold it: where it is on, and programs that have any user event. */
static void explain_busy(struct user_event *u, const char *name)
{
	struct kernel_words users = { 0 }, processes = { 0 };

	for (size_t i = 0; i < u->all.nr; i++) {
		const struct kernel_user_event *ev = &u->all.v[i];
		const struct kernel_dyn_event dyn = { KERNEL_DYN_USER, ev->system, ev->name, "" };

		if (strcmp(ev->base, name))
			continue;
		kernel_dyn_users(u->k, &dyn, &users, NULL);
		if (ev->perf)
			err_hint(u->e, "perf listens");
	}
	for (size_t i = 0; i < users.nr; i++)
		err_hint(u->e, "%s", users.v[i]);
	kernel_user_processes(PROCESSES_MAX, &processes);
	for (size_t i = 0; i < processes.nr; i++)
		err_hint(u->e, "process %s has user events", processes.v[i]);
	kernel_words_release(&users);
	kernel_words_release(&processes);
}

/* "user_events:NAME" is what is recorded; the kernel removes by the name that was registered. */
static const char *registered_name(const char *word)
{
	size_t len = strlen(KERNEL_USER_SYSTEM);

	return strncmp(word, KERNEL_USER_SYSTEM, len) || word[len] != ':' ? word : word + len + 1;
}

/* Before any is removed, where this user may look. */
static int check_names(struct user_event *u)
{
	if (!u->k || kernel_user_list(u->k, &u->all, NULL))
		return EXIT_OK;
	for (size_t i = 0; i < u->nr_words; i++) {
		const char *name = registered_name(u->words[i]);
		const struct kernel_user_event *format = NULL;
		bool found = false;

		for (size_t j = 0; j < u->all.nr; j++) {
			found |= !strcmp(u->all.v[j].base, name);
			if (!strcmp(u->all.v[j].name, name))
				format = &u->all.v[j];
		}
		if (!found && format)
			return err_set(u->e, -EINVAL, "'%s' is one of several formats, which are removed together: by the name '%s'",
				       name, format->base), EXIT_FAILED;
		if (!found)
			return no_such_event(u, u->words[i]);
	}
	return EXIT_OK;
}

/* Of several formats the kernel removes some before it comes to one in use: whoever listens is looked at before. */
static int delete_one(struct user_event *u, const char *name)
{
	for (size_t i = 0; i < u->all.nr; i++) {
		const struct kernel_user_event *ev = &u->all.v[i];

		if (!strcmp(ev->base, name) && (ev->ftrace || ev->perf || ev->other))
			return err_set(u->e, -EBUSY, "user event '%s' is in use", name);
	}
	return kernel_user_delete(u->fd, name, u->e);
}

/* One that stays does not keep the others; all that fail are told, the last as the command's failure. */
static int delete(struct user_event *u)
{
	AUTO_BUF struct buf removed = { 0 };
	int status = open_data(u);

	if (!status)
		status = check_names(u);
	if (status)
		return status;
	for (size_t i = 0; i < u->nr_words; i++) {
		const char *name = registered_name(u->words[i]);
		struct err earlier = *u->e;
		int r = delete_one(u, name);

		if (!r) {
			buf_printf(&removed, "%s'%s'", removed.len ? ", " : "", name);
			continue;
		}
		if (status)
			notice(&stderr_notices, "%s", earlier.text);
		if (r == -EBUSY)
			explain_busy(u, name);
		status = EXIT_FAILED;
	}
	if (status && removed.len && !removed.failed)
		err_hint(u->e, "removed: %s", removed.data);
	return status;
}

/* ---- write ------------------------------------------------------------------------ */

/* A lone name is that of an event that is there: its fields are the kernel's. */
static int find_definition(struct user_event *u, const char *name)
{
	AUTO_BUF struct buf text = { 0 };

	if (read_all(u))
		return EXIT_FAILED;
	for (size_t i = 0; i < u->all.nr; i++) {
		const struct kernel_user_event *ev = &u->all.v[i];

		if (strcmp(ev->name, name))
			continue;
		if (strcmp(ev->name, ev->base))
			u->flags |= KERNEL_USER_MULTI_FORMAT;
		if (buf_printf(&text, "%s %s", ev->base, ev->fields))
			return err_errno(u->e, -ENOMEM, "cannot write a user event"), EXIT_FAILED;
		return kernel_user_parse(text.data, &u->def, u->e) ? EXIT_FAILED : EXIT_OK;
	}
	return no_such_event(u, name);
}

/* The kernel drops what does not fit, and does not tell. */
static int check_size(struct user_event *u)
{
	uint32_t subbuf;

	if (!u->k || kernel_instance_subbuf_size(kernel_top(u->k), &subbuf, NULL) || u->record.len + 40 <= subbuf)
		return EXIT_OK;
	err_set(u->e, -EMSGSIZE, "user event '%s': the record has %zu bytes; a sub-buffer of the kernel takes %u",
		u->def.name, u->record.len, subbuf - 40);
	return EXIT_FAILED;
}

static int write_record(struct user_event *u)
{
	uint32_t enabled = 0, index;
	struct iovec parts[] = {
		{ &index, sizeof(index) }, { u->record.data, u->record.len },
	};
	bool listens;
	int r = kernel_user_register(u->fd, &u->def, u->flags, &enabled, &index, u->e);

	if (r)
		return EXIT_FAILED;
	listens = *(volatile uint32_t *)&enabled & 1;
	r = listens && writev(u->fd, parts, ARRAY_SIZE(parts)) < 0 ? -errno : 0;
	kernel_user_unregister(u->fd, &enabled, NULL);
	/* also what it says of an event nobody listens to any more */
	if (r && r != -EBADF)
		return err_errno(u->e, r, "cannot write user event '%s'", u->def.name), EXIT_FAILED;
	if ((r || !listens) && !u->quiet)
		notice(&stderr_notices, "nobody listens to '%s': nothing was written", u->def.name);
	return EXIT_OK;
}

/* "NAME FIELD=VALUE ...", or "NAME TYPE FIELD; ..." as one word or several, and values behind. */
static int write_event(struct user_event *u)
{
	size_t nr = 0;
	int status;

	while (nr < u->nr_words && !strchr(u->words[nr], '='))
		nr++;
	if (!nr)
		return usage_error(u->e, "'user-event write' needs an event in front of '%s'", u->words[0]);
	status = nr == 1 && !strpbrk(u->words[0], " \t") ? find_definition(u, u->words[0]) : parse_definition(u, nr);
	if (!status && kernel_user_record(&u->def, u->words + nr, u->nr_words - nr, &u->record, u->e))
		status = EXIT_FAILED;
	if (!status && kernel_user_check(&u->def, u->record.data, u->record.len, u->e))
		status = EXIT_FAILED;
	if (!status)
		status = open_data(u);
	if (!status)
		status = check_size(u);
	return status ? status : write_record(u);
}

/* ---- command line ------------------------------------------------------------------ */

static const struct option long_options[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "multi-format", no_argument, NULL, OPT_MULTI },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

static int check_use(struct user_event *u, int opt)
{
	static const struct {
		int opt;
		const char *name;
		unsigned actions;
	} uses[] = {
		{ OPT_JSON, "--json", BIT(LIST) | BIT(STATUS) }, { OPT_MULTI, "--multi-format", BIT(REGISTER) | BIT(WRITE) },
		{ 'q', "-q", BIT(WRITE) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (uses[i].opt == opt && !(uses[i].actions & BIT(u->action)))
			return usage_error(u->e, "option %s has no effect with 'user-event %s'", uses[i].name,
					   action_names[u->action]);
	return EXIT_OK;
}

/* A value may begin with '-': options stand in front of the first word. */
static int take_options(struct user_event *u, int argc, char **argv)
{
	int opt, status = EXIT_OK;

	optind = 0;
	opterr = 0;
	while (!status && (opt = getopt_long(argc, argv, "+:qh", long_options, NULL)) != -1) {
		status = check_use(u, opt);
		if (status)
			break;
		switch (opt) {
		case 'h': return EXIT_HELP;
		case OPT_JSON: u->json = true; break;
		case OPT_MULTI: u->flags |= KERNEL_USER_MULTI_FORMAT; break;
		case 'q': u->quiet = true; break;
		default: status = option_refused(opt, argv, long_options, u->e);
		}
	}
	u->words = argv + optind;
	u->nr_words = argc - optind;
	if (!status && !u->nr_words && u->action >= REGISTER)
		status = usage_error(u->e, "'user-event %s' needs %s", action_names[u->action],
				     u->action == DELETE ? "a name" : "a definition: 'NAME TYPE FIELD; TYPE FIELD ...'");
	return status;
}

static int user_event_run(int argc, char **argv, struct err *e)
{
	static int (*const actions[NR_ACTIONS])(struct user_event *u) = {
		[LIST] = list, [STATUS] = list, [REGISTER] = make, [DELETE] = delete, [WRITE] = write_event,
	};
	struct user_event u = { .fd = -1, .e = e };
	int status = EXIT_USAGE;

	u.action = take_action(argc, argv, action_names, NR_ACTIONS, e);
	if (u.action < NR_ACTIONS)
		status = take_options(&u, argc - 1, argv + 1);
	if (!status)
		status = actions[u.action](&u);
	cleanup_close(&u.fd);
	buf_release(&u.record);
	kernel_user_release(&u.def);
	kernel_user_events_release(&u.all);
	kernel_close(u.k);
	return status;
}

const struct command user_event_command = {
	.name = "user-event",
	.summary = "events of programs: list, make, remove, and write them",
	.usage = "list|status [--json] [NAME]...\n"
		 "       tracecmd user-event register [--multi-format] DEFINITION\n"
		 "       tracecmd user-event delete NAME...\n"
		 "       tracecmd user-event write [--multi-format] [-q] NAME|DEFINITION [FIELD=VALUE]...",
	.help = "  --json          for programs\n"
		"  --multi-format  others may have the name with other fields (Linux 6.10)\n"
		"  -q, --quiet     do not tell if nobody listens\n"
		"\nlist shows fields, status who listens. A DEFINITION is NAME [TYPE FIELD; ...], as in\n"
		"  'app_request u32 id; char[16] user; __rel_loc char[] path'\n"
		"with the types u8 ... s64, int, char, char[N], __rel_loc TYPE[] (of char a string),\n"
		"__data_loc TYPE[], struct WORD FIELD SIZE. What is registered stays until it is\n"
		"deleted. write emits an event that is there, or makes it for the moment:\n"
		"  tracecmd user-event write app_request id=7 user=me path=/tmp/x\n"
		"'tracecmd record -e user_events:NAME' records them.\n",
	.on_kernel = true,
	.run = user_event_run,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* control: asks a recording that runs to do something, by its control socket. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control_server.h"

#define LOOK_S 2			/* for the answer of one that may be meant */
#define FULL_NS UINT64_C(2000000000)	/* for a place at one that speaks with others */
#define FULL_PAUSE_MS 20
#define END_S 300			/* for the end of one that was stopped: it may have thousands of things to put back */

/* ---- talking ----------------------------------------------------------------- */

/* A descriptor or -errno. */
static int connect_to(pid_t pid)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	control_path(pid, addr.sun_path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

/* Reads up to the line end, which is left out. 0; -EPIPE: none came; -errno. */
static int read_line(int fd, struct buf *line)
{
	char byte;

	while (line->len < CONTROL_ANSWER_MAX) {
		ssize_t n = recv(fd, &byte, 1, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EPIPE;
		if (byte == '\n')
			return 0;
		if (buf_put(line, &byte, 1))
			return -ENOMEM;
	}
	return -EMSGSIZE;
}

/* One command, one answer. 0 also if that is an error. */
static int ask(int fd, const char *command, struct buf *answer)
{
	struct buf line AUTO_BUF = { 0 };
	ssize_t n;

	buf_puts(&line, command);
	if (buf_puts(&line, "\n"))
		return -ENOMEM;
	n = send(fd, line.data, line.len, MSG_NOSIGNAL);
	/* one that is full answers without reading */
	if (n != (ssize_t)line.len && (n >= 0 || errno != EPIPE))
		return n < 0 ? -errno : -EMSGSIZE;
	return read_line(fd, answer);
}

/* Whether an answer is "@what" or "@what TEXT": that text, or NULL. */
static const char *text_behind(const struct buf *answer, const char *what)
{
	size_t len = strlen(what);
	const char *text = answer->data;

	if (!text || strncmp(text, what, len) || (text[len] && text[len] != ' '))
		return NULL;
	return text + len + (text[len] == ' ');
}

static bool is_full(const struct buf *answer)
{
	const char *text = text_behind(answer, "error");

	return text && !strcmp(text, CONTROL_FULL);
}

/*
 * Asks it, once it has a place. @patience_s: of each answer; 0: for ever. 0, though it may have had none
 * all the time: then the answer says so. -ENOTCONN: nobody hears there; -errno.
 */
static int converse(pid_t pid, const char *command, unsigned patience_s, struct buf *answer)
{
	const struct timeval patience = { .tv_sec = patience_s };
	uint64_t until = monotonic_ns() + FULL_NS;
	int r;

	for (;;) {
		int fd AUTO_CLOSE = connect_to(pid);

		if (fd < 0)
			return fd == -ENOENT || fd == -ECONNREFUSED ? -ENOTCONN : fd;
		if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
			return -errno;
		buf_clear(answer);
		r = ask(fd, command, answer);
		if (r || !is_full(answer) || monotonic_ns() > until)
			return r;
		poll(NULL, 0, FULL_PAUSE_MS);
	}
}

/* ---- whom --------------------------------------------------------------------- */

/* Recorders that answer "@question" with "ok @wanted". */
struct search {
	const char *question, *wanted;	/* wanted NULL: whatever is behind the ok */
	pid_t pid;			/* the first of them */
	unsigned nr;
	struct buf list;		/* what they said */
	pid_t full;			/* one that had no place to be asked */
};

static int look(void *ctx, pid_t pid)
{
	struct buf answer AUTO_BUF = { 0 };
	struct search *s = ctx;
	const char *text;

	if (converse(pid, s->question, LOOK_S, &answer))
		return 0;
	if (is_full(&answer))
		s->full = pid;
	text = text_behind(&answer, "ok");
	if (!text || (s->wanted && strcmp(text, s->wanted)))
		return 0;
	if (!s->nr++)
		s->pid = pid;
	buf_printf(&s->list, "\n  %d %s", pid, text);
	return 0;
}

/* The one recorder there is, or the one of @instance. -ESRCH, -ENOTUNIQ. */
static int find(const char *instance, pid_t *ret, struct err *e)
{
	struct search s = { .question = "about" };
	struct buf question AUTO_BUF = { 0 };
	int r = 0;

	if (instance) {
		if (buf_printf(&question, "has %s", instance))
			return err_errno(e, -ENOMEM, "cannot look for the recording");
		s.question = question.data;
		s.wanted = "yes";
	}
	control_each(look, &s);
	if (s.full && !(instance && s.nr))
		r = err_set(e, -EBUSY, "the recording of process %d cannot be asked: %s", s.full, CONTROL_FULL);
	else if (!s.nr && instance)
		r = err_set(e, -ESRCH, "there is no recording of instance '%s' that can be controlled",
			    instance);
	else if (!s.nr)
		r = err_set(e, -ESRCH, "there is no recording that can be controlled");
	else if (s.nr > 1)
		r = err_set(e, -ENOTUNIQ, "there are %u recordings; say which one with -p PID:%s", s.nr,
			    s.list.data ? s.list.data : "");
	*ret = s.pid;
	buf_release(&s.list);
	return r;
}

/* ---- the command --------------------------------------------------------------- */

struct request {
	uint64_t pid;			/* 0: to be found */
	const char *instance;
	struct buf command;
};

static int parse(int argc, char **argv, struct request *q, struct err *e)
{
	static const struct option longs[] = { { NULL, 0, NULL, 0 } };
	int opt;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "+:p:B:", longs, NULL)) >= 0) {
		if (opt == 'p' && (parse_u64(optarg, &q->pid) || !q->pid || q->pid > INT32_MAX))
			return usage_error(e, "option -p: '%s' is no process id", optarg);
		else if (opt == 'B')
			q->instance = optarg;
		else if (opt != 'p')
			return option_refused(opt, argv, longs, e);
	}
	if (q->pid && q->instance)
		return usage_error(e, "options -p and -B exclude each other");
	if (optind >= argc)
		return usage_error(e, "what shall the recording do?");
	for (int i = optind; i < argc; i++)
		buf_printf(&q->command, "%s%s", i > optind ? " " : "", argv[i]);
	if (q->command.failed || q->command.len + 1 >= CONTROL_LINE_MAX ||
	    (q->instance && strlen(q->instance) + strlen("has ") + 1 >= CONTROL_LINE_MAX))
		return usage_error(e, "the command is too long");
	if (strpbrk(q->command.data, "\n") || (q->instance && strpbrk(q->instance, "\n")))
		return usage_error(e, "a command is one line");
	return EXIT_OK;
}

static int tell(const struct buf *answer, pid_t pid, struct err *e)
{
	const char *text = text_behind(answer, "error");

	if (text)
		return err_set(e, -EIO, "%s", text);
	text = text_behind(answer, "ok");
	if (!text)
		return err_set(e, -EBADMSG, "process %d does not answer as tracecmd does", pid);
	if (*text)
		out_printf("%s\n", text);
	return 0;
}

/* Its file is complete; it ends once the kernel is put back, and its buffer is free for another. */
static int await_end(int process, pid_t pid, struct err *e)
{
	struct pollfd end = { .fd = process, .events = POLLIN };

	if (process < 0 || poll(&end, 1, END_S * 1000))
		return 0;
	return err_set(e, -ETIMEDOUT, "the recording of process %d has its file, but has not ended within %u seconds", pid, END_S);
}

static int control(const struct request *q, struct err *e)
{
	struct buf answer AUTO_BUF = { 0 };
	pid_t pid = q->pid;
	int process AUTO_CLOSE = -1, r = pid ? 0 : find(q->instance, &pid, e);

	if (r)
		return r;
	process = pidfd_open(pid, 0);
	r = converse(pid, q->command.data, 0, &answer);
	if (r == -ENOTCONN)
		return err_set(e, r, "process %d is no recording that can be controlled", pid);
	if (r == -EPIPE || r == -ECONNRESET)
		return err_set(e, r, "the recording of process %d ended before it answered", pid);
	if (r)
		return err_errno(e, r, "cannot speak with process %d", pid);
	r = tell(&answer, pid, e);
	if (!r && !strcmp(q->command.data, "stop"))
		r = await_end(process, pid, e);
	return r;
}

static int control_run(int argc, char **argv, struct err *e)
{
	struct request q = { 0 };
	int status = parse(argc, argv, &q, e);

	if (!status && control(&q, e))
		status = EXIT_FAILED;
	buf_release(&q.command);
	return status;
}

const struct command control_command = {
	.name = "control",
	.summary = "ask a recording that runs for its status, to flush, to stop ...",
	.usage = "[-p PID | -B NAME] COMMAND",
	.help = "  -p PID     the recording of this process; needed only if there are several\n"
		"  -B NAME    the recording of this instance\n"
		"\nCommands\n"
		"  about      what is recorded, and into which file\n"
		"  status     a line of numbers, as --status-fd of record gives it\n"
		"  flush      returns once all that is in the kernel's buffers now is in a file\n"
		"  snapshot   of a latency tracer: keeps the longest latency so far, and begins anew\n"
		"  save       writes a file of what is kept, and tells its name; recording goes on\n"
		"  rotate     the same, and begins anew with what comes then\n"
		"  stop       ends the recording, as Ctrl-C does; returns once its file is\n"
		"             complete and the kernel is put back\n",
	.run = control_run,
};

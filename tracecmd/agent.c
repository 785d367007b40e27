// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * agent: records on this machine what hosts ask for. One process takes connections, each host is
 * served by another one, so that whatever becomes of that touches no other.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent_session.h"
#include "daemon.h"
#include "key.h"
#include "trace_options.h"

#define AGENT_PID_FILE "/run/tracecmd-agent.pid"
#define DEFAULT_PORT "823"
#define CLIENTS_DEFAULT 8
#define CLIENTS_LIMIT 1024
#define OUTAGE_DEFAULT 60
#define OUTAGE_LIMIT 86400u
#define SECONDS_LIMIT (366 * 86400u)
#define INHERITED_FIRST 3		/* sd_listen_fds(3) */

enum {
	OPT_TCP = 256, OPT_ADDRESS, OPT_ALLOW, OPT_CID, OPT_KEY_FILE, OPT_KEY_OPTIONAL, OPT_MAX_CLIENTS,
	OPT_MAX_MEMORY, OPT_MAX_TIME, OPT_OUTAGE, OPT_PID_FILE, OPT_NOTIMEOUT, OPT_VERBOSE, OPT_DEBUG,
};

static const struct option long_options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "tcp", no_argument, NULL, OPT_TCP },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "allow", required_argument, NULL, OPT_ALLOW },
	{ "cid", required_argument, NULL, OPT_CID },
	{ "key-file", required_argument, NULL, OPT_KEY_FILE },
	{ "key-optional", no_argument, NULL, OPT_KEY_OPTIONAL },
	{ "max-clients", required_argument, NULL, OPT_MAX_CLIENTS },
	{ "max-memory", required_argument, NULL, OPT_MAX_MEMORY },
	{ "max-time", required_argument, NULL, OPT_MAX_TIME },
	{ "outage", required_argument, NULL, OPT_OUTAGE },
	{ "pid-file", required_argument, NULL, OPT_PID_FILE },
	{ "notimeout", no_argument, NULL, OPT_NOTIMEOUT },
	{ "verbose", optional_argument, NULL, OPT_VERBOSE },
	{ "debug", no_argument, NULL, OPT_DEBUG },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

struct agent {
	struct door door;
	const char *port, *address, *key_file, *pid_file;
	bool tcp, daemon, quiet;
	struct remote_key key;
	struct buf key_bytes;
	struct agent_limits limits;
	uint64_t max_clients;
	VEC(pid_t) clients;		/* processes that serve one each */
	char name[REMOTE_NAME_MAX];	/* in such a process: whom */
	struct notices log;
};

/* ---- options ---------------------------------------------------------------------- */

static int take_number(const char *option, uint64_t max, uint64_t *to, struct err *e)
{
	if (parse_u64(optarg, to) || !*to || *to > max)
		return usage_error(e, "option %s: '%s' is no number between 1 and %llu", option, optarg,
				   (unsigned long long)max);
	return EXIT_OK;
}

static int take_cid(struct agent *a, struct err *e)
{
	uint64_t cid;

	if (parse_u64(optarg, &cid) || cid >= UINT32_MAX)
		return usage_error(e, "option --cid: '%s' is no CID: a number, of the host 2", optarg);
	return door_allow_cid(&a->door, cid, e) ? EXIT_FAILED : EXIT_OK;
}

/* -N, as trace-cmd has it: over TCP, for this client alone. */
static int take_client(struct agent *a, struct err *e)
{
	a->tcp = true;
	return door_allow(&a->door, optarg, e) ? EXIT_FAILED : EXIT_OK;
}

static int take_option(struct agent *a, int opt, char **argv, struct err *e)
{
	switch (opt) {
	case 'p': a->port = optarg; break;
	case 'D': a->daemon = true; break;
	case 'q': a->quiet = true; break;
	case 'N': return take_client(a, e);
	case 'P': return usage_error(e, "option -P: an agent here is no proxy for a guest");
	case OPT_TCP: a->tcp = true; break;
	case OPT_ADDRESS: a->address = optarg; a->tcp = true; break;
	case OPT_ALLOW: return door_allow(&a->door, optarg, e) ? EXIT_FAILED : EXIT_OK;
	case OPT_CID: return take_cid(a, e);
	case OPT_KEY_FILE: a->key_file = optarg; break;
	case OPT_KEY_OPTIONAL: a->key.optional = true; break;
	case OPT_MAX_CLIENTS: return take_number("--max-clients", CLIENTS_LIMIT, &a->max_clients, e);
	case OPT_MAX_MEMORY: return trace_value_size("--max-memory", optarg, &a->limits.memory, e);
	case OPT_OUTAGE:
		if (parse_u64(optarg, &a->limits.outage_s) || a->limits.outage_s > OUTAGE_LIMIT)
			return usage_error(e, "option --outage: '%s' is no number of seconds up to %u", optarg, OUTAGE_LIMIT);
		return EXIT_OK;
	case OPT_MAX_TIME: return take_number("--max-time", SECONDS_LIMIT, &a->limits.max_time_s, e);
	case OPT_PID_FILE: a->pid_file = optarg; break;
	case OPT_NOTIMEOUT: a->limits.unlimited = true; break;
	case OPT_VERBOSE: case OPT_DEBUG: break;	/* trace-cmd's: all is told anyway */
	case 'h': return EXIT_HELP;
	default: return option_refused(opt, argv, long_options, e);
	}
	return EXIT_OK;
}

static int parse(struct agent *a, int argc, char **argv, struct err *e)
{
	int opt, status = EXIT_OK;
	uint64_t port;

	optind = 0;			/* glibc: start afresh */
	opterr = 0;
	while (!status && (opt = getopt_long(argc, argv, ":N:p:P:Dqh", long_options, NULL)) != -1)
		status = take_option(a, opt, argv, e);
	if (status)
		return status;
	if (optind < argc)
		return usage_error(e, "'%s' is no option: an agent runs no command", argv[optind]);
	if (parse_u64(a->port, &port) || port > (a->tcp ? USHRT_MAX : UINT32_MAX - 1))
		return usage_error(e, "option -p: '%s' is no port", a->port);
	if (a->key.optional && !a->key_file)
		return usage_error(e, "option --key-optional is about a key: give --key-file");
	return EXIT_OK;
}

/* ---- before it serves -------------------------------------------------------------- */

/* Sockets that systemd has made for us; 0: there are none. */
static unsigned inherited(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t who, nr;

	if (!pid || !fds || parse_u64(pid, &who) || parse_u64(fds, &nr) || who != (uint64_t)getpid() || nr > 16)
		return 0;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	return nr;
}

static int open_door(struct agent *a, struct err *e)
{
	unsigned nr = inherited();
	bool others = a->door.allowed.nr || a->key.bytes;
	uint64_t port = 0;

	a->door.any = a->key.bytes && !a->key.optional;
	if (nr)
		return door_open_inherited(&a->door, INHERITED_FIRST, nr, e);
	if (a->tcp)
		return door_open_tcp(&a->door, a->address ? a->address : others ? "" : NULL, a->port, e);
	parse_u64(a->port, &port);	/* looked at before */
	return door_open_vsock(&a->door, port, e);
}

static void tell_door(const struct agent *a)
{
	notice(&a->log, "listening on port %" PRIu32 " of %s, for %s", door_port(&a->door), a->tcp ? "TCP" : "vsock",
	       a->door.any ? "whoever has the key" : a->door.allowed.nr ? "those who are allowed" :
	       a->tcp ? "this machine alone (--allow, --key-file: others too)" : "the host alone (--cid: others too)");
}

/* ---- serving ------------------------------------------------------------------------ */

static void tell(void *ctx, const char *text)
{
	const struct agent *a = ctx;

	if (a->quiet)
		return;
	out_printf("%s%s%s\n", a->name, *a->name ? ": " : "", text);
	out_flush();
}

/* The process that serves one host. */
static _Noreturn void serve_one(struct agent *a, int fd, const sigset_t *mask)
{
	struct err e = { 0 };
	int r;

	/* An agent that is killed takes us along, and we put back what we changed. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigprocmask(SIG_SETMASK, mask, NULL);
	door_close(&a->door);
	signal(SIGPIPE, SIG_IGN);
	r = agent_session(fd, a->name, &a->key, &a->limits, &a->log, &e);
	if (r)
		out_message(e.text);
	else
		notice(&a->log, "ended as it should");
	_exit(r ? EXIT_FAILED : EXIT_OK);
}

static void take_client_in(struct agent *a, int door, const sigset_t *mask)
{
	char name[REMOTE_NAME_MAX];
	int fd = door_take(&a->door, door, name);
	pid_t pid;

	if (fd == -EAGAIN)
		return;
	if (fd == -EACCES) {
		notice(&a->log, "%s: refused, it is not allowed (--allow, --cid)", name);
		return;
	}
	if (fd < 0) {
		notice(&a->log, "cannot take a connection: %s", strerror(-fd));
		return;
	}
	if (a->clients.nr >= a->max_clients || vec_reserve(&a->clients, 1)) {
		notice(&a->log, "%s: refused, %zu are served already", name, a->clients.nr);
		close(fd);
		return;
	}
	out_flush();
	pid = fork();
	if (!pid) {
		memcpy(a->name, name, sizeof(name));
		serve_one(a, fd, mask);
	}
	close(fd);
	if (pid < 0)
		notice(&a->log, "%s: cannot serve it: %s", name, strerror(errno));
	else
		a->clients.v[a->clients.nr++] = pid;
}

static void reap(struct agent *a)
{
	for (size_t i = 0; i < a->clients.nr;)
		if (waitpid(a->clients.v[i], NULL, WNOHANG))
			a->clients.v[i] = a->clients.v[--a->clients.nr];
		else
			i++;
}

/* Those that are served end, and have put back what they changed, before we do. */
static void end_all(struct agent *a)
{
	for (size_t i = 0; i < a->clients.nr; i++)
		kill(a->clients.v[i], SIGTERM);
	for (size_t i = 0; i < a->clients.nr; i++)
		while (waitpid(a->clients.v[i], NULL, 0) < 0 && errno == EINTR)
			;
	vec_release(&a->clients);
}

/* Signals that came. True: one of them is to end it. */
static bool take_signals(struct agent *a, int fd)
{
	struct signalfd_siginfo info;
	bool end = false;

	while (read(fd, &info, sizeof(info)) == sizeof(info))
		end |= info.ssi_signo != SIGCHLD;
	reap(a);
	return end;
}

static int serve(struct agent *a, int signals, const sigset_t *mask, struct err *e)
{
	AUTO_FREE struct pollfd *p = calloc(a->door.fds.nr + 1, sizeof(*p));

	if (!p)
		return err_errno(e, -ENOMEM, "cannot take connections");
	p[0] = (struct pollfd){ .fd = signals, .events = POLLIN };
	for (size_t i = 0; i < a->door.fds.nr; i++)
		p[i + 1] = (struct pollfd){ .fd = a->door.fds.v[i], .events = POLLIN };
	for (;;) {
		if (poll(p, a->door.fds.nr + 1, -1) < 0 && errno != EINTR)
			return err_errno(e, -errno, "cannot wait for connections");
		if (p[0].revents && take_signals(a, signals))
			return 0;
		for (size_t i = 0; i < a->door.fds.nr; i++)
			if (p[i + 1].revents)
				take_client_in(a, p[i + 1].fd, mask);
	}
}

static int take_signal_fd(sigset_t *ret_mask, struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, ret_mask);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_errno(e, -errno, "cannot take signals") : fd;
}

static int open_and_serve(struct agent *a, struct pid_file *pid_file, int *ready, struct err *e)
{
	AUTO_CLOSE int signals = -1;
	sigset_t mask;
	int r = open_door(a, e);

	if (!r)
		r = pid_file_write(pid_file, e);
	if (!r)
		r = signals = take_signal_fd(&mask, e);
	if (r < 0)
		return r;
	tell_door(a);
	if (a->daemon)
		daemon_ready(ready);
	r = serve(a, signals, &mask, e);
	door_close(&a->door);
	end_all(a);
	return r;
}

static int run_agent(int argc, char **argv, struct err *e)
{
	struct agent a = { .port = DEFAULT_PORT, .max_clients = CLIENTS_DEFAULT, .limits.outage_s = OUTAGE_DEFAULT };
	AUTO_CLOSE int ready = -1;
	struct pid_file pid_file = { 0 };
	int status = parse(&a, argc, argv, e), r = 0;

	a.log = (struct notices){ tell, &a };
	if (!status && a.key_file)
		r = key_read(a.key_file, &a.key_bytes, &a.key, e);
	if (!status && !r && (a.daemon || a.pid_file))
		r = pid_file_open(&pid_file, a.pid_file, AGENT_PID_FILE, e);
	if (!status && !r && a.daemon)
		r = daemon_begin("the agent", &ready, e);
	if (!status && !r)
		r = open_and_serve(&a, &pid_file, &ready, e);
	pid_file_remove(&pid_file);
	door_close(&a.door);
	buf_release(&a.key_bytes);
	return status ? status : r < 0 ? EXIT_FAILED : EXIT_OK;
}

const struct command agent_command = {
	.name = "agent",
	.summary = "record here what 'record -A' on other machines asks for",
	.usage = "[options]",
	.help = "  -p, --port PORT   take connections there (823)\n"
		"  -N CLIENT         over TCP, for this client: name, ADDRESS or ADDRESS/BITS; repeatable.\n"
		"                    Without it, or one of the next two, over vsock\n"
		"  --tcp             over TCP; on loopback, or where --allow or --key-file is given, anywhere\n"
		"  --address ADDR    over TCP, on this address\n"
		"  -D                go to the background once it listens\n"
		"  --pid-file FILE   keep the agent's process id there meanwhile\n"
		"\nWho may have this machine traced\n"
		"  --allow CLIENT    as -N, without choosing TCP; repeatable\n"
		"  --cid CID         over vsock: this one; default: the host alone (2); repeatable\n"
		"  --key-file FILE   only who proves that he has the same key\n"
		"  --key-optional    there: those who are allowed may do without\n"
		"\nWhat each may have\n"
		"  --max-clients N   at once (8), each with an instance of his own\n"
		"  --max-memory SIZE of buffers: bytes, or with K, M, G, T (an eighth of the machine's)\n"
		"  --max-time SECONDS\n"
		"                    of a recording\n"
		"  --outage SECONDS  go on for so long while the connection to a host is broken (60; 0: end)\n"
		"  --notimeout       wait for slow hosts however long it takes\n"
		"\n  -q, --quiet       no messages on standard output\n"
		"  --verbose, --debug\n"
		"                    accepted as trace-cmd has them: all is told anyway\n"
		"  -h, --help\n",
	.on_kernel = true,
	.run = run_agent,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* listen: makes files of what recorders on other machines send. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "remote/remote.h"
#include "trace_options.h"

#define LISTEN_PID_FILE "/run/tracecmd-listen.pid"
#define DEFAULT_NAME "trace"
#define CLIENTS_LIMIT 100000
#define SECONDS_LIMIT 86400

enum {
	OPT_ADDRESS = 256, OPT_ANY, OPT_MAX_CLIENTS, OPT_MAX_CLIENT_SIZE, OPT_MEMORY, OPT_TIMEOUT,
	OPT_PID_FILE, OPT_VERBOSE, OPT_DEBUG,
};

static const struct option long_options[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "dir", required_argument, NULL, 'd' },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "any", no_argument, NULL, OPT_ANY },
	{ "max-clients", required_argument, NULL, OPT_MAX_CLIENTS },
	{ "max-client-size", required_argument, NULL, OPT_MAX_CLIENT_SIZE },
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "pid-file", required_argument, NULL, OPT_PID_FILE },
	{ "verbose", optional_argument, NULL, OPT_VERBOSE },
	{ "debug", no_argument, NULL, OPT_DEBUG },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 }
};

struct listen_args {
	struct listener_opts opts;
	const char *log, *pid_file;
	bool daemon, quiet;
};

static int take_number(const char *option, uint64_t max, unsigned *to, struct err *e)
{
	uint64_t v;

	if (parse_u64(optarg, &v) || !v || v > max)
		return usage_error(e, "option %s: '%s' is no number between 1 and %llu", option, optarg,
				   (unsigned long long)max);
	*to = v;
	return EXIT_OK;
}

static int take_memory(struct listen_args *a, struct err *e)
{
	uint64_t v;
	int status = trace_value_size("--memory", optarg, &v, e);

	a->opts.memory = v;
	return status;
}

static int take_option(struct listen_args *a, int opt, char **argv, struct err *e)
{
	switch (opt) {
	case 'p': a->opts.port = optarg; break;
	case 'd': a->opts.dir = optarg; break;
	case 'o': a->opts.name = optarg; break;
	case 'l': a->log = optarg; break;
	case 'D': a->daemon = true; break;
	case 'q': a->quiet = true; break;
	case 'V': a->opts.vsock = true; break;
	case OPT_ADDRESS: a->opts.address = optarg; break;
	case OPT_ANY: a->opts.address = ""; break;
	case OPT_MAX_CLIENTS: return take_number("--max-clients", CLIENTS_LIMIT, &a->opts.max_clients, e);
	case OPT_MAX_CLIENT_SIZE:
		return trace_value_size("--max-client-size", optarg, &a->opts.max_client_bytes, e);
	case OPT_MEMORY: return take_memory(a, e);
	case OPT_TIMEOUT: return take_number("--timeout", SECONDS_LIMIT, &a->opts.timeout_s, e);
	case OPT_PID_FILE: a->pid_file = optarg; break;
	case OPT_VERBOSE: case OPT_DEBUG: break;	/* trace-cmd's: all is told, and nothing is forked */
	case 'h': return EXIT_HELP;
	default: return option_refused(opt, argv, long_options, e);
	}
	return EXIT_OK;
}

static int check(const struct listen_args *a, int argc, char **argv, struct err *e)
{
	uint64_t port;

	if (optind < argc)
		return usage_error(e, "'%s' is no option: a listener runs no command", argv[optind]);
	if (!a->opts.port)
		return usage_error(e, "the port to listen on is missing (-p)");
	if (a->opts.vsock && a->opts.address)
		return usage_error(e, "option -V excludes %s: vsock has other addresses", *a->opts.address ? "--address" : "--any");
	if (parse_u64(a->opts.port, &port) || port > (a->opts.vsock ? UINT32_MAX - 1 : USHRT_MAX))
		return usage_error(e, "option -p: '%s' is no port: a number up to %u", a->opts.port,
				   a->opts.vsock ? UINT32_MAX - 1 : USHRT_MAX);
	return EXIT_OK;
}

static int parse(struct listen_args *a, int argc, char **argv, struct err *e)
{
	int opt, status = EXIT_OK;

	optind = 0;			/* glibc: start afresh */
	opterr = 0;
	while (!status && (opt = getopt_long(argc, argv, ":p:d:o:l:DVqh", long_options, NULL)) != -1)
		status = take_option(a, opt, argv, e);
	return status ? status : check(a, argc, argv, e);
}

/* ---- what is told --------------------------------------------------------------- */

static void tell(void *ctx, const char *text)
{
	const struct listen_args *a = ctx;

	if (a->quiet)
		return;
	out_printf("%s\n", text);
	out_flush();
}

/* With the time, into the file that is open as @ctx. */
static void tell_log(void *ctx, const char *text)
{
	const int *fd = ctx;
	char when[32] = "";
	time_t now = time(NULL);
	struct tm tm;
	AUTO_BUF struct buf line = { 0 };

	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	if (!buf_printf(&line, "%s %s\n", when, text))
		write_full(*fd, line.data, line.len);
}

/* ---- running ---------------------------------------------------------------------- */

static struct listener *running;	/* for the signal handler, which has nothing else */

static void stop(int sig)
{
	(void)sig;
	listener_stop(running);
}

/* Whoever reads what the foreground said need not wait for us. */
static void leave_terminal(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int to = STDIN_FILENO; fd >= 0 && to <= STDERR_FILENO; to++)
		dup2(fd, to);
	cleanup_close(&fd);
}

static int serve(struct listen_args *a, struct pid_file *pid_file, int *ready, struct err *e)
{
	struct sigaction act = { .sa_handler = stop, .sa_flags = SA_RESTART };
	const char *where = a->opts.vsock ? "vsock" : !a->opts.address ? "this machine alone (--any: all others too)" :
			    *a->opts.address ? a->opts.address : "all addresses";
	int r = listener_new(&a->opts, &running, e);

	if (!r)
		r = pid_file_write(pid_file, e);
	if (r) {
		listener_free(running);
		return r;
	}
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
	notice(a->opts.log, "listening on port %u of %s", listener_port(running), where);
	if (a->daemon)
		daemon_ready(ready);
	if (a->daemon && a->log)
		leave_terminal();
	r = listener_run(running, e);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	listener_free(running);
	running = NULL;
	return r;
}

static int run_listen(int argc, char **argv, struct err *e)
{
	struct listen_args a = { .opts = { .dir = ".", .name = DEFAULT_NAME } };
	AUTO_CLOSE int log_fd = -1, ready = -1;
	struct notices to_stdout = { tell, &a }, to_log = { tell_log, &log_fd };
	struct pid_file pid_file = { 0 };
	int status = parse(&a, argc, argv, e), r = 0;

	if (status)
		return status;
	a.opts.log = a.log ? &to_log : &to_stdout;
	if (a.log) {
		log_fd = open(a.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (log_fd < 0)
			r = err_errno(e, -errno, "cannot write the log '%s'", a.log);
	}
	if (!r && (a.daemon || a.pid_file))
		r = pid_file_open(&pid_file, a.pid_file, LISTEN_PID_FILE, e);
	if (!r && a.daemon)
		r = daemon_begin("listening", &ready, e);
	if (!r)
		r = serve(&a, &pid_file, &ready, e);
	pid_file_remove(&pid_file);
	return r ? EXIT_FAILED : EXIT_OK;
}

const struct command listen_command = {
	.name = "listen",
	.summary = "make files of what 'record -N' on other machines sends",
	.usage = "-p PORT [options]",
	.help = "  -p, --port PORT   take connections there (0: any port)\n"
		"  -V                over vsock: from guests, or from the host\n"
		"  -d, --dir DIR     where files are made (here)\n"
		"  -o NAME           files are NAME.ADDRESS:PORT.dat (trace)\n"
		"  -l LOG            messages into this file, not to standard output\n"
		"  -D                go to the background once it listens\n"
		"  --pid-file FILE   keep the listener's process id there meanwhile\n"
		"\nWho may send what (nobody is asked who he is)\n"
		"  --address ADDR    listen on this address; default: on loopback alone\n"
		"  --any             listen on all addresses: whoever reaches the port can fill the disk\n"
		"  --max-clients N   recorders at once (1024)\n"
		"  --max-client-size SIZE\n"
		"                    of each on the disk, at most: bytes, or with K, M, G, T\n"
		"  --memory SIZE     for all data that are on their way (64M)\n"
		"  --timeout SECONDS until a recorder has said what comes before its data (60)\n"
		"\n  -q, --quiet       no messages on standard output\n"
		"  --verbose, --debug\n"
		"                    accepted as trace-cmd has them: all is told anyway\n"
		"  -h, --help\n",
	.run = run_listen,
};

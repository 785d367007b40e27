// SPDX-License-Identifier: GPL-2.0-or-later
/* Which options of record, stream, start and extract do not go together. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "dat/dat.h"
#include "remote/remote.h"
#include "trace_options.h"

static int check_compression(const struct trace_options *o, struct err *e)
{
	const char *name = o->compression;
	const struct codec *codec;

	if (!name)
		return EXIT_OK;
	if (codec_choose(name, &codec, e))
		return EXIT_USAGE;
	if (o->file_version == 6 && strcmp(name, "any") && codec)
		return usage_error(e, "files of version 6 are never compressed: --compression %s takes "
				   "--file-version 7", name);
	if (o->compress == COMPRESS_NONE && codec)
		return usage_error(e, "options --compress none and --compression %s exclude each "
				   "other", name);
	return EXIT_OK;
}

static int check_triggers(const struct trace_options *o, struct err *e)
{
	const struct trace_parts *p = &o->parts;

	if (!p->triggers.nr && (p->has_on_trigger || p->pre_ns || p->post_ns))
		return usage_error(e, "option %s is about a trigger: give --trigger EVENT",
				   p->has_on_trigger ? "--on-trigger" : p->pre_ns ? "--pre" : "--post");
	if (p->triggers.nr && o->setup.keep)
		return usage_error(e, "options -k and -K leave the kernel's settings as they are at the "
				   "end, --trigger has some of its own that must go: they exclude each other");
	if (p->triggers.nr && trace_parts_rotate(p) && p->on_trigger == ON_TRIGGER_SAVE)
		return usage_error(e, "options --rotate and --on-trigger save exclude each other: all is "
				   "saved anyway");
	return EXIT_OK;
}

int trace_output_descriptor(const struct trace_options *o)
{
	static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/" };
	const char *name = o->output;
	uint64_t fd;

	if (!name)
		return -1;
	if (!strcmp(name, "-") || !strcmp(name, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(name, "/dev/stderr"))
		return STDERR_FILENO;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		size_t len = strlen(folders[i]);

		if (!strncmp(name, folders[i], len) && !parse_u64(name + len, &fd) && fd <= INT_MAX)
			return fd;
	}
	return -1;
}

int trace_check_descriptor(const char *option, unsigned fd, struct err *e)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return err_errno(e, -errno, "option %s: cannot use descriptor %u", option, fd);
	if ((flags & O_ACCMODE) == O_RDONLY)
		return err_set(e, -EBADF, "option %s: descriptor %u is open for reading only", option, fd);
	return 0;
}

/* Before anything is opened, so that the descriptor is the caller's. */
static int check_sent(const struct trace_options *o, struct err *e)
{
	int fd = trace_output_descriptor(o);
	char option[PATH_MAX];
	int r;

	if (fd < 0)
		return EXIT_OK;
	snprintf(option, sizeof(option), "-o %s", o->output);
	r = trace_check_descriptor(option, fd, e);
	if (r)
		return r == -EBADF ? EXIT_USAGE : EXIT_FAILED;
	if (fd == STDERR_FILENO)
		return usage_error(e, "option %s: messages go to standard error", option);
	if (isatty(fd))
		return usage_error(e, "option %s: that is a terminal; redirect it", option);
	if (o->daemonize)
		return usage_error(e, "options %s and --daemonize exclude each other", option);
	if (o->has_status_fd && o->status_fd == (unsigned)fd)
		return usage_error(e, "options %s and --status-fd %d: both would go into one file", option, fd);
	return EXIT_OK;
}

static int check_parts(const struct trace_options *o, struct err *e)
{
	const struct trace_parts *p = &o->parts;
	const char *option = trace_parts_needed(p);

	if (p->keep && !trace_parts_rotate(p))
		return usage_error(e, "option --keep says how many files of --rotate stay: give that too");
	if (trace_parts_rotate(p) && (trace_parts_keep_last(p) || p->pre_ns))
		return usage_error(e, "options --rotate and %s exclude each other: what is rotated is kept, "
				   "in files (--keep)", p->pre_ns ? "--pre" : "--keep-last");
	if (trace_parts_keep_last(p) && p->pre_ns)
		return usage_error(e, "options --keep-last and --pre exclude each other: both say how much "
				   "is kept");
	if (option && trace_output_descriptor(o) >= 0)
		return usage_error(e, "options %s and -o %s exclude each other", option, o->output);
	if (option && o->max_kb)
		return usage_error(e, "options %s and -m exclude each other%s", option,
				   trace_parts_keep_last(p) ? ": both say how much is kept" : "");
	if (p->save_on_failure && !o->command)
		return usage_error(e, "option --save-on-failure needs a command that may fail");
	if (p->save_on_failure && trace_parts_rotate(p))
		return usage_error(e, "options --rotate and --save-on-failure exclude each other: files are "
				   "made before the command has ended; --keep-last keeps the disk from filling");
	if (p->save_on_failure && trace_output_descriptor(o) >= 0)
		return usage_error(e, "options --save-on-failure and -o %s exclude each other", o->output);
	return check_triggers(o, e);
}

/* The first option given that is about files, or about more than sub-buffers of the top level; NULL: none. */
static const char *not_sent(const struct trace_options *o)
{
	const struct kernel_setup *s = &o->setup;

	if (s->instances.nr > 1)
		return "-B";
	if (s->instances.v[0].tracer && kernel_tracer_is_latency(s->instances.v[0].tracer))
		return "-p with a latency tracer";
	if (kernel_setup_takes_snapshots(&s->instances.v[0]))
		return "-R snapshot";
	if (trace_parts_needed(&o->parts))
		return trace_parts_needed(&o->parts);
	return o->output ? "-o" : o->max_kb ? "-m" : o->file_version ? "--file-version" : o->sync_s ? "--sync" :
	       o->parts.save_on_failure ? "--save-on-failure" : o->parts.triggers.nr ? "--trigger" :
	       o->compress == COMPRESS_AFTER ? "--compress after" : NULL;
}

/* What is recorded for a host goes to it as it goes to a listener. */
static int check_host(const struct trace_options *o, struct err *e)
{
	const char *option = not_sent(o);

	if (o->command)
		return usage_error(e, "'%s' is not run here: hosts may not have commands run", o->command[0]);
	return option ? usage_error(e, "option %s has no effect on what is sent to a host", option) : EXIT_OK;
}

static int check_listener(const struct trace_options *o, struct err *e)
{
	const char *option = o->listener ? not_sent(o) : NULL;

	if (!o->listener && (o->tcp || o->udp))
		return usage_error(e, "option %s tells how data are sent to a listener: give -N HOST:PORT",
				   o->tcp ? "-t" : "--udp");
	if (o->tcp && o->udp)
		return usage_error(e, "options -t and --udp exclude each other");
	if (o->vsock && (o->tcp || o->udp))
		return usage_error(e, "option %s has no effect on what is sent over vsock (-V)", o->tcp ? "-t" : "--udp");
	if (o->listener && listener_check(o->listener, trace_sender_way(o), e))
		return EXIT_USAGE;
	if (option)
		return usage_error(e, "options %s and %s exclude each other: what is sent are the top level's events "
				   "as they come", o->vsock ? "-V" : "-N", option);
	return EXIT_OK;
}

static int check_guests(const struct trace_options *o, struct err *e)
{
	const struct trace_guests *g = &o->guests;
	const struct kernel_setup *s = &o->setup;

	if (!g->nr && (g->key_file || g->key_optional))
		return usage_error(e, "option %s is about agents: give -A", g->key_file ? "--key-file" : "--key-optional");
	if (g->key_optional && !g->key_file)
		return usage_error(e, "option --key-optional is about a key: give --key-file");
	if (!g->nr)
		return EXIT_OK;
	if (o->listener || o->perf || trace_output_descriptor(o) >= 0)
		return usage_error(e, "options -A and %s exclude each other: what agents record are files beside the output",
				   o->listener ? o->vsock ? "-V" : "-N" : o->perf ? "--perf" : "-o -");
	if (trace_parts_needed(&o->parts) || o->parts.save_on_failure)
		return usage_error(e, "options -A and %s exclude each other: what agents record becomes one file each",
				   trace_parts_needed(&o->parts) ? trace_parts_needed(&o->parts) : "--save-on-failure");
	if (!kernel_setup_has_work(s) && (s->only_command || o->has_status_fd))
		return usage_error(e, "option %s is about what is traced here, and nothing is",
				   s->only_command ? "-F" : "--status-fd");
	return trace_guests_check(g, e);
}

/* Whether all that is traced are latency tracers, whose text comes at the end. */
static bool only_texts(const struct kernel_setup *s)
{
	for (size_t i = 0; i < s->instances.nr; i++) {
		const char *tracer = s->instances.v[i].tracer;

		if (kernel_setup_is_recorded(s, i) && !(tracer && kernel_tracer_is_latency(tracer)))
			return false;
	}
	return true;
}

/* What is printed as it comes. */
static int check_stream(const struct trace_options *o, struct err *e)
{
	const struct kernel_setup *s = &o->setup;

	for (size_t i = 0; i < s->instances.nr; i++) {
		const struct kernel_instance_setup *is = &s->instances.v[i];

		if (is->tracer && kernel_tracer_is_latency(is->tracer))
			return usage_error(e, "option -p %s: what a latency tracer finds is one text at the end, no stream "
					   "of events; 'tracecmd record' keeps it", is->tracer);
		if (kernel_setup_takes_snapshots(is))
			return usage_error(e, "option -R snapshot: what is kept of a buffer is no stream of events; 'tracecmd "
					   "record' keeps it");
	}
	return EXIT_OK;
}

int trace_options_check(enum trace_command which, const struct trace_options *o, struct err *e)
{
	const struct kernel_setup *s = &o->setup;
	int status = check_compression(o, e);

	if (!status)
		status = check_sent(o, e);
	if (status)
		return status;
	if (o->date && o->has_ts_offset)
		return usage_error(e, "options --date and --ts-offset exclude each other");
	if (which == TRACE_EXTRACT) {
		if (o->command)
			return usage_error(e, "extract takes no command ('%s')", o->command[0]);
		return EXIT_OK;
	} else if (!kernel_setup_has_work(s) && !o->guests.nr) {
		return usage_error(e, "nothing to trace is named: give -e EVENT, --probe DEFINITION or -p "
				   "TRACER");
	}
	if (s->only_command && !o->command)
		return usage_error(e, "option -F needs a command to trace");
	if (o->user && !o->command)
		return usage_error(e, "option --user needs a command to run");
	if (o->fork && !o->command)
		return usage_error(e, "option --fork needs a command to run");
	for (size_t i = 0; i < s->instances.nr; i++) {
		const struct kernel_instance_setup *is = &s->instances.v[i];

		if (is->follow && !s->only_command && !is->pids.nr)
			return usage_error(e, "option -c follows the children of what -F or -P "
					   "names%s%s: give one of them", *is->name ? " in instance " : "",
					   is->name);
	}
	if (trace_parts_needed(&o->parts) && only_texts(s))
		return usage_error(e, "option %s is for what is recorded all the time: the text of a latency "
				   "tracer comes at the end", trace_parts_needed(&o->parts));
	status = check_guests(o, e);
	if (status)
		return status;
	status = which == TRACE_AGENT ? check_host(o, e) : which == TRACE_STREAM ? check_stream(o, e) :
		 check_listener(o, e);
	return status ? status : check_parts(o, e);
}

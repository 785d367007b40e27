/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libtracecmd: reading trace files from C and C++.
 *
 *	struct tracecmd_trace *trace;
 *	const struct tracecmd_event *event;
 *	struct tracecmd_error error;
 *	const char *path = "trace.dat";
 *	int ret;
 *
 *	if (tracecmd_trace_open(&path, 1, NULL, &trace, &error) < 0)
 *		errx(1, "%s", error.text);
 *	while ((ret = tracecmd_trace_next(trace, &event, &error)) > 0)
 *		printf("%s %llu\n", event->name, (unsigned long long)event->time);
 *	if (ret < 0)
 *		warnx("%s", error.text);
 *	tracecmd_trace_close(trace);
 *
 * Conventions
 *  - The library never prints, exits or changes signal handling. A function
 *    that fails returns a negative errno and, if its last argument is not
 *    NULL, says why there, in words for the user.
 *  - What a trace hands out (events, texts, names) belongs to it. Unless told
 *    otherwise it lives until the trace is closed.
 *  - A trace is used by one thread at a time. Several traces, also of one
 *    file, may be used by several threads.
 *  - A struct that the caller fills begins with its size. Set it to sizeof of
 *    the struct, the rest to zero, then what is wanted. A library that is
 *    older than the program refuses fields that it does not know unless they
 *    are zero; a newer one takes missing fields for zero.
 *  - A struct that the library fills (events, facts) may grow at its end. Use
 *    it through the pointer; do not copy it by sizeof across versions.
 *
 * All functions are there since version 0.1.0. The format of the files is
 * described in tracecmd.dat(5).
 */
#ifndef TRACECMD_H
#define TRACECMD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the library, "MAJOR.MINOR.PATCH"; a constant string. */
const char *tracecmd_version(void);

/* ---- errors -------------------------------------------------------------- */

#define TRACECMD_ERROR_TEXT 1024

/* Why a call failed. Written on failure only. */
struct tracecmd_error {
	int code;			/* the negative errno that was returned */
	char text[TRACECMD_ERROR_TEXT];	/* one line, without newline, NUL-terminated */
};

/* ---- opening --------------------------------------------------------------- */

struct tracecmd_trace;

struct tracecmd_trace_opts {
	size_t size;			/* sizeof(struct tracecmd_trace_opts) */
	/*
	 * Called with each thing worth telling that does not stop the work: a
	 * damaged sub-buffer that was passed over, a file that is cut. @text is
	 * one line and lives during the call. NULL: these are dropped.
	 */
	void (*notice)(void *ctx, const char *text);
	void *notice_ctx;
	/* Flags: not 0 means yes. */
	int raw_time;			/* times as in the ring buffer, nothing added or scaled */
	int no_date;			/* leave out the time of day that was recorded */
	int no_system_plugins;		/* plugins of the user's folders only */
	int no_plugins;			/* no event plugins */
};

/*
 * Opens files as one stream of events in time order; a guest's file beside
 * its host's is shown in the host's time. Nothing but the files' tables is
 * read yet.
 *
 * @paths, @nr_paths: the files, at least one. Events that have the same time
 *	come in the order of the files.
 * @opts: NULL for defaults.
 * @ret: the trace; close it with tracecmd_trace_close. Untouched on failure.
 *
 * 0; -EINVAL for wrong arguments; the errno of opening or reading a file;
 * -EBADMSG for what is no trace file; -ENOTSUP for one that cannot be read
 * (an unknown version or compression); -ENOMEM.
 */
int tracecmd_trace_open(const char *const *paths, unsigned int nr_paths,
			const struct tracecmd_trace_opts *opts, struct tracecmd_trace **ret,
			struct tracecmd_error *error);

/* Frees the trace and everything it handed out. NULL is allowed. */
void tracecmd_trace_close(struct tracecmd_trace *trace);

/* ---- events ---------------------------------------------------------------- */

#define TRACECMD_LOST_UNKNOWN UINT64_MAX

/* An event; a view that lives until the next tracecmd_trace_next. */
struct tracecmd_event {
	/* Nanoseconds, or counts of the clock: see tracecmd_file_facts. */
	uint64_t time;
	/*
	 * Events that the kernel lost on this CPU just before this one: 0, a
	 * number, or TRACECMD_LOST_UNKNOWN.
	 */
	uint64_t lost;
	/*
	 * The record as the kernel wrote it, in the byte order of its machine,
	 * with up to 3 bytes of padding at its end. Not aligned.
	 */
	const void *data;
	uint32_t size;			/* bytes at data */
	uint32_t cpu;
	int32_t pid;			/* process, 0 for idle; -1 if the record is cut */
	int32_t id;			/* the event's number in its file; -1 if cut */
	const char *task;		/* process name, "<...>" if not known */
	const char *system;		/* "sched"; NULL if the file has no format of that id */
	const char *name;		/* "sched_switch"; NULL likewise */
	uint32_t file;			/* which of the files, from 0 */
	const char *buffer;		/* instance's name; "" is the top level */
};

/*
 * Takes the next event.
 *
 * @ret: the event; NULL at the end and on failure.
 *
 * 1; 0 at the end (at once for a latency tracer's file: it holds a text, no
 * events); -EBADMSG at the end of a file that is cut or damaged, after everything
 * readable has been given; other negative errno: reading failed. What was
 * returned at the end is returned again by further calls.
 */
int tracecmd_trace_next(struct tracecmd_trace *trace, const struct tracecmd_event **ret,
			struct tracecmd_error *error);

/*
 * The text of the event that tracecmd_trace_next gave last: what 'tracecmd
 * report' prints behind the event's name. No newline at its end, but some
 * texts (stack traces) have newlines inside. Empty if there is no format of
 * the event's id.
 *
 * A function that calls no other is shown in one text, that of its entry
 * (function_graph). Once that text was made, the text and the line of its exit
 * are empty.
 *
 * @ret: the text, NUL-terminated; lives until the next call for this trace.
 *
 * 0; -ENOENT if there is no event (none taken yet, or past the end); -ENOMEM;
 * other negative errno: what the text is made of could not be read.
 */
int tracecmd_event_text(struct tracecmd_trace *trace, const char **ret,
			struct tracecmd_error *error);

/*
 * The whole line of that event as 'tracecmd report' prints it without options,
 * but for what it puts in front where there are several files or instances.
 * Lost events are not told in it: see the event's member lost. As above
 * otherwise.
 */
int tracecmd_event_line(struct tracecmd_trace *trace, const char **ret,
			struct tracecmd_error *error);

/* ---- facts ----------------------------------------------------------------- */

struct tracecmd_file_facts {
	const char *path;
	uint32_t version;		/* of the format: 6 or 7 */
	uint32_t cpus;			/* number of CPUs: largest id + 1 or what the file says */
	uint32_t sub_buffer_size;	/* of the top-level buffer, bytes */
	uint32_t nr_buffers;		/* top level and instances */
	int big_endian;			/* not 0: the recorded machine was */
	int in_seconds;			/* not 0: times are nanoseconds; else counts of the clock */
	const char *codec;		/* "zstd", "none", ... */
	const char *clock;		/* "local"; "" if the file does not say */
	const char *uname;		/* the recorded machine; "" if the file does not say */
	const char *writer;		/* program that recorded; "" likewise */
	uint64_t trace_id;		/* number of the recording, 0 if it has none */
};

/* Number of files of the trace. */
unsigned int tracecmd_trace_nr_files(const struct tracecmd_trace *trace);

/*
 * What is known of a file.
 *
 * @file: from 0. Returns NULL if there is no such file.
 */
const struct tracecmd_file_facts *tracecmd_file_facts(const struct tracecmd_trace *trace,
						      unsigned int file);

/*
 * Name of a file's buffer; "" is the top level.
 *
 * @file, @buffer: from 0. Returns NULL if there is no such file or buffer.
 */
const char *tracecmd_file_buffer(const struct tracecmd_trace *trace, unsigned int file,
				 unsigned int buffer);

#ifdef __cplusplus
}
#endif

#endif

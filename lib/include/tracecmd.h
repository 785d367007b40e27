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
 *  - NULL for a trace, a scan, an array, one of its names or the place for a
 *    result is -EINVAL, unless it is told to be allowed. Functions that return no
 *    errno (facts, names of buffers) must not be given NULL.
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
 * read yet. Where a file is missing because its recorder was killed or runs still, what
 * that has on the disk is opened in its place.
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
	const char *cut;		/* why and where it ends too early: its recorder was
					 * killed, and what that left is read; NULL: it does not */
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

/* ---- formats --------------------------------------------------------------- */

/* One kind of event of a file. */
struct tracecmd_event_info {
	const char *system;		/* "sched" */
	const char *name;		/* "sched_switch" */
	int32_t id;			/* the events' member id */
};

/*
 * The events that a file has formats of, whether or not it has such events.
 *
 * @file: from 0.
 * @ret, @nr: an array of so many.
 *
 * 0; -EINVAL if there is no such file; other negative errno: formats could not
 * be read.
 */
int tracecmd_file_events(struct tracecmd_trace *trace, unsigned int file,
			 const struct tracecmd_event_info **ret, size_t *nr,
			 struct tracecmd_error *error);

/* What a value is. Numbers have as many bytes as they say, in this machine's order. */
enum tracecmd_type {
	TRACECMD_TYPE_AUTO,		/* of a column: as the field has it */
	TRACECMD_TYPE_INT8,
	TRACECMD_TYPE_UINT8,
	TRACECMD_TYPE_INT16,
	TRACECMD_TYPE_UINT16,
	TRACECMD_TYPE_INT32,
	TRACECMD_TYPE_UINT32,
	TRACECMD_TYPE_INT64,
	TRACECMD_TYPE_UINT64,
	TRACECMD_TYPE_STRING,		/* bytes up to the first NUL; mostly, but not surely UTF-8 */
	TRACECMD_TYPE_ARRAY,		/* elements of one of the number types, one behind the other */
	TRACECMD_TYPE_WORD		/* of a column of strings: int32, the string's number in the
					 * column's table (tracecmd_scan_words); -1 if null */
};

/* Where a record has a field. */
enum tracecmd_place {
	TRACECMD_PLACE_FIXED,		/* at its offset */
	TRACECMD_PLACE_REST,		/* from its offset to the record's end */
	TRACECMD_PLACE_DATA_LOC,	/* told by 4 bytes at its offset: length << 16 | offset */
	TRACECMD_PLACE_REL_LOC		/* the same, the offset counted from behind these */
};

/* One field of an event. */
struct tracecmd_field {
	const char *name;
	const char *declaration;	/* its type in C, "char[16]" */
	int32_t type;			/* enum tracecmd_type */
	int32_t element;		/* of an array: the type of its elements; else 0 */
	int32_t is_pointer;		/* not 0: the number is an address */
	int32_t is_mask;		/* not 0: the array is a set of bits, such as CPUs */
	int32_t place;			/* enum tracecmd_place */
	int32_t big_endian;		/* not 0: the record's numbers are */
	uint32_t offset;		/* in the record */
	uint32_t bytes;			/* there; 0: up to the record's end */
};

/*
 * The fields of an event, those left out that every event has. Reads its format.
 *
 * @file: from 0. @id: the event's number in it.
 * @ret, @nr: an array of so many.
 *
 * 0; -EINVAL if there is no such file; -ENOENT if it has no format of that id that
 * can be understood; -ENOMEM.
 */
int tracecmd_event_fields(struct tracecmd_trace *trace, unsigned int file, int32_t id,
			  const struct tracecmd_field **ret, size_t *nr,
			  struct tracecmd_error *error);

/*
 * The name of a process by the names that a file has: "<idle>" for 0, "<...>" for
 * one it has not. Names that events tell do not count.
 *
 * @ret: lives until the trace is closed.
 *
 * 0; -EINVAL if there is no such file; other negative errno.
 */
int tracecmd_task_name(struct tracecmd_trace *trace, unsigned int file, int32_t pid,
		       const char **ret, struct tracecmd_error *error);

/*
 * The processes that a file has names of, in ascending order: @pids[i] is called @names[i].
 *
 * @file: from 0.
 * @pids, @names, @nr: arrays of so many.
 *
 * 0; -EINVAL if there is no such file; other negative errno: the names could not be read.
 */
int tracecmd_file_tasks(struct tracecmd_trace *trace, unsigned int file, const int32_t **pids,
			const char *const **names, size_t *nr, struct tracecmd_error *error);

/*
 * The function at an address, by the kernel symbols that a file has.
 *
 * @file: from 0.
 * @name: the one that begins at the address or before it. @module: that it is of; NULL: of the
 *	kernel itself. @start: where it begins. Each may be NULL.
 *
 * 1; 0 if none is known; -EINVAL if there is no such file; other negative errno.
 */
int tracecmd_file_symbol(struct tracecmd_trace *trace, unsigned int file, uint64_t address,
			 const char **name, const char **module, uint64_t *start,
			 struct tracecmd_error *error);

/*
 * The times of the first and of the last event, where time does not step back. Reads a
 * little of each CPU's data.
 *
 * 1; 0 if there are no events; negative errno: reading failed.
 */
int tracecmd_trace_times(struct tracecmd_trace *trace, uint64_t *first, uint64_t *last,
			 struct tracecmd_error *error);

/* ---- scans: many events at a time ------------------------------------------- */

/*
 * A scan reads a selection of a trace's events, from its beginning on, in batches:
 * as records or as columns of values. What is not selected is passed over before
 * it costs more than its header. A scan holds a chunk of each CPU's data and no
 * more, whatever the size of the files.
 *
 * Threads: a scan is used by one thread at a time, and several scans of one trace
 * by several threads at the same time. tracecmd_scan_new, _column, _type and _free
 * count as using the trace: one thread at a time among them and the functions
 * above. tracecmd_scan_read, _records, _words and _facts do not, and may run while another
 * thread uses the trace. The trace's notice function may then be called by any of
 * these threads, though never by two at once. Close the trace after its scans.
 */
struct tracecmd_scan;

struct tracecmd_scan_opts {
	size_t size;			/* sizeof(struct tracecmd_scan_opts) */
	/*
	 * Which events: "NAME", "SYSTEM/NAME", "SYSTEM" for all of a system, with
	 * the globs * and ?. None: all. The arrays here are not kept.
	 */
	const char *const *events;
	size_t nr_events;
	/* Filters in the language of 'tracecmd report -F'; any of them has to be true. */
	const char *const *filters;
	size_t nr_filters;
	/* Only these CPUs, processes that were running, buffers ("": top level). */
	const uint32_t *cpus;
	size_t nr_cpus;
	const int32_t *pids;
	size_t nr_pids;
	const char *const *buffers;
	size_t nr_buffers;
	/* Only events from this time on, and before that one, where it is not 0. What lies
	 * before is found by searching, not by reading. */
	uint64_t from;
	uint64_t to;
	/*
	 * Flag. Not 0: one CPU after the other, and of each in the order of the file:
	 * for counting, and for what is sorted later anyway. 0: by time, as
	 * tracecmd_trace_next has them.
	 */
	int unordered;
	/*
	 * Columns are read by so many threads of the library's own, each with some of the
	 * CPUs, and merged by the caller's: the same rows in the same order. At most as many as
	 * there are CPUs. 0, 1: the caller's alone; so are records and an unordered scan. With
	 * threads one scan is read either as columns or as records: else -EBUSY.
	 */
	unsigned int threads;
};

/*
 * Makes a scan.
 *
 * @opts: NULL selects everything.
 * @ret: free it with tracecmd_scan_free. Untouched on failure.
 *
 * 0; -EINVAL for wrong options or a malformed filter; -ENOENT for an event, a CPU
 * or a buffer that none of the files has, and for a filter that fits none of its
 * events; other negative errno: the files' tables could not be read.
 */
int tracecmd_scan_new(struct tracecmd_trace *trace, const struct tracecmd_scan_opts *opts,
		      struct tracecmd_scan **ret, struct tracecmd_error *error);

/* Frees it. NULL is allowed. */
void tracecmd_scan_free(struct tracecmd_scan *scan);

/* What a column holds. */
enum tracecmd_what {
	TRACECMD_FIELD = 1,		/* a field of the events */
	TRACECMD_TIME,			/* uint64 */
	TRACECMD_CPU,			/* uint32 */
	TRACECMD_PID,			/* int32; null if the record is cut */
	TRACECMD_ID,			/* int32; the event's number in its file */
	TRACECMD_FLAGS,			/* uint8; see 'tracecmd report', MACHINE FORMATS */
	TRACECMD_PREEMPT_COUNT,		/* uint8 */
	TRACECMD_FILE,			/* uint32 */
	TRACECMD_BUFFER,		/* uint32; its number in the file */
	TRACECMD_LOST,			/* uint64; lost on the CPU since the row before it of that
					 * CPU, null if that number is not known */
	TRACECMD_TASK,			/* string; null for a process without a name in the file's
					 * table: names that events tell, which 'tracecmd report'
					 * shows, do not count */
	TRACECMD_TEXT,			/* string; as tracecmd_record_text: made by itself */
	TRACECMD_NAME			/* string; the event's; null if the file has no format of it */
};

struct tracecmd_column {
	size_t size;			/* sizeof(struct tracecmd_column) */
	int what;			/* enum tracecmd_what */
	const char *field;		/* of TRACECMD_FIELD: its name; not kept */
	/*
	 * enum tracecmd_type. TRACECMD_TYPE_AUTO is the field's own; where several
	 * events have such a field, one that holds the values of all of them (of 64 bits
	 * with and without sign INT64, where what is 2^63 or more is null). Numbers
	 * can be had as other numbers: a value that the type cannot hold is null.
	 */
	int type;
};

/*
 * Adds a column. Before the first event is read.
 *
 * Returns its number, from 0 on; -EINVAL for wrong arguments; -ENOENT if none of
 * the selected events has such a field; -EBUSY if reading has begun; -ENOTSUP if
 * the events' fields of that name are of kinds that have no type in common, or not
 * the one asked for; -ENOMEM.
 */
int tracecmd_scan_column(struct tracecmd_scan *scan, const struct tracecmd_column *column,
			 struct tracecmd_error *error);

/*
 * A column's type, and, unless @element is NULL, that of an array's elements.
 * -EINVAL if there is no such column.
 */
int tracecmd_scan_type(const struct tracecmd_scan *scan, unsigned int column, int *element);

/*
 * The words of a column of TRACECMD_TYPE_WORD that were met so far: word i has the bytes
 * from offsets[i] up to offsets[i + 1]. Numbers that were given stay; words come on.
 *
 * @offsets, @bytes: live until the next call of tracecmd_scan_read. Either may be NULL.
 *
 * Their number; -EINVAL if there is no such column, or it is of another type.
 */
int tracecmd_scan_words(const struct tracecmd_scan *scan, unsigned int column, const int32_t **offsets,
			const uint8_t **bytes);

/*
 * The caller's memory for one column; the layout is that of Apache Arrow. For
 * @max rows:
 */
struct tracecmd_values {
	size_t size;			/* sizeof(struct tracecmd_values), in each of them */
	/* Numbers: @max values of the type. May be NULL: the column is not wanted. */
	void *values;
	/* (@max + 7) / 8 bytes, a bit for each row, the lowest first: 1: there is a
	 * value, 0: null. May be NULL. Where it is 0 the value is 0, or empty. */
	uint8_t *valid;
	/* Strings and arrays: @max + 1 offsets into bytes, the first is 0: row i has the
	 * bytes from offsets[i] up to offsets[i + 1]. */
	int32_t *offsets;
	uint8_t *bytes;			/* room for bytes_size, of which bytes_used were written */
	size_t bytes_size;
	size_t bytes_used;		/* written by the library, as the next one */
	uint64_t nulls;			/* rows without a value */
};

/*
 * Takes the next events as columns.
 *
 * @values: one for each column, in their order.
 * @max: rows that there is memory for.
 *
 * The number of rows, which may be less than @max before the end, too (where a
 * column's bytes are full); 0 at the end; -ENOBUFS if a column's bytes do not even
 * hold one row: its bytes_used is then what that row needs; -EINVAL for wrong
 * arguments; -EBADMSG at the end of a file that is cut or damaged, after everything
 * readable was given; -ECANCELED after tracecmd_scan_stop; -EOVERFLOW if the words of a
 * column are more than 2 GB; other negative errno: reading failed.
 */
int tracecmd_scan_read(struct tracecmd_scan *scan, struct tracecmd_values *values, uint32_t max,
		       struct tracecmd_error *error);

/* An event of a batch. This struct does not grow: it is used in arrays. */
struct tracecmd_record {
	uint64_t time;
	uint64_t lost;			/* as TRACECMD_LOST; TRACECMD_LOST_UNKNOWN */
	const void *data;		/* as in struct tracecmd_event, but aligned to 8 bytes */
	uint32_t size;
	uint32_t cpu;
	int32_t pid;			/* -1 if the record is cut */
	int32_t id;			/* -1 likewise */
	uint32_t file;
	uint32_t buffer;		/* number; its name: tracecmd_file_buffer */
};

/*
 * Takes the next events as records. What they point to lives until the next call
 * for this scan.
 *
 * The number of records, 0 at the end, or a failure as tracecmd_scan_read.
 */
int tracecmd_scan_records(struct tracecmd_scan *scan, struct tracecmd_record *records, uint32_t max,
			  struct tracecmd_error *error);

/*
 * Ends reading, also one that is going on: it returns -ECANCELED soon. May be called by any
 * thread at any time before the scan is freed.
 */
void tracecmd_scan_stop(struct tracecmd_scan *scan);

struct tracecmd_scan_facts {
	uint64_t scanned;		/* events looked at so far */
	uint64_t selected;		/* events given */
	uint64_t lost;			/* events lost in front of those looked at, or TRACECMD_LOST_UNKNOWN */
	uint64_t damaged;		/* pieces that could not be read */
};

/* What is known so far; lives as long as the scan, and changes while it is read. */
const struct tracecmd_scan_facts *tracecmd_scan_facts(struct tracecmd_scan *scan);

/* ---- records -------------------------------------------------------------------- */

/*
 * The text of a record that a scan gave, or that the caller kept: as tracecmd_event_text,
 * functions not joined. What earlier events told (names of tasks that the file lacks, how
 * deep a function event's call is indented) is not in it.
 *
 * @record: its time, data, size, cpu and file are used.
 * @ret: lives until the next call for this trace.
 *
 * 0; -EINVAL if there is no such file; -ENOMEM; other negative errno.
 */
int tracecmd_record_text(struct tracecmd_trace *trace, const struct tracecmd_record *record,
			 const char **ret, struct tracecmd_error *error);

/* The value of a field in a record. */
struct tracecmd_value {
	int32_t type;			/* the field's: a number's, or STRING, or ARRAY */
	uint32_t size;			/* bytes at data: of a string up to its NUL, of whole elements */
	const void *data;		/* in the record, in the byte order of its machine */
	uint64_t number;		/* of a number: its value, of signed ones as int64_t */
};

/*
 * Takes a field out of a record. Needs nothing but what it is given, so any number of
 * threads may do so.
 *
 * @field: of tracecmd_event_fields, for an event of the record's id and file.
 * @data, @size: the record.
 *
 * 0; -ENODATA if the record has not the field: it is too short, or tells an impossible place;
 * -EINVAL.
 */
int tracecmd_field_value(const struct tracecmd_field *field, const void *data, size_t size,
			 struct tracecmd_value *ret);

/*
 * The fields that all events of a file begin with (common_type, common_pid), as
 * tracecmd_event_fields. 0, -ENOENT if the file has no formats, others as there.
 */
int tracecmd_common_fields(struct tracecmd_trace *trace, unsigned int file,
			   const struct tracecmd_field **ret, size_t *nr,
			   struct tracecmd_error *error);

#ifdef __cplusplus
}
#endif

#endif

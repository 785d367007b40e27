/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of 'tracecmd report': options, files, printing, questions. */
#ifndef TRACECMD_REPORT_H
#define TRACECMD_REPORT_H

#include "command.h"
#include "dat/dat.h"
#include "event/event.h"
#include "event/export.h"
#include "input.h"
#include "profile.h"
#include "replay/replay.h"

struct report_filter { const char *text; bool exclude, select; };
struct report_filters { struct report_filter *v; size_t nr, cap; };
struct report_words { const char **v; size_t nr, cap; };

/* Questions about files, as bits; any of them suppresses the events. */
enum report_question {
	ASK_FORMATS = 1 << 0, ASK_NAMES = 1 << 1, ASK_FUNCTIONS = 1 << 2, ASK_PRINTK = 1 << 3,
	ASK_ENDIAN = 1 << 4, ASK_PAGE = 1 << 5, ASK_CPUS = 1 << 6, ASK_FIRST = 1 << 7,
	ASK_LAST = 1 << 8, ASK_STAT = 1 << 9, ASK_UNAME = 1 << 10, ASK_VERSION = 1 << 11,
	ASK_CHECK = 1 << 12, ASK_FILTERS = 1 << 13, ASK_SYNC = 1 << 14,
};

/* --count: what counts are told apart by, in the order of the columns. */
enum report_key { BY_EVENT, BY_CPU, BY_TASK, BY_BUFFER, BY_TIME, BY_KEYS };
struct report_count {
	bool wanted;
	unsigned nr;
	enum report_key by[BY_KEYS];
	uint64_t bin;			/* BY_TIME: nanoseconds, or what the clock counts */
	bool bin_in_seconds;		/* a unit or a fraction was given */
};

enum report_format { REPORT_TEXT, REPORT_JSON, REPORT_CSV };

/* What could not be had of a file, and some text wants. */
struct report_need { const struct report_file *file; const char *text; bool told; };

/* One file, its options and what is known of it. */
struct report_file {
	struct report *rp;
	const char *path;
	bool by_option;			/* given with -i */
	struct report_filters filters;	/* for this file alone */
	struct replay_file_opts times;
	bool has_ts2secs;
	char *name;			/* last part of the path */
	struct input input;
	struct dat_reader *reader;	/* owned by the replay */
	struct event_db *db;		/* owned by the replay */
	struct event_filter *filter;	/* NULL: none */
	int stacks[2];			/* ids of stack events; -1: there is none */
	struct report_buffer *buffers;
	struct event_line_opts line;
	struct event_export *export;	/* unless REPORT_TEXT */
};

/* What printing knows of one buffer. */
struct report_buffer {
	const char *prefix;		/* in front of lines, padded */
	size_t prefix_len;
	struct profile *profile;	/* --profile; made with its first record */
	struct buf where;		/* of its events, as they are exported */
};

struct report {
	VEC(struct report_file) files;
	struct report_filters filters;	/* for all files */
	struct report_words raw, no_handler, plugin_options, kallsyms, cpus, pids, comms;
	unsigned questions;		/* enum report_question */
	const char *formats_of;		/* --event RE */
	struct report_count count;
	double ts2secs;			/* for files without their own */
	bool latency, fields, nanoseconds, ts_diff, raw_ts, align_ts, no_date, ts_check;
	bool no_plugins, no_system_plugins, no_hardirq, no_softirq, wakeup, quiet;
	bool boundary, debug, losses, compat_31, kernel_text;
	uint64_t verbose;		/* level of -V; 0: it is not given */
	bool profile, global_irqs, by_comm;
	struct profile_hooks hooks;	/* -H, and those of the files */
	enum report_format format;
	bool with_text, decoded;	/* --text, --decoded */
	const char *csv_events;		/* whose fields have columns; NULL: no columns */
	struct event_columns columns;
	bool default_file;		/* none was named */

	const struct notices *notices;
	struct notices ordered;		/* see report_order_notices */
	const struct notices *unordered;
	VEC(struct report_need) needs;	/* see report_need */
	struct replay *replay;
	unsigned threads;
	bool ahead;			/* there is a CPU for a thread that decompresses */
	const char *from, *to;		/* --from, --to; NULL: not given */
	char *last;			/* --last, as it is in from */
	uint64_t first_events;		/* --first; 0: all */
	uint8_t *cpu_bits;
	uint32_t nr_cpu_bits;
	unsigned damage;		/* places that could not be read, the replay's aside */
	bool failed;			/* something could not be read */
};

/* ---- report_files.c ---- */
/* Opens all files, their tables and filters. 0 or -errno. */
int report_open(struct report *rp, struct err *e);
void report_close(struct report *rp);
/* What is not in the files, and leaves no gap there. */
void report_tell_missing(const struct report *rp);
/* Of which events the text printed is not the kernel's. */
void report_tell_texts(const struct report *rp);
/* Remarks on files that could not be read whole; sets rp->failed. */
void report_tell_damage(struct report *rp, struct err *e);

/* What stands in front of the lines of @name, a file or instance ("": none), if the longest name has @width. To be
 * freed; NULL: no memory. */
char *report_prefix(const char *name, size_t width);

/* ---- report_clocks.c ---- */
/* Tells that events of different trace clocks are put in one order. */
void report_tell_clocks(const struct report *rp);

/* ---- report_filters.c ---- */
/* Whether --pid names numbers. 0 or -errno. */
int report_check_pids(const struct report *rp, struct err *e);
int report_make_filters(struct report *rp, struct err *e);
/* Whether some events are left out. */
bool report_filtering(const struct report *rp, const struct report_file *f);
/*
 * Whether a record is. *printed: whether its CPU's last event was; a stack is
 * shown with the event it belongs to, or because a filter names it.
 */
bool report_wants(const struct report *rp, struct report_file *f, const struct event_record *rec,
		  bool *printed);
/* "0,3" or "2-4" into bits. */
int report_parse_cpus(struct report *rp, struct err *e);
/* Of the files, opened, one has a CPU at least that is asked for: 0 or -ENOENT. */
int report_check_cpus(struct report *rp, struct err *e);

/* ---- report_print.c ---- */
int report_events(struct report *rp, struct err *e);
/* From here on notices come between the lines of the events they came up with. */
void report_order_notices(struct report *rp);
/* For event_db_tell_needs; @ctx is the struct report_file. */
void report_need(void *ctx, const char *text);
/* "cpus=N" of one file, with its name in front if there are several. */
void report_print_cpus(struct report *rp, unsigned file);

/* ---- report_range.c ---- */
/* Whether --from, --to and --last can be times, of whatever file. 0 or -EINVAL. */
int report_check_range(const struct report *rp, struct err *e);
/* Puts --from and --to into the range of @opts. 0, -EINVAL for no time, -errno. */
int report_range(struct report *rp, struct replay_run_opts *opts, struct err *e);
/* ---- report_texts.c: --stat --debug ---- */
/* Which events' texts libtraceevent makes, why, and how many the file has. 0 or -errno. */
int report_print_foreign_texts(struct report *rp, unsigned file, struct err *e);
/* ---- report_profile.c: --profile ---- */
/* Profiles of all buffers instead of events. 0 or -errno. */
int report_profile(struct report *rp, struct err *e);

/* ---- report_count.c: --count ---- */
/* "event,cpu,time=10ms"; NULL: "event". 0, -EINVAL. */
int report_count_by(struct report_count *c, const char *words, struct err *e);
/* Whether the other options go with it. EXIT_OK or EXIT_USAGE. */
int report_check_count(const struct report *rp, struct err *e);
int report_counts(struct report *rp, struct err *e);
/*
 * report_count_print.c: in the report's format. Keys of losses have the ids below,
 * the count of LOST_UNKNOWN is how often a number is not known. 0 or -ENOMEM.
 */
enum { LOST_KNOWN, LOST_UNKNOWN };
struct tally;
int report_print_counts(const struct report *rp, const struct tally *events,
			const struct tally *lost);

/* ---- report_export.c: --format ---- */
/* "json", "csv:EVENT". EXIT_OK or EXIT_USAGE. */
int report_set_format(struct report *rp, const char *word, struct err *e);
/* Whether the other options go with it. EXIT_OK or EXIT_USAGE. */
int report_check_format(const struct report *rp, struct err *e);
/* Makes each file's export, prints what stands above the events. 0 or -errno. */
int report_export_begin(struct report *rp, struct err *e);

/* ---- report_info.c ---- */
int report_answer(struct report *rp, struct err *e);

/* ---- report_wakeup.c: -w ---- */
struct wakeups;
int wakeups_new(struct report *rp, struct wakeups **ret, struct err *e);
void wakeups_free(struct wakeups *w);
/* Looks at a record; appends " Latency: .." to the line of a switch that ends one. */
void wakeups_record(struct wakeups *w, const struct event_record *rec, struct buf *line);
void wakeups_print(struct wakeups *w);

/* ---- report_guests.c ---- */
/* From here on kvm events of hosts show the symbols of guests reported along. */
void report_join_guests(struct report *rp);
void report_leave_guests(void);

#endif

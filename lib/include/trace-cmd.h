/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace-cmd.h: the interface of trace-cmd's library (3.4), so that programs written for
 * that one run on this one. New programs find more, and less to heed, in tracecmd.h.
 *
 *	struct tracecmd_input *in = tracecmd_open("trace.dat", 0);
 *
 *	if (in)
 *		tracecmd_iterate_events(in, NULL, 0, print, NULL);
 *	tracecmd_close(in);
 *
 * Conventions
 *  - Functions that return a pointer return NULL on failure, others -1, and errno says
 *    why. NULL for a handle is EINVAL.
 *  - What is worth telling goes to libtraceevent's tep_vprint, which a program may
 *    define for itself; see tracecmd_set_loglevel.
 *  - A CPU's number counts from 0; there are as many as tep_get_cpus() says. A CPU without
 *    data has no records.
 *  - A handle is used by one thread at a time, and may change hands. A file's handle and
 *    those of its instances may be used by different threads, where these do not use
 *    libtraceevent's handle, which they share, at the same time.
 *  - A program needs _GNU_SOURCE, for cpu_set_t.
 */
#ifndef _TRACE_CMD_H
#define _TRACE_CMD_H

#include <sched.h>
#include <stdbool.h>

#include "event-parse.h"
#if defined(__has_include) && !defined(__cplusplus)
#if __has_include("tracefs.h")
#include "tracefs.h"		/* trace-cmd's header gives it to programs, too; it is no C++ */
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct tracecmd_input;

/* ---- files ------------------------------------------------------------------ */

enum tracecmd_open_flags {
	TRACECMD_FL_LOAD_NO_PLUGINS		= 1,	/* events have the kernel's own texts */
	TRACECMD_FL_LOAD_NO_SYSTEM_PLUGINS	= 2,	/* plugins of the user's folders only */
};

enum tracecmd_section_flags {
	TRACECMD_SEC_FL_COMPRESS		= 1,	/* of a file's section: it is compressed */
};

/*
 * Opens a file and makes its events ready to be read. Of a recording that was killed,
 * what it left is opened. @flags: of enum tracecmd_open_flags.
 */
struct tracecmd_input *tracecmd_open(const char *file, int flags);
/* The same on a descriptor, which is closed with the handle, and on failure. */
struct tracecmd_input *tracecmd_open_fd(int fd, int flags);
/* Opens a file up to its events: for all that is not about records. */
struct tracecmd_input *tracecmd_open_head(const char *file, int flags);
/* Makes the events of such a handle ready. 0; 1: it holds a latency tracer's text, no
 * events; -1. */
int tracecmd_init_data(struct tracecmd_input *handle);
/* Handles of a file and its instances are closed in any order. NULL is allowed. */
void tracecmd_close(struct tracecmd_input *handle);

/* libtraceevent's handle, with formats, names and symbols of the file. It belongs to the
 * handle; who takes a reference (tep_ref) may keep it. */
struct tep_handle *tracecmd_get_tep(struct tracecmd_input *handle);
/* The number of the recording; 0: it has none. */
unsigned long long tracecmd_get_traceid(struct tracecmd_input *handle);
/* A pointer of the program's. That of a file is inherited by instances opened later. */
void tracecmd_set_private(struct tracecmd_input *handle, void *data);
void *tracecmd_get_private(struct tracecmd_input *handle);
/* From which level on things are told, for the process; TEP_LOG_WARNING at first. */
void tracecmd_set_loglevel(enum tep_loglevel level);

/* ---- instances ---------------------------------------------------------------- */

/* How many there are beside the top-level buffer; 0 for an instance's own handle. */
int tracecmd_buffer_instances(struct tracecmd_input *handle);
/* Name of one, @indx counts from 0; NULL if there is none. */
const char *tracecmd_buffer_instance_name(struct tracecmd_input *handle, int indx);
/* A new handle for it, ready to be read and to be closed. NULL: there is none. */
struct tracecmd_input *tracecmd_buffer_instance_handle(struct tracecmd_input *handle, int indx);

/* ---- records ------------------------------------------------------------------- */

/*
 * Each of these returns a record that is the caller's, to be given to
 * tracecmd_free_record; it stays whole until then. NULL at the end, and where there is none.
 *
 * Of struct tep_record: ts is the time, in nanoseconds for most clocks; offset the
 * record's place, which is its own within the handle; missed_events what was lost in front
 * of it: a number, or -1 for an unknown one; data and size what the kernel wrote.
 */
/* The first record of a CPU. */
struct tep_record *tracecmd_read_cpu_first(struct tracecmd_input *handle, int cpu);
/* The next record of a CPU. */
struct tep_record *tracecmd_read_data(struct tracecmd_input *handle, int cpu);
/* The record at an offset, or around it. Its CPU goes on behind it. @cpu: where to store
 * its CPU, or NULL. */
struct tep_record *tracecmd_read_at(struct tracecmd_input *handle, unsigned long long offset,
				    int *cpu);
/* Gives a reference back; the record goes with the last one. NULL is allowed. */
void tracecmd_free_record(struct tep_record *record);

/* ---- iterating -------------------------------------------------------------------- */

/*
 * Calls @callback for each record that is still to be read, in the order of time (of equal
 * times the lower CPU first), until it returns other than 0, which is returned then. Another call
 * goes on behind that record. The record is the callback's during the call; to keep it,
 * add one to its ref_count and free it later. The callback may read from the handle.
 *
 * @cpus, @cpu_size: which CPUs, and the bytes of that set; NULL: all.
 * 0 when all was read; -1: EINVAL, there is nobody to call; ENOMEM.
 */
int tracecmd_iterate_events(struct tracecmd_input *handle, cpu_set_t *cpus, int cpu_size,
			    int (*callback)(struct tracecmd_input *handle, struct tep_record *record,
					    int cpu, void *data),
			    void *callback_data);
/* The same for several handles. The callback's @cpu counts on through all of their CPUs:
 * record->cpu is the CPU. */
int tracecmd_iterate_events_multi(struct tracecmd_input **handles, int nr_handles,
				  int (*callback)(struct tracecmd_input *handle,
						  struct tep_record *record, int cpu, void *data),
				  void *callback_data);
/* Backwards, from the last record on, or, with @cont, from where reading stands. */
int tracecmd_iterate_events_reverse(struct tracecmd_input *handle, cpu_set_t *cpus, int cpu_size,
				    int (*callback)(struct tracecmd_input *handle,
						    struct tep_record *record, int cpu, void *data),
				    void *callback_data, bool cont);
/* All CPUs begin anew. */
int tracecmd_iterate_reset(struct tracecmd_input *handle);

/*
 * Has @callback called for one kind of event, in front of the callback of whoever
 * iterates. @system: NULL for the first event of that name. 0; -1: ENOENT, there is no such event.
 */
int tracecmd_follow_event(struct tracecmd_input *handle, const char *system, const char *event_name,
			  int (*callback)(struct tracecmd_input *handle, struct tep_event *event,
					  struct tep_record *record, int cpu, void *data),
			  void *callback_data);
/* The same for records in front of which some were lost, whether filters let them through or not. */
int tracecmd_follow_missed_events(struct tracecmd_input *handle,
				  int (*callback)(struct tracecmd_input *handle,
						  struct tep_event *event,
						  struct tep_record *record, int cpu, void *data),
				  void *callback_data);

/* ---- filters ---------------------------------------------------------------------- */

struct tracecmd_filter;

enum tracecmd_filters {
	TRACECMD_FILTER_NONE		= TEP_ERRNO__NO_FILTER,
	TRACECMD_FILTER_NOT_FOUND	= TEP_ERRNO__FILTER_NOT_FOUND,
	TRACECMD_FILTER_MISS		= TEP_ERRNO__FILTER_MISS,
	TRACECMD_FILTER_MATCH		= TEP_ERRNO__FILTER_MATCH,
};

/*
 * Limits what is iterated over (not what is read otherwise) to records of some filter, if there is
 * one, without those of any filter added with @neg. @filter_str: "sched/sched_switch:next_pid == 0".
 * Stacks go with the event in front of them. The handle's filters; NULL: EINVAL, it is malformed or fits no event.
 */
struct tracecmd_filter *tracecmd_filter_add(struct tracecmd_input *handle, const char *filter_str,
					    bool neg);

/* ---- time ------------------------------------------------------------------------- */

/* The time of the earliest record, whatever was added to times since; 0 without any. */
unsigned long long tracecmd_get_first_ts(struct tracecmd_input *handle);
/* Added to the times of all records that are read from now on; it sums up. */
void tracecmd_add_ts_offset(struct tracecmd_input *handle, long long offset);
/* How cycles become nanoseconds, by the file; each pointer may be NULL. 0; -1: its clock
 * does not count cycles. */
int tracecmd_get_tsc2nsec(struct tracecmd_input *handle, int *mult, int *shift,
			  unsigned long long *offset);

/* ---- guests ----------------------------------------------------------------------- */

/*
 * Of a host's file: the guest whose recording has @trace_id. @name, @vcpu_count, and @cpu_pid
 * with the host's thread of each of its CPUs: the handle's; each may be NULL. 0; -1: there is none.
 */
int tracecmd_get_guest_cpumap(struct tracecmd_input *handle, unsigned long long trace_id,
			      const char **name, int *vcpu_count, const int **cpu_pid);

struct tracecmd_cpu_map;

/*
 * Finds, for a host's file @handles[0], the threads that ran CPUs of the guests whose files are
 * the others. How many of these are its guests; -1: ENOMEM. Maps live as long as the handles,
 * which are to be closed together.
 */
int tracecmd_map_vcpus(struct tracecmd_input **handles, int nr_handles);
/* Of a guest's CPU; NULL: there is none. */
struct tracecmd_cpu_map *tracecmd_get_cpu_map(struct tracecmd_input *handle, int cpu);
/* By the host's thread, from the handle of the host or of any guest; NULL: there is none. */
struct tracecmd_cpu_map *tracecmd_map_find_by_host_pid(struct tracecmd_input *handle, int host_pid);
struct tracecmd_input *tracecmd_map_get_guest(struct tracecmd_cpu_map *map);
int tracecmd_map_get_host_pid(struct tracecmd_cpu_map *map);
/* A pointer of the program's. */
void tracecmd_map_set_private(struct tracecmd_cpu_map *map, void *priv);
void *tracecmd_map_get_private(struct tracecmd_cpu_map *map);

#ifdef __cplusplus
}
#endif

#endif

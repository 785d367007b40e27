/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dynamic events: probes in the kernel, its modules and programs, probes on
 * other events, synthetic events. The kernel keeps them in one list,
 * dynamic_events (Documentation/trace/{kprobetrace,uprobetracer,fprobetrace,
 * eprobetrace}.rst, histogram.rst); they belong to no instance.
 */
#ifndef TRACECMD_KERNEL_DYNEVENT_H
#define TRACECMD_KERNEL_DYNEVENT_H

#include "base/base.h"
#include "kernel/kernel.h"

enum kernel_dyn_type {			/* bits */
	KERNEL_DYN_KPROBE = 1, KERNEL_DYN_KRETPROBE = 2, KERNEL_DYN_UPROBE = 4,
	KERNEL_DYN_URETPROBE = 8, KERNEL_DYN_EPROBE = 16, KERNEL_DYN_SYNTH = 32,
	KERNEL_DYN_FPROBE = 64, KERNEL_DYN_TPROBE = 128,
	KERNEL_DYN_USER = 256,		/* of programs: user_event.h removes them */
	KERNEL_DYN_OTHER = 512,		/* of kinds that later kernels may have */
	KERNEL_DYN_ALL = 1023
};
/* Bits of the type with that name ("kprobe" ... "synth", "all"); 0: unknown. */
unsigned kernel_dyn_type_by_name(const char *name);
/* Whether the kernel has events of that type, one bit: 0, or -EOPNOTSUPP with what it would take. */
int kernel_dyn_has(struct kernel *k, unsigned type, struct err *e);
/* The name of one of the bits; "other" if there is none. */
const char *kernel_dyn_type_name(unsigned type);

/* ---- what there is -------------------------------------------------------- */

struct kernel_dyn_event {
	unsigned type;			/* one bit */
	char *group, *name;		/* as -e of record has them; group "": not known */
	char *definition;		/* the kernel's line, which would make it again */
};
struct kernel_dyn_events {
	struct kernel_dyn_event *v;
	size_t nr, cap;
};
/*
 * Adds all, in the kernel's order. An event with several probes is there once for each. A
 * kernel without dynamic events has none. 0, -errno.
 */
int kernel_dyn_list(struct kernel *k, struct kernel_dyn_events *ret, struct err *e);
void kernel_dyn_events_release(struct kernel_dyn_events *evs);
/*
 * Whether @what means it: "GROUP/NAME", "GROUP:NAME", "NAME" or "GROUP", each a glob, or
 * its definition as listed.
 */
bool kernel_dyn_matches(const struct kernel_dyn_event *ev, const char *what);

struct kernel_dyn_count {
	bool known;			/* the kernel counts kprobes and uprobes only */
	uint64_t hits, missed;
};
/* How often each of the list was hit; @ret has room for all of it. 0, -ENOMEM. */
int kernel_dyn_counts(struct kernel *k, const struct kernel_dyn_events *evs,
		      struct kernel_dyn_count *ret);

/* Whether it is switched on in an instance. */
bool kernel_dyn_enabled(const struct kernel_instance *in, const struct kernel_dyn_event *ev);
/*
 * What keeps it from being removed, as far as it can be seen, a clause each: "it is enabled in
 * instance 'x'", "trigger 'hist:keys=a' of sched:sched_switch". Others than
 * these may hold it unseen: perf does. 0, -errno.
 */
int kernel_dyn_users(struct kernel *k, const struct kernel_dyn_event *ev, struct kernel_words *ret,
		     struct err *e);

/* ---- removing ------------------------------------------------------------- */

/*
 * Removes an event with all of its probes, for good. With @force one in use is first switched
 * off in all instances, and its own triggers are removed; if something else holds it, nothing is
 * changed, and if that shows only then (perf), all is put back but what its histograms counted. -EBUSY with what
 * holds it; -ENOENT: it is gone already; 0, -errno.
 */
int kernel_dyn_del(struct kernel *k, const struct kernel_dyn_event *ev, bool force, struct err *e);
/*
 * Removes those of @evs for which @chosen is set. One may hold another: again as long as any
 * goes. What stays is told as a notice each. The number of those that stay, or -errno.
 */
int kernel_dyn_del_chosen(struct kernel *k, const struct kernel_dyn_events *evs, const bool *chosen,
			  bool force, struct err *e);
/* All but those of the types @keep. One that is in use is told as a notice and stays. 0, -errno. */
int kernel_dyn_remove(struct kernel *k, unsigned keep, struct err *e);

/* ---- making --------------------------------------------------------------- */

/*
 * A definition, in the kernel's words ("r:group/name vfs_read ret=$retval") or short:
 *
 *	[[GROUP/]NAME=]PLACE [ret] [ARGUMENT]...
 *
 * PLACE is [MODULE:]FUNCTION[+OFFSET], or PROGRAM:SYMBOL[+OFFSET],
 * PROGRAM:SOURCE-FILE:LINE or PROGRAM:0xOFFSET with a '/' in PROGRAM, or
 * usdt:PROGRAM:PROVIDER:NAME. "ret" is the place where it returns,
 * and its value as an argument of that name. An argument that is a bare word is a
 * parameter of the function of that name, or a marker's ("arg1", "arg2").
 */
struct kernel_dyn_def {
	unsigned type;			/* one bit */
	char *text;			/* as given */
	char *head;			/* letter and what belongs to it: "p", "r64" */
	char *group, *name;		/* name NULL: none was given */
	char *base;			/* what names are chosen from, if none was */
	char *path;			/* of a program; NULL: none */
	char *place;			/* the rest of the place; of a program behind the ':' */
	char *marker;			/* "PROVIDER:NAME" of a program; NULL: none */
	size_t place_at;		/* where it stands in the text */
	struct kernel_words args;	/* "name=fetch:type", as given */
	struct kernel_words more;	/* further probes of the event, by kernel_dyn_prepare: place in the program, and
					 * arguments */
	char *tail;			/* "if FILTER", or the fields of a synthetic event; or NULL */
};
/* What PLACE is. A program without '/' is looked for in PATH. */
enum kernel_dyn_where {
	KERNEL_DYN_ANYWHERE,
	KERNEL_DYN_IN_PROGRAM,
	KERNEL_DYN_AT_MARKER,		/* PROGRAM:PROVIDER:NAME, "usdt:" may be left out */
};
/*
 * Reads a definition; what can be checked without a kernel is. Release in every case. 0, or -EINVAL with the place of the
 * mistake under the text, -ENOENT (the program), -ENOMEM.
 */
int kernel_dyn_parse(const char *text, enum kernel_dyn_where where, struct kernel_dyn_def *ret, struct err *e);
void kernel_dyn_def_release(struct kernel_dyn_def *def);
/*
 * Fits it to a kernel without changing that: it has this kind of event; symbols of
 * programs become offsets, parameters by name become arguments by number
 * and type; the name is free, or chosen. 0, -errno with near matches.
 */
int kernel_dyn_prepare(struct kernel *k, struct kernel_dyn_def *def, struct err *e);
/* The line for the kernel, appended. 0, -ENOMEM. */
int kernel_dyn_text(const struct kernel_dyn_def *def, struct buf *ret);
/*
 * Makes it, logged to be removed by kernel_undo. Of a name that was taken meanwhile -EEXIST; one
 * that was chosen is changed instead. 0, or -errno with the kernel's
 * explanation and near matches of a symbol it does not know.
 */
int kernel_dyn_add(struct kernel *k, struct kernel_dyn_def *def, struct err *e);

#endif

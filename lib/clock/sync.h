/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sync: how far apart the clocks of two machines are, out of exchanges between
 * them. The guest is the machine whose file is converted, the host the one whose
 * time it is given. Documentation/time.md tells what is assumed and what a bound
 * is worth.
 */
#ifndef TRACECMD_SYNC_H
#define TRACECMD_SYNC_H

#include "dat/dat.h"

/* Clocks that tick the same unit differ by no more than that, in parts of a million: a
 * crystal by 100, and what NTP may slew by 500, at each end. */
#define SYNC_RATE_PPM 1200u

/* One exchange: the guest noted its time, asked, the host noted its own, the answer came back. */
struct sync_probe {
	uint64_t sent, back;		/* guest's clock; 0: missing */
	uint64_t remote;		/* host's clock; 0: missing */
};

/* What is known of one guest CPU at one moment. */
struct sync_sample {
	struct dat_shift_sample shift;	/* as it is stored */
	struct dat_sync_sample quality;	/* of the same time */
};

/*
 * Out of the exchanges of one measurement. The clock of the host at the guest's time
 * shift.time is shift.time + shift.offset, and off by quality.bound at most: each exchange
 * says that the host's note lies between the guest's two; what all of them say together
 * is narrower than what the fastest one says. Those that contradict the most of them are left
 * out. Where most do (a clock was set, or ticks otherwise), the fastest alone counts.
 * 0; -ENODATA: no exchange is whole, told; -ERANGE; -ENOMEM.
 */
int sync_estimate(const struct sync_probe *probes, uint32_t nr, struct sync_sample *ret, struct err *e);

/* The samples of a session, for each CPU of the guest. */
struct sync_log {
	struct dat_time_shift shift;	/* with peer_id and flags to be set by its user */
	struct dat_time_sync quality;	/* with the protocol */
};
int sync_log_init(struct sync_log *l, uint32_t cpus);	/* 0, -ENOMEM */
void sync_log_release(struct sync_log *l);
/*
 * Adds a sample of one CPU; other CPUs' may be added by other threads meanwhile. A sample that is no later
 * than the last one is left out. 0, -ENOMEM.
 */
int sync_log_add(struct sync_log *l, uint32_t cpu, const struct sync_sample *s);
/*
 * For clocks that are the same counter, so that each CPU's offset does not change: what all its samples say
 * together becomes the offset of each. False, and nothing has changed: they contradict each other.
 */
bool sync_log_constant(struct sync_log *l);
/*
 * Ends it: CPUs without a sample (they were offline) get those of the first that has, of unknown
 * bound. 0; -ENODATA: there is none at all; -ENOMEM.
 */
int sync_log_finish(struct sync_log *l);

/* ---- guests of KVM whose counter the host knows (kvm.c) -------------------------- */

/*
 * The virtual CPUs of process @pid's machine (0: of any), in order: what its files in debugfs say, with the
 * offset negated; ratios of 1 have no fraction. @root: NULL for the usual place. *ret is the caller's to free.
 * 0; -ENOENT: no such machine, or no debugfs; -errno, told.
 */
int sync_kvm_read(const char *root, pid_t pid, struct dat_shift_sample **ret, uint32_t *ret_nr, struct err *e);
/* Whether there is a machine and all that is wanted of it. */
bool sync_kvm_usable(const char *root);
/*
 * The sample that says the same of the guest's time @time. The guest's counter is the host's
 * times the ratio, so the inverse leads back. (trace-cmd multiplies by the ratio once more.)
 */
struct sync_sample sync_kvm_sample(const struct dat_shift_sample *kvm, int64_t time);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the cases of conformance*.c share. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <stddef.h>
#include <trace-cmd.h>

/* The files; why a case failed. */
extern const char *trace, *instances, *host, *guest, *stacks, *losses, *why;

#define CHECK(x) do { if (!(x)) { why = #x; return; } } while (0)
#define OPEN(h) struct tracecmd_input *h = tracecmd_open(trace, 0); CHECK(h)

/* Functions that libtracecmd 3.1.6 has not, or has not in its header. */
void *function(const char *name);
int count_events(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data);

struct seen {
	unsigned long long ts;
	int nr, cpus[2], wrong, last_cpu;
};

int see(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data);

/* Cases in conformance_iterate.c. */
void iterate_order(void);
void iterate_some_cpus(void);
void iterate_nobody(void);
void iterate_stops(void);
void iterate_keeps(void);
void iterate_reads_on(void);
void iterate_multi(void);
void iterate_reverse(void);
void reset_with_empty_cpu(void);
void filters(void);
void bad_filters(void);
void reads_are_not_filtered(void);
void followers(void);
void follower_stops(void);
void stacks_go_along(void);
void lost_are_told(void);

#endif

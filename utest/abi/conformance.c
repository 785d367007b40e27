// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What programs rely on in trace-cmd's interface, case by case: for this library and for
 * trace-cmd's. Prints "ok NAME" or "FAILED NAME: why" for each.
 *	conformance TRACE INSTANCES HOST GUEST STACKS LOSSES
 * A version 7 file of two CPUs, one with instances, those of a host and of its guest, one
 * with the stack of each event, one with lost events.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance.h"

const char *trace, *instances, *host, *guest, *stacks, *losses, *why;

void *function(const char *name)
{
	return dlsym(RTLD_DEFAULT, name);
}

/* ---- opening ---- */

static int open_files(void)
{
	int nr = 0;

	for (int fd = 0; fd < 256; fd++)
		nr += fcntl(fd, F_GETFD) >= 0;
	return nr;
}

static void open_missing(void)
{
	errno = 0;
	CHECK(!tracecmd_open("/nonexistent/trace.dat", 0));
	CHECK(errno == ENOENT);
}

static void open_no_trace(void)
{
	int before = open_files();

	errno = 0;
	CHECK(!tracecmd_open("/proc/self/exe", 0));
	CHECK(errno);
	CHECK(open_files() == before);
}

static void open_descriptor(void)
{
	int fd = open(trace, O_RDONLY), before = open_files();
	struct tracecmd_input *h = tracecmd_open_fd(fd, 0);

	CHECK(h && tracecmd_read_cpu_first(h, 0));
	h = NULL;
	fd = open(trace, O_RDONLY);
	h = tracecmd_open_fd(fd, 0);
	CHECK(h);
	tracecmd_close(h);
	CHECK(fcntl(fd, F_GETFD) < 0);
	CHECK(open_files() == before);
}

static void open_head(void)
{
	struct tracecmd_input *h = tracecmd_open_head(trace, 0);
	struct tep_record *r;

	CHECK(h && tracecmd_get_tep(h) && tracecmd_get_traceid(h));
	CHECK(tep_find_event_by_name(tracecmd_get_tep(h), "sched", "sched_switch"));
	CHECK(tracecmd_init_data(h) == 0);
	r = tracecmd_read_data(h, 0);
	CHECK(r);
	tracecmd_free_record(r);
	tracecmd_close(h);
}

static void read_before_init(void)
{
	struct tracecmd_input *h = tracecmd_open_head(trace, 0);

	CHECK(h && !tracecmd_read_data(h, 0) && !tracecmd_read_cpu_first(h, 0) && !tracecmd_read_at(h, 4112, NULL));
	tracecmd_close(h);
}

static void close_nothing(void)
{
	tracecmd_close(NULL);
	tracecmd_free_record(NULL);
}

static void private_pointers(void)
{
	struct tracecmd_input *h = tracecmd_open(instances, 0), *in;
	int a, b;

	CHECK(h && !tracecmd_get_private(h));
	tracecmd_set_private(h, &a);
	in = tracecmd_buffer_instance_handle(h, 0);
	CHECK(in && tracecmd_get_private(in) == &a);
	tracecmd_set_private(in, &b);
	CHECK(tracecmd_get_private(h) == &a && tracecmd_get_private(in) == &b);
	tracecmd_close(in);
	tracecmd_close(h);
}

static void tep_outlives(void)
{
	struct tep_handle *tep;
	unsigned long long addr = 0;
	struct tep_event *event;

	OPEN(h);
	tep = tracecmd_get_tep(h);
	CHECK(tep);
	for (unsigned long long a = 0xffffffff81000000; a < 0xffffffff81100000 && !addr; a += 16)
		if (tep_find_function(tep, a))
			addr = a;
	tep_ref(tep);
	tracecmd_close(h);
	event = tep_find_event_by_name(tep, "sched", "sched_switch");
	CHECK(event && tep_find_field(event, "next_pid"));
	CHECK(!addr || tep_find_function(tep, addr));
	tep_unref(tep);
}

/* ---- instances ---- */

static void instance_list(void)
{
	struct tracecmd_input *h = tracecmd_open_head(instances, 0), *in;
	int nr;

	CHECK(h);
	nr = tracecmd_buffer_instances(h);
	CHECK(nr == 3);
	for (int i = 0; i < nr; i++)
		CHECK(strlen(tracecmd_buffer_instance_name(h, i)) > 2);
	CHECK(!tracecmd_buffer_instance_name(h, nr));
	in = tracecmd_buffer_instance_handle(h, 0);
	CHECK(in && tracecmd_get_tep(in) == tracecmd_get_tep(h) && !tracecmd_buffer_instances(in));
	CHECK(tracecmd_get_traceid(in) == tracecmd_get_traceid(h));
	tracecmd_close(in);
	tracecmd_close(h);
}

int count_events(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data)
{
	int *left = data;

	(void)h;
	(void)r;
	(void)cpu;
	return --*left == 0;
}

static void instance_outlives(void)
{
	struct tracecmd_input *h = tracecmd_open(instances, 0), *a, *b;
	int n = 0, m = 0;

	CHECK(h);
	a = tracecmd_buffer_instance_handle(h, 0);
	b = tracecmd_buffer_instance_handle(h, 0);
	CHECK(a && b && a != b);
	tracecmd_close(h);
	CHECK(!tracecmd_iterate_events(a, NULL, 0, count_events, &n));
	tracecmd_close(a);
	CHECK(!tracecmd_iterate_events(b, NULL, 0, count_events, &m));
	tracecmd_close(b);
	CHECK(n == m && n < 0);
}

static void instance_has_own_filters(void)
{
	struct tracecmd_input *h = tracecmd_open(instances, 0), *in;
	int n = 0;

	CHECK(h && tracecmd_filter_add(h, "irq_handler_entry:irq == -5", false));
	in = tracecmd_buffer_instance_handle(h, 0);
	CHECK(in && !tracecmd_iterate_events(in, NULL, 0, count_events, &n));
	CHECK(n < 0);
	tracecmd_close(in);
	tracecmd_close(h);
}

/* ---- records ---- */

static void read_cpus(void)
{
	int cpus;

	OPEN(h);
	cpus = tep_get_cpus(tracecmd_get_tep(h));
	CHECK(cpus == 2);
	CHECK(!tracecmd_read_cpu_first(h, cpus) && !tracecmd_read_data(h, cpus + 100));
	for (int cpu = 0; cpu < cpus; cpu++) {
		struct tep_record *r = tracecmd_read_data(h, cpu), *again;
		unsigned long long ts = 0, nr = 0;

		again = tracecmd_read_cpu_first(h, cpu);
		CHECK(r && again && r != again && r->offset == again->offset && r->ref_count == 1 && !r->locked);
		tracecmd_free_record(again);
		while (r) {
			CHECK(r->ts >= ts && r->cpu == cpu && r->size > 0 && r->record_size > r->size);
			ts = r->ts;
			nr++;
			tracecmd_free_record(r);
			r = tracecmd_read_data(h, cpu);
		}
		CHECK(nr > 100 && !tracecmd_read_data(h, cpu) && !tracecmd_read_data(h, cpu));
	}
	tracecmd_close(h);
}

static void negative_cpu(void)
{
	OPEN(h);
	CHECK(!tracecmd_read_cpu_first(h, -1) && !tracecmd_read_data(h, -2));
	tracecmd_close(h);
}

/* A record's data stay whole, however far reading goes, and its neighbours come and go. */
static void records_stay(void)
{
	struct tep_record *kept[64], *r;
	unsigned char copies[64][16];
	int nr = 0, i = 0;

	OPEN(h);
	for (r = tracecmd_read_cpu_first(h, 0); r; r = tracecmd_read_data(h, 0)) {
		if (i++ % 50 || nr == 64) {
			tracecmd_free_record(r);
			continue;
		}
		kept[nr] = r;
		memcpy(copies[nr++], r->data, r->size < 16 ? r->size : 16);
	}
	CHECK(nr > 3);
	for (r = tracecmd_read_cpu_first(h, 1); r; r = tracecmd_read_data(h, 1))
		tracecmd_free_record(r);
	for (int k = 0; k < nr; k++) {
		CHECK(!memcmp(copies[k], kept[k]->data, kept[k]->size < 16 ? kept[k]->size : 16));
		tracecmd_free_record(kept[k]);
	}
	tracecmd_close(h);
}

static void references(void)
{
	struct tep_record *r, *next;

	OPEN(h);
	r = tracecmd_read_cpu_first(h, 0);
	CHECK(r);
	r->ref_count++;
	tracecmd_free_record(r);
	next = tracecmd_read_data(h, 0);
	CHECK(next && next != r && r->ref_count == 1 && next->ts >= r->ts);
	tracecmd_free_record(r);
	tracecmd_free_record(next);
	tracecmd_close(h);
}

static void record_outlives(void)
{
	struct tep_record *r;
	unsigned char first;

	OPEN(h);
	r = tracecmd_read_cpu_first(h, 0);
	CHECK(r);
	first = *(unsigned char *)r->data;
	tracecmd_close(h);
	CHECK(*(unsigned char *)r->data == first && r->ref_count == 1);
	tracecmd_free_record(r);
}

static void read_at(void)
{
	struct tep_record *r, *at, *next;
	int cpu = -9;

	OPEN(h);
	CHECK(!tracecmd_read_at(h, 0, &cpu) && !tracecmd_read_at(h, 1ull << 40, &cpu) && cpu == -9);
	r = tracecmd_read_cpu_first(h, 1);
	CHECK(r);
	for (int i = 0; i < 40; i++) {
		tracecmd_free_record(r);
		r = tracecmd_read_data(h, 1);
		CHECK(r);
	}
	next = tracecmd_read_data(h, 1);
	CHECK(next);
	for (int in = 0; in < r->record_size; in++) {
		at = tracecmd_read_at(h, r->offset + in, &cpu);
		CHECK(at && cpu == 1 && at->offset == r->offset && at->ts == r->ts && at->size == r->size);
		tracecmd_free_record(at);
	}
	/* its CPU goes on behind it */
	at = tracecmd_read_data(h, 1);
	CHECK(at && at->offset == next->offset);
	tracecmd_free_record(at);
	at = tracecmd_read_at(h, r->offset, NULL);
	CHECK(at && at->ts == r->ts);
	tracecmd_free_record(at);
	tracecmd_free_record(next);
	tracecmd_free_record(r);
	tracecmd_close(h);
}

/* ---- time ---- */

static void time_offset(void)
{
	unsigned long long first, ts;
	struct tep_record *r;

	OPEN(h);
	first = tracecmd_get_first_ts(h);
	r = tracecmd_read_cpu_first(h, 0);
	CHECK(r && first && first <= r->ts);
	ts = r->ts;
	tracecmd_free_record(r);
	tracecmd_add_ts_offset(h, 1000);
	tracecmd_add_ts_offset(h, -100);
	r = tracecmd_read_cpu_first(h, 0);
	CHECK(r && r->ts == ts + 900);
	tracecmd_free_record(r);
	CHECK(tracecmd_get_first_ts(h) == first);
	tracecmd_close(h);
}

/* ---- guests ---- */

static void no_guests(void)
{
	struct tracecmd_input *v[2];
	const char *name;
	const int *pids;
	int nr;

	v[0] = tracecmd_open(trace, 0);
	v[1] = tracecmd_open(trace, 0);
	CHECK(v[0] && v[1]);
	CHECK(tracecmd_get_guest_cpumap(v[0], 12345, &name, &nr, &pids) == -1);
	CHECK(tracecmd_map_vcpus(v, 2) == 0);
	CHECK(!tracecmd_map_find_by_host_pid(v[0], 1));
	tracecmd_close(v[0]);
	tracecmd_close(v[1]);
}

static void guest_maps(void)
{
	struct tracecmd_input *v[2];
	struct tracecmd_cpu_map *map;
	const char *name;
	const int *pids;
	int nr, a;

	v[0] = tracecmd_open(host, 0);
	v[1] = tracecmd_open(guest, 0);
	CHECK(v[0] && v[1]);
	CHECK(!tracecmd_get_guest_cpumap(v[0], tracecmd_get_traceid(v[1]), &name, &nr, &pids) && *name && nr == 2);
	CHECK(!tracecmd_get_guest_cpumap(v[0], tracecmd_get_traceid(v[1]), NULL, NULL, NULL));
	CHECK(tracecmd_map_vcpus(v, 2) == 1);
	for (int cpu = 0; cpu < nr; cpu++) {
		map = tracecmd_get_cpu_map(v[1], cpu);
		CHECK(map && tracecmd_map_get_host_pid(map) == pids[cpu] && tracecmd_map_get_guest(map) == v[1]);
		CHECK(tracecmd_map_find_by_host_pid(v[0], pids[cpu]) == map);
		CHECK(tracecmd_map_find_by_host_pid(v[1], pids[cpu]) == map);
		CHECK(!tracecmd_map_get_private(map));
		tracecmd_map_set_private(map, &a);
		CHECK(tracecmd_map_get_private(map) == &a);
	}
	CHECK(!tracecmd_get_cpu_map(v[1], nr) && !tracecmd_map_find_by_host_pid(v[0], pids[0] + 100000));
	tracecmd_close(v[1]);
	tracecmd_close(v[0]);
}

static void no_cpu_map(void)
{
	OPEN(h);
	CHECK(!tracecmd_get_cpu_map(h, 0));
	tracecmd_close(h);
}

/* ---- what the header does not have ---- */

static void peeking(void)
{
	struct tep_record *(*peek)(struct tracecmd_input *, int) = function("tracecmd_peek_data");
	struct tep_record *(*next)(struct tracecmd_input *, int *) = function("tracecmd_read_next_data");
	int (*cpus)(struct tracecmd_input *) = function("tracecmd_cpus");
	int (*long_size)(struct tracecmd_input *) = function("tracecmd_long_size");
	struct tep_record *r, *p;
	unsigned long long ts = 0;
	int cpu, nr = 0;
	struct seen all = { 0 };

	CHECK(peek && next && cpus && long_size);
	OPEN(h);
	CHECK(cpus(h) == 2 && long_size(h) == 8);
	p = peek(h, 0);
	CHECK(p && p->locked && peek(h, 0) == p);
	r = tracecmd_read_data(h, 0);
	CHECK(r == p && !r->locked);
	tracecmd_free_record(r);
	tracecmd_free_record(tracecmd_read_cpu_first(h, 0));
	tracecmd_close(h);
	h = tracecmd_open(trace, 0);
	CHECK(h && !tracecmd_iterate_events(h, NULL, 0, see, &all));
	tracecmd_close(h);
	h = tracecmd_open(trace, 0);
	CHECK(h);
	while ((r = next(h, &cpu))) {
		CHECK(r->ts >= ts && r->cpu == cpu);
		ts = r->ts;
		tracecmd_free_record(r);
		nr++;
	}
	CHECK(nr == all.nr);
	tracecmd_close(h);
}

static void previous(void)
{
	struct tep_record *(*prev)(struct tracecmd_input *, struct tep_record *) = function("tracecmd_read_prev");
	struct tep_record *(*last)(struct tracecmd_input *, int) = function("tracecmd_read_cpu_last");
	struct tep_record *r, *p;
	int nr = 0, back = 0;

	CHECK(prev && last);
	OPEN(h);
	for (r = tracecmd_read_cpu_first(h, 0); r; r = tracecmd_read_data(h, 0), nr++)
		tracecmd_free_record(r);
	for (r = last(h, 0); r; r = p, back++) {
		p = prev(h, r);
		CHECK(!p || (p->ts <= r->ts && p->offset < r->offset));
		tracecmd_free_record(r);
	}
	CHECK(nr == back);
	tracecmd_close(h);
}

static void cursors(void)
{
	int (*set)(struct tracecmd_input *, int, unsigned long long) = function("tracecmd_set_cursor");
	unsigned long long (*get)(struct tracecmd_input *, int) = function("tracecmd_get_cursor");
	int (*to)(struct tracecmd_input *, int, unsigned long long) = function("tracecmd_set_cpu_to_timestamp");
	struct tep_record *r, *found;
	unsigned long long offset;

	CHECK(set && get && to);
	OPEN(h);
	for (int i = 0; i < 20; i++)
		tracecmd_free_record(tracecmd_read_data(h, 0));
	offset = get(h, 0);
	r = tracecmd_read_data(h, 0);
	CHECK(r && r->offset == offset);
	tracecmd_free_record(tracecmd_read_cpu_first(h, 0));
	CHECK(!set(h, 0, offset));
	found = tracecmd_read_data(h, 0);
	CHECK(found && found->offset == offset);
	tracecmd_free_record(found);
	CHECK(!to(h, 0, r->ts));
	do {	/* trace-cmd's begins with the sub-buffer */
		found = tracecmd_read_data(h, 0);
		CHECK(found);
		offset = found->offset;
		tracecmd_free_record(found);
	} while (offset < r->offset);
	CHECK(offset == r->offset);
	tracecmd_free_record(r);
	tracecmd_close(h);
}

/* ---- threads ---- */

static void *read_all(void *data)
{
	struct tracecmd_input *h = data ? data : tracecmd_open(trace, 0);
	struct seen s = { 0 };

	if (!h || tracecmd_iterate_events(h, NULL, 0, see, &s) || s.wrong)
		s.nr = 0;
	tracecmd_close(h);
	return (void *)(long)s.nr;
}

static void threads(void)
{
	pthread_t t[4];
	void *first, *other;

	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, read_all, i ? NULL : tracecmd_open(trace, 0)));
	pthread_join(t[0], &first);
	for (int i = 1; i < 4; i++) {
		pthread_join(t[i], &other);
		CHECK(first && first == other);
	}
}

#define CASE(name) { #name, name }
static const struct { const char *name; void (*fn)(void); } cases[] = {
	CASE(open_missing), CASE(open_no_trace), CASE(open_descriptor), CASE(open_head), CASE(read_before_init),
	CASE(close_nothing), CASE(private_pointers), CASE(tep_outlives), CASE(instance_list), CASE(instance_outlives),
	CASE(instance_has_own_filters), CASE(read_cpus), CASE(negative_cpu), CASE(records_stay), CASE(references),
	CASE(record_outlives), CASE(read_at), CASE(iterate_order), CASE(iterate_some_cpus), CASE(iterate_nobody),
	CASE(iterate_stops), CASE(iterate_keeps), CASE(iterate_reads_on), CASE(iterate_multi), CASE(iterate_reverse),
	CASE(reset_with_empty_cpu), CASE(filters), CASE(bad_filters), CASE(reads_are_not_filtered), CASE(followers),
	CASE(follower_stops), CASE(time_offset), CASE(no_guests), CASE(no_cpu_map), CASE(peeking), CASE(previous),
	CASE(cursors), CASE(threads), CASE(guest_maps), CASE(stacks_go_along), CASE(lost_are_told),
};

/* Each in a process of its own: some end trace-cmd's library. */
static void run(const char *name, void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		fn();
		printf(why ? "FAILED %s: %s\n" : "ok %s\n", name, why);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		printf("FAILED %s: cannot be run\n", name);
	else if (status)
		printf("FAILED %s: signal %d\n", name, status & 0x7f);
}

int main(int argc, char **argv)
{
	if (argc != 7)
		return 2;
	trace = argv[1];
	instances = argv[2];
	host = argv[3];
	guest = argv[4];
	stacks = argv[5];
	losses = argv[6];
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		run(cases[i].name, cases[i].fn);
	return 0;
}

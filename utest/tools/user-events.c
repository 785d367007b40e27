// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program with user events, for the tests:
 *
 *	user-events hold NAME		registers "NAME u32 x", says so, and writes x = 0, 1, 2 ... whenever
 *					somebody listens, until its standard input ends
 *	user-events fork NAME		parent and child each write, the child unregisters first
 *	user-events threads NAME N	4 threads write N events each
 *	user-events kinds NAME		one record of each kind of field
 *	user-events refused NAME	what the kernel and the library refuse, each in the same way
 *	user-events errors		registrations that fail
 *	user-events cost NAME N		nanoseconds of a bare writev and of a write, N of each; N of 0: of the test
 *					while nobody listens, which is the same on any kernel
 *
 * Those with a NAME but hold wait until somebody listens. Exit status 1: something was not as it should be.
 */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <tracecmd-user-event.h>

static struct tracecmd_user_event event;

static void demand(int true, const char *what)
{
	if (true)
		return;
	fprintf(stderr, "user-events: not so: %s (errno %d)\n", what, errno);
	exit(1);
}
#define DEMAND(x) demand(!!(x), #x)

static void nap(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	nanosleep(&ms, NULL);
}

static void make(struct tracecmd_user_event *ev, const char *name, const char *fields, unsigned int flags)
{
	struct tracecmd_error error;
	char text[512];

	snprintf(text, sizeof(text), "%s %s", name, fields);
	if (!tracecmd_user_event_register(ev, text, flags, &error))
		return;
	fprintf(stderr, "user-events: %s\n", error.text);
	exit(1);
}

static void wait_for_listener(void)
{
	puts("ready");
	fflush(stdout);
	while (!tracecmd_user_event_enabled(&event))
		nap();
}

static int write_x(uint32_t x)
{
	return tracecmd_user_event_write(&event, &x, sizeof(x));
}

/* ---- scenarios ------------------------------------------------------------------ */

static void hold(const char *name)
{
	struct pollfd input = { .fd = 0, .events = POLLIN };
	char byte;

	make(&event, name, "u32 x", 0);
	puts("ready");
	fflush(stdout);
	for (uint32_t x = 0;;) {
		if (tracecmd_user_event_enabled(&event))
			x += write_x(x) == 1;
		if (poll(&input, 1, 1) == 1 && read(0, &byte, 1) <= 0)
			return;
	}
}

static void fork_it(const char *name)
{
	int status;
	pid_t child;

	make(&event, name, "u32 x", 0);
	wait_for_listener();
	child = fork();
	if (!child) {
		DEMAND(tracecmd_user_event_enabled(&event) && write_x(1) == 1);
		DEMAND(!tracecmd_user_event_unregister(&event, NULL));
		DEMAND(!tracecmd_user_event_enabled(&event) && !write_x(9));
		exit(0);
	}
	DEMAND(waitpid(child, &status, 0) == child && !status);
	DEMAND(tracecmd_user_event_enabled(&event) && write_x(2) == 1);
	DEMAND(!tracecmd_user_event_unregister(&event, NULL));
	/* it can be registered again */
	make(&event, name, "u32 x", 0);
	DEMAND(tracecmd_user_event_enabled(&event) && write_x(3) == 1);
}

static void *write_many(void *arg)
{
	uint32_t nr = *(uint32_t *)arg;

	for (uint32_t x = 0; x < nr; x++)
		DEMAND(tracecmd_user_event_enabled(&event) && write_x(x) == 1);
	return NULL;
}

static void threads(const char *name, uint32_t nr)
{
	pthread_t ids[4];

	make(&event, name, "u32 x", 0);
	wait_for_listener();
	for (int i = 0; i < 4; i++)
		DEMAND(!pthread_create(&ids[i], NULL, write_many, &nr));
	for (int i = 0; i < 4; i++)
		pthread_join(ids[i], NULL);
}

static void kinds(const char *name)
{
	struct {
		int8_t a;
		uint16_t b;
		int32_t c;
		uint64_t d;
		char e[8];
		uint32_t f, g, h;
	} __attribute__((packed)) fields = { -1, 2, -3, 4, "five", 0, 0, 0 };
	struct tracecmd_user_record record;
	const uint32_t numbers[] = { 7, 8 };

	make(&event, name, "s8 a; u16 b; int c; u64 d; char[8] e; __rel_loc char[] f; __rel_loc u32[] g; __data_loc char[] h", 0);
	wait_for_listener();
	tracecmd_user_record_begin(&record, &fields, sizeof(fields));
	tracecmd_user_record_data_string(&record, &fields.h, "eight");
	tracecmd_user_record_string(&record, &fields.f, "six");
	tracecmd_user_record_array(&record, &fields.g, numbers, sizeof(numbers));
	DEMAND(!tracecmd_user_event_check(&event, record.parts, record.nr, NULL));
	DEMAND(tracecmd_user_record_write(&record, &event) == 1);
}

/* The kernel's answer and the library's to one record. */
static void refuse(const void *data, size_t size, int code)
{
	struct iovec part = { (void *)data, size };
	struct tracecmd_error error = { .text = "" };
	int checked = tracecmd_user_event_check(&event, &part, 1, &error), written = tracecmd_user_event_write(&event, data, size);

	printf("%d %d %s\n", checked, written, error.text);
	DEMAND(checked == code && written == code);
}

static void refused(const char *name)
{
	struct {
		uint32_t id, path;
		char text[8];
	} r = { 1, 8 << 16, "1234567" };

	make(&event, name, "u32 id; __rel_loc char[] path", 0);
	wait_for_listener();
	DEMAND(tracecmd_user_event_write(&event, &r, sizeof(r)) == 1);
	refuse(&r, 7, -EINVAL);
	refuse(&r, 15, -EFAULT);
	r.path = 7 << 16;
	refuse(&r, sizeof(r), -EFAULT);
	r.path = 8 << 16 | 1;
	refuse(&r, sizeof(r), -EFAULT);
	r.path = 1 << 16 | 0xffff;
	refuse(&r, sizeof(r), -EFAULT);
	DEMAND(tracecmd_user_event_write(&event, (void *)8, 16) == -EFAULT);
	DEMAND(close(event.fd) == 0 && tracecmd_user_event_write(&event, &r, sizeof(r)) == -EBADF);
}

/* Closed by the program, which has another file of that number: that stays open, and the kernel lets go. */
static void closed(void)
{
	struct tracecmd_user_event ev = { 0 };
	int fd;

	for (int i = 0; i < 2; i++) {
		make(&ev, "tc_errors_3", "u32 x", 0);
		fd = ev.fd;
		DEMAND(!close(fd) && open("/dev/null", O_RDONLY) == fd);
		DEMAND(!tracecmd_user_event_unregister(&ev, NULL) && !ev.registered);
		DEMAND(fcntl(fd, F_GETFD) >= 0 && !close(fd));
	}
	/* closed, and no other */
	make(&ev, "tc_errors_3", "u32 x", 0);
	DEMAND(!close(ev.fd) && !tracecmd_user_event_unregister(&ev, NULL) && !ev.registered);
}

static void errors(void)
{
	struct tracecmd_user_event second = { 0 }, third = { 0 };
	struct tracecmd_error error = { .text = "" };
	int left;

	make(&event, "tc_errors", "u32 x", 0);
	DEMAND(tracecmd_user_event_register(&event, "tc_errors u32 x", 0, &error) == -EBUSY);
	puts(error.text);
	DEMAND(tracecmd_user_event_register(&second, "tc_errors u64 x", 0, &error) == -EADDRINUSE);
	puts(error.text);
	DEMAND(tracecmd_user_event_register(&second, "tc_errors u64 x", 8, &error) == -EINVAL);
	puts(error.text);
	/* the same definition is the same event */
	make(&second, "tc_errors", "u32  x;", 0);
	DEMAND(!tracecmd_user_event_enabled(&second) && !tracecmd_user_event_write(&second, &error, 4));
	DEMAND(!tracecmd_user_event_unregister(&second, NULL) && !tracecmd_user_event_unregister(&second, NULL));
	make(&second, "tc_errors", "u64 x", TRACECMD_USER_EVENT_MULTI_FORMAT);
	DEMAND(!tracecmd_user_event_unregister(&second, NULL));
	closed();
	make(&third, "tc_errors_4", "u32 x", 0);
	DEMAND(!close(third.fd));
	DEMAND(!setgroups(0, NULL) && !setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534));
	DEMAND(tracecmd_user_event_register(&second, "tc_errors_2 u32 x", TRACECMD_USER_EVENT_PERSIST, &error) < 0);
	puts(error.text);
	/* may it open the file, or not: then the event is still the kernel's */
	*error.text = 0;
	left = tracecmd_user_event_unregister(&third, &error);
	DEMAND(third.registered == (left < 0));
	printf("%d %s\n", third.registered, error.text);
}

/* ---- cost ------------------------------------------------------------------------ */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* The best round of a loop, its counting included. */
static double cost_of_test(uint32_t nr)
{
	double best = 1e18;

	for (int round = 0; round < 20; round++) {
		double t0 = now(), t;

		for (uint32_t i = 0; i < nr; i++)
			if (tracecmd_user_event_enabled(&event))
				write_x(i);
		t = (now() - t0) / nr;
		best = t < best ? t : best;
	}
	return best;
}

/* In turns, so that both meet the same machine; the best round of each. */
static void cost_of_write(uint32_t nr)
{
	double best[2] = { 1e18, 1e18 };
	char payload[64] = { 0 };
	struct iovec bare[] = { { &event.index, 4 }, { payload, sizeof(payload) } };

	for (int round = 0; round < 20; round++) {
		double t0 = now(), t1, t2;

		for (uint32_t i = 0; i < nr; i++)
			DEMAND(writev(event.fd, bare, 2) > 0);
		t1 = now();
		for (uint32_t i = 0; i < nr; i++)
			DEMAND(tracecmd_user_event_write(&event, payload, sizeof(payload)) == 1);
		t2 = now();
		best[0] = (t1 - t0) / nr < best[0] ? (t1 - t0) / nr : best[0];
		best[1] = (t2 - t1) / nr < best[1] ? (t2 - t1) / nr : best[1];
	}
	printf("writev %.1f\nwrite %.1f\n", best[0], best[1]);
}

static void cost(const char *name, uint32_t nr)
{
	if (!nr) {
		printf("test %.2f\n", cost_of_test(10000000));
		return;
	}
	make(&event, name, "char[64] payload", 0);
	wait_for_listener();
	cost_of_write(nr);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *name = argc > 2 ? argv[2] : "tc_user";
	uint32_t nr = argc > 3 ? strtoul(argv[3], NULL, 0) : 1000;

	if (!strcmp(what, "hold"))
		hold(name);
	else if (!strcmp(what, "fork"))
		fork_it(name);
	else if (!strcmp(what, "threads"))
		threads(name, nr);
	else if (!strcmp(what, "kinds"))
		kinds(name);
	else if (!strcmp(what, "refused"))
		refused(name);
	else if (!strcmp(what, "errors"))
		errors();
	else if (!strcmp(what, "cost"))
		cost(name, nr);
	else
		return 2;
	return 0;
}

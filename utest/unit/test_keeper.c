// SPDX-License-Identifier: GPL-2.0-or-later
/* Chunks that are kept until the host has them: connections break, and others take their places. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "remote/keeper.h"
#include "remote/resume.h"
#include "remote/standing.h"

#define OUTAGE_MS 10000			/* more than any test takes */
#define SHORT_MS 50

/* The agent's end is the lane's, the other one ours. */
static int connect_lane(int *ret_agent)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	*ret_agent = fds[0];
	return fds[1];
}

static struct keeper *make(uint32_t nr, uint64_t outage_ms)
{
	struct keeper *l;

	assert_int_equal(keeper_new("the host", nr, outage_ms, NULL, &l, NULL), 0);
	return l;
}

static void put(struct keeper *l, uint32_t cpu, uint64_t seq)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "<%u.%u>", (unsigned)cpu, (unsigned)seq);

	assert_int_equal(keeper_put(l, cpu, seq, text, len, NULL), 0);
}

static void hear(int fd, const char *expected)
{
	size_t len = strlen(expected), got = 0;
	char text[64];

	while (got < len) {
		ssize_t n = read(fd, text + got, len - got);

		assert_true(n > 0);
		got += n;
	}
	assert_memory_equal(text, expected, len);
}

static void hears_nothing(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 0), 0);
}

static void say_count(int fd, uint64_t have)
{
	uint8_t bytes[RESUME_COUNT];

	put_u64(bytes, have, true);
	assert_int_equal(write(fd, bytes, 3), 3);
	assert_int_equal(write(fd, bytes + 3, sizeof(bytes) - 3), sizeof(bytes) - 3);
}

static void test_as_it_should(void **state)
{
	struct keeper *l = make(2, OUTAGE_MS);
	int agent, host[2];

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		host[i] = connect_lane(&agent);
		keeper_set(l, i, agent);
	}
	for (uint64_t seq = 0; seq < 3; seq++)
		put(l, 1, seq);
	put(l, 0, 0);
	hear(host[1], "<1.0><1.1><1.2>");
	hear(host[0], "<0.0>");
	say_count(host[1], 2);
	say_count(host[1], 3);
	say_count(host[0], 1);
	assert_int_equal(keeper_drain(l, 1, NULL), 0);
	assert_int_equal(keeper_drain(l, 0, NULL), 0);
	/* numbers go on where they were */
	assert_int_equal(keeper_put(l, 1, 5, "x", 1, NULL), -EINVAL);
	keeper_free(l);
	close(host[0]);
	close(host[1]);
}

/* What the host has not comes once more, over the new connection; what it has does not. */
static void test_made_anew(void **state)
{
	struct keeper *l = make(1, OUTAGE_MS);
	int agent, old = connect_lane(&agent), host;

	(void)state;
	keeper_set(l, 0, agent);
	for (uint64_t seq = 0; seq < 4; seq++)
		put(l, 0, seq);
	say_count(old, 1);
	hear(old, "<0.0><0.1>");
	host = connect_lane(&agent);
	assert_int_equal(keeper_resume(l, 0, agent, 2, "ok", 2), 0);
	hear(host, "ok");
	hears_nothing(host);
	put(l, 0, 4);
	hear(host, "<0.2><0.3><0.4>");
	hears_nothing(host);
	/* the old one is closed */
	hear(old, "<0.2><0.3>");
	assert_true(read(old, &(char){ 0 }, 1) <= 0);
	close(old);
	/* closed by the host, and another one while nothing is put */
	close(host);
	host = connect_lane(&agent);
	assert_int_equal(keeper_resume(l, 0, agent, 4, "ok", 2), 0);
	say_count(host, 5);
	assert_int_equal(keeper_drain(l, 0, NULL), 0);
	hear(host, "ok<0.4>");
	keeper_free(l);
	close(host);
}

static void test_refused(void **state)
{
	struct keeper *l = make(1, OUTAGE_MS);
	int agent, host = connect_lane(&agent), other, end;

	(void)state;
	keeper_set(l, 0, agent);
	put(l, 0, 0);
	put(l, 0, 1);
	say_count(host, 1);
	put(l, 0, 2);
	end = connect_lane(&other);
	assert_int_equal(keeper_resume(l, 1, other, 2, "ok", 2), -EINVAL);
	assert_int_equal(keeper_resume(l, RESUME_CONTROL, other, 0, "ok", 2), -EINVAL);
	assert_int_equal(keeper_resume(l, 0, other, 0, "ok", 2), -EINVAL);	/* it said that it has that */
	assert_int_equal(keeper_resume(l, 0, other, 4, "ok", 2), -EINVAL);
	assert_int_equal(keeper_resume(l, 0, other, UINT64_MAX, "ok", 2), -EINVAL);
	hears_nothing(end);
	assert_int_equal(keeper_resume(l, 0, other, 3, "ok", 2), 0);
	assert_int_equal(keeper_drain(l, 0, NULL), 0);
	close(end);
	keeper_free(l);
	close(host);
}

/* A count that cannot be breaks the connection. */
static void test_wrong_counts(void **state)
{
	static const uint64_t wrong[] = { 0, 4, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct keeper *l = make(1, SHORT_MS);
		int agent, host = connect_lane(&agent);
		struct err e;

		keeper_set(l, 0, agent);
		put(l, 0, 0);
		put(l, 0, 1);
		say_count(host, 1);
		put(l, 0, 2);
		say_count(host, wrong[i]);
		assert_int_equal(keeper_drain(l, 0, &e), -EPROTO);
		assert_non_null(strstr(e.text, "the host may not have taken all that CPU 0 recorded"));
		keeper_free(l);
		close(host);
	}
}

/* Nobody comes: that is found out once, not by each CPU anew. */
static void test_in_vain(void **state)
{
	struct keeper *l = make(2, SHORT_MS);
	uint64_t begun = monotonic_ns();
	int agent, host;
	struct err e;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		host = connect_lane(&agent);
		keeper_set(l, i, agent);
		close(host);
	}
	assert_int_equal(keeper_put(l, 0, 0, "x", 1, &e), -EPIPE);
	assert_string_equal(e.text, "cannot send what CPU 0 recorded to the host: Broken pipe");
	assert_true(monotonic_ns() - begun >= (uint64_t)(SHORT_MS - 1) * 1000000);
	host = connect_lane(&agent);
	assert_int_equal(keeper_resume(l, 0, agent, 0, "ok", 2), -EINVAL);
	close(agent);
	close(host);
	assert_int_equal(keeper_put(l, 1, 0, "x", 1, NULL), -EPIPE);
	keeper_free(l);
	l = make(1, OUTAGE_MS);
	host = connect_lane(&agent);
	keeper_set(l, 0, agent);
	close(host);
	keeper_give_up(l);
	assert_int_equal(keeper_put(l, 0, 0, "x", 1, NULL), -EPIPE);
	keeper_free(l);
}

/* ---- the control connection ----------------------------------------------------------------- */

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* Gone, with what was not read: an error, as of a connection that was reset. */
static void reset(int host, int agent)
{
	assert_int_equal(write(agent, "x", 1), 1);
	close(host);
}

static void test_control(void **state)
{
	int fd, host = connect_lane(&fd), agent, next;
	struct standing s;
	char text[8];

	(void)state;
	assert_int_equal(standing_init(&s, fd, OUTAGE_MS, NULL), 0);
	assert_int_equal(standing_hear(&s, text, sizeof(text)), -EAGAIN);
	assert_int_equal(write(host, "abc", 3), 3);
	assert_true(readable(s.poll_fd));
	assert_int_equal(standing_hear(&s, text, sizeof(text)), 3);
	assert_false(readable(s.poll_fd));
	reset(host, fd);
	assert_true(readable(s.poll_fd));
	assert_int_equal(standing_hear(&s, text, sizeof(text)), -EAGAIN);
	assert_false(readable(s.poll_fd));
	assert_int_equal(standing_hear(&s, text, sizeof(text)), -EAGAIN);
	/* another one has the same number */
	host = connect_lane(&agent);
	assert_int_equal(standing_resume(&s, agent, "ok", 2), 0);
	hear(host, "ok");
	assert_false(readable(s.poll_fd));
	assert_int_equal(write(host, "d", 1), 1);
	assert_true(readable(s.poll_fd));
	assert_int_equal(standing_hear(&s, text, sizeof(text)), 1);
	/* one that seems well may be replaced, too; it is closed */
	next = connect_lane(&agent);
	assert_int_equal(standing_resume(&s, agent, "ok", 2), 0);
	assert_int_equal(read(host, text, 1), 0);
	close(host);
	hear(next, "ok");
	assert_int_equal(standing_nr(&s), 2);
	/* a failure of the one before is none of this one */
	assert_int_equal(standing_await(&s, 1, -EPIPE), 0);
	/* closed, not broken: it is the end */
	close(next);
	assert_int_equal(standing_hear(&s, text, sizeof(text)), 0);
	standing_release(&s);
	close(fd);
}

static void test_control_in_vain(void **state)
{
	int fd, host = connect_lane(&fd), agent;
	struct standing s;
	char text[8];

	(void)state;
	assert_int_equal(standing_init(&s, fd, SHORT_MS, NULL), 0);
	reset(host, fd);
	assert_int_equal(standing_hear(&s, text, sizeof(text)), -EAGAIN);
	assert_int_equal(poll(&(struct pollfd){ .fd = s.poll_fd, .events = POLLIN }, 1, OUTAGE_MS), 1);
	assert_int_equal(standing_hear(&s, text, sizeof(text)), 0);
	host = connect_lane(&agent);
	assert_int_equal(standing_resume(&s, agent, "ok", 2), -EINVAL);
	close(agent);
	close(host);
	assert_int_equal(standing_await(&s, 0, -EPIPE), -ECONNRESET);
	standing_release(&s);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_it_should),
		cmocka_unit_test(test_made_anew),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_wrong_counts),
		cmocka_unit_test(test_in_vain),
		cmocka_unit_test(test_control),
		cmocka_unit_test(test_control_in_vain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

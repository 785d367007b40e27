// SPDX-License-Identifier: GPL-2.0-or-later
/* A sender and a listener, with all that lies between them: what goes in comes out as a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "dat/dat.h"
#include "record/recorder.h"
#include "remote/net.h"
#include "remote/remote.h"
#include "remote/wire.h"

#define SESSION FIXTURES "/wire/listen-v3-tcp/"
#define V3_GREETING 13			/* bytes of a recorder before its messages */
#define PAGE 4096u
#define CPUS 2
#define ROUNDS 300			/* sub-buffers of each CPU */

/* ---- a listener of our own, in a folder that goes with it ------------------------- */

struct place {
	char dir[64];
	struct listener *l;
	struct notices log;
	pthread_t thread;
	pthread_mutex_t lock;
	struct buf lines;
	char to[32];
};

static void keep(void *ctx, const char *text)
{
	struct place *p = ctx;

	pthread_mutex_lock(&p->lock);
	buf_printf(&p->lines, "%s\n", text);
	pthread_mutex_unlock(&p->lock);
}

static bool told(struct place *p, const char *what)
{
	bool is;

	pthread_mutex_lock(&p->lock);
	is = p->lines.data && strstr(p->lines.data, what);
	pthread_mutex_unlock(&p->lock);
	return is;
}

static void *serve(void *place)
{
	struct place *p = place;

	listener_run(p->l, NULL);
	return NULL;
}

static void begin(struct place *p, uint64_t quota)
{
	struct listener_opts o = { .port = "0", .dir = p->dir, .name = "t", .max_client_bytes = quota, .log = &p->log };
	struct err e = { 0 };

	*p = (struct place){ .dir = "/tmp/test-remote.XXXXXX", .log = { keep, p } };
	pthread_mutex_init(&p->lock, NULL);
	assert_non_null(mkdtemp(p->dir));
	if (listener_new(&o, &p->l, &e))
		fail_msg("%s", e.text);
	snprintf(p->to, sizeof(p->to), "127.0.0.1:%u", listener_port(p->l));
	assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void end_listener(struct place *p)
{
	if (!p->l)
		return;
	listener_stop(p->l);
	pthread_join(p->thread, NULL);
	listener_free(p->l);
	p->l = NULL;
}

/* Opens the one file there; the folder is gone afterwards. */
static struct dat_reader *result(struct place *p)
{
	struct dat_reader *r = NULL;
	struct err e = { 0 };
	struct dirent *d;
	DIR *dir;

	end_listener(p);
	dir = opendir(p->dir);
	while ((d = readdir(dir))) {
		char path[400];

		if (*d->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", p->dir, d->d_name);
		if (r || dat_reader_open(path, NULL, &r, &e))
			fail_msg("%s: %s", path, e.text);
		unlink(path);
	}
	closedir(dir);
	assert_int_equal(rmdir(p->dir), 0);
	buf_release(&p->lines);
	pthread_mutex_destroy(&p->lock);
	return r;
}

/* ---- what is sent --------------------------------------------------------------------- */

static void read_fixture(struct buf *b, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), SESSION "%s", name);
	assert_int_equal(path_read_all(path, b, 1 << 20), 0);
}

/* The front of a captured session as a file. */
static int front(void)
{
	struct buf said AUTO_BUF = { 0 };
	int fd = memfd_create("front", MFD_CLOEXEC);
	struct wire_msg m;
	uint32_t size;

	assert_true(fd >= 0);
	read_fixture(&said, "control.c2s");
	for (size_t at = V3_GREETING; wire_msg_parse(said.data + at, said.len - at, &m, &size, NULL) == 1; at += size)
		if (m.id == WIRE_SEND_DATA)
			assert_int_equal(write_full(fd, m.payload, m.payload_len), 0);
	return fd;
}

static void open_sender(struct place *p, bool tcp, struct sender **ret)
{
	AUTO_CLOSE int fd = front();
	struct err e = { 0 };

	if (sender_new(p->to, tcp ? SENDER_TCP : SENDER_UDP, ret, &e) || sender_begin(*ret, CPUS, PAGE, &e) ||
	    sender_front(*ret, fd, &e) || sender_connect(*ret, &e))
		fail_msg("%s", e.text);
	assert_int_equal(sender_version(*ret), 7);
	assert_true(sender_late(*ret));
	assert_int_equal(sender_packed(*ret), tcp);
}

/* As the recorder does. Chunks have more bytes than one that is not packed, and are not compressed. */
static int put(struct sender *s, uint32_t cpu, const struct buf *pages, struct err *e)
{
	AUTO_FREE uint8_t *frame = malloc(SPOOL_HEADER + pages->len + SPOOL_ALIGN);
	const struct recorder_chunk c = {
		.pages = frame + SPOOL_HEADER, .len = pages->len, .cpu = cpu, .page_size = PAGE, .abi.long_size = 8,
		.frame = frame, .csize = pages->len,
	};

	assert_non_null(frame);
	memcpy(frame + SPOOL_HEADER, pages->data, pages->len);
	return sender_put(s, cpu, &c, e);
}

static void put_rounds(struct sender *s, unsigned rounds, const struct timespec *pause)
{
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		struct buf page AUTO_BUF = { 0 };
		char name[16];
		struct err e = { 0 };

		snprintf(name, sizeof(name), "cpu%u.c2s", cpu);
		read_fixture(&page, name);
		for (unsigned i = 0; i < rounds; i++) {
			if (put(s, cpu, &page, &e))
				fail_msg("%s", e.text);
			if (pause)
				nanosleep(pause, NULL);
		}
	}
}

static void check_totals(struct dat_reader *r, uint64_t pages)
{
	const struct dat_buffer *b;

	assert_non_null(r);
	assert_int_equal(dat_reader_nr_buffers(r), 1);
	b = dat_reader_buffer(r, 0);
	assert_int_equal(b->nr_cpus, CPUS);
	for (uint32_t i = 0; i < CPUS; i++) {
		struct dat_chunks c;

		assert_int_equal(dat_reader_chunks(r, 0, i, &c, NULL), 0);
		assert_int_equal(c.total, pages * PAGE);
	}
	dat_reader_close(r);
}

static void test_tcp(void **state)
{
	AUTO_CLOSE int fd = front();
	struct sender *s;
	struct place p;
	struct err e = { 0 };

	(void)state;
	begin(&p, 0);
	open_sender(&p, true, &s);
	put_rounds(s, ROUNDS, NULL);
	/* The front once more; when the farewell is answered the file is there. */
	if (sender_end_data(s, &e) || sender_front(s, fd, &e) || sender_end(s, &e))
		fail_msg("%s", e.text);
	assert_true(told(&p, "' is made of"));
	sender_free(s);
	check_totals(result(&p), ROUNDS);
}

static void test_datagrams(void **state)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	struct sender *s;
	struct place p;
	struct err e = { 0 };

	(void)state;
	begin(&p, 0);
	open_sender(&p, false, &s);
	put_rounds(s, 20, &pause);
	if (sender_end_data(s, &e) || sender_end(s, &e))
		fail_msg("%s", e.text);
	sender_free(s);
	check_totals(result(&p), 20);
}

static void test_listener_ends(void **state)
{
	struct sender *s;
	struct place p;
	struct err e = { 0 };
	struct pollfd fd = { .events = POLLIN };

	(void)state;
	begin(&p, 0);
	open_sender(&p, true, &s);
	put_rounds(s, 3, NULL);
	end_listener(&p);
	fd.fd = sender_fd(s);
	assert_int_equal(poll(&fd, 1, 60000), 1);
	assert_int_equal(sender_end_data(s, &e), -ECONNRESET);
	assert_non_null(strstr(e.text, "the listener ended the connection"));
	sender_free(s);
	dat_reader_close(result(&p));
}

static void test_quota(void **state)
{
	struct sender *s;
	struct place p;
	struct err e = { 0 };
	struct pollfd fd = { .events = POLLIN };
	struct buf noise AUTO_BUF = { 0 };

	(void)state;
	begin(&p, 60000);
	open_sender(&p, true, &s);
	for (uint32_t i = 0; i < 64 * PAGE; i++)
		buf_u8(&noise, (i * UINT64_C(2654435761)) >> 13);
	while (!put(s, 0, &noise, &e))
		;
	fd.fd = sender_fd(s);
	assert_int_equal(poll(&fd, 1, 60000), 1);
	assert_true(told(&p, "it has sent what it may: 60000 bytes"));
	sender_free(s);
	dat_reader_close(result(&p));
}

/* ---- others than our listener ------------------------------------------------------------ */

struct script {
	int fds[NET_LISTEN_MAX];
	char to[NET_HOST_MAX + 16];
	void (*answer)(int fd, unsigned nr);	/* the connection number @nr */
	unsigned connections;
	pthread_t thread;
};

static void *play(void *script)
{
	struct script *s = script;

	for (unsigned i = 0; i < s->connections; i++) {
		struct pollfd p = { .fd = s->fds[0], .events = POLLIN };
		struct net_addr peer;
		int fd;

		assert_int_equal(poll(&p, 1, 60000), 1);
		fd = net_accept(s->fds[0], &peer);
		s->answer(fd, i);
		close(fd);
	}
	return NULL;
}

static void begin_script(struct script *s, unsigned connections, void (*answer)(int fd, unsigned nr))
{
	struct net_addr a;
	char host[NET_HOST_MAX];
	uint32_t port;

	*s = (struct script){ .answer = answer, .connections = connections };
	assert_int_equal(net_listen("127.0.0.1", "0", s->fds, NULL), 1);
	assert_int_equal(net_local(s->fds[0], &a), 0);
	net_addr_text(&a, host, &port);
	snprintf(s->to, sizeof(s->to), "%s:%u", host, port);
	assert_int_equal(pthread_create(&s->thread, NULL, play, s), 0);
}

static void end_script(struct script *s)
{
	pthread_join(s->thread, NULL);
	close(s->fds[0]);
}

/* Reads until @len bytes are there, or the other side has closed. */
static size_t await_bytes(int fd, char *to, size_t len)
{
	size_t got = 0;

	while (got < len) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n = poll(&p, 1, 60000) == 1 ? read(fd, to + got, len - got) : 0;

		if (n <= 0)
			break;
		got += n;
	}
	return got;
}

static void say_nonsense(int fd, unsigned nr)
{
	(void)nr;
	assert_int_equal(write_full(fd, "SSH-2.0-x\r\n", 11), 0);
}

static void say_nothing(int fd, unsigned nr)
{
	(void)fd;
	(void)nr;
}

/* Version 1: closes when it hears of another, then takes what is said by it. */
static void speak_v1(int fd, unsigned nr)
{
	static const char want[] = "2\0" "4096\0" "1\0" "4\0" "TCP";
	char bytes[64];

	assert_int_equal(write_full(fd, "tracecmd", 8), 0);
	if (!nr) {
		assert_int_equal(await_bytes(fd, bytes, 5), 5);
		assert_string_equal(bytes, "-1V3");
		return;
	}
	assert_int_equal(await_bytes(fd, bytes, sizeof(want)), sizeof(want));
	assert_memory_equal(bytes, want, sizeof(want));
	assert_int_equal(write_full(fd, "1500,1501", 10), 0);
	assert_int_equal(await_bytes(fd, bytes, 7), 7);
	assert_memory_equal(bytes, "a front", 7);
	assert_int_equal(await_bytes(fd, bytes, 1), 0);
}

static void test_no_listener(void **state)
{
	static const struct {
		void (*answer)(int fd, unsigned nr);
		const char *told;
	} cases[] = {
		{ say_nonsense, "it is no listener" },
		{ say_nothing, "closed the connection" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sender *s = NULL;
		struct script script;
		struct err e = { 0 };

		begin_script(&script, 1, cases[i].answer);
		assert_true(sender_new(script.to, SENDER_TCP, &s, &e) < 0);
		if (!strstr(e.text, cases[i].told) || !strstr(e.text, script.to))
			fail_msg("%s", e.text);
		end_script(&script);
	}
}

static void test_old_listener(void **state)
{
	AUTO_CLOSE int fd = memfd_create("front", MFD_CLOEXEC);
	struct sender *s;
	struct script script;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(write_full(fd, "a front", 7), 0);
	begin_script(&script, 2, speak_v1);
	if (sender_new(script.to, SENDER_TCP, &s, &e) || sender_begin(s, CPUS, PAGE, &e) || sender_front(s, fd, &e))
		fail_msg("%s", e.text);
	assert_int_equal(e.code, 0);		/* the first attempt is no failure */
	assert_int_equal(sender_version(s), 6);
	assert_false(sender_late(s));
	if (sender_end(s, &e))
		fail_msg("%s", e.text);
	sender_free(s);
	end_script(&script);
}

static void test_names(void **state)
{
	static const char *const bad[] = { "", "host", "host:", ":1", "host:0", "host:65536", "host:1x", "[::1]", "1:2:x" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sender *s;
		struct err e = { 0 };

		assert_int_equal(sender_new(bad[i], SENDER_TCP, &s, &e), -EINVAL);
		assert_non_null(strstr(e.text, "HOST:PORT"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_listener_ends),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_no_listener),
		cmocka_unit_test(test_old_listener),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "remote/net.h"
#include "remote/remote.h"
#include "remote/talk.h"

#define CONNECT_MS 10000
#define ANSWER_MS 10000			/* of a listener that has been asked something */
#define TAKE_S 60			/* it takes nothing any more then */
#define LAST_MS 10000			/* until what was sent has been taken, after the end */
#define FILE_MS 600000			/* until it has made the file */
#define RETRY_MS 20			/* a listener may take a moment to open what it has told of */
#define RETRIES 50
#define FRONT_BYTES 65536
#define ANSWER_BYTES 4096

struct sender {
	char *host, *port;
	bool tcp;
	int control;
	struct net_addr peer;
	struct talk_client talk;
	int *data;			/* by CPU; -1: none */
};

unsigned sender_version(const struct sender *s)
{
	return s->talk.version == 1 ? 6 : 7;
}

bool sender_late(const struct sender *s)
{
	return s->talk.late;
}

int sender_fd(const struct sender *s)
{
	return s->control;
}

/* ---- the control connection ----------------------------------------------------- */

/* "HOST:PORT", "[ADDRESS]:PORT", "PORT" */
static int split(struct sender *s, const char *to, struct err *e)
{
	const char *colon = strrchr(to, ':'), *port = colon ? colon + 1 : to, *host = colon ? to : "localhost";
	size_t len = colon ? (size_t)(colon - to) : strlen(host);
	uint64_t number;

	if (len > 1 && *host == '[' && host[len - 1] == ']') {
		host++;
		len -= 2;
	}
	if (!len || parse_u64(port, &number) || !number || number > 65535)
		return err_set(e, -EINVAL, "'%s' is no listener: that is HOST:PORT, or PORT of this machine", to);
	s->host = strndup(host, len);
	s->port = strdup(port);
	return s->host && s->port ? 0 : err_errno(e, -ENOMEM, "cannot send");
}

/* All of it; a listener that takes nothing for a minute has ended. 0, -errno. */
static int send_full(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		p += n;
		len -= n;
	}
	return 0;
}

static void limit_sending(int fd)
{
	struct timeval t = { .tv_sec = TAKE_S };

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

static int say(struct sender *s, struct err *e)
{
	struct buf *out = &s->talk.out;
	int r = out->len ? send_full(s->control, out->data, out->len) : 0;

	buf_clear(out);
	return r ? err_errno(e, r, "cannot send to the listener") : 0;
}

/* What it answers next. Bytes; 0: it has closed; -errno. */
static ssize_t hear(struct sender *s, void *to, size_t len, unsigned timeout_ms, struct err *e)
{
	struct pollfd p = { .fd = s->control, .events = POLLIN };
	ssize_t n;
	int r;

	do {
		r = poll(&p, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	if (!r)
		return err_set(e, -ETIMEDOUT, "the listener has not answered for %u seconds", timeout_ms / 1000);
	n = r < 0 ? -1 : read(s->control, to, len);
	return n < 0 ? err_errno(e, -errno, "cannot hear the listener") : n;
}

/* Talks until the listener has greeted, or all is agreed on. */
static int talk(struct sender *s, struct err *e)
{
	char bytes[ANSWER_BYTES];
	int r = say(s, e);

	while (!r) {
		ssize_t n = hear(s, bytes, sizeof(bytes), ANSWER_MS, e);

		if (n < 0)
			return n;
		r = n ? talk_client_feed(&s->talk, bytes, n, e) : talk_client_eof(&s->talk, e);
		if (!r)
			r = say(s, e);
	}
	return r < 0 ? r : 0;
}

static int connect_control(struct sender *s, unsigned version, struct err *e)
{
	cleanup_close(&s->control);
	talk_client_release(&s->talk);
	talk_client_init(&s->talk, version);
	s->control = net_connect(s->host, s->port, CONNECT_MS, e);
	if (s->control < 0)
		return s->control;
	limit_sending(s->control);
	if (net_peer(s->control, &s->peer))
		return err_errno(e, -errno, "cannot send");
	return talk(s, e);
}

int sender_new(const char *to, bool tcp, struct sender **ret, struct err *e)
{
	struct sender *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_errno(e, -ENOMEM, "cannot send");
	s->control = -1;
	s->tcp = tcp;
	r = split(s, to, e);
	if (!r && (r = connect_control(s, 3, e)))
		err_wrap(e, "cannot record to '%s'", to);
	if (r) {
		sender_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

int sender_begin(struct sender *s, uint32_t cpus, uint32_t page_size, struct err *e)
{
	struct wire_init init = { .cpus = cpus, .page_size = page_size, .tcp = s->tcp, .late = true };
	int r;

	if (page_size > WIRE_UDP_MAX)
		init.tcp = true;
	r = talk_client_begin(&s->talk, &init, e);
	if (!r)
		r = talk(s, e);
	if (r != -EPROTONOSUPPORT)
		return r;
	if (e)
		*e = (struct err){ 0 };
	r = connect_control(s, 1, e);
	if (!r)
		r = talk_client_begin(&s->talk, &init, e);
	return r ? r : talk(s, e);
}

int sender_front(struct sender *s, int fd, struct err *e)
{
	char bytes[FRONT_BYTES];
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;

	if (r)
		return err_errno(e, r, "cannot send the metadata");
	for (off_t at = 0; at < st.st_size && !r; at += sizeof(bytes)) {
		size_t left = st.st_size - at, n = left < sizeof(bytes) ? left : sizeof(bytes);

		r = pread_full(fd, bytes, n, at);
		if (!r)
			r = talk_client_metadata(&s->talk, bytes, n, at + (off_t)n == st.st_size);
		if (r)
			return err_errno(e, r, "cannot send the metadata");
		r = say(s, e);
	}
	return r;
}

/* ---- data ---------------------------------------------------------------------------- */

static int connect_cpu(struct sender *s, uint32_t cpu, struct err *e)
{
	const struct timespec pause = { .tv_nsec = RETRY_MS * 1000000 };
	int fd = -ECONNREFUSED;
	struct err why;

	for (unsigned i = 0; i < RETRIES && fd == -ECONNREFUSED; i++) {
		if (i)
			nanosleep(&pause, NULL);
		fd = net_connect_to(&s->peer, s->talk.init.tcp, s->talk.ports[cpu], CONNECT_MS, &why);
	}
	if (fd < 0 && e)
		*e = why;
	if (fd < 0) {
		err_wrap(e, "the data of CPU %" PRIu32, cpu);
		return fd;
	}
	limit_sending(fd);
	s->data[cpu] = fd;
	return 0;
}

int sender_connect(struct sender *s, struct err *e)
{
	uint32_t cpus = s->talk.init.cpus;
	int r = 0;

	s->data = malloc(cpus * sizeof(*s->data));
	if (!s->data)
		return err_errno(e, -ENOMEM, "cannot send");
	for (uint32_t i = 0; i < cpus; i++)
		s->data[i] = -1;
	for (uint32_t i = 0; i < cpus && !r; i++)
		r = connect_cpu(s, i, e);
	return r;
}

int sender_put(void *sender, uint32_t cpu, const void *pages, size_t len, struct err *e)
{
	struct sender *s = sender;
	size_t step = s->talk.init.tcp ? len : s->talk.init.page_size;
	const char *p = pages;
	int r = 0;

	if (cpu >= s->talk.init.cpus)
		return err_set(e, -ENODEV, "CPU %" PRIu32 " came after the recording had begun", cpu);
	for (size_t at = 0; at < len && !r; at += step)
		r = send_full(s->data[cpu], p + at, step);
	return r ? err_errno(e, r, "cannot send what CPU %" PRIu32 " recorded to the listener", cpu) : 0;
}

/* The other side closes too when it has taken everything. */
static int await_taken(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char byte;
	int r;

	do {
		r = poll(&p, 1, LAST_MS);
	} while (r < 0 && errno == EINTR);
	return r == 1 && read(fd, &byte, 1) < 0 ? -errno : 0;
}

int sender_end_data(struct sender *s, struct err *e)
{
	struct pollfd control = { .fd = s->control, .events = POLLIN };
	int r = 0, failed = 0;

	if (poll(&control, 1, 0) > 0)
		return err_set(e, -ECONNRESET, "the listener ended the connection while it was recorded: it keeps what "
			       "it had got, the rest is lost");

	for (uint32_t i = 0; s->data && i < s->talk.init.cpus; i++)
		shutdown(s->data[i], SHUT_WR);
	for (uint32_t i = 0; s->data && i < s->talk.init.cpus; i++) {
		if (s->data[i] >= 0 && s->talk.init.tcp)
			failed = await_taken(s->data[i]);
		if (failed && !r)
			r = err_errno(e, failed, "the listener may not have taken all that CPU %" PRIu32 " recorded", i);
		cleanup_close(&s->data[i]);
		s->data[i] = -1;
	}
	return r;
}

/* Whether the file is made: 0, -errno. */
static int hear_result(struct sender *s, struct err *e)
{
	char bytes[WIRE_MSG_MAX];
	struct wire_msg m;
	uint32_t size;
	size_t len = 0;
	int r = 0;

	while (!r) {
		ssize_t n = hear(s, bytes + len, sizeof(bytes) - len, FILE_MS, e);

		if (n < 0)
			return n;
		if (!n)
			return err_set(e, -ECONNRESET, "the listener has closed the connection without telling whether it made a file");
		len += n;
		r = wire_msg_parse(bytes, len, &m, &size, e);
	}
	if (r < 0)
		return r;
	return m.id == WIRE_CLOSE_RESP ? 0 :
		err_set(e, -EIO, "the listener could not make a file of what was sent; its messages tell why");
}

int sender_end(struct sender *s, struct err *e)
{
	int r = talk_client_close(&s->talk) ? err_errno(e, -ENOMEM, "cannot end the session") : say(s, e);

	if (!r && s->talk.late)
		r = hear_result(s, e);
	cleanup_close(&s->control);
	s->control = -1;
	return r;
}

void sender_free(struct sender *s)
{
	if (!s)
		return;
	for (uint32_t i = 0; s->data && i < s->talk.init.cpus; i++)
		cleanup_close(&s->data[i]);
	cleanup_close(&s->control);
	talk_client_release(&s->talk);
	free(s->data);
	free(s->host);
	free(s->port);
	free(s);
}

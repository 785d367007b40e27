// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sends to a listener. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "remote/net.h"
#include "remote/sender_inside.h"
#include "remote/talk.h"

#define CONNECT_MS 10000
#define ANSWER_MS 10000			/* of a listener that has been asked something */
#define FILE_MS 600000			/* until it has made the file */
#define RETRY_MS 20			/* a listener may take a moment to open what it has told of */
#define RETRIES 50
#define ANSWER_BYTES 4096
#define PEER "the listener"

struct listener_sender {
	struct sender s;
	char *host, *port;
	enum sender_way way;
	uint32_t cid, cid_port;		/* over vsock */
	struct net_addr peer;
	struct talk_client talk;
};

static struct listener_sender *ours(struct sender *s)
{
	return (struct listener_sender *)s;
}

/* ---- the control connection ----------------------------------------------------- */

/* The parts of a listener's place. */
struct place { const char *host, *port; size_t len; };

/* "HOST:PORT", "[ADDRESS]:PORT", "PORT" */
static int split(const char *to, struct place *ret, struct err *e)
{
	const char *colon = strrchr(to, ':');
	struct place p = { .host = colon ? to : "localhost", .port = colon ? colon + 1 : to };
	uint64_t number;

	p.len = colon ? (size_t)(colon - to) : strlen(p.host);
	if (p.len > 1 && *p.host == '[' && p.host[p.len - 1] == ']') {
		p.host++;
		p.len -= 2;
	}
	if (!p.len || parse_u64(p.port, &number) || !number || number > 65535)
		return err_set(e, -EINVAL, "'%s' is no listener: that is HOST:PORT, or PORT of this machine", to);
	*ret = p;
	return 0;
}

/* "CID:PORT" */
static int split_vsock(const char *to, uint32_t *ret_cid, uint32_t *ret_port, struct err *e)
{
	const char *colon = strchr(to, ':');
	AUTO_FREE char *text = colon ? strndup(to, colon - to) : NULL;
	uint64_t cid, port;

	if (!text || parse_u64(text, &cid) || cid >= UINT32_MAX || parse_u64(colon + 1, &port) || !port || port >= UINT32_MAX)
		return err_set(e, -EINVAL, "'%s' is no listener over vsock: that is CID:PORT (2 is the host)", to);
	*ret_cid = cid;
	*ret_port = port;
	return 0;
}

int listener_check(const char *to, enum sender_way way, struct err *e)
{
	uint32_t cid, port;
	struct place p;

	return way == SENDER_VSOCK ? split_vsock(to, &cid, &port, e) : split(to, &p, e);
}

static int take_place(struct listener_sender *s, const char *to, struct err *e)
{
	struct place p;
	int r;

	if (s->way == SENDER_VSOCK)
		return split_vsock(to, &s->cid, &s->cid_port, e);
	r = split(to, &p, e);
	if (r)
		return r;
	s->host = strndup(p.host, p.len);
	s->port = strdup(p.port);
	return s->host && s->port ? 0 : err_errno(e, -ENOMEM, "cannot send");
}

/* Talks until the listener has greeted, or all is agreed on. */
static int talk(struct listener_sender *s, struct err *e)
{
	char bytes[ANSWER_BYTES];
	int r = sender_say(&s->s, e);

	while (!r) {
		ssize_t n = sender_hear(&s->s, bytes, sizeof(bytes), ANSWER_MS, e);

		if (n < 0)
			return n;
		r = n ? talk_client_feed(&s->talk, bytes, n, e) : talk_client_eof(&s->talk, e);
		if (!r)
			r = sender_say(&s->s, e);
	}
	s->s.version = s->talk.version == 1 ? 6 : 7;
	s->s.late = s->talk.init.late;
	s->s.packed = s->talk.init.packed;
	return r < 0 ? r : 0;
}

static int connect_control(struct listener_sender *s, unsigned version, struct err *e)
{
	cleanup_close(&s->s.control);
	talk_client_release(&s->talk);
	talk_client_init(&s->talk, version);
	s->s.control = s->way == SENDER_VSOCK ? net_connect_vsock(s->cid, s->cid_port, CONNECT_MS, e) :
						net_connect(s->host, s->port, CONNECT_MS, e);
	if (s->s.control < 0)
		return s->s.control;
	outgoing_limit(s->s.control);
	if (net_peer(s->s.control, &s->peer))
		return err_errno(e, -errno, "cannot send");
	return talk(s, e);
}

static int listener_begin(struct sender *base, uint32_t cpus, uint32_t page_size, struct err *e)
{
	struct listener_sender *s = ours(base);
	struct wire_init init = { .cpus = cpus, .page_size = page_size, .tcp = s->way != SENDER_UDP, .late = true };
	int r;

	if (page_size > WIRE_UDP_MAX)
		init.tcp = true;
	init.vsock = s->way == SENDER_VSOCK;
	init.packed = init.tcp;
	r = talk_client_begin(&s->talk, &init, e);
	if (!r)
		r = talk(s, e);
	if (r != -EPROTONOSUPPORT || init.vsock)	/* version 1 knows nothing of that */
		return r;
	if (e)
		*e = (struct err){ 0 };
	r = connect_control(s, 1, e);
	if (!r)
		r = talk_client_begin(&s->talk, &init, e);
	return r ? r : talk(s, e);
}

static int listener_metadata(struct sender *base, const void *data, size_t len, bool end)
{
	return talk_client_metadata(&ours(base)->talk, data, len, end);
}

/* ---- data ---------------------------------------------------------------------------- */

static int connect_cpu(struct listener_sender *s, uint32_t cpu, struct err *e)
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
	outgoing_set(&s->s.out, cpu, fd);
	return 0;
}

static int listener_connect(struct sender *base, struct err *e)
{
	struct listener_sender *s = ours(base);
	uint32_t cpus = s->talk.init.cpus;
	int r = outgoing_init(&base->out, PEER, cpus, e);

	if (!s->talk.init.tcp)
		base->out.datagram = s->talk.init.page_size;
	for (uint32_t i = 0; i < cpus && !r; i++)
		r = connect_cpu(s, i, e);
	return r;
}

/* Before all is sent it says nothing but that it goes no further. */
static int listener_heard(struct sender *base, struct err *e)
{
	(void)base;
	return err_set(e, -ECONNRESET, "the listener ended the connection while it was recorded: it keeps what "
		       "it had got, the rest is lost");
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
		ssize_t n = sender_hear(s, bytes + len, sizeof(bytes) - len, FILE_MS, e);

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

static int listener_end(struct sender *base, struct err *e)
{
	int r = talk_client_close(&ours(base)->talk) ? err_errno(e, -ENOMEM, "cannot end the session") :
		sender_say(base, e);

	return !r && base->late ? hear_result(base, e) : r;
}

static void listener_free_rest(struct sender *base)
{
	struct listener_sender *s = ours(base);

	talk_client_release(&s->talk);
	free(s->host);
	free(s->port);
}

int sender_new(const char *to, enum sender_way way, struct sender **ret, struct err *e)
{
	static const struct sender_fns fns = {
		.begin = listener_begin, .metadata = listener_metadata, .connect = listener_connect,
		.heard = listener_heard, .end = listener_end, .free = listener_free_rest,
	};
	struct listener_sender *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_errno(e, -ENOMEM, "cannot send");
	s->s = (struct sender){ .fns = &fns, .control = -1, .poll_fd = -1, .said = &s->talk.out, .out.peer = PEER };
	s->way = way;
	r = take_place(s, to, e);
	if (!r && (r = connect_control(s, 3, e)))
		err_wrap(e, "cannot record to '%s'", to);
	if (r) {
		sender_free(&s->s);
		return r;
	}
	*ret = &s->s;
	return 0;
}

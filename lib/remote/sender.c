// SPDX-License-Identifier: LGPL-2.1-or-later
/* The steps by which a recording is sent, to whomever. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote/net.h"
#include "remote/sender_inside.h"

#define FRONT_BYTES 65536

unsigned sender_version(const struct sender *s)
{
	return s->version;
}

bool sender_late(const struct sender *s)
{
	return s->late;
}

int sender_fd(const struct sender *s)
{
	return s->poll_fd >= 0 ? s->poll_fd : s->control;
}

int sender_say(struct sender *s, struct err *e)
{
	int r = s->said->len ? net_send_full(s->control, s->said->data, s->said->len) : 0;

	buf_clear(s->said);
	s->broke = r;
	return r ? err_errno(e, r, "cannot send to %s", s->out.peer) : 0;
}

ssize_t sender_hear(struct sender *s, void *to, size_t len, unsigned timeout_ms, struct err *e)
{
	ssize_t n = net_hear(s->control, to, len, timeout_ms);

	if (n == -ETIMEDOUT)
		return err_set(e, n, "%s has not answered for %u seconds", s->out.peer, timeout_ms / 1000);
	return n < 0 ? err_errno(e, n, "cannot hear %s", s->out.peer) : n;
}

int sender_begin(struct sender *s, uint32_t cpus, uint32_t page_size, struct err *e)
{
	return s->fns->begin(s, cpus, page_size, e);
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
			r = s->fns->metadata(s, bytes, n, at + (off_t)n == st.st_size);
		if (r)
			return err_errno(e, r, "cannot send the metadata");
		r = sender_say(s, e);
	}
	return r;
}

int sender_connect(struct sender *s, struct err *e)
{
	return s->fns->connect(s, e);
}

bool sender_packed(const struct sender *s)
{
	return s->packed;
}

int sender_put(void *sender, uint32_t stream, const struct recorder_chunk *c, struct err *e)
{
	struct sender *s = sender;

	(void)stream;
	return s->packed ? outgoing_put_packed(&s->out, c, e) :
			   outgoing_put(&s->out, c->cpu, c->pages, c->len, e);
}

int sender_heard(struct sender *s, struct err *e)
{
	return s->fns->heard(s, e);
}

int sender_end_data(struct sender *s, struct err *e)
{
	struct pollfd control = { .fd = s->control, .events = POLLIN };
	int r = poll(&control, 1, 0) > 0 ? s->fns->heard(s, e) : 0;

	return r < 0 ? r : outgoing_end(&s->out, e);
}

int sender_end(struct sender *s, struct err *e)
{
	int r = s->fns->end(s, e);

	if (r)
		return r;
	cleanup_close(&s->control);
	s->control = -1;
	return 0;
}

bool sender_again(struct sender *s)
{
	return s->fns->again && s->fns->again(s);
}

void sender_free(struct sender *s)
{
	if (!s)
		return;
	/* First what may use the others: a thread of its own. */
	s->fns->free(s);
	outgoing_release(&s->out);
	cleanup_close(&s->control);
	free(s);
}

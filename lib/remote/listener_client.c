// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote/listener_inside.h"
#include "remote/packed.h"

#define TIMEOUT_S 60u
#define GREETING_S 10u			/* of that: until the recorder has told what it wants to send */
#define READ_BYTES 16384
#define V1_QUIET_MS 300			/* metadata of version 1 do not tell where they end */
#define FILES_PER_CPU 3			/* socket, spool; what reads the spool when the file is made */
#define FILES_PER_CLIENT 8
#define FLUSH_MS 2000			/* what came is on the disk so soon */
#define NAME_TRIES 1000

/* It may repeat what the peer said, and stays one line. */
static void log_line(void *ctx, const char *text)
{
	struct client *c = ctx;
	char line[ERR_TEXT_MAX];

	snprintf(line, sizeof(line), "%s", text);
	for (char *s = line; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
	notice(c->l->opts.log, "%s: %s", c->name, line);
}

static uint64_t files_of(uint32_t cpus)
{
	return FILES_PER_CLIENT + (uint64_t)cpus * FILES_PER_CPU;
}

/* ---- what it is told, and says ---------------------------------------------------- */

/* A name that is nobody's: nothing that is there is replaced. */
static char *free_path(const struct client *c, unsigned i)
{
	char *path;
	int n = i ? asprintf(&path, "%s/%s.%s.%u.dat", c->l->dir, c->l->name, c->name, i) :
		    asprintf(&path, "%s/%s.%s.dat", c->l->dir, c->l->name, c->name);

	return n < 0 ? NULL : path;
}

/* Both the file, and what lies beside it until it is complete. */
static int open_files(struct client *c, struct err *e)
{
	struct stat st;
	int r = -EEXIST;

	for (unsigned i = 0; i < NAME_TRIES && r == -EEXIST; i++) {
		AUTO_FREE char *path = free_path(c, i), *meta = NULL;

		if (!path || asprintf(&meta, "%s.meta", path) < 0) {
			meta = NULL;
			return err_errno(e, -ENOMEM, "cannot receive");
		}
		if (!lstat(path, &st) || !lstat(meta, &st))
			continue;
		r = new_file_open(&c->file, path, e);
		if (!r)
			r = incoming_new(path, c->init.cpus, c->init.page_size, c->init.packed, c->l->opts.max_client_bytes,
					 &c->l->shared, &c->in, e);
	}
	return r == -EEXIST ? err_set(e, r, "all names for its file are taken") : r;
}

/* A chunk has to be there whole, and its room is its sender's choice: where memory is short, data come bare. */
static void grant_chunks(struct client *c, struct wire_init *init)
{
	uint64_t bytes = packed_bytes_max(init->cpus, init->page_size);

	init->packed &= bytes <= c->l->shared.max - c->l->packed_bytes;
	if (!init->packed)
		return;
	c->packed_bytes = bytes;
	c->l->packed_bytes += bytes;
}

static int on_open(void *ctx, struct wire_init *init, uint32_t *ports, struct err *e)
{
	struct client *c = ctx;
	struct listener *l = c->l;
	int r;

	grant_chunks(c, init);
	c->init = *init;
	if (l->opts.vsock != init->vsock)
		return err_set(e, -EPROTO, "its data are to come over %s, its connection came over %s",
			       init->vsock ? "vsock" : init->tcp ? "TCP" : "UDP", l->opts.vsock ? "vsock" : "TCP");
	if (l->nr_files + files_of(init->cpus) > l->max_files)
		return err_set(e, -EMFILE, "too many files would be open with its %" PRIu32 " CPUs (%" PRIu64 " may "
			       "be)", init->cpus, l->max_files);
	c->files = files_of(init->cpus);
	l->nr_files += c->files;
	c->nr_ports = 0;
	r = open_files(c, e);
	if (!r)
		r = client_ports(c, ports, e);
	if (r)
		return r;
	notice(&c->notices, "%" PRIu32 " CPUs, sub-buffers of %" PRIu32 " bytes, %s", init->cpus, init->page_size,
	       init->vsock ? "over vsock" : init->tcp ? "over TCP" : "as datagrams");
	return 0;
}

static int on_metadata(void *ctx, const void *data, size_t len, struct err *e)
{
	struct client *c = ctx;

	c->heard_ms = monotonic_ms();
	return incoming_metadata(c->in, data, len, e);
}

static int on_metadata_end(void *ctx, struct err *e)
{
	struct client *c = ctx;
	int r = incoming_metadata_end(c->in, e);

	if (!r)
		client_read_data(c, true);
	return r;
}

static const struct talk_server_fns talk_fns = {
	.open = on_open, .metadata = on_metadata, .metadata_end = on_metadata_end,
};

/* Whoever does not read what it is answered has no answer coming. */
static int send_answers(struct client *c, struct err *e)
{
	struct buf *out = &c->talk.out;
	ssize_t n = out->len ? send(c->control.fd, out->data, out->len, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

	if (n < 0)
		return err_errno(e, -errno, "cannot answer it");
	if ((size_t)n < out->len)
		return err_set(e, -EAGAIN, "it does not read what it is answered");
	buf_clear(out);
	return 0;
}

/* All is said: what is under way still comes. */
static void drain(struct client *c)
{
	c->state = CLIENT_DRAINS;
	c->heard_ms = monotonic_ms();
	watch_arm(c->l, &c->control, false);
	if (!incoming_started(c->in))
		client_end(c, NULL);
}

static void hang_up(struct client *c)
{
	struct err e = { 0 };

	if (talk_server_eof(&c->talk, &e) < 0) {
		if (!c->in || !incoming_started(c->in)) {
			client_end(c, &e);
			return;
		}
		c->vanished = true;
		notice(&c->notices, "%s", e.text);
	}
	drain(c);
}

void client_control(struct client *c)
{
	char bytes[READ_BYTES];
	struct err e = { 0 }, unsent = { 0 };
	ssize_t n;
	int r;

	if (c->state != CLIENT_TALKS)
		return;
	n = read(c->control.fd, bytes, sizeof(bytes));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(c);
		return;
	}
	r = talk_server_feed(&c->talk, bytes, n, &e);
	if (send_answers(c, &unsent) && r >= 0) {
		e = unsent;
		r = unsent.code;
	}
	if (r < 0)
		client_end(c, &e);
	else if (r > 0)
		drain(c);
}

/* ---- times --------------------------------------------------------------------------- */

static void look_at_talk(struct client *c, uint64_t now)
{
	unsigned limit_s = c->l->opts.timeout_s ? c->l->opts.timeout_s : TIMEOUT_S;
	const char *waits = talk_server_waits(&c->talk);
	struct err e = { 0 };

	if (!c->in && limit_s > GREETING_S)
		limit_s = GREETING_S;
	if (waits && !(c->in && incoming_started(c->in)) && now - c->begun_ms >= limit_s * UINT64_C(1000) &&
	    !watch_has_come(&c->control)) {
		err_set(&e, -ETIMEDOUT, "it has had %u seconds %s", limit_s, waits);
		client_end(c, &e);
		return;
	}
	if (c->talk.state != TALK_V1_METADATA || incoming_started(c->in) || now - c->heard_ms < V1_QUIET_MS ||
	    watch_has_come(&c->control))
		return;
	if (!incoming_start(c->in, NULL))
		client_read_data(c, true);
	else if (now - c->begun_ms >= limit_s * UINT64_C(1000)) {
		incoming_start(c->in, &e);
		client_end(c, &e);
	}
}

/* @since as if the time in which nobody was served had not been. */
static uint64_t without(uint64_t since, uint64_t unserved, uint64_t now)
{
	return now - since < unserved ? now : since + unserved;
}

void client_look(struct client *c, uint64_t now, uint64_t unserved)
{
	struct err e = { 0 };

	c->begun_ms = without(c->begun_ms, unserved, now);
	c->heard_ms = without(c->heard_ms, unserved, now);
	if (c->state == CLIENT_TALKS)
		look_at_talk(c, now);
	if (c->state == CLIENT_DRAINS && client_drained(c, now))
		client_end(c, NULL);
	if (c->state != CLIENT_TALKS || !c->in || now - c->flushed_ms < FLUSH_MS)
		return;
	c->flushed_ms = now;
	if (incoming_flush(c->in, &e))
		client_end(c, &e);
}

/* ---- its end --------------------------------------------------------------------------- */

static void over(struct client *c)
{
	watch_close(&c->control);
	client_close_data(c);
	c->state = CLIENT_OVER;
}

static void tell_losses(struct client *c)
{
	if (c->bad_datagrams)
		notice(&c->notices, "%" PRIu64 " datagrams were not its sub-buffers: left out", c->bad_datagrams);
	if (c->lost_datagrams)
		notice(&c->notices, "%" PRIu64 " datagrams came faster than they could be read: the events in them are "
		       "lost, which the file says where they are missing", c->lost_datagrams);
	if (incoming_torn(c->in))
		notice(&c->notices, "the last %" PRIu64 " bytes are no whole sub-buffers: left out",
		       incoming_torn(c->in));
}

void client_end(struct client *c, const struct err *e)
{
	struct err late = { 0 };

	if (c->state >= CLIENT_FINISHES)
		return;
	if (e)
		notice(&c->notices, "%s", e->text);
	if (!c->in || !incoming_started(c->in)) {
		incoming_free(c->in, true);
		c->in = NULL;
		notice(&c->notices, "ended, nothing of it can be kept");
		over(c);
		return;
	}
	/* What it had sent before it broke a limit is kept, the rest of what is in memory too if it fits. */
	if (incoming_flush(c->in, &late) && !e)
		notice(&c->notices, "%s", late.text);
	client_count_drops(c);
	client_close_data(c);
	watch_arm(c->l, &c->control, false);
	tell_losses(c);
	c->state = CLIENT_FINISHES;
	files_make(c);
}

static void log_told(struct client *c)
{
	const char *line = c->told.data, *end = line + c->told.len;

	for (; line && line < end; line += strlen(line) + 1)
		notice(&c->notices, "%s", line);
}

/* What is told is so: what lay beside the file is gone by then. */
static void tell_result(struct client *c)
{
	AUTO_FREE char *path = strdup(incoming_path(c->in));
	uint64_t bytes = incoming_bytes(c->in);

	incoming_free(c->in, c->result >= 0);
	c->in = NULL;
	if (c->result < 0)
		notice(&c->notices, "%s: what it sent is left in '%s.meta' and its neighbours", c->error.text,
		       path ? path : "");
	else
		notice(&c->notices, "'%s' is made of %" PRIu64 " bytes%s", path ? path : "", bytes,
		       c->vanished ? ": all that came before it vanished" : "");
}

void client_done(struct client *c)
{
	log_told(c);
	tell_result(c);
	if (c->init.late && c->control.fd >= 0) {
		wire_msg_put(&c->talk.out, c->result < 0 ? WIRE_NOT_SUPP : WIRE_CLOSE_RESP, NULL, 0, NULL, 0);
		send_answers(c, NULL);
	}
	over(c);
}

void client_free(struct client *c)
{
	bool keep = c->state == CLIENT_FINISHES && c->result < 0;

	over(c);
	talk_server_release(&c->talk);
	incoming_free(c->in, !keep);
	new_file_discard(&c->file);
	buf_release(&c->told);
	c->l->nr_files -= c->files;
	c->l->packed_bytes -= c->packed_bytes;
	free(c->cpus);
	free(c);
}

void client_new(struct listener *l, int fd, const struct net_addr *peer)
{
	struct client *c = calloc(1, sizeof(*c));
	char host[NET_HOST_MAX];
	uint32_t port;
	struct err e = { 0 };

	net_addr_text(peer, host, &port);
	if (!c) {
		notice(l->opts.log, "%s:%u: no memory for it", host, port);
		close(fd);
		return;
	}
	*c = (struct client){
		.l = l, .peer = *peer, .begun_ms = monotonic_ms(), .file.fd = -1, .next = l->clients,
		.control = { .kind = WATCH_CONTROL, .fd = fd, .client = c },
		.notices = { .fn = log_line, .ctx = c },
	};
	c->heard_ms = c->begun_ms;
	snprintf(c->name, sizeof(c->name), "%s:%u", host, port);
	l->clients = c;
	l->nr_clients++;
	net_lively(fd);
	notice(&c->notices, "connected");
	if (net_local(fd, &c->local) || talk_server_init(&c->talk, &talk_fns, c, &c->notices) ||
	    watch_arm(l, &c->control, true)) {
		err_errno(&e, -errno, "cannot serve it");
		client_end(c, &e);
	} else if (send_answers(c, &e)) {
		client_end(c, &e);
	}
}

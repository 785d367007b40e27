// SPDX-License-Identifier: LGPL-2.1-or-later
/* One machine that is recorded through its agent, up to the moment in which its data come. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "remote/guests_inside.h"
#include "remote/outgoing.h"

#define CONNECT_MS 10000
#define ANSWER_MS 120000			/* of an agent that has been asked something */
#define METADATA_MS 120000
#define READ_BYTES 65536

uint64_t guest_now_ms(void)
{
	return monotonic_ns() / 1000000;
}

/* ---- what it says -------------------------------------------------------------- */

/* Places for what it will send. */
static int on_answer(void *ctx, const struct wire_answer *a, struct err *e)
{
	struct guest *g = ctx;
	int r;

	if (a->fifos)
		return err_set(e, -EPROTO, "the agent would write FIFOs, which it was not asked for");
	g->cpus = calloc(a->cpus, sizeof(*g->cpus));
	if (!g->cpus)
		return err_errno(e, -ENOMEM, "cannot record");
	for (uint32_t i = 0; i < a->cpus; i++)
		g->cpus[i].fd = -1;
	r = new_file_open(&g->file, g->opts.path, e);
	return r ? r : incoming_new(g->opts.path, a->cpus, a->page_size, 0, g->shared, &g->in, e);
}

static int on_metadata(void *ctx, const void *data, size_t len, struct err *e)
{
	struct guest *g = ctx;

	return incoming_metadata(g->in, data, len, e);
}

static int on_metadata_end(void *ctx, struct err *e)
{
	struct guest *g = ctx;

	return incoming_metadata_end(g->in, e);
}

static const struct talk_host_fns talk_fns = {
	.answered = on_answer, .metadata = on_metadata, .metadata_end = on_metadata_end,
};

static int say(struct guest *g, struct err *e)
{
	struct buf *out = &g->talk.out;
	int r = out->len ? net_send_full(g->control, out->data, out->len) : 0;

	buf_clear(out);
	return r ? err_errno(e, r, "cannot send to the agent") : 0;
}

/* Until it has got that far. */
static int hear_until(struct guest *g, enum talk_host_state state, unsigned limit_ms, struct err *e)
{
	uint64_t end = guest_now_ms() + limit_ms, now;
	char bytes[READ_BYTES];
	int r = say(g, e);

	while (r >= 0 && g->talk.state < state) {
		ssize_t n;

		now = guest_now_ms();
		if (!g->opts.unlimited && now >= end)
			return err_set(e, -ETIMEDOUT, "the agent has not answered for %u seconds (--notimeout)",
				       limit_ms / 1000);
		n = net_hear(g->control, bytes, sizeof(bytes), g->opts.unlimited ? -1 : (int)(end - now));
		if (n == -ETIMEDOUT)
			continue;
		if (n < 0)
			return err_errno(e, n, "cannot hear the agent");
		r = n ? talk_host_feed(&g->talk, bytes, n, e) : talk_host_eof(&g->talk, e);
		if (r >= 0)
			r = say(g, e);
	}
	return r < 0 ? r : 0;
}

/* ---- the steps ------------------------------------------------------------------- */

static int fill_request(struct guest *g, struct err *e)
{
	g->req = (struct wire_request){ .trace_id = g->opts.trace_id, .argc = g->opts.argc, .ours = true };
	if (getrandom(g->req.nonce, sizeof(g->req.nonce), 0) < 0)
		return err_errno(e, -errno, "cannot ask the agent");
	if (buf_put(&g->req.args, g->opts.args, g->opts.args_len))
		return err_errno(e, -ENOMEM, "cannot ask the agent");
	return guest_sync_offer(g, e);
}

static int connect_control(struct guest *g, struct err *e)
{
	const struct guest_opts *o = &g->opts;

	g->control = o->address ? net_connect(o->address, o->port, CONNECT_MS, e) :
				  net_connect_vsock(o->cid, o->cid_port, CONNECT_MS, e);
	if (g->control < 0)
		return g->control;
	outgoing_limit(g->control);
	return net_peer(g->control, &g->peer) ? err_errno(e, -errno, "cannot record") : 0;
}

int guest_new(struct guests *all, const struct guest_opts *opts, struct guest **ret, struct err *e)
{
	struct guest *g = calloc(1, sizeof(*g));
	int r;

	if (!g)
		return err_errno(e, -ENOMEM, "cannot record");
	*g = (struct guest){ .opts = *opts, .control = -1, .file.fd = -1, .shared = &all->shared };
	talk_host_init(&g->talk, &talk_fns, g, opts->key, opts->address ? WIRE_PORT_TCP_MAX : WIRE_PORT_VSOCK_MAX);
	r = fill_request(g, e);
	if (!r)
		r = connect_control(g, e);
	if (!r)
		r = talk_host_ask(&g->talk, &g->req, e);
	if (!r)
		r = hear_until(g, TALK_HOST_METADATA, ANSWER_MS, e);
	if (r) {
		guest_free(g);
		return r;
	}
	if (opts->key->bytes && !g->talk.proved)
		notice(opts->notices, "%s: the agent has shown no key", opts->label);
	*ret = g;
	return 0;
}

static int connect_cpu(struct guest *g, uint32_t cpu, struct err *e)
{
	const struct wire_answer *a = &g->talk.answer;
	int fd = net_connect_to(&g->peer, true, a->ports[cpu], CONNECT_MS, e), r;

	if (fd < 0)
		return err_wrap(e, "the data of CPU %" PRIu32, cpu);
	g->cpus[cpu].fd = fd;
	r = a->ours ? net_send_full(fd, a->token, WIRE_TOKEN) : 0;
	return r ? err_errno(e, r, "the data of CPU %" PRIu32, cpu) : 0;
}

int guest_begin(struct guest *g, struct kernel *k, struct err *e)
{
	int r;

	/* trace-cmd's agents say nothing more before that has begun. */
	guest_sync_begin(g, k);
	r = hear_until(g, TALK_HOST_DATA, METADATA_MS, e);
	for (uint32_t i = 0; i < g->talk.answer.cpus && !r; i++)
		r = connect_cpu(g, i, e);
	g->heard_ms = guest_now_ms();
	return r;
}

void guest_free(struct guest *g)
{
	if (!g)
		return;
	guest_sync_end(g);
	sync_log_release(&g->log);
	for (uint32_t i = 0; g->cpus && i < g->talk.answer.cpus; i++)
		cleanup_close(&g->cpus[i].fd);
	cleanup_close(&g->control);
	incoming_free(g->in, true);
	new_file_discard(&g->file);
	talk_host_release(&g->talk);
	wire_request_release(&g->req);
	free(g->cpus);
	free(g);
}

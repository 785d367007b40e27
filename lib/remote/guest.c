// SPDX-License-Identifier: LGPL-2.1-or-later
/* One machine that is recorded through its agent, up to the moment in which its data come. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "remote/fifo.h"
#include "remote/guests_inside.h"
#include "remote/outgoing.h"

#define CONNECT_MS 10000
#define ANSWER_MS 120000			/* of an agent that has been asked something */
#define METADATA_MS 120000
#define READ_BYTES 65536

/* ---- what it says -------------------------------------------------------------- */

/* Places for what it will send. */
static int on_answer(void *ctx, const struct wire_answer *a, struct err *e)
{
	struct guest *g = ctx;
	int r;

	if (a->fifos && !g->fifos.nr)
		return err_set(e, -EPROTO, "the agent would write FIFOs, which it was not asked for");
	if ((a->packed && !g->req.packed) || (a->resume_port && !g->req.resumes))
		return err_set(e, -EPROTO, "the agent would send chunks, which it was not asked for");
	g->cpus = calloc(a->cpus, sizeof(*g->cpus));
	if (!g->cpus)
		return err_errno(e, -ENOMEM, "cannot record");
	for (uint32_t i = 0; i < a->cpus; i++)
		g->cpus[i].fd = -1;
	r = new_file_open(&g->file, g->opts.path, e);
	if (!r)
		r = incoming_new(g->opts.path, a->cpus, a->page_size, a->packed, 0, g->shared, &g->in, e);
	if (!r && a->resume_port)
		incoming_expect_ends(g->in);
	return r;
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
	uint64_t end, now;
	char bytes[READ_BYTES];
	int r = say(g, e);

	limit_ms = g->opts.answer_ms ? g->opts.answer_ms : limit_ms;
	end = monotonic_ms() + limit_ms;
	while (r >= 0 && g->talk.state < state) {
		ssize_t n;

		now = monotonic_ms();
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
	g->req.fifos = g->fifos.nr;
	g->req.packed = g->req.resumes = !g->req.fifos;
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

struct guest *guest_new(struct guests *all, const struct guest_opts *opts)
{
	struct guest *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	*g = (struct guest){ .opts = *opts, .control = -1, .file.fd = -1, .shared = &all->shared, .made_fd = all->made_fd };
	talk_host_init(&g->talk, &talk_fns, g, opts->key, opts->address ? WIRE_PORT_TCP_MAX : WIRE_PORT_VSOCK_MAX);
	return g;
}

int guest_ask(struct guest *g, struct err *e)
{
	const struct guest_opts *opts = &g->opts;
	int r = opts->fifos ? fifo_open_host(opts->label, &g->fifos.fd, &g->fifos.nr) : 0;

	r = r ? err_errno(e, r, "cannot record") : fill_request(g, e);
	if (!r)
		r = connect_control(g, e);
	if (!r)
		r = talk_host_ask(&g->talk, &g->req, e);
	if (!r)
		r = hear_until(g, TALK_HOST_METADATA, ANSWER_MS, e);
	if (r)
		return r;
	if (opts->key->bytes && !g->talk.proved)
		notice(opts->notices, "%s: the agent has shown no key", opts->label);
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

/* Those that there are. */
static void take_fifos(struct guest *g)
{
	uint32_t nr = g->fifos.nr < guest_cpus(g) ? g->fifos.nr : guest_cpus(g);

	if (nr < guest_cpus(g))
		notice(g->opts.notices, "%s: it has %" PRIu32 " CPUs, and there are FIFOs for %" PRIu32 ": data of the others are "
		       "not taken ('tracecmd setup-guest -c')", g->opts.label, guest_cpus(g), g->fifos.nr);
	for (uint32_t i = 0; i < nr; i++) {
		g->cpus[i].fd = g->fifos.fd[i];
		g->fifos.fd[i] = -1;
	}
}

int guest_prepare(struct guest *g, struct kernel *k, struct err *e)
{
	/* trace-cmd's agents say nothing more before that has begun. */
	guest_sync_begin(g, k);
	return hear_until(g, TALK_HOST_DATA, METADATA_MS, e);
}

static int prepare_to_resume(struct guest *g, struct err *e)
{
	const struct guest_resume_opts o = { .peer = &g->peer, .answer = &g->talk.answer, .made_fd = g->made_fd };
	int r = g->talk.answer.resume_port ? guest_resume_start(&o, &g->resume) : 0;

	return r ? err_errno(e, r, "cannot record") : 0;
}

int guest_go(struct guest *g, struct err *e)
{
	int r = 0;

	if (g->talk.answer.fifos)
		take_fifos(g);
	for (uint32_t i = 0; i < guest_cpus(g) && !g->talk.answer.fifos && !r; i++)
		r = connect_cpu(g, i, e);
	if (!r)
		r = prepare_to_resume(g, e);
	g->heard_ms = monotonic_ms();
	g->began = !r;
	return r;
}

void guest_fail(struct guest *g, const struct err *e)
{
	if (atomic_load(&g->has_failed))
		return;
	g->failed = *e;
	atomic_store(&g->has_failed, true);
}

void guest_hang_up(struct guest *g)
{
	guest_resume_stop(g->resume);
	g->resume = NULL;
	cleanup_close(&g->control);
	g->control = -1;
	for (uint32_t i = 0; i < guest_cpus(g); i++) {
		cleanup_close(&g->cpus[i].fd);
		g->cpus[i].fd = -1;
	}
	for (uint32_t i = 0; i < g->fifos.nr; i++)
		cleanup_close(&g->fifos.fd[i]);
	free(g->fifos.fd);
	g->fifos = (struct guest_fifos){ 0 };
}

void guest_free(struct guest *g)
{
	if (!g)
		return;
	guest_sync_end(g);
	sync_log_release(&g->log);
	guest_hang_up(g);
	incoming_free(g->in, true);
	new_file_discard(&g->file);
	talk_host_release(&g->talk);
	wire_request_release(&g->req);
	free(g->cpus);
	free(g);
}

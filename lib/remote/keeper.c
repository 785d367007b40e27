// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "remote/keeper.h"
#include "remote/net.h"
#include "remote/resume.h"

#define KEEP_BYTES (32u << 20)		/* of all lanes; each may have one chunk in any case */
#define TAKE_MS 60000			/* a host that takes nothing for so long is gone */

struct kept {
	void *data;
	size_t len;
};

/* What is used by the thread that puts, and the lock's: what keeper_resume uses, too. */
struct lane {
	int fd;				/* the lock's; -1: broken */
	int fresh;			/* the lock's; -1: no connection has been made anew */
	uint64_t fresh_have;
	uint64_t first, next;		/* the lock's: of what is kept, and of the one behind it */
	VEC(struct kept) kept;
	size_t bytes;
	uint8_t count[RESUME_COUNT];	/* an acknowledgement, as far as it has come */
	size_t count_len;
};

struct keeper {
	const char *peer;
	const struct notices *notices;
	struct lane *v;
	uint32_t nr;
	uint64_t outage_ms;
	pthread_mutex_t lock;
	pthread_cond_t came;
	bool over;			/* the lock's */
	bool gone;			/* the lock's: the host has ended */
	uint32_t broken;		/* the lock's: so many of them */
};

int keeper_new(const char *peer, uint32_t nr, uint64_t outage_ms, const struct notices *notices, struct keeper **ret,
	      struct err *e)
{
	struct keeper *l = calloc(1, sizeof(*l));

	if (l)
		l->v = calloc(nr, sizeof(*l->v));
	if (!l || !l->v) {
		free(l);
		return err_errno(e, -ENOMEM, "cannot send");
	}
	l->peer = peer;
	l->notices = notices;
	l->outage_ms = outage_ms;
	for (l->nr = 0; l->nr < nr; l->nr++)
		l->v[l->nr].fd = l->v[l->nr].fresh = -1;
	pthread_mutex_init(&l->lock, NULL);
	cond_init(&l->came);
	*ret = l;
	return 0;
}

void keeper_free(struct keeper *l)
{
	if (!l)
		return;
	for (uint32_t i = 0; i < l->nr; i++) {
		struct lane *lane = &l->v[i];

		cleanup_close(&lane->fd);
		cleanup_close(&lane->fresh);
		for (size_t k = 0; k < lane->kept.nr; k++)
			free(lane->kept.v[k].data);
		vec_release(&lane->kept);
	}
	pthread_cond_destroy(&l->came);
	pthread_mutex_destroy(&l->lock);
	free(l->v);
	free(l);
}

void keeper_set(struct keeper *l, uint32_t cpu, int fd)
{
	l->v[cpu].fd = fd;
}

/* ---- what is kept ------------------------------------------------------------------ */

/* The host has all before number @have. */
static void drop_kept(struct keeper *l, struct lane *lane, uint64_t have)
{
	size_t nr = have - lane->first;

	for (size_t i = 0; i < nr; i++) {
		lane->bytes -= lane->kept.v[i].len;
		free(lane->kept.v[i].data);
	}
	lane->kept.nr -= nr;
	memmove(lane->kept.v, lane->kept.v + nr, lane->kept.nr * sizeof(*lane->kept.v));
	pthread_mutex_lock(&l->lock);
	lane->first = have;
	pthread_mutex_unlock(&l->lock);
}

static int keep(struct keeper *l, struct lane *lane, const void *chunk, size_t len)
{
	void *copy = malloc(len);

	if (!copy || vec_push(&lane->kept, ((struct kept){ copy, len }))) {
		free(copy);
		return -ENOMEM;
	}
	memcpy(copy, chunk, len);
	lane->bytes += len;
	pthread_mutex_lock(&l->lock);
	lane->next++;
	pthread_mutex_unlock(&l->lock);
	return 0;
}

/*
 * Hears what the host has: at once, or after waiting @timeout_ms for it. 0: nothing, or less than a number; 1: something; -errno: the
 * connection is broken.
 */
static int hear_count(struct keeper *l, struct lane *lane, unsigned timeout_ms)
{
	ssize_t n = net_hear(lane->fd, lane->count + lane->count_len, RESUME_COUNT - lane->count_len, timeout_ms);
	uint64_t have;

	if (n == -ETIMEDOUT)
		return timeout_ms ? n : 0;
	if (n <= 0)
		return n ? n : -ECONNRESET;
	lane->count_len += n;
	if (lane->count_len < RESUME_COUNT)
		return 1;
	lane->count_len = 0;
	have = get_u64(lane->count, true);
	if (have < lane->first || have > lane->next)
		return -EPROTO;
	drop_kept(l, lane, have);
	return 1;
}

/* ---- a connection that broke, and its successor ------------------------------------------ */

/* Takes the connection that was made anew, if there is one. With the lock. */
static bool take_fresh(struct keeper *l, struct lane *lane, uint64_t *ret_have)
{
	if (lane->fresh < 0)
		return false;
	if (lane->fd < 0)
		l->broken--;
	cleanup_close(&lane->fd);
	lane->fd = lane->fresh;
	lane->fresh = -1;
	lane->count_len = 0;
	*ret_have = lane->fresh_have;
	return true;
}

/* Waits for a new connection in place of one that is broken for reason @code. 0, -errno. */
static int await_fresh(struct keeper *l, struct lane *lane, int code, uint64_t *ret_have)
{
	struct timespec until = deadline_in_ms(l->outage_ms);
	bool taken, first = false;
	int r = 0;

	pthread_mutex_lock(&l->lock);
	if (lane->fresh < 0 && lane->fd >= 0) {
		close(lane->fd);
		lane->fd = -1;
		first = !l->broken++;
	}
	pthread_mutex_unlock(&l->lock);
	if (first)
		notice(l->notices, "a connection broke (%s): the host may connect again for %" PRIu64 " seconds", strerror(-code),
		       l->outage_ms / 1000);
	pthread_mutex_lock(&l->lock);
	while (!(taken = take_fresh(l, lane, ret_have)) && !l->over && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&l->came, &l->lock, &until);
	/* Who waits for another lane waits in vain, too. */
	l->over |= !taken;
	pthread_mutex_unlock(&l->lock);
	return taken ? 0 : code;
}

static int send_kept(struct lane *lane)
{
	int r = 0;

	for (size_t i = 0; i < lane->kept.nr && !r; i++)
		r = net_send_full(lane->fd, lane->kept.v[i].data, lane->kept.v[i].len);
	return r;
}

/* The connection is broken for reason @code, or another one may have been made: all that the host has not goes over that. 0, -errno. */
static int renew(struct keeper *l, struct lane *lane, int code)
{
	uint64_t have = 0;

	do {
		int r = await_fresh(l, lane, code, &have);

		if (!r && have < lane->first)
			r = -EPROTO;
		if (r)
			return r;
		drop_kept(l, lane, have);
		code = send_kept(lane);
	} while (code);
	return 0;
}

/* The host has made a new connection in place of one that seemed well to us. */
static bool replaced(struct keeper *l, const struct lane *lane)
{
	bool is;

	pthread_mutex_lock(&l->lock);
	is = lane->fresh >= 0;
	pthread_mutex_unlock(&l->lock);
	return is;
}

/* ---- what others call ------------------------------------------------------------------ */

static int cannot(struct keeper *l, uint32_t cpu, int code, struct err *e)
{
	bool gone;

	pthread_mutex_lock(&l->lock);
	gone = l->gone;
	pthread_mutex_unlock(&l->lock);
	if (gone)
		return err_set(e, code, "%s has vanished: it has what had come before that", l->peer);
	return err_errno(e, code, "cannot send what CPU %" PRIu32 " recorded to %s", cpu, l->peer);
}

/* Waits until there is room for @len bytes more. 0, -errno. */
static int await_room(struct keeper *l, struct lane *lane, size_t len)
{
	int r = 0;

	while (lane->kept.nr && lane->bytes + len > KEEP_BYTES / l->nr && r >= 0) {
		r = hear_count(l, lane, TAKE_MS);
		if (r < 0)
			r = renew(l, lane, r);
	}
	return r < 0 ? r : 0;
}

int keeper_put(struct keeper *l, uint32_t cpu, uint64_t seq, const void *chunk, size_t len, struct err *e)
{
	struct lane *lane = &l->v[cpu];
	int r, heard = 0;

	r = lane->next == seq ? 0 : -EINVAL;
	if (!r)
		r = await_room(l, lane, len);
	if (!r)
		r = keep(l, lane, chunk, len);
	if (r)
		return cannot(l, cpu, r, e);
	if (replaced(l, lane))
		r = renew(l, lane, 0);
	else if ((r = net_send_full(lane->fd, chunk, len)))
		r = renew(l, lane, r);
	while (!r && (heard = hear_count(l, lane, 0)) > 0)
		;
	/* What is broken is found out by who sends next. */
	return r ? cannot(l, cpu, r, e) : 0;
}

int keeper_drain(struct keeper *l, uint32_t cpu, struct err *e)
{
	struct lane *lane = &l->v[cpu];
	int r = 0;

	while (lane->kept.nr && r >= 0) {
		r = hear_count(l, lane, TAKE_MS);
		if (r < 0)
			r = renew(l, lane, r);
	}
	return r < 0 ? err_errno(e, r, "%s may not have taken all that CPU %" PRIu32 " recorded", l->peer, cpu) : 0;
}

int keeper_resume(struct keeper *l, uint32_t cpu, int fd, uint64_t have, const void *answer, size_t len)
{
	struct lane *lane;
	int r = -EINVAL;

	if (cpu >= l->nr)
		return r;
	lane = &l->v[cpu];
	pthread_mutex_lock(&l->lock);
	if (!l->over && have >= lane->first && have <= lane->next)
		r = net_send_full(fd, answer, len);
	if (!r) {
		cleanup_close(&lane->fresh);
		lane->fresh = fd;
		lane->fresh_have = have;
		/* Who waits for the old one is told. */
		if (lane->fd >= 0)
			shutdown(lane->fd, SHUT_RDWR);
		pthread_cond_broadcast(&l->came);
	}
	pthread_mutex_unlock(&l->lock);
	return r;
}

void keeper_give_up(struct keeper *l)
{
	pthread_mutex_lock(&l->lock);
	l->over = l->gone = true;
	pthread_cond_broadcast(&l->came);
	pthread_mutex_unlock(&l->lock);
}

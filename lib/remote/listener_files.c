// SPDX-License-Identifier: LGPL-2.1-or-later
/* Files are made by threads of their own: a large one must not keep others waiting. */
#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "remote/listener_inside.h"

static void put(struct client_queue *q, struct client *c)
{
	c->next_file = NULL;
	if (!q->head)
		q->tail = &q->head;
	*q->tail = c;
	q->tail = &c->next_file;
}

static struct client *get(struct client_queue *q)
{
	struct client *c = q->head;

	if (c)
		q->head = c->next_file;
	return c;
}

/* Lines of a thread wait for the one that logs. */
static void keep_line(void *ctx, const char *text)
{
	struct client *c = ctx;

	buf_str(&c->told, text);
}

static void *make_files(void *listener)
{
	struct listener *l = listener;
	struct client *c;

	pthread_mutex_lock(&l->lock);
	for (;;) {
		c = get(&l->to_do);
		if (!c && l->threads_end)
			break;
		if (!c) {
			pthread_cond_wait(&l->wanted, &l->lock);
			continue;
		}
		pthread_mutex_unlock(&l->lock);
		c->result = incoming_finish(c->in, &c->file, &(struct notices){ keep_line, c }, &c->error);
		pthread_mutex_lock(&l->lock);
		put(&l->done, c);
		eventfd_write(l->files.fd, 1);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

int files_start(struct listener *l, struct err *e)
{
	sigset_t all, old;
	int r = 0;

	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->wanted, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (l->nr_threads < FILE_THREADS && !r) {
		r = pthread_create(&l->threads[l->nr_threads], NULL, make_files, l);
		l->nr_threads += !r;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r ? err_errno(e, -r, "cannot start the listener's threads") : 0;
}

void files_stop(struct listener *l)
{
	pthread_mutex_lock(&l->lock);
	l->threads_end = true;
	pthread_cond_broadcast(&l->wanted);
	pthread_mutex_unlock(&l->lock);
	while (l->nr_threads)
		pthread_join(l->threads[--l->nr_threads], NULL);
	pthread_cond_destroy(&l->wanted);
	pthread_mutex_destroy(&l->lock);
}

void files_make(struct client *c)
{
	struct listener *l = c->l;

	pthread_mutex_lock(&l->lock);
	put(&l->to_do, c);
	pthread_cond_signal(&l->wanted);
	pthread_mutex_unlock(&l->lock);
}

struct client *files_done(struct listener *l)
{
	struct client *c;

	pthread_mutex_lock(&l->lock);
	c = get(&l->done);
	pthread_mutex_unlock(&l->lock);
	return c;
}

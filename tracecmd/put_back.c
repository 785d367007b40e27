// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <signal.h>

#include "put_back.h"

static void *put_back(void *arg)
{
	struct put_back *p = arg;

	kernel_undo_events(p->kernel);
	while (sem_wait(&p->decided) < 0 && errno == EINTR)
		;
	if (p->rest)
		kernel_undo(p->kernel, &p->e);
	return NULL;
}

void put_back_begin(struct put_back *p, struct kernel *k)
{
	sigset_t all, old;

	*p = (struct put_back){ 0 };
	if (sem_init(&p->decided, 0, 0) < 0)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	p->kernel = k;
	if (pthread_create(&p->thread, NULL, put_back, p)) {
		p->kernel = NULL;
		sem_destroy(&p->decided);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void put_back_rest(struct put_back *p)
{
	if (!p->kernel || p->rest)
		return;
	p->rest = true;
	sem_post(&p->decided);
}

int put_back_end(struct put_back *p, struct err *e)
{
	if (!p->kernel)
		return 0;
	if (!p->rest)
		sem_post(&p->decided);
	pthread_join(p->thread, NULL);
	sem_destroy(&p->decided);
	p->kernel = NULL;
	if (p->e.code)
		*e = p->e;
	return p->e.code;
}

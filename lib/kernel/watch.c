// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "kernel/internal.h"
#include "kernel/watch.h"

#define WATCHED_FILES 4

/* A write to them is this, if nothing worse is seen. */
static const struct { const char *name; enum kernel_disturbance means; } files[WATCHED_FILES] = {
	{ "tracing_on", KERNEL_TOUCHED }, { "buffer_subbuf_size_kb", KERNEL_TOUCHED },
	{ "trace", KERNEL_EMPTIED }, { "trace_clock", KERNEL_EMPTIED },
};

struct watched_buffer {
	const struct kernel_instance *in;
	uint32_t subbuf_size;		/* as it was */
	int wd[WATCHED_FILES];		/* -1: not watched */
	enum kernel_disturbance worst;
	char when[32];			/* on its clock */
};

struct kernel_watch {
	int fd;
	struct watched_buffer *v;
	size_t nr;
};

static int watch_file(const struct kernel_watch *w, const struct kernel_instance *in, const char *file)
{
	char path[KERNEL_PATH_MAX];

	if (w->fd < 0 || kernel_instance_path(in, file, path, sizeof(path)))
		return -1;
	return inotify_add_watch(w->fd, path, IN_MODIFY);
}

int kernel_watch_open(const struct kernel_setup *s, struct kernel_watch **ret, struct err *e)
{
	struct kernel_watch *w = calloc(1, sizeof(*w));

	if (w)
		w->v = calloc(s->instances.nr + 1, sizeof(*w->v));
	if (!w || !w->v) {
		free(w);
		return err_errno(e, -ENOMEM, "cannot watch the kernel's settings");
	}
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	for (size_t i = 0; i < s->instances.nr; i++) {
		struct watched_buffer *v = &w->v[w->nr];

		if (!kernel_setup_is_recorded(s, i) || !s->instances.v[i].in)
			continue;
		*v = (struct watched_buffer){ .in = s->instances.v[i].in };
		if (kernel_instance_subbuf_size(v->in, &v->subbuf_size, NULL))
			v->subbuf_size = 0;
		for (size_t f = 0; f < WATCHED_FILES; f++)
			v->wd[f] = watch_file(w, v->in, files[f].name);
		w->nr++;
	}
	*ret = w;
	return 0;
}

void kernel_watch_close(struct kernel_watch *w)
{
	if (!w)
		return;
	cleanup_close(&w->fd);
	free(w->v);
	free(w);
}

int kernel_watch_fd(const struct kernel_watch *w)
{
	return w->fd;
}

static void worsen(struct watched_buffer *v, enum kernel_disturbance what)
{
	struct buf stats AUTO_BUF = { 0 };
	const char *now;

	if (v->worst >= what)
		return;
	v->worst = what;
	now = kernel_cpu_stats(v->in, 0, &stats, NULL) ? NULL : kernel_stat_value(stats.data, "now ts");
	if (now) {
		now += strspn(now, " ");
		snprintf(v->when, sizeof(v->when), "%.*s", (int)strcspn(now, "\n"), now);
	}
}

static void heard(struct watched_buffer *v, const struct inotify_event *ev)
{
	for (size_t f = 0; f < WATCHED_FILES; f++)
		if ((ev->mask & IN_Q_OVERFLOW) || ((ev->mask & IN_MODIFY) && ev->wd == v->wd[f]))
			worsen(v, files[f].means);
}

/* Which files were written. More than the queue holds: any may be. */
static void hear(struct kernel_watch *w)
{
	char text[4096];
	ssize_t n;

	while (w->fd >= 0 && (n = read(w->fd, text, sizeof(text))) > 0) {
		for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= n;) {
			struct inotify_event ev;

			memcpy(&ev, text + at, sizeof(ev));
			at += sizeof(ev) + ev.len;
			for (size_t i = 0; i < w->nr; i++)
				heard(&w->v[i], &ev);
		}
	}
}

enum kernel_disturbance kernel_watch_look(struct kernel_watch *w)
{
	enum kernel_disturbance worst = KERNEL_UNDISTURBED;

	hear(w);
	for (size_t i = 0; i < w->nr; i++) {
		struct watched_buffer *v = &w->v[i];
		uint32_t size;
		char word[8];

		if (!kernel_read_word(v->in, "tracing_on", word, sizeof(word)) && !strcmp(word, "0"))
			worsen(v, KERNEL_PAUSED);
		if (!kernel_instance_subbuf_size(v->in, &size, NULL) && v->subbuf_size && size != v->subbuf_size)
			worsen(v, KERNEL_RESIZED);
		if (worst < v->worst)
			worst = v->worst;
	}
	return worst;
}

void kernel_watch_each(const struct kernel_watch *w, kernel_disturbed_fn each, void *ctx)
{
	for (size_t i = 0; i < w->nr; i++)
		if (w->v[i].worst != KERNEL_UNDISTURBED)
			each(ctx, w->v[i].in, w->v[i].worst, w->v[i].when);
}

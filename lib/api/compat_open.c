// SPDX-License-Identifier: LGPL-2.1-or-later
/* Handles: opening, instances, closing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/compat.h"
#include "record/left.h"

/* ---- files ---- */

static void file_free(struct compat_file *f)
{
	event_ctx_free(f->ctx);
	replay_free(f->replay);
	buf_release(&f->text);
	vec_release(&f->handles);
	pthread_mutex_destroy(&f->lock);
	free(f->cut);
	free(f);
}

static void file_unref(struct compat_file *f, const struct tracecmd_input *h)
{
	bool last;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->handles.nr; i++)
		if (f->handles.v[i] == h)
			f->handles.v[i--] = f->handles.v[--f->handles.nr];
	last = !--f->refs;
	pthread_mutex_unlock(&f->lock);
	if (last)
		file_free(f);
}

static int file_ref(struct compat_file *f, struct tracecmd_input *h)
{
	int rc;

	pthread_mutex_lock(&f->lock);
	f->refs++;
	rc = vec_push(&f->handles, h);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

static struct compat_file *file_new(struct err *e)
{
	struct compat_file *f = calloc(1, sizeof(*f));
	struct replay_opts opts = { 0 };

	if (!f) {
		err_errno(e, -ENOMEM, "cannot open a trace");
		return NULL;
	}
	pthread_mutex_init(&f->lock, NULL);
	f->refs = 1;
	f->notices.fn = compat_tell;
	opts.notices = &f->notices;
	if (!replay_new(&opts, &f->replay, e))
		return f;
	file_free(f);
	return NULL;
}

/* @r is the file's from now on. */
static int file_load(struct compat_file *f, struct dat_reader *r, int flags, struct err *e)
{
	const char *name = dat_reader_name(r);
	int rc = replay_add_file(f->replay, r, NULL, NULL, e);

	if (rc)
		return rc;
	if (!(rc = replay_start(f->replay, e)) &&
	    !(rc = replay_event_db(f->replay, 0, &f->db, e)) &&
	    !(rc = event_ctx_new(f->db, &f->ctx, e)) &&
	    !(rc = event_db_load_plugins(f->db, flags & TRACECMD_FL_LOAD_NO_SYSTEM_PLUGINS,
					 flags & TRACECMD_FL_LOAD_NO_PLUGINS, e))) {
		event_db_set_compat_31(f->db, true);
		rc = event_db_fill_tep(f->db, compat_print, f, e);
	}
	return rc ? err_wrap(e, "'%s'", name) : 0;
}

/* ---- handles ---- */

static void handle_free(struct tracecmd_input *h)
{
	compat_unmap(h);
	if (h->cpus)
		compat_forget_all(h);
	replay_merge_free(h->merge);
	replay_lanes_free(h->lanes);
	record_pool_free(h->pool);
	compat_filter_release(&h->filter);
	vec_release(&h->followers);
	free(h->cpus);
	file_unref(h->file, h);
	free(h);
}

static struct tracecmd_input *handle_new(struct compat_file *f, unsigned buffer)
{
	struct tracecmd_input *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->file = f;
	h->buffer = buffer;
	h->nr_cpus = replay_cpus(f->replay, 0);
	h->cpus = calloc(h->nr_cpus + 1, sizeof(*h->cpus));
	h->pool = record_pool_new();
	if (!file_ref(f, h) && h->cpus && h->pool)
		return h;
	handle_free(h);
	return NULL;
}

/* @r: NULL, with @e, if it could not be had. */
static struct tracecmd_input *open_reader(struct compat_file *f, struct dat_reader *r, int flags,
					  struct err *e)
{
	struct tracecmd_input *h = NULL;

	if (f && r && !file_load(f, r, flags, e)) {
		const struct dat_buffer *first = dat_reader_nr_buffers(r) ? dat_reader_buffer(r, 0) : NULL;

		h = handle_new(f, first && !*first->name ? 0 : dat_reader_nr_buffers(r));
		if (!h)
			err_errno(e, -ENOMEM, "cannot open '%s'", dat_reader_name(r));
	}
	if (f)
		file_unref(f, NULL);
	if (!h)
		compat_fail(e);
	return h;
}

API struct tracecmd_input *tracecmd_open_head(const char *path, int flags)
{
	struct dat_reader *r = NULL;
	struct err e = { 0 };
	struct compat_file *f;

	if (!path) {
		errno = EINVAL;
		return NULL;
	}
	f = file_new(&e);
	if (f && !left_or_file_open(path, &f->notices, &r, &f->cut, &e) && f->cut)
		compat_tell(NULL, f->cut);
	return open_reader(f, r, flags, &e);
}

/* 0; 1: a latency tracer's text, -errno. */
static int get_ready(struct tracecmd_input *h, uint64_t from, struct err *e)
{
	struct dat_reader *r = compat_reader(h);

	if (h->lanes)
		return 0;
	if (replay_lanes_new(h->file->replay, 0, h->buffer, from, &h->lanes, e))
		return e->code;
	return h->buffer < dat_reader_nr_buffers(r) && dat_reader_buffer(r, h->buffer)->text;
}

API int tracecmd_init_data(struct tracecmd_input *h)
{
	struct err e = { 0 };
	int rc;

	if (compat_need(h, false))
		return -1;
	rc = get_ready(h, 0, &e);
	if (rc < 0)
		compat_fail(&e);
	return rc < 0 ? -1 : rc;
}

static struct tracecmd_input *ready_or_closed(struct tracecmd_input *h)
{
	int code;

	if (!h || tracecmd_init_data(h) >= 0)
		return h;
	code = errno;
	tracecmd_close(h);
	errno = code;
	return NULL;
}

API struct tracecmd_input *tracecmd_open(const char *path, int flags)
{
	return ready_or_closed(tracecmd_open_head(path, flags));
}

API struct tracecmd_input *tracecmd_open_fd(int fd, int flags)
{
	struct dat_reader *r = NULL;
	struct err e = { 0 };
	struct compat_file *f = file_new(&e);
	char name[32];

	snprintf(name, sizeof(name), "descriptor %d", fd);
	if (f)
		dat_reader_open_fd(fd, name, &f->notices, &r, &e);
	return ready_or_closed(open_reader(f, r, flags, &e));
}

API void tracecmd_close(struct tracecmd_input *h)
{
	if (h)
		handle_free(h);
}

/* ---- instances ---- */

/* The number of the buffer of an instance; -1: there is none. */
static int instance_buffer(struct tracecmd_input *h, int indx)
{
	int nr = tracecmd_buffer_instances(h), all;

	if (indx < 0 || indx >= nr)
		return -1;
	all = dat_reader_nr_buffers(compat_reader(h));
	return all - nr + indx;
}

API int tracecmd_buffer_instances(struct tracecmd_input *h)
{
	int nr;

	if (!h || h->is_instance)
		return 0;
	nr = dat_reader_nr_buffers(compat_reader(h));
	return h->buffer < (unsigned)nr ? nr - 1 : nr;
}

API const char *tracecmd_buffer_instance_name(struct tracecmd_input *h, int indx)
{
	int buffer = instance_buffer(h, indx);

	return buffer < 0 ? NULL : dat_reader_buffer(compat_reader(h), buffer)->name;
}

API struct tracecmd_input *tracecmd_buffer_instance_handle(struct tracecmd_input *h, int indx)
{
	int buffer = instance_buffer(h, indx);
	struct tracecmd_input *in;
	struct err e = { 0 };

	if (buffer < 0) {
		errno = ENOENT;
		return NULL;
	}
	in = handle_new(h->file, buffer);
	if (!in) {
		errno = ENOMEM;
		return NULL;
	}
	in->is_instance = true;
	in->priv = h->priv;
	/* offsets go on where those of the top level end, if that is ready */
	if (get_ready(in, h->lanes ? replay_lanes_end(h->lanes) : 0, &e) >= 0)
		return in;
	tracecmd_close(in);
	compat_fail(&e);
	return NULL;
}

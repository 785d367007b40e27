// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * struct tracecmd_trace: a replay of files and what has been handed out of it.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/api.h"
#include "replay/replay.h"

struct trace_file {
	struct tracecmd_file_facts facts;
	struct event_db *db;
};

struct tracecmd_trace {
	struct tracecmd_trace_opts opts;
	struct notices notices;
	struct replay *replay;
	struct trace_file *files;
	unsigned int nr_files;
	struct replay_record record;	/* the one given last */
	bool have_record;
	struct tracecmd_event event;
	struct buf text;
};

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void fill_facts(struct tracecmd_trace *t, unsigned int file)
{
	struct tracecmd_file_facts *f = &t->files[file].facts;
	const struct dat_reader *r = replay_reader(t->replay, file);
	const struct dat_header *h = dat_reader_header(r);
	const struct dat_info *info = dat_reader_info(r);

	f->path = dat_reader_name(r);
	f->version = h->version;
	f->cpus = replay_cpus(t->replay, file);
	f->sub_buffer_size = h->page_size;
	f->nr_buffers = dat_reader_nr_buffers(r);
	f->big_endian = h->big_endian;
	f->in_seconds = replay_in_seconds(t->replay, file);
	f->codec = codec_name(h->codec);
	f->clock = info->clock;
	f->uname = or_empty(info->uname);
	f->writer = or_empty(info->version);
	f->trace_id = info->trace_id;
}

static int open_files(struct tracecmd_trace *t, const char *const *paths, struct err *e)
{
	const struct replay_opts opts = {
		.raw_ts = t->opts.raw_time,
		.no_date = t->opts.no_date,
		.notices = &t->notices,
	};
	const struct replay_file_opts file_opts = { 0 };
	struct dat_reader *r;
	unsigned int index;

	if (replay_new(&opts, &t->replay, e) < 0)
		return e->code;
	for (unsigned int i = 0; i < t->nr_files; i++) {
		if (dat_reader_open(paths[i], &t->notices, &r, e) < 0)
			return err_wrap(e, "cannot open '%s'", paths[i]);
		if (replay_add_file(t->replay, r, &file_opts, &index, e) < 0)
			return err_wrap(e, "cannot open '%s'", paths[i]);
	}
	if (replay_start(t->replay, e) < 0)
		return e->code;
	for (unsigned int i = 0; i < t->nr_files; i++)
		fill_facts(t, i);
	return 0;
}

API int tracecmd_trace_open(const char *const *paths, unsigned int nr_paths,
			    const struct tracecmd_trace_opts *opts, struct tracecmd_trace **ret,
			    struct tracecmd_error *error)
{
	struct err e = { 0 };
	struct tracecmd_trace *t;

	if (!paths || !nr_paths || !ret) {
		err_set(&e, -EINVAL, "tracecmd_trace_open: no file, or no place for the trace, is given");
		return api_error(&e, error);
	}
	t = calloc(1, sizeof(*t));
	if (t) {
		t->files = calloc(nr_paths, sizeof(*t->files));
		t->nr_files = nr_paths;
	}
	if (!t || !t->files) {
		err_errno(&e, -ENOMEM, "cannot open '%s'", paths[0]);
		goto fail;
	}
	if (api_opts(&t->opts, sizeof(t->opts), opts, "tracecmd_trace_opts", &e) < 0)
		goto fail;
	t->notices.fn = t->opts.notice;
	t->notices.ctx = t->opts.notice_ctx;
	if (open_files(t, paths, &e) < 0)
		goto fail;
	*ret = t;
	return 0;
fail:
	tracecmd_trace_close(t);
	return api_error(&e, error);
}

API void tracecmd_trace_close(struct tracecmd_trace *t)
{
	if (!t)
		return;
	replay_free(t->replay);
	buf_release(&t->text);
	free(t->files);
	free(t);
}

/* The file's formats and names, with plugins; made when its first event is met. */
static int file_db(struct tracecmd_trace *t, unsigned int file, struct event_db **ret,
		   struct err *e)
{
	struct trace_file *f = &t->files[file];
	struct event_db *db;

	if (!f->db) {
		if (replay_event_db(t->replay, file, &db, e) < 0 ||
		    event_db_load_plugins(db, t->opts.no_system_plugins, t->opts.no_plugins, e) < 0)
			return err_wrap(e, "'%s'", f->facts.path);
		f->db = db;
	}
	*ret = f->db;
	return 0;
}

/* Whether something of the files could not be read, told once all else was. */
static int check_whole(struct tracecmd_trace *t, struct err *e)
{
	uint64_t damage = replay_damage(t->replay);
	uint64_t offset;

	for (unsigned int i = 0; i < t->nr_files; i++)
		if (dat_reader_cut(replay_reader(t->replay, i), &offset))
			return err_set(e, -EBADMSG, "'%s' is cut: it ends at offset 0x%llx",
				       t->files[i].facts.path, (unsigned long long)offset);
	if (damage)
		return err_set(e, -EBADMSG, "'%s': %llu damaged pieces were passed over",
			       t->files[0].facts.path, (unsigned long long)damage);
	return 0;
}

static int next_event(struct tracecmd_trace *t, struct err *e)
{
	struct replay_record *rec = &t->record;
	struct tracecmd_event *ev = &t->event;
	struct tep_event *format;
	struct event_db *db;
	int ret;

	t->have_record = false;
	ret = replay_next(t->replay, rec, e);
	if (ret < 0)
		return ret;
	if (!ret)
		return check_whole(t, e);
	if (file_db(t, rec->file, &db, e) < 0)
		return e->code;
	memset(ev, 0, sizeof(*ev));
	ev->time = rec->ts;
	ev->lost = rec->lost == RING_LOST_UNKNOWN ? TRACECMD_LOST_UNKNOWN : rec->lost;
	ev->data = rec->data;
	ev->size = rec->len;
	ev->cpu = rec->cpu;
	ev->file = rec->file;
	ev->buffer = dat_reader_buffer(replay_reader(t->replay, rec->file), rec->buffer)->name;
	ev->id = event_db_record_id(db, rec->data, rec->len);
	ev->pid = event_db_record_pid(db, rec->data, rec->len);
	ev->task = event_db_comm(db, ev->pid);
	format = ev->id < 0 ? NULL : event_db_event(db, ev->id);
	if (format) {
		ev->system = format->system;
		ev->name = format->name;
	}
	t->have_record = true;
	return 1;
}

API int tracecmd_trace_next(struct tracecmd_trace *t, const struct tracecmd_event **ret,
			    struct tracecmd_error *error)
{
	struct err e = { 0 };
	int status = next_event(t, &e);

	*ret = status > 0 ? &t->event : NULL;
	return status < 0 ? api_error(&e, error) : status;
}

API unsigned int tracecmd_trace_nr_files(const struct tracecmd_trace *t)
{
	return t->nr_files;
}

API const struct tracecmd_file_facts *tracecmd_file_facts(const struct tracecmd_trace *t,
							   unsigned int file)
{
	return file < t->nr_files ? &t->files[file].facts : NULL;
}

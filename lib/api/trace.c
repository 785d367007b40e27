// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * struct tracecmd_trace: a replay of files and what has been handed out of it.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/trace.h"
#include "record/left.h"

/* From any thread; the program's function is called by one at a time. */
static void tell(void *ctx, const char *text)
{
	struct tracecmd_trace *t = ctx;

	if (!t->opts.notice)
		return;
	pthread_mutex_lock(&t->notice_lock);
	t->opts.notice(t->opts.notice_ctx, text);
	pthread_mutex_unlock(&t->notice_lock);
}

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
	f->cut = t->files[file].cut;
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
		if (left_or_file_open(paths[i], &t->notices, &r, &t->files[i].cut, e) < 0)
			return e->code;
		if (replay_add_file(t->replay, r, &file_opts, &index, e) < 0)
			return e->code;
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
	for (unsigned int i = 0; i < nr_paths; i++)
		if (api_need(paths[i], "tracecmd_trace_open", &e) < 0)
			return api_error(&e, error);
	t = calloc(1, sizeof(*t));
	if (t) {
		pthread_mutex_init(&t->notice_lock, NULL);
		t->files = calloc(nr_paths, sizeof(*t->files));
		t->nr_files = nr_paths;
	}
	if (!t || !t->files) {
		err_errno(&e, -ENOMEM, "cannot open '%s'", paths[0]);
		goto fail;
	}
	if (api_opts(&t->opts, sizeof(t->opts), opts, "tracecmd_trace_opts", &e) < 0)
		goto fail;
	t->notices.fn = tell;
	t->notices.ctx = t;
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
	for (unsigned int i = 0; t->files && i < t->nr_files; i++) {
		event_ctx_free(t->files[i].ctx);
		event_ctx_free(t->files[i].record_ctx);
		trace_release_formats(&t->files[i]);
		free(t->files[i].cut);
	}
	replay_free(t->replay);
	buf_release(&t->text);
	buf_release(&t->record_text);
	event_fixups_release(&t->fixups);
	vec_release(&t->joined);
	pthread_mutex_destroy(&t->notice_lock);
	free(t->files);
	free(t);
}

struct event_db *trace_db(struct tracecmd_trace *t, unsigned int file, struct err *e)
{
	struct trace_file *f = &t->files[file];
	struct event_db *db = NULL;

	if (f->db)
		return f->db;
	if (replay_event_db(t->replay, file, &db, e) < 0 ||
	    event_db_load_plugins(db, t->opts.no_system_plugins, t->opts.no_plugins, e) < 0 ||
	    event_ctx_new(db, &f->ctx, e) < 0) {
		err_wrap(e, "'%s'", f->facts.path);
		return NULL;
	}
	f->db = db;
	return db;
}

int trace_check_whole(struct tracecmd_trace *t, uint64_t damage, struct err *e)
{
	uint64_t offset;

	for (unsigned int i = 0; i < t->nr_files; i++)
		if (dat_reader_cut(replay_reader(t->replay, i), &offset))
			return err_set(e, -EBADMSG, "'%s' is cut: it ends at offset 0x%llx",
				       t->files[i].facts.path, (unsigned long long)offset);
	if (damage)
		return err_set(e, -EBADMSG, "%llu damaged pieces were passed over",
			       (unsigned long long)damage);
	return 0;
}

/* Whether the record has been told already; NULL: no. At most one of a CPU has. */
static struct joined *find_joined(struct tracecmd_trace *t, const struct replay_record *rec)
{
	for (size_t i = 0; i < t->joined.nr; i++) {
		struct joined *j = &t->joined.v[i];

		if (j->file == rec->file && j->buffer == rec->buffer && j->cpu == rec->cpu)
			return j;
	}
	return NULL;
}

static int next_event(struct tracecmd_trace *t, struct err *e)
{
	struct replay_record *rec = &t->record;
	struct tracecmd_event *ev = &t->event;
	struct joined *joined;
	struct event_db *db;
	int ret;

	t->have_record = false;
	ret = replay_next(t->replay, rec, e);
	if (ret < 0)
		return ret;
	if (!ret)
		return trace_check_whole(t, replay_damage(t->replay), e);
	db = trace_db(t, rec->file, e);
	if (!db)
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
	ev->task = event_ctx_comm(t->files[rec->file].ctx, ev->pid);
	t->format = ev->id < 0 ? NULL : event_db_event(db, ev->id);
	if (t->format) {
		ev->system = t->format->system;
		ev->name = t->format->name;
	}
	joined = find_joined(t, rec);
	t->record_joined = joined;
	if (joined)
		*joined = t->joined.v[--t->joined.nr];
	t->have_record = true;
	return 1;
}

API int tracecmd_trace_next(struct tracecmd_trace *t, const struct tracecmd_event **ret,
			    struct tracecmd_error *error)
{
	struct err e = { 0 };
	int status;

	if (api_need(t && ret, "tracecmd_trace_next", &e) < 0)
		return api_error(&e, error);
	status = next_event(t, &e);
	*ret = status > 0 ? &t->event : NULL;
	return status < 0 ? api_error(&e, error) : status;
}

/* ---- texts ---- */

static struct event_record as_event_record(const struct replay_record *rec)
{
	const struct ring_page *page = rec->page;

	return (struct event_record) {
		.ts = rec->ts,
		.data = rec->data,
		.len = rec->len,
		.avail = page->size - (uint32_t)((const uint8_t *)rec->data - page->data),
		.cpu = rec->cpu,
	};
}

static int peek_next(void *ctx, struct event_record *ret)
{
	struct tracecmd_trace *t = ctx;
	struct replay_record rec;
	/* a failure comes again with the next record, and is told there */
	int status = replay_peek_cpu(t->replay, t->record.file, t->record.buffer, t->record.cpu,
				     &rec, NULL);

	/* the place to remember it must be there: take cannot fail */
	if (status == 1 && vec_reserve(&t->joined, 1))
		status = 0;
	if (status == 1)
		*ret = as_event_record(&rec);
	return status == 1;
}

static void take_next(void *ctx)
{
	struct tracecmd_trace *t = ctx;

	if (find_joined(t, &t->record))	/* its text was asked for before */
		return;
	t->joined.v[t->joined.nr++] = (struct joined){
		.file = t->record.file, .buffer = t->record.buffer, .cpu = t->record.cpu,
	};
}

/*
 * libtraceevent's plugin_kvm asks the program for symbols of guests by these
 * two names (traceevent/event-parse.h). It does so while a text is made, in
 * the thread that makes it.
 */
static _Thread_local struct tracecmd_trace *speaking;

API const char *tep_plugin_kvm_get_func(struct tep_event *event, struct tep_record *record,
					unsigned long long *addr)
{
	struct tracecmd_trace *t = speaking;
	unsigned int host = t ? t->record.file : 0, guest;
	struct event_db *db;
	struct err e = { 0 };
	const char *name;
	uint64_t start;

	if (!t || event_db_tep(t->files[host].db) != event->tep ||
	    !replay_guest_of(t->replay, host, event_db_record_pid(t->files[host].db, record->data,
								  record->size), &guest))
		return NULL;
	db = trace_db(t, guest, &e);
	name = db ? event_db_symbol(db, *addr, &start, NULL) : NULL;
	if (name)
		*addr = start;
	return name;
}

/* Names live as long as the guest's tables: there is nothing to free. */
API void tep_plugin_kvm_put_func(const char *func)
{
	(void)func;
}

static int make_text(struct tracecmd_trace *t, bool line, struct err *e)
{
	const struct event_next next = { .peek = peek_next, .take = take_next, .ctx = t };
	struct event_record rec;
	struct event_ctx *ctx;

	buf_clear(&t->text);
	if (!t->have_record)
		return err_set(e, -ENOENT, "no event has been taken from the trace, or it is at its end");
	if (!t->record_joined) {
		speaking = t;
		rec = as_event_record(&t->record);
		ctx = t->files[t->record.file].ctx;
		if (line) {
			const struct event_line_opts opts = {
				.seconds = t->files[t->record.file].facts.in_seconds,
				.loose_clock = true,
			};
			struct event_line_state state = { 0 };

			event_line(ctx, &opts, &state, &rec, &next, &t->text);
		} else if (t->format) {
			event_text(ctx, t->format, &rec, false, &next, &t->text);
		}
		speaking = NULL;
	}
	if (buf_puts(&t->text, "") < 0)
		return err_errno(e, -ENOMEM, "the text of an event of '%s'",
				 t->files[t->record.file].facts.path);
	return 0;
}

static int give_text(struct tracecmd_trace *t, bool line, const char **ret,
		     struct tracecmd_error *error)
{
	struct err e = { 0 };

	if (api_need(t && ret, line ? "tracecmd_event_line" : "tracecmd_event_text", &e) < 0 ||
	    make_text(t, line, &e) < 0)
		return api_error(&e, error);
	*ret = t->text.data;
	return 0;
}

API int tracecmd_event_text(struct tracecmd_trace *t, const char **ret,
			    struct tracecmd_error *error)
{
	return give_text(t, false, ret, error);
}

API int tracecmd_event_line(struct tracecmd_trace *t, const char **ret,
			    struct tracecmd_error *error)
{
	return give_text(t, true, ret, error);
}

/* ---- facts ---- */

API unsigned int tracecmd_trace_nr_files(const struct tracecmd_trace *t)
{
	return t->nr_files;
}

API const struct tracecmd_file_facts *tracecmd_file_facts(const struct tracecmd_trace *t,
							   unsigned int file)
{
	return file < t->nr_files ? &t->files[file].facts : NULL;
}

API const char *tracecmd_file_buffer(const struct tracecmd_trace *t, unsigned int file,
				     unsigned int buffer)
{
	if (file >= t->nr_files || buffer >= t->files[file].facts.nr_buffers)
		return NULL;
	return dat_reader_buffer(replay_reader(t->replay, file), buffer)->name;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* A replay's files and what is asked about them. */
#include <errno.h>
#include <stdlib.h>

#include "files.h"

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot replay");
}

int replay_new(const struct replay_opts *opts, struct replay **ret, struct err *e)
{
	struct replay *rp = calloc(1, sizeof(*rp));

	if (!rp)
		return no_memory(e);
	cache_init(&rp->cache);
	if (opts)
		rp->opts = *opts;
	if (rp->opts.cpus) {
		size_t len = (rp->opts.nr_cpus + 7) / 8;

		rp->cpus = malloc(len + 1);
		if (!rp->cpus) {
			replay_free(rp);
			return no_memory(e);
		}
		memcpy(rp->cpus, rp->opts.cpus, len);
		rp->opts.cpus = rp->cpus;
	}
	*ret = rp;
	return 0;
}

void replay_free(struct replay *rp)
{
	if (!rp)
		return;
	replay_cursor_free(rp->main);
	cache_release(&rp->cache);
	for (size_t i = 0; i < rp->streams.nr; i++)
		stream_release(&rp->streams.v[i]);
	for (size_t i = 0; i < rp->left_out.nr; i++)
		stream_release(&rp->left_out.v[i]);
	for (size_t i = 0; i < rp->files.nr; i++) {
		event_db_free(rp->files.v[i].db);
		dat_reader_close(rp->files.v[i].reader);
		free(rp->files.v[i].buffer_stream);
	}
	vec_release(&rp->streams);
	vec_release(&rp->left_out);
	vec_release(&rp->files);
	free(rp->cpus);
	free(rp);
}

int replay_add_file(struct replay *rp, struct dat_reader *r, const struct replay_file_opts *opts,
		    unsigned *ret_index, struct err *e)
{
	struct file f = { .reader = r };
	int rc = 0;

	f.clock.raw_ts = rp->opts.raw_ts;
	f.clock.no_date = rp->opts.no_date;
	if (opts) {
		f.clock.ts_offset = opts->ts_offset;
		f.clock.ts2secs = opts->ts2secs;
	}
	if (rp->started)
		rc = err_set(e, -EBUSY, "cannot add '%s' to a replay that has begun",
			     dat_reader_name(r));
	else if (vec_push(&rp->files, f))
		rc = no_memory(e);
	if (rc) {
		dat_reader_close(r);
		return rc;
	}
	if (ret_index)
		*ret_index = rp->files.nr - 1;
	return 0;
}

static bool cpu_wanted(const struct replay *rp, uint32_t cpu)
{
	return !rp->cpus || (cpu < rp->opts.nr_cpus && rp->cpus[cpu / 8] >> cpu % 8 & 1);
}

static int add_buffer(struct replay *rp, unsigned file, unsigned buffer)
{
	struct file *f = &rp->files.v[file];
	const struct dat_buffer *b = dat_reader_buffer(f->reader, buffer);

	for (uint32_t i = 0; i < b->nr_cpus; i++) {
		struct stream s;

		if (!b->cpus[i].size)
			continue;
		stream_init(&s, f->reader, file, buffer, i);
		clock_conv_init(&s.conv, dat_reader_info(f->reader), &f->clock, !*b->name,
				b->cpus[i].cpu);
		if (cpu_wanted(rp, s.cpu) ? vec_push(&rp->streams, s) : vec_push(&rp->left_out, s))
			return -ENOMEM;
	}
	return 0;
}

int replay_start(struct replay *rp, struct err *e)
{
	if (rp->started)
		return err_set(e, -EBUSY, "cannot start a replay twice");
	rp->started = true;
	for (unsigned i = 0; i < rp->files.nr; i++) {
		struct file *f = &rp->files.v[i];
		unsigned nr = dat_reader_nr_buffers(f->reader);

		f->buffer_stream = calloc(nr + 1, sizeof(*f->buffer_stream));
		if (!f->buffer_stream)
			return no_memory(e);
		for (unsigned b = 0; b < nr; b++) {
			f->buffer_stream[b] = rp->streams.nr;
			if (add_buffer(rp, i, b))
				return no_memory(e);
		}
		f->buffer_stream[nr] = rp->streams.nr;
	}
	return 0;
}

uint32_t replay_nr_streams(const struct replay *rp)
{
	return rp->streams.nr;
}

struct dat_reader *replay_reader(struct replay *rp, unsigned file)
{
	return rp->files.v[file].reader;
}

bool replay_in_seconds(struct replay *rp, unsigned file)
{
	return clock_in_seconds(dat_reader_info(rp->files.v[file].reader),
				&rp->files.v[file].clock);
}

uint32_t replay_cpus(struct replay *rp, unsigned file)
{
	struct dat_reader *r = rp->files.v[file].reader;
	uint32_t nr = dat_reader_info(r)->cpu_count;

	for (unsigned i = 0; i < dat_reader_nr_buffers(r); i++) {
		const struct dat_buffer *b = dat_reader_buffer(r, i);

		if (b->nr_cpus && b->cpus[b->nr_cpus - 1].cpu >= nr)
			nr = b->cpus[b->nr_cpus - 1].cpu + 1;
	}
	return nr;
}

/* The text says how large the top level's sub-buffers were when it was read. */
static void compare_page_size(struct replay *rp, struct dat_reader *r, uint32_t told)
{
	uint32_t page_size = dat_reader_header(r)->page_size;

	if (told && told != page_size)
		notice(rp->opts.notices, "'%s': sub-buffers have %u bytes by the header_page text and "
		       "%u by the file's header, which is used", dat_reader_name(r), told, page_size);
}

int replay_abi(struct replay *rp, unsigned file, struct ring_abi *ret, struct err *e)
{
	struct file *f = &rp->files.v[file];
	struct dat_header_info info;
	int rc;

	if (!f->abi_known) {
		rc = dat_reader_header_info(f->reader, &info, e);
		if (rc < 0)
			return rc;
		f->abi.big_endian = dat_reader_header(f->reader)->big_endian;
		f->abi.long_size = info.kernel_long;
		f->abi_known = true;
		compare_page_size(rp, f->reader, info.sub_buffer_size);
	}
	*ret = f->abi;
	return 0;
}

/* ---- the event database's sources: blocks of the file -------------------- */

struct format_sink {
	struct event_db *db;
	struct err *e;
};

static int add_format(void *ctx, const char *system, struct dat_text format)
{
	struct format_sink *sink = ctx;

	return event_db_add_format(sink->db, system, format.data, format.len, sink->e);
}

static int source_formats(void *ctx, struct event_db *db, struct err *e)
{
	struct format_sink sink = { db, e };

	return dat_reader_formats(ctx, add_format, &sink, e);
}

static int source_text(struct dat_reader *r, enum dat_id id, const char **text, size_t *len,
		       struct err *e)
{
	struct dat_text t = { "", 0 };
	int rc = dat_reader_text(r, id, &t, e);

	if (rc < 0)
		return rc;
	*text = t.data;
	*len = t.len;
	return 0;
}

static int source_kallsyms(void *ctx, const char **text, size_t *len, struct err *e)
{
	return source_text(ctx, DAT_KALLSYMS, text, len, e);
}

static int source_printk(void *ctx, const char **text, size_t *len, struct err *e)
{
	return source_text(ctx, DAT_PRINTK, text, len, e);
}

static int source_cmdlines(void *ctx, const char **text, size_t *len, struct err *e)
{
	return source_text(ctx, DAT_CMDLINES, text, len, e);
}

int replay_event_db(struct replay *rp, unsigned file, struct event_db **ret, struct err *e)
{
	struct file *f = &rp->files.v[file];
	struct event_db_source source = {
		source_formats, source_kallsyms, source_printk, source_cmdlines, f->reader,
	};
	struct event_db_opts opts = { .notices = rp->opts.notices };
	struct ring_abi abi;
	int rc;

	if (!f->db) {
		rc = replay_abi(rp, file, &abi, e);
		if (rc)
			return rc;
		opts.big_endian = abi.big_endian;
		opts.long_size = abi.long_size;
		opts.page_size = dat_reader_header(f->reader)->page_size;
		opts.cpus = replay_cpus(rp, file);
		rc = event_db_new(&opts, &f->db, e);
		if (rc)
			return rc;
		event_db_set_source(f->db, &source);
	}
	*ret = f->db;
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/metadata.h"
#include "record/restore.h"
#include "record/restore_input.h"

#define PAGE_SIZE_DEFAULT 4096u
#define COPY_BYTES (1u << 20)
#define CLOCK_MAX 64

struct restore {
	const struct restore_opts *opts;
	struct restore_inputs in;
	struct dat_writer *w;
	const struct codec *codec;	/* of the file */
	unsigned version;
	uint32_t page_size;		/* of the top level, and of raw files */
	uint32_t cpus;
	bool big_endian;
	unsigned long_size;
	bool wants_growing;		/* printk formats or command lines */
	bool in_cpu;			/* data of the CPU in hand are written */
	bool incomplete;		/* something was damaged and is left out */
	struct codec_ctx ctx;
};

/* ---- metadata -------------------------------------------------------------- */

static int copy_blocks(struct restore *r, struct err *e)
{
	static const enum dat_id ids[] = {
		DAT_HEADER_INFO, DAT_FTRACE_EVENTS, DAT_EVENT_FORMATS, DAT_KALLSYMS, DAT_PRINTK,
		DAT_CMDLINES, DAT_BTF_FILE, DAT_MODULES_FILE,
	};
	int ret = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(ids) && ret >= 0; i++) {
		ret = dat_writer_block_from(r->w, r->opts->partial, ids[i], e);
		if (!ret && (ids[i] == DAT_PRINTK || ids[i] == DAT_CMDLINES))
			r->wants_growing = true;
	}
	return ret < 0 ? ret : 0;
}

/* What was not yet known when the partial file was written. */
static int collect_growing(struct restore *r, struct err *e)
{
	struct metadata m = { 0 };
	int ret = metadata_collect_growing(&m, r->opts->kernel, r->opts->notices, e);

	if (!ret)
		ret = metadata_write(&m, r->w, e);
	metadata_release(&m);
	return ret;
}

static int collect_blocks(struct restore *r, struct err *e)
{
	struct metadata m = { 0 };
	int ret = metadata_collect(&m, r->opts->kernel, NULL, r->opts->kallsyms, r->opts->notices, e);

	if (!ret)
		ret = metadata_write(&m, r->w, e);
	metadata_release(&m);
	return ret;
}

static int write_blocks(struct restore *r, struct err *e)
{
	int ret = r->opts->partial ? copy_blocks(r, e) : collect_blocks(r, e);

	return !ret && r->wants_growing && r->opts->kernel ? collect_growing(r, e) : ret;
}

static int put_string(struct restore *r, uint16_t id, const char *s, struct err *e)
{
	return dat_writer_option(r->w, id, s, strlen(s) + 1, e);
}

/* Options of the partial file, less those that tell of its own sections. */
static int copy_options(struct restore *r, struct err *e)
{
	unsigned nr = dat_reader_nr_options(r->opts->partial);
	int ret = 0;

	for (unsigned i = 0; i < nr && !ret; i++) {
		const struct dat_option *o = dat_reader_option(r->opts->partial, i);

		if (o->id == DAT_BUFFER || o->id == DAT_CPUCOUNT || o->id == DAT_BUFFER_TEXT ||
		    (o->id >= DAT_STRINGS && o->id <= DAT_CMDLINES) || o->id == DAT_BTF_FILE ||
		    o->id == DAT_MODULES_FILE)
			continue;
		ret = dat_writer_option(r->w, o->id, o->data, o->size, e);
	}
	return ret;
}

/* What the first spool knows, unless the partial file has said it. */
static int spool_options(struct restore *r, struct err *e)
{
	const struct dat_info *known = r->opts->partial ? dat_reader_info(r->opts->partial) : NULL;
	const struct restore_input *in = restore_inputs_spool(&r->in);
	char clock[CLOCK_MAX];
	int ret = 0;

	if (!in)
		return 0;
	if (*in->clock && !(known && known->clock[0])) {
		/* What was stored to make nanoseconds of cycles is gone. */
		snprintf(clock, sizeof(clock), "[%s]",
			 strcmp(in->clock, "tsc2nsec") ? in->clock : "x86-tsc");
		ret = put_string(r, DAT_TRACECLOCK, clock, e);
	}
	if (!ret && *in->uname && !(known && known->uname))
		ret = put_string(r, DAT_UNAME, in->uname, e);
	if (!ret && !(known && known->has_trace_id))
		ret = dat_writer_option(r->w, DAT_TRACEID, &in->session, sizeof(in->session), e);
	return ret;
}

static int write_options(struct restore *r, struct err *e)
{
	int ret = r->opts->partial ? copy_options(r, e) : 0;

	if (!ret)
		ret = spool_options(r, e);
	if (!ret && !(r->opts->partial && dat_reader_info(r->opts->partial)->version))
		ret = put_string(r, DAT_VERSION, r->opts->writer, e);
	return ret ? ret : dat_writer_cpu_count(r->w, r->cpus, e);
}

/* ---- data ------------------------------------------------------------------- */

/* Before data of @in's CPU: one none of whose data can be used has no place in the file. */
static int need_cpu(struct restore *r, const struct restore_input *in, struct err *e)
{
	int ret = r->in_cpu ? 0 : dat_writer_cpu_begin(r->w, in->cpu, e);

	r->in_cpu = r->in_cpu || !ret;
	return ret;
}

static int put_pages(struct restore *r, const struct restore_input *in, const void *pages, size_t len,
		     struct err *e)
{
	int ret = need_cpu(r, in, e);

	return ret ? ret : dat_writer_cpu_pages(r->w, pages, len, e);
}

/* Whole sub-buffers of a raw file; what is behind the last whole one is told. */
static int copy_raw(struct restore *r, const struct restore_input *in, struct err *e)
{
	uint64_t left = in->size - in->size % in->page_size, pos = 0;
	AUTO_FREE uint8_t *data = malloc(COPY_BYTES > in->page_size ? COPY_BYTES : in->page_size);
	size_t step = COPY_BYTES > in->page_size ? COPY_BYTES - COPY_BYTES % in->page_size :
						   in->page_size;
	int ret = data ? 0 : err_errno(e, -ENOMEM, "cannot read '%s'", in->path);

	if (in->size % in->page_size) {
		r->incomplete = true;
		notice(r->opts->notices, "'%s' ends in the middle of a sub-buffer: the last %" PRIu64
		       " bytes are left out", in->path, in->size % in->page_size);
	}
	while (left && !ret) {
		size_t n = left < step ? left : step;

		ret = pread_full(in->fd, data, n, pos);
		if (ret)
			return err_errno(e, ret, "cannot read '%s' at offset 0x%" PRIx64, in->path,
					 pos);
		ret = put_pages(r, in, data, n, e);
		pos += n;
		left -= n;
	}
	return ret;
}

/* A chunk whose codec is not the file's. */
static int repack(struct restore *r, const struct restore_input *in, const struct codec *codec,
		  const struct spool_chunk *c, const uint8_t *payload, struct err *e)
{
	AUTO_FREE uint8_t *pages = NULL;
	int ret;

	if (!codec)
		return put_pages(r, in, payload, c->usize, e);
	pages = malloc(c->usize);
	if (!pages)
		return err_errno(e, -ENOMEM, "cannot read spool '%s'", in->path);
	ret = codec_decompress(codec, &r->ctx, payload, c->csize, pages, c->usize);
	if (ret == -ENOMEM)
		return err_errno(e, ret, "cannot read spool '%s'", in->path);
	if (ret) {
		r->incomplete = true;
		notice(r->opts->notices, "spool '%s': the chunk at offset 0x%" PRIx64
		       " cannot be decompressed; skipped", in->path, c->offset - SPOOL_HEADER);
		return 0;
	}
	return put_pages(r, in, pages, c->usize, e);
}

static int copy_spool(struct restore *r, const struct restore_input *in, struct err *e)
{
	struct spool_reader *reader;
	struct spool_chunk c;
	const uint8_t *payload;
	int ret = spool_reader_open(in->fd, in->path, r->opts->notices, &reader, e);

	if (ret)
		return ret;
	while ((ret = spool_reader_next(reader, &c, &payload, e)) > 0) {
		const struct codec *codec = spool_reader_codec(reader);

		if (codec == r->codec) {
			ret = need_cpu(r, in, e);
			if (!ret)
				ret = dat_writer_cpu_chunk(r->w, c.fd, c.offset, c.csize, c.usize, e);
		} else {
			ret = repack(r, in, codec, &c, payload, e);
		}
		if (ret)
			break;
	}
	if (spool_reader_damage(reader))
		r->incomplete = true;
	if (!ret && spool_reader_damage(reader))
		notice(r->opts->notices, "spool '%s': %" PRIu64 " bytes were damaged and left out",
		       in->path, spool_reader_damage(reader));
	spool_reader_close(reader);
	return ret;
}

/* All files of one CPU, which follow each other; *i moves behind them. */
static int write_cpu(struct restore *r, size_t *i, struct err *e)
{
	const struct restore_input *first = &r->in.v[*i];
	int ret = 0;

	r->in_cpu = false;
	for (; *i < r->in.nr && !ret; ++*i) {
		const struct restore_input *in = &r->in.v[*i];

		if (strcmp(in->instance, first->instance) || in->cpu != first->cpu)
			break;
		ret = in->is_spool ? copy_spool(r, in, e) : copy_raw(r, in, e);
	}
	return ret || !r->in_cpu ? ret : dat_writer_cpu_end(r->w, e);
}

/* All CPUs of one instance; *i moves behind them. */
static int write_buffer(struct restore *r, size_t *i, struct err *e)
{
	const struct restore_input *first = &r->in.v[*i];
	int ret = dat_writer_buffer_begin(r->w, first->instance, first->clock, first->page_size, e);

	while (*i < r->in.nr && !ret && !strcmp(r->in.v[*i].instance, first->instance)) {
		if (r->in.v[*i].empty)
			++*i;
		else
			ret = write_cpu(r, i, e);
	}
	return ret ? ret : dat_writer_buffer_end(r->w, e);
}

static int write_buffers(struct restore *r, struct err *e)
{
	bool has_top = r->in.nr && !*r->in.v[0].instance;
	int ret = 0;

	for (size_t i = 0; i < r->in.nr && !ret; i++)
		if (!i || strcmp(r->in.v[i].instance, r->in.v[i - 1].instance))
			ret = dat_writer_plan_buffer(r->w, r->in.v[i].instance, e);
	if (!ret && !has_top)
		ret = dat_writer_buffer_begin(r->w, "", r->in.v[0].clock, r->page_size, e);
	if (!ret && !has_top)
		ret = dat_writer_buffer_end(r->w, e);
	for (size_t i = 0; i < r->in.nr && !ret;)
		ret = write_buffer(r, &i, e);
	return ret;
}

/* ---- the whole ---------------------------------------------------------------- */

/* Of the running kernel's buffers; raw files are believed to be like that. */
static uint32_t kernel_page_size(struct kernel *k)
{
	uint32_t size;

	if (!k || kernel_instance_subbuf_size(kernel_top(k), &size, NULL))
		return PAGE_SIZE_DEFAULT;
	return size;
}

static int set_format(struct restore *r, struct err *e)
{
	const struct dat_header *h = r->opts->partial ? dat_reader_header(r->opts->partial) : NULL;
	const struct restore_input *spool = restore_inputs_spool(&r->in);

	r->version = h ? h->version : 7;
	r->codec = h && !r->opts->spool_codec ? h->codec : spool ? spool->codec : NULL;
	r->page_size = h ? h->page_size : kernel_page_size(r->opts->kernel);
	r->big_endian = h ? h->big_endian : __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	r->long_size = h ? h->long_size : sizeof(long);
	if (spool && spool->big_endian != r->big_endian)
		return err_set(e, -EINVAL, "spool '%s' is from a machine with another byte order "
			       "than the metadata: give that machine's with -i", spool->path);
	r->cpus = restore_inputs_cpus(&r->in);
	if (r->opts->partial && dat_reader_info(r->opts->partial)->cpu_count > r->cpus)
		r->cpus = dat_reader_info(r->opts->partial)->cpu_count;
	return restore_inputs_settle(&r->in, &r->page_size, r->big_endian, e);
}

/* Where the file goes: a descriptor, or pieces. */
struct target {
	int fd;
	struct dat_pieces *pieces;	/* NULL: the descriptor */
};

static int open_writer(struct restore *r, struct target to, const char *name, struct err *e)
{
	struct dat_writer_opts o = {
		.version = r->version, .codec = r->codec, .big_endian = r->big_endian,
		.long_size = r->long_size, .page_size = r->page_size,
	};

	return to.pieces ? dat_writer_new_pieces(to.pieces, name, &o, &r->w, e) :
			   dat_writer_new(to.fd, name, &o, &r->w, e);
}

static int restore_to(const struct restore_opts *opts, char *const *paths, size_t nr,
		      struct target to, const char *name, struct err *e)
{
	struct restore r = { .opts = opts };
	int ret = restore_inputs_open(&r.in, paths, nr, opts->notices, e);

	r.incomplete = r.in.damaged;
	if (!ret)
		ret = set_format(&r, e);
	if (!ret)
		ret = open_writer(&r, to, name, e);
	if (!ret)
		ret = write_blocks(&r, e);
	if (!ret)
		ret = write_options(&r, e);
	if (!ret)
		ret = write_buffers(&r, e);
	if (!ret)
		ret = dat_writer_finish(r.w, e);
	dat_writer_free(r.w);
	codec_ctx_release(&r.ctx);
	restore_inputs_close(&r.in);
	return ret ? ret : r.incomplete;
}

int restore_write(const struct restore_opts *opts, char *const *paths, size_t nr, int fd,
		  const char *name, struct err *e)
{
	return restore_to(opts, paths, nr, (struct target){ .fd = fd }, name, e);
}

int restore_pieces(const struct restore_opts *opts, char *const *paths, size_t nr,
		   struct dat_pieces *p, const char *name, struct err *e)
{
	int ret = restore_to(opts, paths, nr, (struct target){ .fd = -1, .pieces = p }, name, e);

	return ret < 0 ? ret : 0;
}

int restore_partial(const struct restore_opts *opts, int fd, const char *name, struct err *e)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct restore r = {
		.opts = opts, .version = 7, .page_size = kernel_page_size(opts->kernel),
		.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, .long_size = sizeof(long),
		.cpus = cpus < 1 ? 1 : cpus,
	};
	int ret = open_writer(&r, (struct target){ .fd = fd }, name, e);

	if (!ret)
		ret = write_blocks(&r, e);
	if (!ret)
		ret = write_options(&r, e);
	if (!ret)
		ret = dat_writer_finish(r.w, e);
	dat_writer_free(r.w);
	return ret;
}

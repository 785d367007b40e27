// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "record/metadata.h"
#include "record/restore.h"
#include "record/restore_data.h"

#define PAGE_SIZE_DEFAULT 4096u
#define FILES_SPARE 64			/* what else may be open */
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
	struct restore_data data;
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
	for (size_t i = 0; i < r->opts->nr_options && !ret; i++)
		ret = dat_writer_option(r->w, r->opts->options[i].id, r->opts->options[i].data, r->opts->options[i].len, e);
	return ret ? ret : dat_writer_cpu_count(r->w, r->cpus, e);
}

/* ---- buffers ------------------------------------------------------------------ */

/* Files of one buffer, from @i on, of the same CPU. */
static size_t count_files(const struct restore *r, size_t i)
{
	size_t end = i + 1;

	while (end < r->in.nr && r->in.v[end].cpu == r->in.v[i].cpu &&
	       !strcmp(r->in.v[end].instance, r->in.v[i].instance))
		end++;
	return end - i;
}

/* All CPUs of one instance; *i moves behind them. */
static int write_buffer(struct restore *r, size_t *i, struct err *e)
{
	const struct restore_input *first = &r->in.v[*i];
	int ret = dat_writer_buffer_begin(r->w, first->instance, restore_inputs_clock(&r->in, *i),
					  first->page_size, e);

	while (*i < r->in.nr && !ret && !strcmp(r->in.v[*i].instance, first->instance)) {
		size_t nr = count_files(r, *i);

		ret = restore_data_cpu(&r->data, &r->in.v[*i], nr, e);
		*i += nr;
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
		ret = dat_writer_buffer_begin(r->w, "", restore_inputs_clock(&r->in, 0), r->page_size, e);
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

/* The size of commit words that the metadata tell of. */
static int kernel_long(const struct restore_opts *o, unsigned *ret, struct err *e)
{
	struct dat_header_info info = { .kernel_long = 8 };
	struct cur c;
	int r;

	if (!o->partial)
		return metadata_kernel_long(o->kernel, ret, e);
	r = dat_reader_block(o->partial, DAT_HEADER_INFO, &c, e);
	if (r > 0)
		r = dat_reader_header_info(o->partial, &info, e);
	*ret = info.kernel_long;
	return r < 0 ? r : 0;
}

/* Spools hold what the kernel made that the metadata are of. */
static int check_abi(struct restore *r, const struct restore_input *spool, struct err *e)
{
	const char *other = NULL;
	int ret = kernel_long(r->opts, &r->data.abi.long_size, e);

	if (ret)
		return ret;
	r->data.abi.big_endian = r->big_endian;
	if (spool && spool->big_endian != r->big_endian)
		other = "byte order";
	else if (spool && spool->long_size != r->data.abi.long_size)
		other = "size of long";
	return other ? err_set(e, -EINVAL, "spool '%s' is from a machine with another %s than the "
			       "metadata: give that machine's with -i", spool->path, other) : 0;
}

static int set_format(struct restore *r, struct err *e)
{
	const struct dat_header *h = r->opts->partial ? dat_reader_header(r->opts->partial) : NULL;
	const struct restore_input *spool = restore_inputs_spool(&r->in);
	int ret;

	r->version = h ? h->version : 7;
	r->codec = h && !r->opts->spool_codec ? h->codec : spool ? spool->codec : NULL;
	r->page_size = h ? h->page_size : kernel_page_size(r->opts->kernel);
	r->big_endian = h ? h->big_endian : __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	r->long_size = h ? h->long_size : sizeof(long);
	ret = check_abi(r, spool, e);
	if (ret)
		return ret;
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
	/* Each with what was moved out of it; whoever found them may hold them, too. */
	int ret = fd_limit_raise(FILES_SPARE + nr * (to.pieces ? 5 : 3), e), incomplete;

	if (ret)		/* pieces refer to the files once more */
		return err_wrap(e, "cannot read %zu files of CPUs", nr);
	ret = restore_inputs_open(&r.in, paths, nr, opts->notices, e);

	r.data = (struct restore_data){ .notices = opts->notices, .look = !to.pieces };
	if (!ret)
		ret = set_format(&r, e);
	if (!ret)
		ret = open_writer(&r, to, name, e);
	r.data.w = r.w;
	r.data.codec = r.codec;
	if (!ret)
		ret = write_blocks(&r, e);
	if (!ret)
		ret = write_options(&r, e);
	if (!ret)
		ret = write_buffers(&r, e);
	if (!ret)
		ret = dat_writer_finish(r.w, e);
	if (!ret && r.data.bad_pages)
		notice(opts->notices, "%" PRIu64 " sub-buffers are damaged; what cannot be read of them "
		       "is left out, and marked as lost", r.data.bad_pages);
	dat_writer_free(r.w);
	restore_data_release(&r.data);
	incomplete = r.in.damaged || r.data.incomplete;
	restore_inputs_close(&r.in);
	return ret ? ret : incomplete;
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

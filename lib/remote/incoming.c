// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include "dat/dat.h"
#include "record/left.h"
#include "remote/incoming_inside.h"

#define ROOM_LARGE (256u << 10)		/* sub-buffers that become one chunk */
#define ROOM_SMALL (16u << 10)		/* where memory is short */
#define WRITER "tracecmd " TRACECMD_VERSION
#define LATE_SUFFIX ".late"

void incoming_shared_release(struct incoming_shared *s)
{
	codec_ctx_release(&s->ctx);
	buf_release(&s->frame);
}

/* ---- metadata ------------------------------------------------------------------ */

/* A file of ours, empty and locked. A descriptor, -errno. */
static int make_meta(const char *path, struct err *e)
{
	bool made;
	int fd = file_take(path, &made, e), r = 0;

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		r = err_errno(e, -errno, "cannot lock '%s'", path);
	else if (ftruncate(fd, 0) < 0)
		r = err_errno(e, -errno, "cannot empty '%s'", path);
	if (r)
		close(fd);
	return r ? r : fd;
}

int incoming_new(const char *path, uint32_t cpus, uint32_t page_size, bool packed, uint64_t max_bytes,
		 struct incoming_shared *shared, struct incoming **ret, struct err *e)
{
	struct incoming *in = calloc(1, sizeof(*in));
	int r = -ENOMEM;

	if (!in)
		return err_errno(e, r, "cannot receive");
	*in = (struct incoming){
		.cpus = cpus, .page_size = page_size, .packed = packed, .max_bytes = max_bytes, .shared = shared,
		.meta_fd = -1, .late_fd = -1, .path = strdup(path), .cpu = calloc(cpus, sizeof(*in->cpu)),
	};
	if (asprintf(&in->meta_path, "%s" HEAD_SUFFIX, path) < 0)
		in->meta_path = NULL;
	if (asprintf(&in->late_path, "%s" HEAD_SUFFIX LATE_SUFFIX, path) < 0)
		in->late_path = NULL;
	if (!in->path || !in->cpu || !in->meta_path || !in->late_path)
		err_errno(e, r, "cannot receive");
	else if (getrandom(&in->session, sizeof(in->session), 0) < 0)
		r = err_errno(e, -errno, "cannot make up an id for the recording");
	else
		r = in->meta_fd = make_meta(in->meta_path, e);
	if (r < 0) {
		incoming_free(in, true);
		return r;
	}
	*ret = in;
	return 0;
}

int incoming_over_quota(const struct incoming *in, uint64_t more, struct err *e)
{
	uint64_t now = in->meta_bytes + in->disk_bytes;

	if (!in->max_bytes || (now <= in->max_bytes && more <= in->max_bytes - now))
		return 0;
	return err_set(e, -EDQUOT, "it has sent what it may: %" PRIu64 " bytes on the disk", in->max_bytes);
}

int incoming_metadata(struct incoming *in, const void *data, size_t len, struct err *e)
{
	bool late = in->meta_ended;
	int r = incoming_over_quota(in, len, e);

	if (!r && late && in->late_fd < 0) {
		in->late_fd = make_meta(in->late_path, e);
		r = in->late_fd < 0 ? in->late_fd : 0;
	}
	if (r)
		return r;
	r = write_full(late ? in->late_fd : in->meta_fd, data, len);
	if (r)
		return err_errno(e, r, "cannot write '%s'", late ? in->late_path : in->meta_path);
	in->meta_bytes += len;
	return 0;
}

/* Of what is there by now. */
static int read_meta(const struct incoming *in, int fd, const struct notices *notices,
		     struct dat_reader **ret, struct err *e)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return err_errno(e, -errno, "cannot read '%s'", in->meta_path);
	return dat_reader_open_fd(copy, in->meta_path, notices, ret, e);
}

/* What is needed to understand sub-buffers. -ENODATA: it is not there. */
static int look_at_meta(const struct incoming *in, struct dat_reader *r, struct ring_abi *ret, struct err *e)
{
	const struct dat_header *h = dat_reader_header(r);
	struct dat_header_info info;
	struct cur c;
	int code = dat_reader_block(r, DAT_HEADER_INFO, &c, e);

	if (!code)
		return err_set(e, -ENODATA, "its metadata do not tell how sub-buffers are laid out");
	if (code > 0)
		code = dat_reader_header_info(r, &info, e);
	if (code)
		return code;
	if (h->page_size != in->page_size)
		return err_set(e, -EBADMSG, "its metadata tell of sub-buffers of %" PRIu32 " bytes, it said %" PRIu32,
			       h->page_size, in->page_size);
	*ret = (struct ring_abi){ .big_endian = h->big_endian, .long_size = info.kernel_long };
	return 0;
}

void incoming_metadata_anew(struct incoming *in)
{
	if (in->late_fd < 0)
		return;
	unlink(in->late_path);
	close(in->late_fd);
	in->late_fd = -1;
}

int incoming_metadata_end(struct incoming *in, struct err *e)
{
	struct dat_reader *r = NULL;
	struct ring_abi abi;
	int code = read_meta(in, in->late_fd < 0 ? in->meta_fd : in->late_fd, NULL, &r, e);

	if (!code)
		code = look_at_meta(in, r, &abi, e);
	if (!code && in->started && (abi.big_endian != in->abi.big_endian || abi.long_size != in->abi.long_size))
		code = err_set(e, -EBADMSG, "its metadata have changed into another machine's");
	dat_reader_close(r);
	in->meta_ended = true;
	if (in->late_fd < 0)
		return code ? code : incoming_start(in, e);
	if (!code && rename(in->late_path, in->meta_path) < 0)
		code = err_errno(e, -errno, "cannot rename '%s'", in->late_path);
	if (!code) {
		close(in->meta_fd);
		in->meta_fd = in->late_fd;
		in->late_fd = -1;
	}
	incoming_metadata_anew(in);
	return code;
}

/* ---- data ---------------------------------------------------------------------- */

static int start_cpu(struct incoming *in, uint32_t cpu, const struct dat_info *info, struct err *e)
{
	struct spool_info si = {
		.session = in->session, .cpu = cpu, .page_size = in->page_size,
		.big_endian = in->abi.big_endian, .long_size = in->abi.long_size,
		.clock = *info->clock ? info->clock : NULL, .uname = info->uname, .version = WRITER,
		.cpus = in->cpus,
	};
	AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s.cpu%" PRIu32, in->path, cpu) < 0) {
		path = NULL;
		return err_errno(e, -ENOMEM, "cannot receive");
	}
	if (info->tsc2nsec.present && !strcmp(info->clock, "x86-tsc"))
		si.clock = "tsc2nsec";
	return spool_create(path, &si, in->codec, 0, &in->cpu[cpu].spool, e);
}

int incoming_start(struct incoming *in, struct err *e)
{
	struct dat_reader *r = NULL;
	int code = in->started ? 0 : read_meta(in, in->meta_fd, NULL, &r, e);

	if (in->started)
		return 0;
	if (!code)
		code = look_at_meta(in, r, &in->abi, e);
	if (!code)
		in->codec = dat_reader_header(r)->codec;
	for (uint32_t i = 0; i < in->cpus && !code; i++)
		code = start_cpu(in, i, dat_reader_info(r), e);
	dat_reader_close(r);
	in->started = !code;
	return code;
}

bool incoming_started(const struct incoming *in)
{
	return in->started;
}

void *incoming_room(struct incoming *in, uint32_t cpu, size_t *ret_len)
{
	struct incoming_cpu *c = &in->cpu[cpu];
	size_t room = in->shared->used + ROOM_LARGE <= in->shared->max ? ROOM_LARGE : ROOM_SMALL;

	if (in->packed)
		return incoming_packed_room(in, cpu, ret_len);
	if (!c->frame) {
		if (room < in->page_size)
			room = in->page_size;
		c->frame = malloc(SPOOL_HEADER + room + SPOOL_ALIGN);
		if (!c->frame)
			return NULL;
		c->room = room;
		c->len = 0;
		in->shared->used += room;
	}
	*ret_len = c->room - c->len;
	return c->frame + SPOOL_HEADER + c->len;
}

void incoming_give_back(struct incoming *in, struct incoming_cpu *c)
{
	if (!c->frame)
		return;
	in->shared->used -= c->room;
	free(c->frame);
	c->frame = NULL;
	c->len = c->room = 0;
}

/* Times of the first sub-buffer's head and of the last event; what cannot be read has none. */
static void times_of(const struct incoming *in, const uint8_t *pages, size_t len, uint64_t *first, uint64_t *last)
{
	struct ring_page p;
	struct ring_event ev;

	*first = *last = 0;
	if (!ring_page_open(&p, &in->abi, pages, in->page_size))
		*first = *last = p.page_ts;
	if (ring_page_open(&p, &in->abi, pages + len - in->page_size, in->page_size))
		return;
	*last = p.page_ts;
	while (ring_page_next(&p, &ev) > 0)
		*last = ev.ts;
}

/* The whole sub-buffers of @c as a chunk of its spool. */
static int append(struct incoming *in, struct incoming_cpu *c, struct err *e)
{
	size_t len = c->len - c->len % in->page_size, csize = len, bound;
	uint8_t *pages = c->frame + SPOOL_HEADER, *frame = c->frame;
	uint64_t first, last, before = spool_disk_bytes(c->spool);
	struct incoming_shared *s = in->shared;
	int r = 0;

	times_of(in, pages, len, &first, &last);
	if (in->codec) {
		bound = codec_bound(in->codec, len);
		buf_clear(&s->frame);
		r = buf_reserve(&s->frame, SPOOL_HEADER + bound + SPOOL_ALIGN);
		frame = (uint8_t *)s->frame.data;
		if (!r)
			r = codec_compress(in->codec, &s->ctx, pages, len, frame + SPOOL_HEADER, bound, &csize);
		if (r)
			return err_errno(e, r, "cannot compress what it sent");
	}
	r = incoming_over_quota(in, csize, e);
	if (r)
		return r;
	if (in->codec) {
		r = spool_append(c->spool, frame, csize, len, first, last, e);
	} else {
		/* The padding of a chunk is written behind it, where the next sub-buffer may have begun. */
		uint8_t tail[SPOOL_ALIGN];

		memcpy(tail, pages + len, sizeof(tail));
		r = spool_append_raw(c->spool, frame, len, first, last, e);
		memcpy(pages + len, tail, sizeof(tail));
	}
	in->disk_bytes += spool_disk_bytes(c->spool) - before;
	return r;
}

static int flush_cpu(struct incoming *in, struct incoming_cpu *c, struct err *e)
{
	size_t rest = c->len % in->page_size, len = c->len - rest;
	int r = len ? append(in, c, e) : 0;

	if (r)
		return r;
	if (rest)
		memmove(c->frame + SPOOL_HEADER, c->frame + SPOOL_HEADER + len, rest);
	c->len = c->torn = rest;
	if (!rest)
		incoming_give_back(in, c);
	return 0;
}

int incoming_got(struct incoming *in, uint32_t cpu, size_t len, struct err *e)
{
	struct incoming_cpu *c = &in->cpu[cpu];

	c->len += len;
	in->data_bytes += len;
	if (in->packed)
		return incoming_packed_got(in, cpu, e);
	return c->room - c->len < in->page_size ? flush_cpu(in, c, e) : 0;
}

void incoming_mark_lost(const struct incoming *in, void *page)
{
	ring_page_mark_lost(&in->abi, page);
}

int incoming_flush(struct incoming *in, struct err *e)
{
	int r = 0;

	for (uint32_t i = 0; in->started && !in->packed && i < in->cpus && !r; i++)
		if (in->cpu[i].frame)
			r = flush_cpu(in, &in->cpu[i], e);
	return r;
}

const char *incoming_path(const struct incoming *in)
{
	return in->path;
}

uint64_t incoming_bytes(const struct incoming *in)
{
	return in->data_bytes;
}

uint64_t incoming_torn(const struct incoming *in)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < in->cpus; i++)
		sum += in->packed ? in->cpu[i].len : in->cpu[i].torn;
	return sum;
}

/* ---- the file ------------------------------------------------------------------- */

int incoming_option(struct incoming *in, uint16_t id, const void *data, size_t len, struct err *e)
{
	void *copy = malloc(len);

	if (copy)
		memcpy(copy, data, len);
	if (copy && !vec_push(&in->options, ((struct restore_option){ id, copy, len })))
		return 0;
	free(copy);
	return err_errno(e, -ENOMEM, "cannot finish");
}

int incoming_finish(struct incoming *in, struct new_file *file, const struct notices *notices,
		    struct err *e)
{
	struct restore_opts o = {
		.writer = WRITER, .notices = notices, .options = in->options.v, .nr_options = in->options.nr,
	};
	char **paths = calloc(in->cpus, sizeof(*paths));
	int r = paths ? read_meta(in, in->meta_fd, NULL, &o.partial, e) : err_errno(e, -ENOMEM, "cannot finish"), partly;

	for (uint32_t i = 0; i < in->cpus && !r; i++)
		paths[i] = (char *)spool_path(in->cpu[i].spool);
	if (!r)
		r = restore_write(&o, paths, in->cpus, file->fd, in->path, e);
	dat_reader_close(o.partial);
	free(paths);
	if (r < 0)
		return r;
	partly = r;
	r = new_file_commit(file, e);
	return r ? r : partly;
}

void incoming_free(struct incoming *in, bool remove)
{
	if (!in)
		return;
	for (uint32_t i = 0; in->cpu && i < in->cpus; i++) {
		incoming_give_back(in, &in->cpu[i]);
		spool_close(in->cpu[i].spool, remove);
	}
	incoming_metadata_anew(in);
	if (in->meta_fd >= 0 && remove)
		unlink(in->meta_path);
	cleanup_close(&in->meta_fd);
	for (size_t i = 0; i < in->options.nr; i++)
		free((void *)in->options.v[i].data);
	vec_release(&in->options);
	free(in->cpu);
	free(in->late_path);
	free(in->meta_path);
	free(in->path);
	free(in);
}

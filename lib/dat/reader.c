// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dat/reader.h"

#define NOTICES_MAX 1000
#define VERSION_LEN_MAX 15
#define HEADER_LEN_MAX 256		/* more than the longest initial header */

static const char *const id_names[DAT_ID_COUNT] = {
	[DAT_DONE] = "DONE", [DAT_DATE] = "DATE", [DAT_CPUSTAT] = "CPUSTAT",
	[DAT_BUFFER] = "BUFFER", [DAT_TRACECLOCK] = "TRACECLOCK", [DAT_UNAME] = "UNAME",
	[DAT_HOOK] = "HOOK", [DAT_OFFSET] = "OFFSET", [DAT_CPUCOUNT] = "CPUCOUNT",
	[DAT_VERSION] = "VERSION", [DAT_PROCMAPS] = "PROCMAPS", [DAT_TRACEID] = "TRACEID",
	[DAT_TIME_SHIFT] = "TIME_SHIFT", [DAT_GUEST] = "GUEST", [DAT_TSC2NSEC] = "TSC2NSEC",
	[DAT_STRINGS] = "STRINGS", [DAT_HEADER_INFO] = "HEADER_INFO",
	[DAT_FTRACE_EVENTS] = "FTRACE_EVENTS", [DAT_EVENT_FORMATS] = "EVENT_FORMATS",
	[DAT_KALLSYMS] = "KALLSYMS", [DAT_PRINTK] = "PRINTK", [DAT_CMDLINES] = "CMDLINES",
	[DAT_BUFFER_TEXT] = "BUFFER_TEXT", [DAT_BTF_FILE] = "BTF_FILE",
	[DAT_LAST_BOOT_INFO] = "LAST_BOOT_INFO", [DAT_MODULES_FILE] = "MODULES_FILE",
};

const char *dat_id_name(unsigned id)
{
	return id < DAT_ID_COUNT ? id_names[id] : id == DAT_TIME_SYNC ? "TIME_SYNC" : NULL;
}

void dat_notice(struct dat_reader *r, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	if (++r->told > NOTICES_MAX + 1)
		return;
	if (r->told > NOTICES_MAX) {
		notice(&r->notices, "'%s': more is wrong with it; that is not told any more", r->name);
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	notice(&r->notices, "%s", text);
}

int dat_no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "out of memory");
}

void *dat_own(struct dat_reader *r, void *p)
{
	if (p && vec_push(&r->owned, p)) {
		free(p);
		p = NULL;
	}
	return p;
}

void dat_set_cut(struct dat_reader *r, uint64_t offset)
{
	if (r->cut)
		return;
	r->cut = true;
	r->cut_at = offset;
}

static int read_version(struct cur *c, unsigned *ret, struct err *e)
{
	uint64_t offset = cur_offset(c);
	const char *s;

	if (!cur_str(c, VERSION_LEN_MAX, &s))
		return err_set(e, -EBADMSG, "the version at offset 0x%" PRIx64 " has no end", offset);
	for (const char *p = s; *p; p++)
		if (!isdigit((unsigned char)*p))
			return err_set(e, -EBADMSG, "the version at offset 0x%" PRIx64
				       " is not a number", offset);
	if (strcmp(s, "6") && strcmp(s, "7"))
		return err_set(e, -EOPNOTSUPP, "its format version is '%s' (offset 0x%" PRIx64
			       "), this program reads 6 and 7", s, offset);
	*ret = s[0] - '0';
	return 0;
}

static int read_codec(struct dat_reader *r, struct cur *c, struct err *e)
{
	struct dat_header *h = &r->header;
	uint64_t offset = cur_offset(c);
	const char *name, *version;
	int ret;

	if (!cur_str(c, sizeof(h->codec_name) - 1, &name))
		return err_set(e, -EBADMSG, "the compression name at offset 0x%" PRIx64
			       " has no end", offset);
	if (!cur_str(c, sizeof(h->codec_version) - 1, &version))
		return err_set(e, -EBADMSG, "the compression version at offset 0x%" PRIx64
			       " has no end", cur_offset(c));
	ret = codec_for_reading(name, version, &h->codec, e);
	if (ret)
		return err_wrap(e, "compression at offset 0x%" PRIx64, offset);
	memcpy(h->codec_name, name, strlen(name) + 1);
	memcpy(h->codec_version, version, strlen(version) + 1);
	return 0;
}

/* The initial header, section 2. */
static int read_header(struct dat_reader *r, struct err *e)
{
	struct dat_header *h = &r->header;
	uint8_t data[HEADER_LEN_MAX], endian, long_size;
	struct cur c = { .data = data };
	const uint8_t *p;
	int ret;

	c.len = r->src.size < sizeof(data) ? r->src.size : sizeof(data);
	ret = dat_source_read(&r->src, data, c.len, 0, e);
	if (ret)
		return ret;
	if (!c.len)
		return err_set(e, -ENODATA, "it is empty");
	if (!cur_bytes(&c, DAT_MAGIC_LEN, &p) || memcmp(p, DAT_MAGIC, DAT_MAGIC_LEN))
		return err_set(e, -EBADMSG, "it is not a trace.dat file (wrong magic at offset 0x0)");
	ret = read_version(&c, &h->version, e);
	if (ret)
		return ret;
	if (!cur_u8(&c, &endian) || !cur_u8(&c, &long_size))
		return err_set(e, -ENODATA, "it ends inside its initial header (offset 0x%" PRIx64 ")",
			       r->src.size);
	if (endian > 1)
		return err_set(e, -EBADMSG, "the byte order at offset 0x%" PRIx64
			       " is %u, neither 0 nor 1", cur_offset(&c) - 2, endian);
	h->big_endian = c.big_endian = endian;
	if (long_size != 4 && long_size != 8)
		return err_set(e, -EBADMSG, "the size of a long at offset 0x%" PRIx64
			       " is %u, neither 4 nor 8", cur_offset(&c) - 1, long_size);
	h->long_size = long_size;
	if (!cur_u32(&c, &h->page_size))
		return err_set(e, -ENODATA, "it ends inside its initial header (offset 0x%" PRIx64 ")",
			       r->src.size);
	if (!dat_page_size_ok(h->page_size))
		return err_set(e, -EBADMSG, "the page size at offset 0x%" PRIx64
			       " is %u, not a power of two from %u to %u",
			       cur_offset(&c) - 4, h->page_size, DAT_PAGE_MIN, DAT_PAGE_MAX);
	if (h->version == 6) {
		strcpy(h->codec_name, "none");
		r->header_end = cur_offset(&c);
		return 0;
	}
	ret = read_codec(r, &c, e);
	if (ret)
		return ret;
	if (!cur_u64(&c, &h->options_offset))
		return err_set(e, -ENODATA, "it ends inside its initial header (offset 0x%" PRIx64 ")",
			       r->src.size);
	r->header_end = cur_offset(&c);
	return 0;
}

/* Events cannot be told apart without the page header's description. */
static int check_header_info(struct dat_reader *r, struct err *e)
{
	if (r->refs[DAT_HEADER_INFO])
		return 0;
	for (size_t i = 0; i < r->buffers.nr; i++)
		for (uint32_t k = 0; k < r->buffers.v[i].pub.nr_cpus; k++)
			if (r->buffers.v[i].cpus[k].size)
				return err_set(e, -EBADMSG, "it has trace data (offset 0x%" PRIx64
					       ") but no HEADER_INFO section to read it by",
					       r->buffers.v[i].cpus[k].offset);
	return 0;
}

static int load(struct dat_reader *r, struct err *e)
{
	int ret = read_header(r, e);

	if (ret)
		return ret;
	if (r->header.version == 6) {
		ret = dat_v6_parts(r, e);
	} else {
		ret = dat_sections_walk(r, e);
		if (!ret)
			ret = dat_options_chain(r, e);
	}
	if (!ret)
		ret = dat_buffers_finish(r, e);
	if (!ret)
		ret = check_header_info(r, e);
	r->info.cpustat = r->cpustat.data;
	return ret;
}

static int reader_open(struct dat_source src, const char *name, bool metadata_only,
		       const struct notices *notices, struct dat_reader **ret_reader, struct err *e)
{
	struct dat_reader *r = calloc(1, sizeof(*r));
	int ret;

	if (!r || !(r->name = strdup(name))) {
		free(r);
		if (src.fd >= 0)
			close(src.fd);
		dat_pieces_free(src.pieces);
		return dat_no_memory(e);
	}
	r->src = src;
	r->metadata_only = metadata_only;
	if (notices)
		r->notices = *notices;
	ret = load(r, e);
	if (ret) {
		err_wrap(e, "cannot read '%s'", name);
		dat_reader_close(r);
		return ret;
	}
	*ret_reader = r;
	return 0;
}

int dat_reader_open_fd(int fd, const char *name, const struct notices *notices,
		       struct dat_reader **ret, struct err *e)
{
	struct dat_source src;
	int r = dat_source_open(&src, fd, e);

	if (r) {
		err_wrap(e, "cannot read '%s'", name);
		close(fd);
		return r;
	}
	return reader_open(src, name, false, notices, ret, e);
}

int dat_reader_open(const char *path, const struct notices *notices,
		    struct dat_reader **ret, struct err *e)
{
	/* a FIFO that nobody writes to would never open */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_errno(e, -errno, "cannot open '%s'", path);
	return dat_reader_open_fd(fd, path, notices, ret, e);
}

int dat_reader_open_memory(const void *data, size_t len, const struct notices *notices,
			   struct dat_reader **ret, struct err *e)
{
	struct dat_source src = { .fd = -1, .mem = data, .size = len };

	return reader_open(src, "memory", false, notices, ret, e);
}

int dat_reader_open_metadata(const void *data, size_t len, const char *name,
			     const struct notices *notices, struct dat_reader **ret, struct err *e)
{
	struct dat_source src = { .fd = -1, .mem = data, .size = len };

	return reader_open(src, name, true, notices, ret, e);
}

int dat_reader_open_pieces(struct dat_pieces *p, const char *name, const struct notices *notices,
			   struct dat_reader **ret, struct err *e)
{
	struct dat_source src = { .fd = -1, .pieces = p, .size = dat_pieces_size(p) };

	return reader_open(src, name, false, notices, ret, e);
}

void dat_reader_close(struct dat_reader *r)
{
	if (!r)
		return;
	dat_buffers_release(r);
	dat_time_shift_release(&r->info.time_shift);
	dat_time_sync_release(&r->info.time_sync);
	for (uint32_t i = 0; i < r->info.nr_guests; i++)
		free(r->info.guests[i].host_pids);
	free(r->info.guests);
	for (unsigned i = 0; i < DAT_ID_COUNT; i++)
		free(r->blocks[i].data);
	for (size_t i = 0; i < r->owned.nr; i++)
		free(r->owned.v[i]);
	vec_release(&r->owned);
	vec_release(&r->options);
	vec_release(&r->sections);
	buf_release(&r->strings);
	buf_release(&r->cpustat);
	codec_ctx_release(&r->ctx);
	if (r->src.fd >= 0)
		close(r->src.fd);
	dat_pieces_free(r->src.pieces);
	free(r->name);
	free(r);
}

const char *dat_reader_name(const struct dat_reader *r)
{
	return r->name;
}

uint64_t dat_reader_size(const struct dat_reader *r)
{
	return r->src.size;
}

const struct dat_header *dat_reader_header(const struct dat_reader *r)
{
	return &r->header;
}

const struct dat_info *dat_reader_info(const struct dat_reader *r)
{
	return &r->info;
}

bool dat_reader_cut(const struct dat_reader *r, uint64_t *ret_offset)
{
	if (r->cut && ret_offset)
		*ret_offset = r->cut_at;
	return r->cut;
}

unsigned dat_reader_nr_sections(const struct dat_reader *r)
{
	return r->sections.nr;
}

const struct dat_section *dat_reader_section(const struct dat_reader *r, unsigned i)
{
	return i < r->sections.nr ? &r->sections.v[i].pub : NULL;
}

unsigned dat_reader_nr_options(const struct dat_reader *r)
{
	return r->options.nr;
}

const struct dat_option *dat_reader_option(const struct dat_reader *r, unsigned i)
{
	return i < r->options.nr ? &r->options.v[i] : NULL;
}

unsigned dat_reader_nr_buffers(const struct dat_reader *r)
{
	return r->buffers.nr;
}

const struct dat_buffer *dat_reader_buffer(const struct dat_reader *r, unsigned i)
{
	return i < r->buffers.nr ? &r->buffers.v[i].pub : NULL;
}

int dat_reader_pread(struct dat_reader *r, void *dst, size_t len, uint64_t offset, struct err *e)
{
	int ret = dat_source_read(&r->src, dst, len, offset, e);

	if (ret)
		err_wrap(e, "cannot read '%s'", r->name);
	return ret;
}

int dat_reader_fd(const struct dat_reader *r)
{
	return r->src.fd;
}

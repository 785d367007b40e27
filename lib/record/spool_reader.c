// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The spool's reading side. Nothing of a chunk is believed before its check
 * fits; what is not a chunk is skipped up to the next one.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/moved.h"

#define SEARCH_STEP 65536u
#define PROBE_MAX (1 << 20)
#define MAGIC_LEN ((int)sizeof(SPOOL_MAGIC) - 1)
#define NOTICES_MAX 16u			/* damaged stretches told one by one */

struct spool_reader {
	int fd;
	char *name;
	const struct notices *notices;
	uint64_t size, pos;
	const struct spool_moved *moved;	/* what comes behind that; NULL: nothing */
	size_t next_moved;
	bool is_moved;			/* the chunk returned last is */
	uint64_t place;			/* where that begins in its file */
	uint64_t damage;
	unsigned notices_given;
	uint64_t vain;			/* bytes whose check was computed and did not fit */
	bool known;			/* info is filled from a chunk */
	bool has_next;			/* next_seq is known */
	bool has_data;			/* a DATA chunk was found */
	uint64_t next_seq;
	uint64_t damage_told;		/* up to the last DATA chunk */
	struct spool_info info;
	struct buf info_text;		/* holds info's strings */
	struct buf chunk;		/* header and payload of the chunk at hand */
	const struct codec *codec;
};

bool spool_probe(int fd)
{
	AUTO_FREE uint8_t *step = malloc(SEARCH_STEP);
	ssize_t len = 1;

	for (off_t pos = 0; step && len > 0 && pos < PROBE_MAX; pos += SEARCH_STEP) {
		len = pread(fd, step, SEARCH_STEP, pos);
		for (ssize_t i = 0; i + MAGIC_LEN <= len; i += SPOOL_ALIGN)
			if (!memcmp(step + i, SPOOL_MAGIC, MAGIC_LEN))
				return true;
	}
	return false;
}

/*
 * Why a chunk with @room bytes behind its header cannot be used; NULL if the header can be
 * believed as far as sizes go.
 */
static const char *header_defect(const struct spool_header *h, uint64_t room)
{
	if (h->version != SPOOL_VERSION)
		return "has an unknown version";
	if (h->kind != SPOOL_INFO && h->kind != SPOOL_DATA)
		return "is of an unknown kind";
	if (h->csize > room)
		return "reaches past the end of the file";
	if (h->page_size < 256 || h->page_size > DAT_PAGE_MAX || (h->page_size & (h->page_size - 1)))
		return "has an impossible sub-buffer size";
	if (h->usize > SPOOL_USIZE_MAX && h->usize > h->page_size)
		return "is too large decompressed";
	if (h->cpu >= DAT_CPUS_MAX)
		return "has an impossible CPU number";
	if (!h->codec[0] && h->csize != h->usize)
		return "is stored raw, with two different sizes";
	if (h->kind == SPOOL_INFO && h->codec[0])
		return "describes the file, but is compressed";
	if (h->kind == SPOOL_DATA && (!h->usize || h->usize % h->page_size))
		return "does not hold whole sub-buffers";
	return NULL;
}

/* Why a chunk whose check fits does not belong behind the earlier ones. */
static const char *chunk_mismatch(const struct spool_reader *r, const struct spool_header *h)
{
	if (!r->known)
		return NULL;
	if (h->session != r->info.session)
		return "belongs to another recording";
	if (h->cpu != r->info.cpu)
		return "belongs to another CPU";
	if (h->page_size != r->info.page_size ||
	    !!(h->flags & SPOOL_BIG_ENDIAN) != r->info.big_endian ||
	    !!(h->flags & SPOOL_LONG32) != (r->info.long_size == 4))
		return "has other sub-buffers than the file's beginning";
	if (h->kind == SPOOL_DATA && r->has_data && h->seq < r->next_seq)
		return "repeats a sequence number";
	return NULL;
}

/* Where a chunk's payload is. */
struct payload {
	int fd;
	uint64_t offset, room;		/* bytes there are from there on */
};

/*
 * Reads the payload of the chunk whose header is in r->chunk: 1, 0 with *ret_why if it is
 * none, -errno of what cannot be read, -ENOMEM.
 */
static int payload_read(struct spool_reader *r, const struct payload *p, struct spool_header *ret,
			const char **ret_why)
{
	struct spool_header h;
	char name[sizeof(h.codec) + 1] = "";
	int err;

	*ret_why = "does not begin with a chunk's magic";
	if (!spool_header_decode((uint8_t *)r->chunk.data, &h))
		return 0;
	*ret_why = header_defect(&h, p->room);
	if (*ret_why)
		return 0;
	if (buf_reserve(&r->chunk, SPOOL_HEADER + (size_t)h.csize))
		return -ENOMEM;
	*ret_why = "is cut short";
	err = pread_full(p->fd, r->chunk.data + SPOOL_HEADER, h.csize, p->offset);
	if (err)
		return err == -ENODATA ? 0 : err;
	*ret_why = "does not fit its checksum";
	if (spool_check((uint8_t *)r->chunk.data, r->chunk.data + SPOOL_HEADER, h.csize) != h.check) {
		r->vain += h.csize;
		return 0;
	}
	*ret_why = chunk_mismatch(r, &h);
	if (*ret_why)
		return 0;
	memcpy(name, h.codec, sizeof(h.codec));
	*ret_why = "is compressed by a codec unknown here";
	r->codec = name[0] ? codec_find(name) : NULL;
	if (name[0] && !r->codec)
		return 0;
	*ret = h;
	return 1;
}

/*
 * Reads the chunk at r->pos into r->chunk: 1, 0 with *ret_why if it is none,
 * -errno if the file cannot be read.
 */
static int chunk_read(struct spool_reader *r, struct spool_header *ret, const char **ret_why,
		      struct err *e)
{
	struct payload p = { .fd = r->fd, .offset = r->pos + SPOOL_HEADER };
	int err;

	buf_clear(&r->chunk);
	if (buf_reserve(&r->chunk, SPOOL_HEADER))
		return err_errno(e, -ENOMEM, "cannot read spool '%s'", r->name);
	*ret_why = "is cut short";
	if (r->size - r->pos < SPOOL_HEADER)
		return 0;
	p.room = r->size - p.offset;
	err = pread_full(r->fd, r->chunk.data, SPOOL_HEADER, r->pos);
	if (err == -ENODATA)
		return 0;
	if (!err)
		err = payload_read(r, &p, ret, ret_why);
	return err < 0 ? err_errno(e, err, "cannot read spool '%s' at offset 0x%" PRIx64, r->name, r->pos) :
			 err;
}

/*
 * Moves r->pos behind the damage: to the next magic or the end. Bytes full of
 * headers that claim the rest of the file would cost the square of its size:
 * such a file is given up.
 */
static int chunk_search(struct spool_reader *r, struct err *e)
{
	AUTO_FREE uint8_t *step = malloc(SEARCH_STEP);
	uint64_t pos = spool_align(r->pos + 1);

	if (!step)
		return err_errno(e, -ENOMEM, "cannot read spool '%s'", r->name);
	if (r->vain / 4 > r->size)
		pos = r->size;
	while (pos < r->size) {
		size_t len = r->size - pos < SEARCH_STEP ? r->size - pos : SEARCH_STEP;
		int err = pread_full(r->fd, step, len, pos);

		if (err == -ENODATA)
			break;
		if (err)
			return err_errno(e, err, "cannot read spool '%s' at offset 0x%" PRIx64,
					 r->name, pos);
		for (size_t i = 0; i + MAGIC_LEN <= len; i += SPOOL_ALIGN) {
			if (memcmp(step + i, SPOOL_MAGIC, MAGIC_LEN))
				continue;
			r->pos = pos + i;
			return 0;
		}
		pos += spool_align(len);
	}
	r->pos = r->size;
	return 0;
}

/* The next whole chunk of either kind that is in the spool itself. */
static int chunk_here(struct spool_reader *r, struct spool_header *ret, struct err *e)
{
	while (r->pos < r->size) {
		uint64_t from = r->pos;
		const char *why;
		int err = chunk_read(r, ret, &why, e);

		if (err < 0)
			return err;
		if (err) {
			r->place = r->pos;
			r->pos += spool_align(SPOOL_HEADER + (uint64_t)ret->csize);
			if (r->pos > r->size)	/* the padding is not worth a word */
				r->pos = r->size;
			return 1;
		}
		err = chunk_search(r, e);
		if (err)
			return err;
		r->damage += r->pos - from;
		if (r->notices_given++ < NOTICES_MAX)
			notice(r->notices, "spool '%s': the chunk at offset 0x%" PRIx64
			       " %s; skipped %" PRIu64 " bytes", r->name, from, why,
			       r->pos - from);
	}
	return 0;
}

/* The next of those that were moved, and is not in the spool, too. */
static int chunk_moved(struct spool_reader *r, struct spool_header *ret, struct err *e)
{
	struct payload p = { .fd = moved_fd(r->moved) };
	uint64_t size = moved_size(r->moved);

	/* As in chunk_search: what is vain has an end. */
	while (r->next_moved < moved_nr(r->moved) && r->vain / 4 <= r->size + size) {
		const char *why;
		int err;

		buf_clear(&r->chunk);
		if (buf_reserve(&r->chunk, SPOOL_HEADER))
			return err_errno(e, -ENOMEM, "cannot read spool '%s'", r->name);
		moved_entry(r->moved, r->next_moved++, &p.offset, (uint8_t *)r->chunk.data);
		if (r->has_data && get_u64(r->chunk.data + 24, false) < r->next_seq)
			continue;
		p.room = p.offset < size ? size - p.offset : 0;
		err = payload_read(r, &p, ret, &why);
		if (err < 0)
			return err_errno(e, err, "cannot read '%s' at offset 0x%" PRIx64,
					 spool_moved_name(r->moved), p.offset);
		r->place = p.offset;
		if (err && ret->kind == SPOOL_DATA)
			return 1;
		r->damage += SPOOL_HEADER;
		if (r->notices_given++ < NOTICES_MAX)
			notice(r->notices, "spool '%s': a chunk that was moved to offset 0x%" PRIx64
			       " of '%s' %s; skipped", r->name, p.offset, spool_moved_name(r->moved),
			       err ? "is no data" : why);
	}
	return 0;
}

static int chunk_next(struct spool_reader *r, struct spool_header *ret, struct err *e)
{
	int err = chunk_here(r, ret, e);

	r->is_moved = !err;
	return err || !r->moved ? err : chunk_moved(r, ret, e);
}

static void info_set(struct spool_reader *r, const struct spool_header *h)
{
	r->known = true;
	r->info.session = h->session;
	r->info.cpu = h->cpu;
	r->info.page_size = h->page_size;
	r->info.big_endian = h->flags & SPOOL_BIG_ENDIAN;
	r->info.long_size = h->flags & SPOOL_LONG32 ? 4 : 8;
}

static int info_parse(struct spool_reader *r, const void *payload, size_t len)
{
	struct cur c = { .len = len };
	const char *s;

	buf_clear(&r->info_text);
	if (buf_put(&r->info_text, payload, len))
		return -ENOMEM;
	c.data = (const uint8_t *)r->info_text.data;
	while (cur_str(&c, len, &s)) {
		uint64_t n;

		if (!strncmp(s, "instance=", 9))
			r->info.instance = s + 9;
		else if (!strncmp(s, "clock=", 6))
			r->info.clock = s + 6;
		else if (!strncmp(s, "uname=", 6))
			r->info.uname = s + 6;
		else if (!strncmp(s, "tracecmd=", 9))
			r->info.version = s + 9;
		else if (!strncmp(s, "boot=", 5))
			r->info.boot = s + 5;
		else if (!strncmp(s, "codec=", 6))
			r->info.codec = s + 6;
		else if (!strncmp(s, "spools=", 7))
			r->info.spools = s + 7;
		else if (!strncmp(s, "buffers=", 8))
			r->info.buffers = s + 8;
		else if (!strncmp(s, "cpus=", 5) && !parse_u64(s + 5, &n) && n <= DAT_CPUS_MAX)
			r->info.cpus = n;
	}
	return 0;
}

/* Takes what all chunks say from the first one. 0, -errno. */
static int read_info(struct spool_reader *r, struct err *e)
{
	struct spool_header h;
	int err = chunk_next(r, &h, e);

	if (err < 0)
		return err;
	if (!err)
		return err_set(e, -EBADMSG, "spool '%s' holds no whole chunk", r->name);
	err = 0;
	info_set(r, &h);
	r->info.described = h.kind == SPOOL_INFO;
	if (r->info.described) {
		spool_reader_expect(r, h.seq);
		err = info_parse(r, r->chunk.data + SPOOL_HEADER, h.csize);
	} else if (r->is_moved) {
		r->next_moved = 0;
	} else {
		r->pos = r->place;
	}
	if (r->moved && moved_session(r->moved) != r->info.session) {
		notice(r->notices, "what was moved out of a spool named '%s' is of another recording, and is "
		       "left out", r->name);
		r->moved = NULL;
	}
	return err ? err_errno(e, err, "cannot read spool '%s'", r->name) : 0;
}

int spool_reader_open(int fd, const char *name, const struct spool_moved *moved,
		      const struct notices *notices, struct spool_reader **ret, struct err *e)
{
	struct spool_reader *r = calloc(1, sizeof(*r));
	struct stat st;
	int err = -ENOMEM;

	if (!r || !(r->name = strdup(name))) {
		err_errno(e, err, "cannot read spool '%s'", name);
		goto fail;
	}
	r->fd = fd;
	r->moved = moved;
	r->notices = notices;
	if (fstat(fd, &st) < 0) {
		err = err_errno(e, -errno, "cannot read spool '%s'", name);
		goto fail;
	}
	r->size = st.st_size;
	err = read_info(r, e);
	if (err)
		goto fail;
	*ret = r;
	return 0;
fail:
	spool_reader_close(r);
	return err;
}

void spool_reader_close(struct spool_reader *r)
{
	if (!r)
		return;
	buf_release(&r->info_text);
	buf_release(&r->chunk);
	free(r->name);
	free(r);
}

const struct spool_info *spool_reader_info(const struct spool_reader *r)
{
	return &r->info;
}

const struct codec *spool_reader_codec(const struct spool_reader *r)
{
	return r->codec;
}

const char *spool_reader_place(const struct spool_reader *r, uint64_t *ret_offset)
{
	*ret_offset = r->place;
	return r->is_moved ? spool_moved_name(r->moved) : r->name;
}

void spool_reader_expect(struct spool_reader *r, uint64_t seq)
{
	r->next_seq = seq;
	r->has_next = true;
}

/* How many chunks are missing before the one with @seq. */
static uint64_t see_sequence(struct spool_reader *r, uint64_t seq)
{
	uint64_t missing = r->has_next && seq > r->next_seq ? seq - r->next_seq : 0;

	if (missing && r->damage == r->damage_told && r->notices_given++ < NOTICES_MAX)
		notice(r->notices, "spool '%s': %" PRIu64 " chunk%s missing before that at offset 0x%" PRIx64,
		       r->name, missing, missing == 1 ? " is" : "s are", r->place);
	r->damage_told = r->damage;
	r->has_data = true;
	spool_reader_expect(r, seq + 1);
	return missing;
}

int spool_reader_next(struct spool_reader *r, struct spool_chunk *ret, const uint8_t **ret_payload,
		      struct err *e)
{
	struct spool_header h;
	int err;

	do {
		err = chunk_next(r, &h, e);
		if (err <= 0)
			return err;
	} while (h.kind != SPOOL_DATA);
	*ret = (struct spool_chunk){
		.fd = r->is_moved ? moved_fd(r->moved) : r->fd,
		.offset = r->place + (r->is_moved ? 0 : SPOOL_HEADER), .csize = h.csize, .usize = h.usize,
		.seq = h.seq, .first_ts = h.first_ts, .last_ts = h.last_ts,
		.missing = see_sequence(r, h.seq),
	};
	*ret_payload = (const uint8_t *)r->chunk.data + SPOOL_HEADER;
	return 1;
}

uint64_t spool_reader_damage(const struct spool_reader *r)
{
	return r->damage;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Each way of being malformed has its own message, with the offset. */
#include "dat_bed.h"

/* ---- the initial header ---- */

static void test_initial_header(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, 7, false, "zstd");
	b.data[4] = 'T';
	refused(&b, -EBADMSG, "it is not a trace.dat file (wrong magic at offset 0x0)");
	memset(b.data + 10, '7', 100);
	refused(&b, -EBADMSG, "the version at offset 0xa has no end");
	b.data[10] = 'x';
	refused(&b, -EBADMSG, "the version at offset 0xa is not a number");
	b.data[10] = '8';
	refused(&b, -EOPNOTSUPP, "its format version is '8' (offset 0xa), this program reads 6 and 7");
	b.data[12] = 2;
	refused(&b, -EBADMSG, "the byte order at offset 0xc is 2, neither 0 nor 1");
	b.data[13] = 5;
	refused(&b, -EBADMSG, "the size of a long at offset 0xd is 5, neither 4 nor 8");
	set32(&b, 14, 0);
	refused(&b, -EBADMSG, "the page size at offset 0xe is 0, not a power of two from 256 to 1048576");
	set32(&b, 14, 4095);
	refused(&b, -EBADMSG, "the page size at offset 0xe is 4095, not a power of two from 256 to 1048576");
	set32(&b, 14, 1u << 30);
	refused(&b, -EBADMSG, "the page size at offset 0xe is 1073741824, not a power of two from 256 "
		"to 1048576");
	memcpy(b.data + 18, "zsdt", 4);
	refused(&b, -EOPNOTSUPP, "compression at offset 0x12: there is no compression 'zsdt'; did you mean "
		"'zstd'?; known are zstd, lz4, zlib and none");
	memset(b.data + 18, 'z', 100);
	refused(&b, -EBADMSG, "the compression name at offset 0x12 has no end");
	memset(b.data + 23, '1', 100);
	refused(&b, -EBADMSG, "the compression version at offset 0x17 has no end");
	memcpy(b.data + 18, "zlib\0" "9.0", 9);
	refused(&b, -EOPNOTSUPP, "compression at offset 0x12: compressed by zlib 9.0, this program has zlib %s",
		codec_version(codec_find("zlib")));
	bed_release(&b);
}

static void test_short_files(void **state)
{
	struct bed b;

	(void)state;
	bed_init(&b, 7, false, "zstd");
	for (size_t len = 0; len < 37; len++) {
		struct dat_reader *r;
		struct err e = { 0 };
		int ret = dat_reader_open_memory(b.good, len, NULL, &r, &e);

		assert_true(ret == -EBADMSG || ret == -ENODATA);
		if (!len)
			assert_string_equal(e.text, "cannot read 'memory': it is empty");
		if (len == 16)
			assert_string_equal(e.text, "cannot read 'memory': it ends inside its initial header "
					    "(offset 0x10)");
	}
	bed_release(&b);
}

/* ---- sections and the chain ---- */

/* Where the chain's last end mark holds its link: the options section last in the file. */
static const struct dat_section *last_options(struct bed *b)
{
	const struct dat_section *last = NULL;

	for (unsigned i = 0; i < dat_reader_nr_sections(b->r); i++)
		if (dat_reader_section(b->r, i)->id == DAT_DONE)
			last = dat_reader_section(b->r, i);
	return last;
}

static void test_chain(void **state)
{
	const struct dat_section *first, *last;
	uint64_t link = 18 + 5 + strlen(codec_version(codec_find("zstd"))) + 1;
	struct bed b;

	(void)state;
	bed_init(&b, 7, false, "zstd");
	first = section(&b, DAT_DONE);
	last = last_options(&b);
	set64(&b, link, first->offset + 1);
	refused(&b, -EBADMSG, "the link to the options at offset 0x%" PRIx64 " points at 0x%" PRIx64
		", where no options section is", link, first->offset + 1);
	set64(&b, link, section(&b, DAT_KALLSYMS)->offset);
	refused(&b, -EBADMSG, "the link to the options at offset 0x%" PRIx64 " points at 0x%" PRIx64
		", where no options section is", link, section(&b, DAT_KALLSYMS)->offset);
	set64(&b, last->body + last->size - 8, first->offset);
	refused(&b, -EBADMSG, "the options chain comes back to offset 0x%" PRIx64 " (link at 0x%" PRIx64 ")",
		first->offset, last->offset);
	set64(&b, last->body + last->size - 8, last->offset);
	refused(&b, -EBADMSG, "the options chain comes back to offset 0x%" PRIx64 " (link at 0x%" PRIx64 ")",
		last->offset, last->offset);
	set32(&b, last->body + last->size - 12, 7);
	refused(&b, -EBADMSG, "the end mark of the options at offset 0x%" PRIx64 " has 7 bytes, not 8",
		last->body + last->size - 14);
	set16(&b, last->body + last->size - 14, DAT_HOOK);
	refused(&b, -EBADMSG, "the options section at offset 0x%" PRIx64 " has no end mark", last->offset);
	set32(&b, option(&b, DAT_UNAME) - 4, 1u << 31);
	refused(&b, -EBADMSG, "option 5 at offset 0x%" PRIx64 " claims 2147483648 bytes, its section has %"
		PRIu64, option(&b, DAT_UNAME) - 6,
		first->body + first->size - option(&b, DAT_UNAME));
	set64(&b, link, 0);
	told(&b, "'memory' was never finished: its header (offset 0x%" PRIx64 ") names no options", link);
	set64(&b, link, b.len + 5);
	told(&b, "'memory' is cut: its options go on at offset 0x%zx (link at 0x%" PRIx64 "), it ends at 0x%zx",
	     b.len + 5, link, b.len);
	bed_release(&b);
}

static void test_sections(void **state)
{
	const struct dat_section *s;
	struct bed b;

	(void)state;
	bed_init(&b, 7, true, NULL);
	s = section(&b, DAT_STRINGS);
	set64(&b, s->offset + 8, UINT64_MAX - 3);
	told(&b, "'memory' is cut: section STRINGS at offset 0x%" PRIx64 " claims 18446744073709551612 bytes, %"
	     PRIu64 " are left in the file", s->offset, s->size);
	set16(&b, s->offset, 99);
	set64(&b, s->offset + 8, s->size + 1);
	told(&b, "'memory': the bytes from offset 0x%" PRIx64 " on are not a section; ignored", s->offset);
	set64(&b, s->offset + 8, s->size - 5);
	told(&b, "'memory': 5 bytes at offset 0x%zx are too few for a section; ignored", b.len - 5);
	set64(&b, s->offset, 0);
	set64(&b, s->offset + 8, 0);
	told(&b, "'memory': the options section at offset 0x%" PRIx64 " is empty; it and what follows is ignored",
	     s->offset);
	set64(&b, option(&b, DAT_KALLSYMS), section(&b, DAT_PRINTK)->offset);
	refused(&b, -EBADMSG, "option KALLSYMS at offset 0x%" PRIx64 " points at 0x%" PRIx64
		", where no such section is", option(&b, DAT_KALLSYMS), section(&b, DAT_PRINTK)->offset);
	set64(&b, option(&b, DAT_KALLSYMS), b.len);
	told(&b, "'memory': option KALLSYMS at offset 0x%" PRIx64 " points past the end of the file; ignored",
	     option(&b, DAT_KALLSYMS));
	set16(&b, option(&b, DAT_HEADER_INFO) - 6, 77);
	refused(&b, -EBADMSG, "it has trace data (offset 0x%" PRIx64 ") but no HEADER_INFO section to read it by",
		dat_reader_buffer(b.r, 0)->cpus[0].offset);
	bed_release(&b);

	bed_init(&b, 7, false, "zstd");
	set64(&b, option(&b, DAT_MODULES_FILE), 12345);
	told(&b, "'memory': option MODULES_FILE at offset 0x%" PRIx64 " points at no such section; ignored",
	     option(&b, DAT_MODULES_FILE));
	bed_release(&b);
}

/* Reading block @id fails with these words. */
static void block_refused(struct bed *b, enum dat_id id, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void block_refused(struct bed *b, enum dat_id id, const char *fmt, ...)
{
	char want[512];
	int n = snprintf(want, sizeof(want), "cannot read 'memory': ");
	struct dat_reader *r;
	struct err e = { 0 };
	struct cur c;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(want + n, sizeof(want) - n, fmt, ap);
	va_end(ap);
	check(open_bed(b, &r, &e), &e);
	assert_int_equal(dat_reader_block(r, id, &c, &e), -EBADMSG);
	assert_string_equal(e.text, want);
	dat_reader_close(r);
	bed_restore(b);
}

static void test_compressed_blocks(void **state)
{
	const struct dat_section *s;
	struct bed b;
	uint32_t csize;

	(void)state;
	bed_init(&b, 7, false, "zstd");
	s = section(&b, DAT_EVENT_FORMATS);
	csize = s->size - 8;
	set32(&b, s->body, csize + 1);
	block_refused(&b, DAT_EVENT_FORMATS, "section EVENT_FORMATS at offset 0x%" PRIx64
		      ": its compressed size at 0x%" PRIx64 " is %u, the section holds %u", s->offset,
		      s->body, csize + 1, csize);
	set32(&b, s->body + 4, UINT32_MAX);
	block_refused(&b, DAT_EVENT_FORMATS, "section EVENT_FORMATS at offset 0x%" PRIx64
		      ": its uncompressed size at 0x%" PRIx64 " is 4294967295, which %u compressed bytes "
		      "cannot hold or no metadata needs", s->offset, s->body + 4, csize);
	set32(&b, s->body + 4, 100);
	block_refused(&b, DAT_EVENT_FORMATS, "section EVENT_FORMATS at offset 0x%" PRIx64
		      " does not decompress to the 100 bytes it claims", s->offset);
	bed_release(&b);

	bed_init(&b, 7, false, NULL);
	s = section(&b, DAT_EVENT_FORMATS);
	set16(&b, s->offset + 2, DAT_SECTION_COMPRESSED);
	block_refused(&b, DAT_EVENT_FORMATS, "section EVENT_FORMATS at offset 0x%" PRIx64
		      " is compressed, but the file's header names no compression", s->offset);
	bed_release(&b);
}

/* Nothing is decompressed before it is asked for: damage is met then. */
static void test_damage_is_met_when_asked_for(void **state)
{
	const struct dat_section *s;
	struct dat_text t;
	struct dat_reader *r;
	struct err e = { 0 };
	char want[256];
	struct bed b;

	(void)state;
	bed_init(&b, 7, false, "zstd");
	s = section(&b, DAT_KALLSYMS);
	memset(b.data + s->body + 8, 0, s->size - 8);
	memset(b.data + section(&b, DAT_STRINGS)->body, 0, section(&b, DAT_STRINGS)->size);
	check(open_bed(&b, &r, &e), &e);
	assert_int_equal(b.told.len, 0);
	assert_int_equal(readable(r), 4 * 23 * 4096);
	assert_int_equal(dat_reader_text(r, DAT_CMDLINES, &t, &e), 1);
	assert_int_equal(b.told.len, 0);
	assert_int_equal(dat_reader_text(r, DAT_KALLSYMS, &t, &e), -EBADMSG);
	snprintf(want, sizeof(want), "cannot read 'memory': section KALLSYMS at offset 0x%" PRIx64
		 " does not decompress to the 17 bytes it claims", s->offset);
	assert_string_equal(e.text, want);
	assert_null(dat_reader_string(r, 0));
	assert_non_null(strstr(b.told.data, "descriptions are lost: section STRINGS at offset"));
	dat_reader_close(r);
	bed_release(&b);
}

/* ---- parts of blocks, in an uncompressed file ---- */

static int no_format(void *ctx, const char *system, struct dat_text format)
{
	(void)ctx;
	(void)system;
	(void)format;
	return 0;
}

static void formats_refused(struct bed *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void formats_refused(struct bed *b, const char *fmt, ...)
{
	char want[512];
	int n = snprintf(want, sizeof(want), "cannot read 'memory': ");
	struct dat_reader *r;
	struct err e = { 0 };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(want + n, sizeof(want) - n, fmt, ap);
	va_end(ap);
	check(open_bed(b, &r, &e), &e);
	assert_int_equal(dat_reader_formats(r, no_format, NULL, &e), -EBADMSG);
	assert_string_equal(e.text, want);
	dat_reader_close(r);
	bed_restore(b);
}

static void test_formats(void **state)
{
	uint64_t body, size;
	struct bed b;

	(void)state;
	bed_init(&b, 7, true, NULL);
	body = section(&b, DAT_EVENT_FORMATS)->body;
	size = section(&b, DAT_EVENT_FORMATS)->size;
	set32(&b, body, UINT32_MAX);
	formats_refused(&b, "the number of event systems at offset 0x%" PRIx64 " is 4294967295, there is room "
			"for %" PRIu64, body, (size - 4) / 5);
	memset(b.data + body + 4, 'x', size - 4);
	formats_refused(&b, "the name of event system 0 at offset 0x%" PRIx64 " has no end", body + 4);
	set32(&b, body + 8, UINT32_MAX);
	formats_refused(&b, "the number of formats of 'sys' at offset 0x%" PRIx64 " is 4294967295, there is room "
			"for %" PRIu64, body + 8, (size - 12) / 8);
	set64(&b, body + 12, UINT64_MAX);
	formats_refused(&b, "format 0 of 'sys' at offset 0x%" PRIx64 " goes past the end of its block",
			body + 12);
	set32(&b, body, 2);
	formats_refused(&b, "the name of event system 1 at offset 0x%" PRIx64 " has no end", body + size);
	bed_release(&b);
}

static void test_texts(void **state)
{
	struct dat_text t;
	struct bed b;
	struct dat_reader *r;
	struct err e = { 0 };
	char want[256];

	(void)state;
	bed_init(&b, 7, true, NULL);
	set64(&b, section(&b, DAT_CMDLINES)->body, UINT64_MAX);
	set32(&b, section(&b, DAT_KALLSYMS)->body, 14);
	check(open_bed(&b, &r, &e), &e);
	assert_int_equal(dat_reader_text(r, DAT_CMDLINES, &t, &e), -EBADMSG);
	snprintf(want, sizeof(want), "cannot read 'memory': the text of CMDLINES at offset 0x%" PRIx64
		 " claims 18446744073709551615 bytes, its block has 14", section(&b, DAT_CMDLINES)->body);
	assert_string_equal(e.text, want);
	assert_int_equal(dat_reader_text(r, DAT_KALLSYMS, &t, &e), -EBADMSG);
	snprintf(want, sizeof(want), "cannot read 'memory': the text of KALLSYMS at offset 0x%" PRIx64
		 " claims 14 bytes, its block has 13", section(&b, DAT_KALLSYMS)->body);
	assert_string_equal(e.text, want);
	dat_reader_close(r);
	bed_release(&b);
}

static void header_refused(struct bed *b, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void header_refused(struct bed *b, int code, const char *fmt, ...)
{
	char want[512];
	int n = snprintf(want, sizeof(want), "cannot read 'memory': ");
	struct dat_header_info h;
	struct dat_reader *r;
	struct err e = { 0 };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(want + n, sizeof(want) - n, fmt, ap);
	va_end(ap);
	check(open_bed(b, &r, &e), &e);
	assert_int_equal(dat_reader_header_info(r, &h, &e), code);
	assert_string_equal(e.text, want);
	dat_reader_close(r);
	bed_restore(b);
}

/* Replaces @from by @to, of the same length, in the header page's text. */
static void edit(struct bed *b, uint64_t at, const char *from, const char *to)
{
	char *p = memmem(b->data + at, 300, from, strlen(from));

	assert_non_null(p);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(p, to, strlen(to));
}

static void test_header_page(void **state)
{
	uint64_t body, text;
	struct bed b;

	(void)state;
	bed_init(&b, 7, true, NULL);
	body = section(&b, DAT_HEADER_INFO)->body;
	text = body + 20;
	b.data[body] = 'H';
	header_refused(&b, -EBADMSG, "'header_page' is missing at offset 0x%" PRIx64, body);
	set64(&b, body + 12, UINT64_MAX);
	header_refused(&b, -EBADMSG, "the text of header_page at offset 0x%" PRIx64 " goes past the end of its "
		       "block", body + 12);
	edit(&b, text, "timestamp", "timestamq");
	header_refused(&b, -EBADMSG, "the header_page at offset 0x%" PRIx64 " has no timestamp of 8 bytes at 0",
		       text);
	edit(&b, text, "commit;\toffset:8;\tsize:8", "commit;\toffset:8;\tsize:1");
	header_refused(&b, -EBADMSG, "the header_page at offset 0x%" PRIx64 " has no commit of 4 or 8 bytes at 8",
		       text);
	edit(&b, text, "data;\toffset:16", "data;\toffset:99");
	header_refused(&b, -EBADMSG, "the header_page at offset 0x%" PRIx64 " has no data right behind commit",
		       text);
	bed_release(&b);
}

/* ---- buffers ---- */

static void test_buffer_option(void **state)
{
	const struct dat_buffer *buf;
	uint64_t at, cpu0, body;
	struct bed b;

	(void)state;
	bed_init(&b, 7, false, NULL);
	buf = dat_reader_buffer(b.r, 0);
	at = option(&b, DAT_BUFFER);	/* offset, "", "global", page size, count, CPUs */
	cpu0 = at + 8 + 1 + 7 + 8;
	body = section(&b, DAT_BUFFER)->body;
	set64(&b, at, section(&b, DAT_KALLSYMS)->offset);
	refused(&b, -EBADMSG, "the option of buffer '' at offset 0x%" PRIx64 " points at 0x%" PRIx64
		", where no such section is", at, section(&b, DAT_KALLSYMS)->offset);
	memset(b.data + at + 8, 'n', 8 + 8 + 40);
	refused(&b, -EBADMSG, "the buffer option at offset 0x%" PRIx64 ": its name at 0x%" PRIx64 " has no end",
		at, at + 8);
	memset(b.data + at + 9, 'n', 7 + 8 + 40);
	refused(&b, -EBADMSG, "the buffer option at offset 0x%" PRIx64 ": its clock at 0x%" PRIx64 " has no end",
		at, at + 9);
	set32(&b, at + 16, 4097);
	refused(&b, -EBADMSG, "the page size of buffer '' at offset 0x%" PRIx64 " is 4097, not a power of two "
		"from 256 to 1048576", at + 16);
	set32(&b, at + 20, 3);
	refused(&b, -EBADMSG, "the CPU count of buffer '' at offset 0x%" PRIx64 " is 3, its option has room for 2",
		at + 20);
	set32(&b, cpu0, 65536);
	refused(&b, -EBADMSG, "buffer '' (offset 0x%" PRIx64 "): CPU number 65536 is not below 65536", at);
	set32(&b, cpu0, 1);
	refused(&b, -EBADMSG, "buffer '' (offset 0x%" PRIx64 ") has data of CPU 1 twice", at);
	set64(&b, cpu0 + 4, UINT64_MAX - 4095);
	refused(&b, -EBADMSG, "buffer '' (offset 0x%" PRIx64 "): the data of CPU 0 (0x17000 bytes at "
		"0xfffffffffffff000) wrap around", at);
	set64(&b, cpu0 + 4, 0);
	refused(&b, -EBADMSG, "buffer '' (offset 0x%" PRIx64 "): the data of CPU 0 (0x17000 bytes at 0x0) lie "
		"outside its section (0x%" PRIx64 " to 0x%" PRIx64 ")", at, body,
		body + section(&b, DAT_BUFFER)->size);
	set64(&b, cpu0 + 4, buf->cpus[0].offset + 8);
	refused(&b, -EBADMSG, "buffer '' (offset 0x%" PRIx64 "): the data of CPU 0 at offset 0x%" PRIx64
		" are not aligned to 4096 bytes", at, buf->cpus[0].offset + 8);
	set64(&b, cpu0 + 12, buf->cpus[0].size + 4096);
	refused(&b, -EBADMSG, "buffer '' (offset 0x%" PRIx64 "): the data of CPUs 0 and 1 overlap at offset 0x%"
		PRIx64, at, buf->cpus[1].offset);
	set64(&b, cpu0 + 12, 100);
	told(&b, "'memory': the data of CPU 0 of buffer '' at offset 0x%" PRIx64 " are 0x64 bytes, not a multiple "
	     "of 4096; the last sub-buffer is partial", buf->cpus[0].offset);
	bed_release(&b);
}

/* An entry without data beside one of the same CPU, on either side of it, says nothing. */
static void test_empty_twin(void **state)
{
	(void)state;
	for (unsigned empty = 0; empty < 2; empty++) {
		const struct dat_buffer *buf;
		struct dat_reader *r;
		uint64_t cpu0, size;
		struct err e = { 0 };
		struct bed b;

		bed_init(&b, 7, false, NULL);
		buf = dat_reader_buffer(b.r, 0);
		assert_int_equal(buf->nr_cpus, 2);
		size = buf->cpus[!empty].size;
		cpu0 = option(&b, DAT_BUFFER) + 8 + 1 + 7 + 8;
		set32(&b, cpu0, 1);
		set64(&b, cpu0 + 20 * empty + 12, 0);
		check(open_bed(&b, &r, &e), &e);
		buf = dat_reader_buffer(r, 0);
		assert_int_equal(buf->nr_cpus, 1);
		assert_int_equal(buf->cpus[0].cpu, 1);
		assert_true(buf->cpus[0].size == size && size);
		dat_reader_close(r);
		bed_restore(&b);
		bed_release(&b);
	}
}

static void test_two_buffers(void **state)
{
	uint64_t second = 0;
	struct bed b;

	(void)state;
	bed_init(&b, 7, false, NULL);
	for (unsigned i = 0; i < dat_reader_nr_options(b.r); i++)
		if (dat_reader_option(b.r, i)->id == DAT_BUFFER)
			second = dat_reader_option(b.r, i)->offset;
	set64(&b, second, section(&b, DAT_BUFFER)->offset);
	refused(&b, -EBADMSG, "the option of buffer 'inst1' at offset 0x%" PRIx64 " points at 0x%" PRIx64
		", which is another buffer's section", second, section(&b, DAT_BUFFER)->offset);
	/* "inst1\0global\0" becomes "\0inst1global\0" */
	memcpy(b.data + second + 8, "\0inst1", 6);
	refused(&b, -EBADMSG, "the buffer option at offset 0x%" PRIx64 " is a second one for the top-level buffer",
		second);
	bed_release(&b);

	bed_init(&b, 7, false, NULL);
	set16(&b, section(&b, DAT_BUFFER)->offset + 2, DAT_SECTION_COMPRESSED);
	refused(&b, -EBADMSG, "the section of buffer '' at offset 0x%" PRIx64 " is compressed, but the file's "
		"header names no compression", section(&b, DAT_BUFFER)->offset);
	bed_release(&b);
}

/* ---- chunks ---- */

/* The table is broken at @at, after @whole chunks, and tells @want. */
static void chunks_broken(struct bed *b, uint64_t at, uint32_t whole, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
static void chunks_broken(struct bed *b, uint64_t at, uint32_t whole, const char *fmt, ...)
{
	char want[512];
	int n = snprintf(want, sizeof(want), "'memory': CPU 0 of buffer '': ");
	struct dat_chunks chunks;
	struct dat_reader *r;
	struct err e = { 0 };
	va_list ap;

	va_start(ap, fmt);
	n += vsnprintf(want + n, sizeof(want) - n, fmt, ap);
	va_end(ap);
	snprintf(want + n, sizeof(want) - n, "; the rest of this CPU's data is lost\n");
	check(open_bed(b, &r, &e), &e);
	check(dat_reader_chunks(r, 0, 0, &chunks, &e), &e);
	assert_string_equal(b->told.data, want);
	assert_int_equal(chunks.nr, whole);
	assert_int_equal(chunks.total, whole * 10 * 4096);
	assert_true(chunks.broken_at == at);
	dat_reader_close(r);
	bed_restore(b);
}

static void test_chunks(void **state)
{
	uint64_t at, limit, second;
	struct dat_chunks chunks;
	struct dat_reader *r;
	struct codec_ctx ctx = { 0 };
	struct err e = { 0 };
	char want[256];
	uint8_t *out;
	struct bed b;

	(void)state;
	bed_init(&b, 7, true, "zstd");
	at = dat_reader_buffer(b.r, 0)->cpus[0].offset;
	limit = dat_reader_buffer(b.r, 0)->cpus[1].offset;
	check(dat_reader_chunks(b.r, 0, 0, &chunks, &e), &e);
	assert_int_equal(chunks.nr, 3);
	second = chunks.v[1].offset - 8;
	set32(&b, at, UINT32_MAX);
	chunks_broken(&b, at, 0, "the chunk count at offset 0x%" PRIx64 " is 4294967295, there is room for %"
		      PRIu64, at, (limit - at - 4) / 8);
	set32(&b, second, UINT32_MAX);
	chunks_broken(&b, second, 1, "chunk 1 of 3 at offset 0x%" PRIx64 " claims 4294967295 bytes, %" PRIu64
		      " are left", second, limit - second - 8);
	set32(&b, second, 0);
	chunks_broken(&b, second, 1, "chunk 1 of 3 at offset 0x%" PRIx64 " is empty", second);
	set32(&b, second + 4, 0);
	chunks_broken(&b, second, 1, "chunk 1 of 3 at offset 0x%" PRIx64 " is empty", second);
	set32(&b, second + 4, 4097);
	chunks_broken(&b, second, 1, "chunk 1 of 3 at offset 0x%" PRIx64 " claims 4097 bytes uncompressed, not a "
		      "multiple of 4096", second);
	set32(&b, second + 4, 65u << 20);
	chunks_broken(&b, second, 1, "chunk 1 of 3 at offset 0x%" PRIx64 " claims 68157440 bytes uncompressed, "
		      "more than 67108864", second);

	/* a chunk that opens but does not hold what it claims */
	set32(&b, second + 4, 4096);
	check(open_bed(&b, &r, &e), &e);
	check(dat_reader_chunks(r, 0, 0, &chunks, &e), &e);
	out = malloc(chunks.v[1].usize);
	assert_int_equal(dat_chunk_read(r, 0, &chunks.v[1], &ctx, out, &e), -EBADMSG);
	snprintf(want, sizeof(want), "cannot read 'memory': the chunk at offset 0x%" PRIx64
		 " does not decompress to the 4096 bytes it claims", second);
	assert_string_equal(e.text, want);
	free(out);
	codec_ctx_release(&ctx);
	dat_reader_close(r);
	bed_release(&b);
}

/* The size of a compressed CPU is 4 too small in trace-cmd 3.1: silently right. */
static void test_size_4_too_small(void **state)
{
	struct dat_chunks chunks;
	struct dat_reader *r;
	struct err e = { 0 };
	struct bed b;
	uint64_t at;

	(void)state;
	bed_init(&b, 7, false, "zstd");
	at = option(&b, DAT_BUFFER) + 8 + 1 + 7 + 8 + 12;
	set64(&b, at, dat_reader_buffer(b.r, 0)->cpus[0].size - 4);
	check(open_bed(&b, &r, &e), &e);
	check(dat_reader_chunks(r, 0, 0, &chunks, &e), &e);
	assert_int_equal(chunks.total, 23 * 4096);
	assert_int_equal(b.told.len, 0);
	dat_reader_close(r);
	set64(&b, at, dat_reader_buffer(b.r, 0)->cpus[0].size - 5);
	check(open_bed(&b, &r, &e), &e);
	check(dat_reader_chunks(r, 0, 0, &chunks, &e), &e);
	assert_int_equal(chunks.total, 23 * 4096);
	assert_non_null(strstr(b.told.data, "the table of CPUs says"));
	dat_reader_close(r);
	bed_release(&b);
}

/* ---- version 6 ---- */

static void test_v6(void **state)
{
	const struct dat_buffer *buf;
	uint64_t at, count, table, inst, data;
	struct bed b;

	(void)state;
	bed_init(&b, 6, false, NULL);
	at = option(&b, DAT_BUFFER);
	count = section(&b, DAT_DONE)->offset - 4;
	table = section(&b, DAT_BUFFER)->offset;
	inst = get_u64(b.good + at, false);
	buf = dat_reader_buffer(b.r, 0);
	data = buf->cpus[0].offset;
	b.data[18] = 'H';
	refused(&b, -EBADMSG, "the part HEADER_INFO at offset 0x12: 'header_page' is missing at offset 0x12");
	set32(&b, count, 0);
	refused(&b, -EBADMSG, "the CPU count at offset 0x%" PRIx64 " is 0, not from 1 to 65536", count);
	set32(&b, count, 1u << 31);
	refused(&b, -EBADMSG, "the CPU count at offset 0x%" PRIx64 " is 2147483648, not from 1 to 65536", count);
	b.data[count + 4] = 'X';
	refused(&b, -EBADMSG, "neither options nor trace data begin at offset 0x%" PRIx64, count + 4);
	set64(&b, at, 0);
	told(&b, "'memory': buffer 'inst1' (option at offset 0x%" PRIx64 ") was never written", at);
	set64(&b, at, b.len);
	told(&b, "'memory' is cut: buffer 'inst1' (option at offset 0x%" PRIx64 ") lies at 0x%zx, the file ends at "
	     "0x%zx", at, b.len, b.len);
	set64(&b, at, data);
	refused(&b, -EBADMSG, "the option of buffer 'inst1' at offset 0x%" PRIx64 " points at 0x%" PRIx64
		", where no CPU table is", at, data);
	set64(&b, at, table);
	refused(&b, -EBADMSG, "the BUFFER table at offset 0x%" PRIx64 " overlaps another part of the file", table);
	memset(b.data + at + 8, 'n', 6);
	refused(&b, -EBADMSG, "the buffer option at offset 0x%" PRIx64 ": its name at 0x%" PRIx64 " has no end",
		at, at + 8);
	set64(&b, table + 10, 4096 * 0);	/* CPU 0's data over the metadata */
	refused(&b, -EBADMSG, "the data of buffers '' and '(metadata)' overlap at offset 0x12");
	set64(&b, table + 10, dat_reader_buffer(b.r, 1)->cpus[0].offset);
	refused(&b, -EBADMSG, "the data of buffers '' and 'inst1' overlap at offset 0x%" PRIx64,
		dat_reader_buffer(b.r, 1)->cpus[0].offset);
	set64(&b, table + 10 + 32, UINT64_MAX);	/* the clock's length */
	told(&b, "'memory': the clock announced for offset 0x%" PRIx64 " is not there; ignored",
	     table + 10 + 32);
	set64(&b, inst + 10 + 24, 1ull << 40);
	told(&b, "'memory' is cut: the data of CPU 1 of buffer 'inst1' go from offset 0x%" PRIx64 " to 0x%llx, "
	     "the file ends at 0x%zx", dat_reader_buffer(b.r, 1)->cpus[1].offset,
	     (unsigned long long)dat_reader_buffer(b.r, 1)->cpus[1].offset + (1ull << 40), b.len);
	set32(&b, option(&b, DAT_UNAME) - 4, UINT32_MAX);
	told(&b, "'memory' is cut: option 5 at offset 0x%" PRIx64 " claims 4294967295 bytes, the file has %" PRIu64,
	     option(&b, DAT_UNAME) - 6, b.len - option(&b, DAT_UNAME));
	bed_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_initial_header),
		cmocka_unit_test(test_short_files),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_compressed_blocks),
		cmocka_unit_test(test_damage_is_met_when_asked_for),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_header_page),
		cmocka_unit_test(test_buffer_option),
		cmocka_unit_test(test_empty_twin),
		cmocka_unit_test(test_two_buffers),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_size_4_too_small),
		cmocka_unit_test(test_v6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

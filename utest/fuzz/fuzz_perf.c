// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a perf.data file that becomes a trace.dat, whose version and codec the first byte chooses. What
 * comes out must be a file that opens without a complaint, and every page of it must be whole.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dat/dat.h"
#include "record/perf_import.h"
#include "ring/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void on_notice(void *ctx, const char *text)
{
	(void)ctx;
	must(text[0]);
}

static int memory_file(const void *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	must(fd >= 0 && !pwrite_full(fd, data, size, 0));
	return fd;
}

static void check_chunk(const struct ring_abi *abi, uint32_t page_size, const uint8_t *pages, size_t len)
{
	struct ring_page p;
	struct ring_event ev;

	must(len % page_size == 0);
	for (size_t at = 0; at < len; at += page_size) {
		must(!ring_page_open(&p, abi, pages + at, page_size));
		while (ring_page_next(&p, &ev) > 0)
			;
		must(p.bad == RING_OK);
	}
}

static void check_buffer(struct dat_reader *r, const struct ring_abi *abi)
{
	const struct dat_buffer *b = dat_reader_buffer(r, 0);
	struct codec_ctx ctx = { 0 };

	for (uint32_t i = 0; i < b->nr_cpus; i++) {
		struct dat_chunks chunks;

		must(!dat_reader_chunks(r, 0, i, &chunks, NULL));
		for (uint32_t k = 0; k < chunks.nr; k++) {
			uint8_t *pages = malloc(chunks.v[k].usize);

			must(pages && !dat_chunk_read(r, 0, &chunks.v[k], &ctx, pages, NULL));
			check_chunk(abi, b->page_size, pages, chunks.v[k].usize);
			free(pages);
		}
	}
	codec_ctx_release(&ctx);
}

static void check_file(int fd)
{
	const struct notices none = { NULL, NULL };
	struct dat_header_info info;
	struct dat_reader *r;
	struct ring_abi abi;
	struct dat_text text;

	must(!dat_reader_open_fd(fd, "made", &none, &r, NULL));
	must(!dat_reader_cut(r, NULL) && dat_reader_nr_buffers(r) == 1);
	must(!dat_reader_header_info(r, &info, NULL));
	must(dat_reader_text(r, DAT_CMDLINES, &text, NULL) == 1);
	abi = (struct ring_abi){ dat_reader_header(r)->big_endian, info.kernel_long };
	check_buffer(r, &abi);
	dat_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct notices notices = { on_notice, NULL };
	struct perf_import_opts opts = { .version = 7, .writer = "fuzz", .notices = &notices };
	struct err e = { 0 };
	int in, out, ret;

	if (!size)
		return 0;
	if (data[0] & 1)
		opts.version = 6;
	else if (data[0] & 2)
		must(!codec_choose("lz4", &opts.codec, NULL));
	in = memory_file(data + 1, size - 1);
	out = memory_file("", 0);
	ret = perf_import(in, "fuzz", out, "/tmp/fuzz", &opts, &e);
	if (ret < 0) {
		must(e.code == ret && e.text[0]);
		close(out);
	} else {
		check_file(out);
	}
	close(in);
	return 0;
}

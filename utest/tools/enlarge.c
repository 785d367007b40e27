// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * enlarge IN OUT BYTES CODEC STRETCH: a trace as IN, its sub-buffers repeated one
 * after the other in time until there are BYTES of them, all times STRETCH times as
 * long. For benchmarks; of little-endian files.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dat/dat.h"
#include "ring/ring.h"

static const enum dat_id blocks[] = {
	DAT_HEADER_INFO, DAT_FTRACE_EVENTS, DAT_EVENT_FORMATS, DAT_KALLSYMS, DAT_PRINTK, DAT_CMDLINES,
};
static const enum dat_id options[] = { DAT_DATE, DAT_TRACECLOCK, DAT_UNAME, DAT_OFFSET, DAT_VERSION,
				       DAT_TRACEID };

struct enlarge {
	struct dat_reader *r;
	struct dat_writer *w;
	struct err e;
	struct codec_ctx codec;
	uint8_t *data;
	size_t cap;
	uint64_t first, last, total;	/* times and bytes of IN */
};

static void must(struct enlarge *x, int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "enlarge: %s\n", x->e.text);
	exit(1);
}

static void read_chunk(struct enlarge *x, unsigned buffer, const struct dat_chunk *c)
{
	if (c->usize > x->cap) {
		x->cap = c->usize;
		x->data = realloc(x->data, x->cap);
		if (!x->data)
			exit(1);
	}
	must(x, dat_chunk_read(x->r, buffer, c, &x->codec, x->data, &x->e));
}

/* One CPU: measured, or written with @shift added to its times. */
static void pass(struct enlarge *x, unsigned buffer, uint32_t cpu, bool writing, uint64_t shift)
{
	uint32_t page_size = dat_reader_buffer(x->r, buffer)->page_size;
	struct dat_chunks chunks;

	must(x, dat_reader_chunks(x->r, buffer, cpu, &chunks, &x->e));
	for (uint32_t i = 0; i < chunks.nr; i++) {
		uint32_t usize = chunks.v[i].usize / page_size * page_size;

		read_chunk(x, buffer, &chunks.v[i]);
		for (uint32_t off = 0; off < usize; off += page_size) {
			uint64_t ts = get_u64(x->data + off, false);

			if (ts && (!x->first || ts < x->first))
				x->first = ts;
			if (ts > x->last)
				x->last = ts;
			if (writing)
				put_u64(x->data + off, ts + shift, false);
		}
		if (writing)
			must(x, dat_writer_cpu_pages(x->w, x->data, usize, &x->e));
		else
			x->total += usize;
	}
}

static void write_buffer(struct enlarge *x, unsigned nr, uint64_t copies, uint64_t span)
{
	const struct dat_buffer *b = dat_reader_buffer(x->r, nr);

	must(x, dat_writer_buffer_begin(x->w, b->name, b->clock, b->page_size, &x->e));
	for (uint32_t i = 0; i < b->nr_cpus; i++) {
		if (!b->cpus[i].size)
			continue;
		must(x, dat_writer_cpu_begin(x->w, b->cpus[i].cpu, &x->e));
		for (uint64_t n = 0; n < copies; n++)
			pass(x, nr, i, true, n * span);
		must(x, dat_writer_cpu_end(x->w, &x->e));
	}
	must(x, dat_writer_buffer_end(x->w, &x->e));
}

static void write_metadata(struct enlarge *x, uint64_t stretch)
{
	uint8_t scale[16] = { 0 };	/* multiplier, shift, offset */

	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		must(x, dat_writer_block_from(x->w, x->r, blocks[i], &x->e));
	for (unsigned i = 0; i < dat_reader_nr_options(x->r); i++) {
		const struct dat_option *o = dat_reader_option(x->r, i);

		for (size_t k = 0; k < ARRAY_SIZE(options); k++)
			if (o->id == options[k])
				must(x, dat_writer_option(x->w, o->id, o->data, o->size, &x->e));
	}
	put_u32(scale, stretch, false);
	if (stretch != 1)
		must(x, dat_writer_option(x->w, DAT_TSC2NSEC, scale, sizeof(scale), &x->e));
	must(x, dat_writer_cpu_count(x->w, dat_reader_info(x->r)->cpu_count, &x->e));
}

int main(int argc, char **argv)
{
	struct enlarge x = { 0 };
	struct dat_writer_opts opts;
	const struct codec *codec;
	uint64_t want, stretch, copies;
	int fd;

	if (argc != 6 || parse_u64(argv[3], &want) < 0 || parse_u64(argv[5], &stretch) < 0)
		return 2;
	must(&x, codec_choose(argv[4], &codec, &x.e));
	must(&x, dat_reader_open(argv[1], NULL, &x.r, &x.e));
	fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0666);
	if (fd < 0) {
		perror(argv[2]);
		return 1;
	}
	opts = dat_copy_opts(x.r, 7, codec);
	must(&x, dat_writer_new(fd, argv[2], &opts, &x.w, &x.e));
	for (unsigned i = 0; i < dat_reader_nr_buffers(x.r); i++)
		for (uint32_t k = 0; k < dat_reader_buffer(x.r, i)->nr_cpus; k++)
			pass(&x, i, k, false, 0);
	copies = x.total ? (want + x.total - 1) / x.total : 1;
	write_metadata(&x, stretch);
	for (unsigned i = 0; i < dat_reader_nr_buffers(x.r); i++)
		write_buffer(&x, i, copies, x.last - x.first + 1000000);
	must(&x, dat_writer_finish(x.w, &x.e));
	return close(fd) < 0;
}

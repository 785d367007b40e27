// SPDX-License-Identifier: GPL-2.0-or-later
/* A whole file from hostile hands: everything the reader can be asked for. */
#include <stdlib.h>

#include "dat/dat.h"

static int on_format(void *ctx, const char *system, struct dat_text format)
{
	*(uint64_t *)ctx += strlen(system) + format.len;
	return 0;
}

/* From some place amid a CPU's data on; what is given lies inside them. */
static void read_stretch(struct dat_reader *r, unsigned b, uint32_t i)
{
	const struct dat_cpu *cpu = &dat_reader_buffer(r, b)->cpus[i];
	uint64_t at = cpu->offset + cpu->size / 3, from = at;
	struct dat_chunks some;
	struct err e = { 0 };

	if (dat_reader_chunk_near(r, b, i, &at, &e) <= 0 ||
	    dat_reader_chunks_at(r, b, i, at, 3, &some, &e) <= 0)
		return;
	for (uint32_t k = 0; k < some.nr; k++)
		if (some.v[k].offset < from || some.v[k].offset > dat_reader_size(r) ||
		    some.v[k].csize > dat_reader_size(r) - some.v[k].offset)
			abort();
	free((void *)some.v);
}

static void read_buffer(struct dat_reader *r, unsigned b, struct codec_ctx *ctx)
{
	const struct dat_buffer *buf = dat_reader_buffer(r, b);
	struct buf text AUTO_BUF = { 0 };
	struct err e = { 0 };

	if (buf->text) {
		dat_reader_buffer_text(r, b, &text, &e);
		return;
	}
	for (uint32_t i = 0; i < buf->nr_cpus; i++) {
		struct dat_chunks chunks;

		read_stretch(r, b, i);
		if (dat_reader_chunks(r, b, i, &chunks, &e))
			continue;
		for (uint32_t k = 0; k < chunks.nr && k < 4; k++) {
			void *data = malloc(chunks.v[k].usize);

			if (data)
				dat_chunk_read(r, b, &chunks.v[k], ctx, data, &e);
			free(data);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct codec_ctx ctx = { 0 };
	struct dat_header_info h;
	struct dat_reader *r;
	struct err e = { 0 };
	struct dat_text t;
	uint64_t sum = 0;

	if (dat_reader_open_memory(data, len, NULL, &r, &e))
		return 0;
	for (unsigned i = 0; i < dat_reader_nr_sections(r); i++)
		dat_reader_string(r, dat_reader_section(r, i)->desc);
	dat_reader_header_info(r, &h, &e);
	dat_reader_formats(r, on_format, &sum, &e);
	dat_reader_text(r, DAT_KALLSYMS, &t, &e);
	dat_reader_text(r, DAT_PRINTK, &t, &e);
	dat_reader_text(r, DAT_CMDLINES, &t, &e);
	for (unsigned b = 0; b < dat_reader_nr_buffers(r); b++)
		read_buffer(r, b, &ctx);
	codec_ctx_release(&ctx);
	dat_reader_close(r);
	return 0;
}

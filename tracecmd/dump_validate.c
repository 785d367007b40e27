// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading everything there is in a file, to say whether it is right. */
#include <errno.h>
#include <stdlib.h>

#include "dump.h"

static int read_cpu(struct dat_reader *r, unsigned buffer, uint32_t i, struct codec_ctx *ctx,
		    struct err *e)
{
	struct dat_chunks chunks;
	int ret = dat_reader_chunks(r, buffer, i, &chunks, e);

	if (!ret && chunks.broken_at)
		ret = err_set(e, -EBADMSG, "the data of CPU %u of buffer '%s' of '%s' are damaged",
			      dat_reader_buffer(r, buffer)->cpus[i].cpu,
			      dat_reader_buffer(r, buffer)->name, dat_reader_name(r));
	for (uint32_t k = 0; !ret && k < chunks.nr; k++) {
		void *data = malloc(chunks.v[k].usize);

		ret = data ? dat_chunk_read(r, buffer, &chunks.v[k], ctx, data, e) :
		      err_set(e, -ENOMEM, "out of memory");
		free(data);
	}
	return ret;
}

static int read_buffer(struct dat_reader *r, unsigned buffer, struct codec_ctx *ctx, struct err *e)
{
	const struct dat_buffer *b = dat_reader_buffer(r, buffer);
	struct buf text AUTO_BUF = { 0 };
	int ret = 0;

	if (b->text)
		return dat_reader_buffer_text(r, buffer, &text, e);
	for (uint32_t i = 0; i < b->nr_cpus && !ret; i++)
		ret = read_cpu(r, buffer, i, ctx, e);
	return ret;
}

static int on_format(void *ctx, const char *system, struct dat_text format)
{
	(void)ctx;
	(void)system;
	(void)format;
	return 0;
}

static int read_metadata(struct dat_reader *r, struct err *e)
{
	static const enum dat_id texts[] = { DAT_KALLSYMS, DAT_PRINTK, DAT_CMDLINES };
	static const enum dat_id files[] = { DAT_BTF_FILE, DAT_MODULES_FILE };
	struct dat_header_info info;
	struct dat_text text;
	struct cur c;
	int ret = dat_reader_block(r, DAT_HEADER_INFO, &c, e);

	if (ret > 0)
		ret = dat_reader_header_info(r, &info, e);
	if (ret >= 0)
		ret = dat_reader_formats(r, on_format, NULL, e);
	for (unsigned i = 0; i < ARRAY_SIZE(texts) && ret >= 0; i++)
		ret = dat_reader_text(r, texts[i], &text, e);
	for (unsigned i = 0; i < ARRAY_SIZE(files) && ret >= 0; i++)
		ret = dat_reader_block(r, files[i], &c, e);
	return ret < 0 ? ret : 0;
}

int dump_validate(struct dat_reader *r, struct err *e)
{
	struct codec_ctx ctx = { 0 };
	uint64_t cut;
	int ret;

	if (dat_reader_cut(r, &cut))
		return err_set(e, -ENODATA, "'%s' is cut at offset 0x%llx", dat_reader_name(r),
			       (unsigned long long)cut);
	ret = read_metadata(r, e);
	for (unsigned i = 0; i < dat_reader_nr_buffers(r) && !ret; i++)
		ret = read_buffer(r, i, &ctx, e);
	codec_ctx_release(&ctx);
	return ret;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading everything there is in a file, to say whether it is right. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "validate.h"

struct validation {
	struct dat_reader *r;
	struct ring_abi abi;
	struct codec_ctx ctx;
};

int validate_pages(const struct ring_abi *abi, const struct dat_buffer *b, const struct dat_chunk *c,
		   const void *data, struct err *e)
{
	const uint8_t *pages = data;

	for (uint32_t pos = 0; pos < c->usize; pos += b->page_size) {
		uint32_t have = c->usize - pos < b->page_size ? c->usize - pos : b->page_size;
		struct ring_event event;
		struct ring_page page;
		int ret = ring_page_open_cut(&page, abi, pages + pos, have, b->page_size);

		if (!ret)
			while ((ret = ring_page_next_entry(&page, &event)) > 0)
				;
		if (ret < 0)
			return err_set(e, ret, "sub-buffer %u of the chunk at offset 0x%" PRIx64 ": %s",
				       pos / b->page_size, c->offset, ring_bad_text(page.bad));
	}
	return 0;
}

static int check_chunk(struct validation *v, unsigned buffer, const struct dat_chunk *c,
		       struct err *e)
{
	uint8_t *data = malloc(c->usize);
	int ret;

	if (!data)
		return err_set(e, -ENOMEM, "out of memory");
	ret = dat_chunk_read(v->r, buffer, c, &v->ctx, data, e);
	if (!ret)
		ret = validate_pages(&v->abi, dat_reader_buffer(v->r, buffer), c, data, e);
	free(data);
	return ret;
}

static int check_cpu(struct validation *v, unsigned buffer, uint32_t i, struct err *e)
{
	const struct dat_buffer *b = dat_reader_buffer(v->r, buffer);
	struct dat_chunks chunks;
	int ret = dat_reader_chunks(v->r, buffer, i, &chunks, e);

	if (!ret && chunks.broken_at)
		ret = err_set(e, -EBADMSG, "its data are damaged at offset 0x%" PRIx64, chunks.broken_at);
	for (uint32_t k = 0; !ret && k < chunks.nr; k++)
		ret = check_chunk(v, buffer, &chunks.v[k], e);
	if (ret)
		err_wrap(e, "CPU %u of buffer '%s' of '%s'", b->cpus[i].cpu, b->name,
			 dat_reader_name(v->r));
	return ret;
}

static int check_buffer(struct validation *v, unsigned buffer, struct err *e)
{
	const struct dat_buffer *b = dat_reader_buffer(v->r, buffer);
	struct buf text AUTO_BUF = { 0 };
	int ret = 0;

	if (b->text)
		ret = dat_reader_buffer_text(v->r, buffer, &text, e);
	if (ret > 0)
		return err_set(e, -EBADMSG, "the text of buffer '%s' of '%s' is damaged", b->name,
			       dat_reader_name(v->r));
	for (uint32_t i = 0; i < b->nr_cpus && !ret; i++)
		ret = check_cpu(v, buffer, i, e);
	return ret;
}

static int on_format(void *ctx, const char *system, struct dat_text format)
{
	(void)ctx;
	(void)system;
	(void)format;
	return 0;
}

int validate_metadata(struct dat_reader *r, struct ring_abi *ret_abi, struct err *e)
{
	static const enum dat_id texts[] = { DAT_KALLSYMS, DAT_PRINTK, DAT_CMDLINES };
	static const enum dat_id files[] = { DAT_BTF_FILE, DAT_MODULES_FILE };
	struct dat_header_info info = { .kernel_long = 8 };
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
	*ret_abi = (struct ring_abi){ dat_reader_header(r)->big_endian, info.kernel_long };
	return ret < 0 ? ret : 0;
}

int validate_file(struct dat_reader *r, struct err *e)
{
	struct validation v = { .r = r };
	uint64_t cut;
	int ret;

	if (dat_reader_cut(r, &cut))
		return err_set(e, -ENODATA, "'%s' is cut at offset 0x%" PRIx64, dat_reader_name(r), cut);
	ret = validate_metadata(r, &v.abi, e);
	for (unsigned i = 0; i < dat_reader_nr_buffers(r) && !ret; i++)
		ret = check_buffer(&v, i, e);
	codec_ctx_release(&v.ctx);
	return ret;
}

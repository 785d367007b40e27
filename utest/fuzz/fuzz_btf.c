// SPDX-License-Identifier: GPL-2.0-or-later
/* Type information: of the kernel, and the same bytes as those of a module on top of it. */
#include "kernel/btf.h"

#define WORDS_MAX 200

static int use(void *ctx, const struct btf_param *p)
{
	return buf_printf(ctx, "%s %u %u %d%d", p->name, p->index, p->size, p->is_signed, p->is_pointer);
}

/* All words that end in a NUL are asked for. */
static void ask(const struct btf *b, const uint8_t *data, size_t len)
{
	struct cur c = { .data = data, .len = len };
	AUTO_BUF struct buf out = { 0 };

	for (unsigned i = 0; i < WORDS_MAX && cur_left(&c); i++) {
		const char *word;

		if (cur_str(&c, 64, &word)) {
			struct err e = { 0 };

			buf_clear(&out);
			btf_prototype(b, word, &out, &e);
			btf_parameters(b, word, use, &out, &e);
		} else {
			cur_skip(&c, 1);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf kernel = { 0 }, module = { 0 };
	struct btf *k, *m;
	struct err e = { 0 };
	/* words are last, mostly */
	size_t words = len > 4096 ? len - 4096 : 0;

	if (buf_put(&kernel, data, len) || btf_new(&kernel, NULL, &k, &e)) {
		buf_release(&kernel);
		return 0;
	}
	ask(k, data + words, len - words);
	if (!buf_put(&module, data, len) && !btf_new(&module, k, &m, &e)) {
		ask(m, data + words, len - words);
		btf_free(m);
	}
	buf_release(&module);
	btf_free(k);
	return 0;
}

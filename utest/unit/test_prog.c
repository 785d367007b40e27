// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Print programs against libtraceevent: every event format of three kernels,
 * with records of all kinds, has to give the same text by both.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "event/db.h"
#include "kernel_formats.h"
#include "../leaks.h"

/* libtraceevent 1.7's parser loses a few bytes at formats that it cannot parse. */
KNOWN_LEAKS("leak:tep_parse_event\n");

/* ---- texts of a kernel ------------------------------------------------------------ */

static int symbols(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)e;
	*text = "0 T zero\n1000 T first\n2000 t second\t[mod]\nffffffff81000000 T high\n"
		"ffffffffffff0000 T end\n";
	*len = strlen(*text);
	return 0;
}

static int printks(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)e;
	*text = "0x1000 : \"a string\"\n0x2000 : \"with newline\\n\"\n0x1 : \"ab\"\n0x0 : \"zero\"\n";
	*len = strlen(*text);
	return 0;
}

static struct event_db *open_kernel(struct kernel *k, bool big_endian)
{
	struct event_db_opts opts = { .big_endian = big_endian, .long_size = 8, .page_size = 4096,
				      .cpus = 2 };
	struct event_db_source source = { .formats = add_kernel_formats, .kallsyms = symbols,
					  .printk = printks, .ctx = k };
	struct event_db *db;

	tep_set_loglevel(TEP_LOG_NONE);
	assert_int_equal(event_db_new(&opts, &db, NULL), 0);
	event_db_set_source(db, &source);
	return db;
}

/* ---- records ------------------------------------------------------------------------ */

static uint64_t seed = 88172645463325252ull;

static uint64_t random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static unsigned below(unsigned n)
{
	return random64() % n;
}

static uint64_t some_number(void)
{
	static const uint64_t edges[] = {
		0, 1, 2, 7, 9, 10, 15, 16, 99, 100, 127, 128, 255, 256, 0x1000, 0x1234, 0x2000, 0x7fff,
		0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, UINT64_MAX,
		UINT64_MAX - 1, 1ull << 63, (1ull << 63) - 1, 0xffffffff81000123,
	};

	switch (below(4)) {
	case 0:
		return edges[below(ARRAY_SIZE(edges))];
	case 1:
		return below(64);
	case 2:
		return random64() >> below(64);
	}
	return 1ull << below(64);
}

static void store(uint8_t *at, uint64_t v, int size, bool big)
{
	for (int i = 0; i < size; i++)
		at[big ? size - 1 - i : i] = v >> 8 * (i < 8 ? i : 7);
}

static void some_string(uint8_t *at, size_t len)
{
	size_t used = below(len + 1);

	for (size_t i = 0; i < len; i++)
		at[i] = i < used ? "abcXYZ 09_-%\\\n\x80\xff"[below(15)] : 0;
}

#define TAIL_MAX 96

static void fill_dynamic(uint8_t *data, size_t len, const struct tep_format_field *f, size_t end,
			 bool big)
{
	size_t room = len - end, offset = end + below(room + 1), size = below(len - offset + 1);

	if (f->flags & TEP_FIELD_IS_RELATIVE) {
		size_t base = f->offset + f->size;

		offset = offset < base ? base : offset;
		size = size > len - offset ? len - offset : size;
		store(data + f->offset, size << 16 | (offset - base), 4, big);
	} else {
		store(data + f->offset, size << 16 | offset, 4, big);
	}
	if (f->flags & TEP_FIELD_IS_STRING && size && below(4)) {
		some_string(data + offset, size);
		data[offset + size - 1] = 0;
	}
}

/* A record that the format may have: numbers of all sizes, strings, arrays. */
static size_t sound_record(const struct event_slot *slot, uint8_t *data, bool big)
{
	size_t end = slot->check.fixed_end, len = end + below(TAIL_MAX);

	for (size_t i = 0; i < len; i++)
		data[i] = below(3) ? random64() : 0;
	for (struct tep_format_field *f = slot->event->format.fields; f; f = f->next) {
		if (f->flags & TEP_FIELD_IS_DYNAMIC)
			fill_dynamic(data, len, f, end, big);
		else if (f->flags & TEP_FIELD_IS_STRING && f->size > 8)
			some_string(data + f->offset, f->size);
		else if (f->size == 28 && below(3))
			store(data + f->offset, below(2) ? 2 : 10, 2, big);
		else if (f->size <= 8)
			store(data + f->offset, some_number(), f->size, big);
	}
	store(data, slot->pub.id, 2, big);
	return len;
}

/* ---- comparing ------------------------------------------------------------------------ */

struct tally { unsigned formats, programs, failed, records, ran; };

static void show(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, "%02x", data[i]);
	fputc('\n', stderr);
}

static void text_of(struct event_ctx *ctx, struct event_slot *slot, const struct event_record *rec,
		    bool by_program, struct buf *out)
{
	struct prog *g = slot->prog;

	if (!by_program)
		slot->prog = NULL;
	buf_clear(out);
	buf_puts(out, "");
	event_text(ctx, slot->event, rec, false, NULL, out);
	slot->prog = g;
}

/* The record's first @len bytes, of which @avail can be read, lie at the end of their memory. */
static void compare(struct event_ctx *ctx, struct event_slot *slot, const uint8_t *data, size_t len,
		    size_t avail, struct tally *tally)
{
	static struct buf theirs, ours;
	uint8_t *exact = malloc(avail ? avail : 1);
	struct event_record rec = { .data = exact, .len = len, .avail = avail };

	memcpy(exact, data, avail);
	text_of(ctx, slot, &rec, false, &theirs);
	text_of(ctx, slot, &rec, true, &ours);
	if (theirs.len != ours.len || memcmp(theirs.data, ours.data, ours.len)) {
		fprintf(stderr, "%s:%s\nlibtraceevent: %s\nprogram:       %s\nrecord of %zu: ",
			slot->pub.system, slot->pub.name, theirs.data, ours.data, len);
		show(exact, avail);
		fprintf(stderr, "%s\n", slot->event->print_fmt.format);
		fail();
	}
	tally->records++;
	buf_clear(&ours);
	tally->ran += prog_run(slot->prog, ctx->db, &rec, &ours);
	free(exact);
}

static void compare_event(struct event_ctx *ctx, struct event_slot *slot, unsigned times, bool big,
			  struct tally *tally)
{
	size_t most = slot->check.fixed_end + TAIL_MAX + 8;
	uint8_t *data = calloc(1, most);

	for (unsigned i = 0; i < times; i++) {
		size_t len = sound_record(slot, data, big), avail = len;

		if (i % 8 == 7)
			len = below(len + 1);
		compare(ctx, slot, data, len, i & 1 && len >= 2 ? len : avail, tally);
	}
	memset(data, 0xff, most);
	store(data, slot->pub.id, 2, big);
	compare(ctx, slot, data, most, most, tally);
	free(data);
}

static void compare_kernel(const char *name, bool big, unsigned times)
{
	struct kernel k;
	struct event_db *db;
	struct event_ctx *ctx;
	struct tally tally = { 0 };
	const struct event_name *names;
	size_t nr;

	read_kernel(name, &k);
	db = open_kernel(&k, big);
	assert_int_equal(event_ctx_new(db, &ctx, NULL), 0);
	assert_int_equal(event_db_names(db, &names, &nr, NULL), 0);
	for (size_t i = 0; i < nr; i++) {
		struct event_slot *slot = event_db_slot(db, names[i].id);

		assert_non_null(slot);
		tally.formats++;
		slot->text = NULL;	/* what is made here without print formats */
		if (slot->prog)
			compare_event(ctx, slot, times, big, &tally);
		if (slot->prog)
			tally.programs++;
		else
			print_message("%s:%s: %s\n", slot->pub.system, slot->pub.name, slot->no_prog);
	}
	print_message("%s: %u of %u formats have programs; %u records, %u of them printed by these\n",
		      name, tally.programs, tally.formats, tally.records, tally.ran);
	assert_true(tally.programs * 100 >= tally.formats * 99);
	assert_true(tally.ran * 3 > tally.records * 2);
	event_ctx_free(ctx);
	event_db_free(db);
	free(k.text);
}

static void formats_of_6_1(void **state)
{
	(void)state;
	compare_kernel("6.1", false, 60);
}

static void formats_of_6_12(void **state)
{
	(void)state;
	compare_kernel("6.12", false, 60);
	compare_kernel("6.12", true, 20);
}

static void formats_of_6_18(void **state)
{
	(void)state;
	compare_kernel("6.18", false, 60);
}

/* With libtraceevent's plugins: what these print, or what calls their functions, has no program. */
static void programs_beside_plugins(void **state)
{
	static const char *const kernels[] = { "6.1", "6.12", "6.18" };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kernels); k++) {
		const struct event_name *names;
		unsigned foreign = 0, no_prog = 0;
		struct kernel kernel;
		struct event_db *db;
		size_t nr;

		read_kernel(kernels[k], &kernel);
		db = open_kernel(&kernel, false);
		assert_int_equal(event_db_load_plugins(db, false, false, NULL), 0);
		assert_int_equal(event_db_names(db, &names, &nr, NULL), 0);
		for (size_t i = 0; i < nr; i++) {
			const char *why = event_db_foreign_text(db, names[i].id);

			if (why)
				print_message("%s %s:%s: %s\n", kernels[k], names[i].system, names[i].name, why);
			foreign += !!why;
			no_prog += !event_db_slot(db, names[i].id)->prog;
		}
		print_message("%s: %u texts of %zu are libtraceevent's, %u formats have no program\n",
			      kernels[k], foreign, nr, no_prog);
		assert_true(no_prog * 100 <= nr);
		assert_true(foreign * 100 <= nr);
		event_db_free(db);
		free(kernel.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_of_6_1),
		cmocka_unit_test(formats_of_6_12),
		cmocka_unit_test(formats_of_6_18),
		cmocka_unit_test(programs_beside_plugins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

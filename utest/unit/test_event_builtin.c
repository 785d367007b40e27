// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Texts made in lib/event against those of libtraceevent and its plugins, over
 * random records; and deferred texts against those made in order.
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
#include "replay/replay.h"

#define RECORDS 3000			/* of each event */
#define RECORD_MAX 256

/* One file's db, opened for itself. */
struct side {
	struct replay *rp;
	struct event_db *db;
	struct event_ctx *ctx;
};

static void open_side(struct side *s, const char *file)
{
	char path[512];
	struct dat_reader *r;
	struct err e = { 0 };

	snprintf(path, sizeof(path), FIXTURES "/traces/%s", file);
	if (replay_new(NULL, &s->rp, &e) || dat_reader_open(path, NULL, &r, &e) ||
	    replay_add_file(s->rp, r, NULL, NULL, &e) || replay_start(s->rp, &e) ||
	    replay_event_db(s->rp, 0, &s->db, &e) ||
	    event_db_load_plugins(s->db, false, false, &e) || event_ctx_new(s->db, &s->ctx, &e))
		fail_msg("%s", e.text);
}

static void close_side(struct side *s)
{
	event_ctx_free(s->ctx);
	replay_free(s->rp);
}

/* The side whose texts libtraceevent's plugins make. */
static void open_plugin_side(struct side *s, const char *file)
{
	/* a directory of the user's own: plugins are loaded at once */
	setenv("TRACEEVENT_PLUGIN_DIR", "/nonexistent", 1);
	open_side(s, file);
	unsetenv("TRACEEVENT_PLUGIN_DIR");
	assert_false(s->db->plugins.known);
}

/* ---- records ------------------------------------------------------------------------ */

static uint64_t random_bits(void)
{
	static uint64_t x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static uint64_t random_value(struct side *s)
{
	struct event_symbol symbol;

	switch (random_bits() % 8) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return 1ull << random_bits() % 64;
	case 3:
	case 4:
		return random_bits() >> random_bits() % 64;
	default:
		/* few functions, so that some call others again */
		if (!event_db_nth_symbol(s->db, 20000 + random_bits() % 12, &symbol))
			return 1;
		return symbol.addr + (random_bits() % 2 ? 0 : random_bits() % 64);
	}
}

static void put_field(struct side *s, const struct tep_format_field *f, uint8_t *data, uint32_t len)
{
	static const char *const comms[] = { "a task", "b", "", "sixteen-bytes-lo", "<...>" };
	uint64_t v = random_value(s);

	if (f->flags & TEP_FIELD_IS_DYNAMIC)
		v = 0;			/* an empty one */
	if (f->size == 16 && f->flags & TEP_FIELD_IS_STRING)
		strncpy((char *)data + f->offset, comms[random_bits() % ARRAY_SIZE(comms)], 16);
	else if (f->flags & TEP_FIELD_IS_ARRAY && !(f->flags & TEP_FIELD_IS_DYNAMIC))
		for (uint32_t at = f->offset; at + 8 <= len; at += 8, v = random_value(s))
			memcpy(data + at, &v, 8);
	else if (f->size > 0 && f->size <= 8)
		memcpy(data + f->offset, &v, f->size);
}

static uint32_t make_record(struct side *s, const struct tep_event *event, uint8_t *data)
{
	uint32_t len = 8, id = event->id, pid = random_bits() % 50 * 1000;

	memset(data, 0, RECORD_MAX);
	for (struct tep_format_field *f = event->format.fields; f; f = f->next)
		if ((uint32_t)f->offset + f->size > len)
			len = f->offset + f->size;
	if (random_bits() % 16 == 0)
		len += random_bits() % 24;
	assert_true(len <= RECORD_MAX);
	for (struct tep_format_field *f = event->format.fields; f; f = f->next) {
		if (strstr(f->name, "pid"))
			memcpy(data + f->offset, &(int){ random_bits() % 200 }, 4);
		else
			put_field(s, f, data, len);
	}
	memcpy(data, &id, 2);
	memcpy(data + 4, &pid, 4);
	return len;
}

/* ---- own texts and those of plugins -------------------------------------------------- */

static const struct { const char *system, *name; } texts[] = {
	{ "sched", "sched_switch" }, { "sched", "sched_wakeup" }, { "sched", "sched_wakeup_new" },
	{ "timer", "hrtimer_start" }, { "timer", "hrtimer_expire_entry" },
	{ "kmem", "kmalloc" }, { "kmem", "kfree" }, { "kmem", "kmem_cache_alloc" },
	{ "kmem", "kmem_cache_free" }, { "ftrace", "function" }, { "ftrace", "kernel_stack" },
	{ "ftrace", "raw_data" }, { "tlb", "tlb_flush" }, { "syscalls", "sys_enter_futex" },
	{ "kvm", "kvm_exit" }, { "kvm", "kvm_entry" }, { "kvmmmu", "kvm_mmu_get_page" },
};

/* A stack whose last address is cut: the plugin takes what is behind the record for the rest. */
static bool is_cut_stack(const struct tep_event *event, uint32_t len)
{
	return !strcmp(event->name, "kernel_stack") && len % sizeof(uint64_t);
}

static void compare_texts(struct side *own, struct side *plugin, struct tep_event *event)
{
	AUTO_BUF struct buf a = { 0 }, b = { 0 };
	uint8_t data[RECORD_MAX];

	for (unsigned i = 0; i < RECORDS; i++) {
		uint32_t len = make_record(own, event, data);
		struct event_record rec = { .data = data, .len = len, .avail = RECORD_MAX,
					    .cpu = random_bits() % 3 };

		buf_clear(&a);
		buf_clear(&b);
		event_text(own->ctx, event, &rec, false, NULL, &a);
		event_text(plugin->ctx, event_db_event(plugin->db, event->id), &rec, false, NULL, &b);
		if (is_cut_stack(event, len) && b.len > a.len)
			b.data[a.len] = 0;
		assert_string_equal(a.data, b.data);
	}
	assert_false(a.failed || b.failed);
}

static void test_plugins_texts(const char *file, unsigned at_least)
{
	struct side own, plugin;
	unsigned nr = 0;

	open_side(&own, file);
	open_plugin_side(&plugin, file);
	/* from the first question on libtraceevent keeps the first name it is told */
	event_db_need_texts(plugin.db);
	tep_data_comm_from_pid(plugin.db->tep, 1);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct tep_event *event = event_db_event_by_name(own.db, texts[i].system, texts[i].name);

		if (!event)
			continue;
		assert_non_null(event_db_slot(own.db, event->id)->text);
		assert_non_null(event_db_event(plugin.db, event->id)->handler);
		event_db_slot(plugin.db, event->id)->text = NULL;
		compare_texts(&own, &plugin, event);
		nr++;
	}
	assert_true(nr >= at_least);
	/* the names that were told on the way */
	for (int pid = 0; pid < 200; pid++)
		assert_string_equal(event_ctx_comm(own.ctx, pid),
				    tep_data_comm_from_pid(plugin.db->tep, pid));
	close_side(&own);
	close_side(&plugin);
}

static void test_6_1(void **state)
{
	(void)state;
	test_plugins_texts("all-6.1.dat", 12);
}

static void test_6_12(void **state)
{
	(void)state;
	test_plugins_texts("function.dat", 12);
}

/* ---- trace_bprintk ---------------------------------------------------------------------- */

static const char *const printks[] = {
	"hello %d", "%s and %s", "%d %s %u|%x", "%ld %lu %lx %llx", "%%%s%%", "%5d|%05x",
	"%pS %d", "%p %s", "no argument", "%i%%", "%s %lld %s", "%X %#x", "%zu %d", "%.3s",
	"%*d %s", "\\t%d",
};

static int source_printks(void *ctx, const char **text, size_t *len, struct err *e)
{
	struct buf *b = ctx;

	(void)e;
	buf_clear(b);
	for (size_t i = 0; i < ARRAY_SIZE(printks); i++)
		buf_printf(b, "0x%zx : \"%s\\n\"\n", 0x1000 + i, printks[i]);
	*text = b->data;
	*len = b->len;
	return 0;
}

static int source_symbols(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)e;
	*text = "1000 T first\n2000 T second\n3000 T end\n";
	*len = strlen(*text);
	return 0;
}

static const char bprint_format[] =
	"name: bprint\nID: 6\nformat:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
	"\tfield:unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;\n"
	"\tfield:const char * fmt;\toffset:16;\tsize:8;\tsigned:0;\n"
	"\tfield:u32 buf[];\toffset:24;\tsize:0;\tsigned:0;\n\n"
	"print fmt: \"%ps: %s\", (void *)REC->ip, REC->fmt\n";

static void test_bprint(void **state)
{
	static const char *const words[] = { "word", "a", "", "%d" };
	const struct event_db_opts opts = { .long_size = 8, .page_size = 4096, .cpus = 1 };
	struct event_db *db;
	struct event_ctx *ctx;
	AUTO_BUF struct buf a = { 0 }, b = { 0 }, table = { 0 };
	struct event_db_source source = { .printk = source_printks, .kallsyms = source_symbols,
					  .ctx = &table };
	struct event_slot *slot;
	event_builtin_fn own;
	unsigned own_texts = 0;

	(void)state;
	assert_int_equal(event_db_new(&opts, &db, NULL), 0);
	event_db_set_source(db, &source);
	assert_int_equal(event_db_add_format(db, "ftrace", bprint_format, strlen(bprint_format), NULL), 0);
	assert_int_equal(event_ctx_new(db, &ctx, NULL), 0);
	slot = event_db_slot(db, 6);
	assert_non_null(slot);
	own = slot->text;
	assert_non_null(own);
	for (unsigned i = 0; i < 50000; i++) {
		uint8_t data[24 + 64] = { 6 };
		uint64_t ip = 0x1000 + random_bits() % 0x2400, fmt = 0x1000 + random_bits() % 25;
		struct event_record rec = { .data = data, .len = sizeof(data),
					    .avail = sizeof(data) };

		memcpy(data + 8, &ip, 8);
		memcpy(data + 16, &fmt, 8);
		for (unsigned at = 24; at + 8 <= sizeof(data); at += 4) {
			uint64_t v = random_bits() >> random_bits() % 64;

			if (random_bits() % 3)
				memcpy(data + at, &v, 8);
			else
				strcpy((char *)data + at, words[random_bits() % ARRAY_SIZE(words)]);
			/* no argument may be missing: libtraceevent gives the event up then */
			data[at + 7] = 0;
		}
		buf_clear(&a);
		buf_clear(&b);
		event_text(ctx, slot->event, &rec, false, NULL, &a);
		slot->text = NULL;
		event_text(ctx, slot->event, &rec, false, NULL, &b);
		slot->text = own;
		assert_string_equal(a.data, b.data);
		buf_clear(&b);
		own_texts += rec.len >= slot->text_end &&
			     own(ctx, slot, &rec, NULL, &b) == BUILTIN_DONE;
	}
	assert_true(own_texts > 10000);
	event_ctx_free(ctx);
	event_db_free(db);
}

/* ---- arguments of functions --------------------------------------------------------------- */

#define COMMON(name, id) "name: " name "\nID: " #id "\nformat:\n" \
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" \
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
#define LONG(name, offset, size) \
	"\tfield:unsigned long " name ";\toffset:" #offset ";\tsize:" #size ";\tsigned:0;\n"
#define DEPTH "\tfield:unsigned int depth;\toffset:16;\tsize:4;\tsigned:0;\n"
#define PRINT "\nprint fmt: \"\"\n"

static struct event_db *args_db(uint8_t long_size, bool big)
{
	/* as of Linux 6.18; its retaddr entries have had no field for the caller since */
	static const char *const formats[] = {
		COMMON("function", 1) LONG("ip", 8, 8) LONG("parent_ip", 16, 8) LONG("args[]", 24, 0) PRINT,
		COMMON("funcgraph_entry", 11) LONG("func", 8, 8) DEPTH LONG("args[]", 24, 0) PRINT,
		COMMON("fgraph_retaddr_entry", 12) LONG("func", 8, 8) DEPTH LONG("retaddr", 24, 8)
			LONG("args[]", 32, 0) PRINT,
		COMMON("fgraph_retaddr_entry", 13) LONG("func", 8, 8) DEPTH LONG("args[]", 24, 0) PRINT,
	};
	static const struct event_db_source source = { .kallsyms = source_symbols };
	const struct event_db_opts opts = { .long_size = long_size, .page_size = 4096, .cpus = 1, .big_endian = big };
	struct event_db *db;

	assert_int_equal(event_db_new(&opts, &db, NULL), 0);
	event_db_set_source(db, &source);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		assert_int_equal(event_db_add_format(db, "ftrace", formats[i], strlen(formats[i]), NULL), 0);
	return db;
}

/* The text of a call of second by first with two words behind; @option: of a plugin, or NULL. */
static void assert_call_of(struct event_db *db, uint8_t id, uint32_t len, const char *option, const char *want)
{
	const bool big = db->opts.big_endian;
	const uint64_t words[] = { 0x2000, id == 1 ? 0x1000 : 0, 0x1010, 0x22, 0xffffffffffffffff };
	/* of just that size: what reads on is seen by sanitizers */
	AUTO_FREE uint8_t *data = calloc(1, len);
	struct event_record rec = { .data = data, .len = len, .avail = len };
	AUTO_BUF struct buf text = { 0 };
	struct event_ctx *ctx;

	assert_non_null(data);
	data[big] = id;
	for (uint32_t at = 8; at < len; at++)
		data[at] = words[at / 8 - 1] >> 8 * (big ? 7 - at % 8 : at % 8);
	if (option)
		assert_int_equal(event_db_plugin_option(db, option, NULL), 0);
	assert_int_equal(event_ctx_new(db, &ctx, NULL), 0);
	event_text(ctx, event_db_event(db, id), &rec, false, NULL, &text);
	assert_string_equal(text.data, want);
	event_ctx_free(ctx);
	event_db_free(db);
}

static void assert_call(uint8_t id, uint32_t len, const char *option, const char *want)
{
	assert_call_of(args_db(8, false), id, len, option, want);
	assert_call_of(args_db(8, true), id, len, option, want);
}

#define NO_TIME "             |  "

static void test_args(void **state)
{
	(void)state;
	assert_call(1, 48, NULL, "second(0x1010, 0x22, 0xffffffffffffffff)");
	assert_call(1, 40, "ftrace:parent=1", "second(0x1010, 0x22) <-- first");
	assert_call(1, 44, NULL, "second(0x1010, 0x22)");
	assert_call(1, 24, NULL, "second");
	assert_call(11, 40, NULL, NO_TIME "second(0x1010, 0x22) {");
	assert_call(11, 28, NULL, NO_TIME "second() {");
	assert_call(11, 24, NULL, NO_TIME "second() {");
	assert_call(11, 20, NULL, NO_TIME "second() {");
	assert_call(12, 40, NULL, NO_TIME "second(0x22) { /* <-first */");
	assert_call(13, 40, NULL, NO_TIME "second(0x22) { /* <-first */");
	assert_call(13, 32, NULL, NO_TIME "second() { /* <-first */");
}

static void test_no_args(void **state)
{
	(void)state;
	/* each of its own, both, and a switch without a value */
	assert_call(1, 40, "ftrace:args=0", "second");
	assert_call(1, 40, "fgraph:args=0", "second(0x1010, 0x22)");
	assert_call(11, 40, "fgraph:args=0", NO_TIME "second() {");
	assert_call(11, 40, "ftrace:args=0", NO_TIME "second(0x1010, 0x22) {");
	assert_call(13, 40, "args=0", NO_TIME "second() { /* <-first */");
	assert_call(1, 40, "args", "second");
}

static void test_args_of_32_bits(void **state)
{
	(void)state;
	assert_call_of(args_db(4, false), 1, 40, NULL, "second(0x1010, 0x0, 0x22, 0x0)");
	assert_call_of(args_db(4, false), 11, 28, NULL, NO_TIME "second(0x1010) {");
	/* of no kernel */
	assert_call_of(args_db(2, false), 11, 40, NULL, NO_TIME "second() {");
}

static void test_args_as_of_3_1(void **state)
{
	static const struct { uint8_t id; const char *option, *want; } cases[] = {
		{ 1, NULL, "second" }, { 11, NULL, NO_TIME "second() {" },
		{ 1, "args=1", "second(0x1010, 0x22)" }, { 11, "args=1", NO_TIME "second(0x1010, 0x22) {" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event_db *db = args_db(8, false);

		event_db_set_compat_31(db, true);
		assert_call_of(db, cases[i].id, 40, cases[i].option, cases[i].want);
	}
}

/* ---- in order and deferred --------------------------------------------------------------- */

static void put_quoted(const char *comm, struct buf *out)
{
	buf_printf(out, "'%s'", comm);
}

static void put_line(struct side *s, const struct event_line_opts *opts,
		     struct event_line_state *state, const struct event_record *rec, struct buf *out)
{
	event_line(s->ctx, opts, state, rec, NULL, out);
	event_ctx_put_comm(s->ctx, event_db_record_pid(s->db, rec->data, rec->len), put_quoted, out);
	buf_puts(out, "\n");
}

static void test_deferred(void **unused)
{
	static const struct event_line_opts opts = { .seconds = true, .ts_diff = true };
	static const char *const names[] = { "sched_switch", "sched_wakeup", "function" };
	struct event_line_state state = { 0 }, settled = { 0 }, window = { 0 };
	AUTO_BUF struct buf in_order = { 0 }, all = { 0 }, text = { 0 };
	struct event_fixups fx = { 0 };
	struct side a, b;

	(void)unused;
	open_side(&a, "function.dat");
	open_side(&b, "function.dat");
	event_ctx_defer(b.ctx, &fx);
	for (unsigned i = 0; i < 20000; i++) {
		struct tep_event *event = event_db_event_by_name(a.db, NULL, names[random_bits() % 3]);
		uint8_t data[RECORD_MAX];
		uint32_t len = make_record(&a, event, data), pid = 100000 + random_bits() % 300;
		struct event_record rec = { .ts = i * 1500ull, .data = data, .len = len,
					    .avail = RECORD_MAX, .cpu = random_bits() % 3 };

		/* names become known on the way */
		memcpy(data + 4, &pid, 4);
		pid = 100000 + random_bits() % 300;
		if (i % 50 == 0 && tep_find_field(event, "pid"))
			memcpy(data + tep_find_field(event, "pid")->offset, &pid, 4);
		put_line(&a, &opts, &state, &rec, &in_order);
		put_line(&b, &opts, &window, &rec, &text);
		if (random_bits() % 100)
			continue;
		assert_int_equal(event_fixups_settle(&fx, &settled, &text), 0);
		buf_put(&all, text.data, text.len);
		buf_clear(&text);
		settled = window;
		window = (struct event_line_state){ 0 };
	}
	assert_int_equal(event_fixups_settle(&fx, &settled, &text), 0);
	buf_put(&all, text.data, text.len);
	assert_non_null(strstr(all.data, "<...>-100"));
	assert_non_null(strstr(all.data, "a task-100"));
	assert_string_equal(all.data, in_order.data);
	event_fixups_release(&fx);
	close_side(&a);
	close_side(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_6_1),
		cmocka_unit_test(test_6_12),
		cmocka_unit_test(test_bprint),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_no_args),
		cmocka_unit_test(test_args_of_32_bits),
		cmocka_unit_test(test_args_as_of_3_1),
		cmocka_unit_test(test_deferred),
	};

	tep_set_loglevel(TEP_LOG_NONE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

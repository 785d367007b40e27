// SPDX-License-Identifier: GPL-2.0-or-later
/* User events without a kernel that has them: definitions, records, lists, and the library's functions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "include/tracecmd-user-event.h"
#include "kernel/dynevent.h"
#include "kernel/user_event.h"

#define ALL_KINDS "app s8 a;u16  b; unsigned int c ; s64 d; char[8] e; struct point f 8; __rel_loc char[] g; __data_loc unsigned short[] h;"

static void assert_contains(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("'%s' is not in '%s'", words, text);
}

/* ---- definitions ------------------------------------------------------------ */

static void test_definition(void **state)
{
	static const struct {
		const char *name, *type;
		uint32_t at, size;
	} fields[] = {
		{ "a", "s8", 0, 1 }, { "b", "u16", 1, 2 }, { "c", "unsigned int", 3, 4 }, { "d", "s64", 7, 8 },
		{ "e", "char[8]", 15, 8 }, { "f", "struct point", 23, 8 }, { "g", "__rel_loc char[]", 31, 4 },
		{ "h", "__data_loc unsigned short[]", 35, 4 },
	};
	struct kernel_user_def def;
	struct buf text AUTO_BUF = { 0 };

	(void)state;
	assert_int_equal(kernel_user_parse(ALL_KINDS, &def, NULL), 0);
	assert_string_equal(def.name, "app");
	assert_int_equal(def.nr, ARRAY_SIZE(fields));
	assert_int_equal(def.size, 39);
	for (size_t i = 0; i < def.nr; i++) {
		assert_string_equal(def.v[i].name, fields[i].name);
		assert_string_equal(def.v[i].type, fields[i].type);
		assert_int_equal(def.v[i].at, fields[i].at);
		assert_int_equal(def.v[i].size, fields[i].size);
	}
	assert_int_equal(kernel_user_text(&def, &text), 0);
	assert_string_equal(text.data, "app s8 a; u16 b; unsigned int c; s64 d; char[8] e; struct point f 8; "
			    "__rel_loc char[] g; __data_loc unsigned short[] h");
	kernel_user_release(&def);
	assert_int_equal(kernel_user_parse("no-fields.1", &def, NULL), 0);
	assert_int_equal(def.nr + def.size, 0);
	kernel_user_release(&def);
}

static void test_bad_definitions(void **state)
{
	static const char *const bad[][2] = {
		{ "", "cannot be the name" }, { "1a u32 x", "cannot be the name" }, { "a:b u32 x", "cannot be the name" },
		{ "a;u32 x", "cannot be the name" }, { "a u32", "field 1 'u32': a field is TYPE NAME" },
		{ "a u32 x; u33 y", "there is no type 'u33'; did you mean 'u32'" }, { "a long x", "s64 and u64 do not" },
		{ "a u32 x y", "separated by ';'" }, { "a u32 x 4", "separated by ';'" }, { "a u8 a u8 b u8 c", "separated by ';'" },
		{ "a u32 x;; u8 y", "field 2 '': it is empty" }, { "a u32 x; u8 x", "already" },
		{ "a u32 common_pid", "field 1 'u32 common_pid': names that begin with common_ are those" }, { "a u32 x-y", "letters, digits" },
		{ "a char x[20]", "brackets belong to the type" }, { "a char[] x", "1 to 1024" }, { "a char[0] x", "1 to 1024" },
		{ "a char[1025] x", "1 to 1024" }, { "a char[4]] x", "1 to 1024" }, { "a char[4 x", "1 to 1024" },
		{ "a char[123456789012345678901] x", "1 to 1024" }, { "a u32[4] x", "only char has arrays" },
		{ "a __rel_loc char x", "TYPE[]" }, { "a __rel_loc char[4] x", "TYPE[]" }, { "a __rel_loc foo[] x", "no type 'foo'" },
		{ "a __rel_loc", "a field is TYPE NAME" }, { "a __data_loc unsigned", "a field is TYPE NAME" },
		{ "a unsigned", "a field is TYPE NAME" }, { "a unsigned long x", "no type 'unsigned long'" },
		{ "a struct x", "struct NAME FIELD SIZE" }, { "a struct x y", "struct NAME FIELD SIZE" },
		{ "a struct x y 0", "up to 65535" }, { "a struct x y 65536", "up to 65535" }, { "a struct x y 0x4", "up to 65535" },
	};
	char *large = malloc(700);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct kernel_user_def def;
		struct err e = { 0 };

		assert_int_equal(kernel_user_parse(bad[i][0], &def, &e), -EINVAL);
		assert_contains(e.text, bad[i][1]);
		kernel_user_release(&def);
	}
	memset(large, 'x', 699);
	large[699] = 0;
	for (size_t len = 511; len <= 512; len++) {
		struct kernel_user_def def;
		struct err e = { 0 };

		large[len] = 0;
		assert_int_equal(kernel_user_parse(large, &def, &e), len == 511 ? 0 : -EINVAL);
		if (len == 512)
			assert_contains(e.text, "512 bytes; the kernel takes 511");
		kernel_user_release(&def);
		large[len] = 'x';
	}
	free(large);
}

/* ---- records ----------------------------------------------------------------- */

static int make(const char *definition, const char *const *words, size_t nr, struct buf *ret, struct err *e)
{
	struct kernel_user_def def;
	int r = kernel_user_parse(definition, &def, e);

	assert_int_equal(r, 0);
	r = kernel_user_record(&def, (char *const *)words, nr, ret, e);
	if (!r)
		assert_int_equal(kernel_user_check(&def, ret->data, ret->len, e), 0);
	kernel_user_release(&def);
	return r;
}

static void test_record(void **state)
{
	static const char *const words[] = {
		"g=text=x", "a=-1", "b=0xffff", "c=3", "d=-9223372036854775808", "e=1234567", "f=0001020304050607", "h=1,2,65535",
	};
	static const uint8_t wanted[] = {
		0xff, 0xff, 0xff, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, '1', '2', '3', '4', '5', '6', '7', 0,
		0, 1, 2, 3, 4, 5, 6, 7, 4, 0, 7, 0, 54, 0, 6, 0, 't', 'e', 'x', 't', '=', 'x', 0, 1, 0, 2, 0, 0xff, 0xff,
	};
	struct buf record AUTO_BUF = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(make(ALL_KINDS, words, ARRAY_SIZE(words), &record, &e), 0);
	assert_int_equal(record.len, sizeof(wanted));
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		assert_memory_equal(record.data, wanted, sizeof(wanted));
}

static void test_bad_records(void **state)
{
	static const char *const bad[][3] = {
		{ "a u8 x", "x=256", "'256' does not fit its type" }, { "a u8 x", "x=-1", "is no number from 0" },
		{ "a s8 x", "x=-129", "does not fit" }, { "a s8 x", "x=128", "does not fit" }, { "a u64 x", "x=1z", "no number" },
		{ "a u64 x", "x=", "no number" }, { "a u64 x", "x=99999999999999999999", "does not fit" },
		{ "a char[4] x", "x=four", "longer than the field" }, { "a struct p x 2", "x=001", "two hexadecimal digits" },
		{ "a struct p x 2", "x=00zz", "two hexadecimal digits" }, { "a __rel_loc u8[] x", "x=1,,2", "no number" },
		{ "a __rel_loc u8[] x", "x=1,2,", "no number" }, { "a u8 x", "y=1", "no field 'y'" }, { "a u8 x", "x", "not FIELD=VALUE" },
		{ "a u8 x; u8 y", "x=1", "field 'y' is missing: y=VALUE" }, { "a u8 value", "valeu=1", "did you mean 'value'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct buf record AUTO_BUF = { 0 };
		struct err e = { 0 };

		assert_int_equal(make(bad[i][0], &bad[i][1], 1, &record, &e), -EINVAL);
		assert_contains(e.text, bad[i][2]);
	}
	{
		static const char *const twice[] = { "x=1", "x=2" };
		struct buf record AUTO_BUF = { 0 };
		struct err e = { 0 };

		assert_int_equal(make("a u8 x", twice, 2, &record, &e), -EINVAL);
		assert_contains(e.text, "given twice");
	}
}

static void test_long_values(void **state)
{
	char *word = malloc(70000);
	const char *words[] = { word };

	(void)state;
	memset(word, 'x', 69999);
	memcpy(word, "x=", 2);
	for (size_t len = 65534; len <= 65535; len++) {
		struct buf record AUTO_BUF = { 0 };
		struct err e = { 0 };

		word[2 + len] = 0;
		assert_int_equal(make("a __rel_loc char[] x", words, 1, &record, &e), len == 65534 ? 0 : -EINVAL);
		if (len == 65535)
			assert_contains(e.text, "too long for a record");
		word[2 + len] = 'x';
	}
	free(word);
}

/* ---- the library ----------------------------------------------------------------- */

static void check(struct tracecmd_user_event *event, const void *record, size_t size, int code, const char *words)
{
	struct iovec part = { (void *)record, size };
	struct tracecmd_error error = { .text = "" };

	assert_int_equal(tracecmd_user_event_check(event, &part, 1, &error), code);
	assert_contains(error.text, words);
}

/* The same on kernels with user events and without: it is not registered where that needs rights. */
static void test_check(void **state)
{
	struct { uint32_t id, rel, data; char text[8]; } r = { 1, 4 << 16 | 4, 4 << 16 | 24, "abc" };
	struct tracecmd_user_event event = { 0 };
	struct tracecmd_error error;

	(void)state;
	memcpy(r.text + 4, "def", 4);
	check(&event, &r, sizeof(r), -EINVAL, "no definition");
	assert_int_equal(tracecmd_user_event_register(&event, "tc_unit u32 id; __rel_loc char[] rel; __data_loc char[] data", 8, &error), -EINVAL);
	assert_contains(error.text, "no such flag: 0x8");
	assert_int_equal(tracecmd_user_event_register(&event, "tc_unit u33 id", 0, &error), -EINVAL);
	assert_contains(error.text, "'u33'");
	tracecmd_user_event_register(&event, "tc_unit u32 id; __rel_loc char[] rel; __data_loc char[] data", 0, NULL);
	check(&event, &r, sizeof(r), 0, "");
	check(&event, &r, 11, -EINVAL, "has 11 bytes; its fields have 12");
	r.rel = 8 << 16 | 5;
	check(&event, &r, sizeof(r), -EFAULT, "field 'rel' has 8 bytes at 13 of the record, which has 20");
	r.rel = 0xffffffff;
	check(&event, &r, sizeof(r), -EFAULT, "field 'rel' has 65535 bytes");
	r.rel = 3 << 16 | 4;
	check(&event, &r, sizeof(r), -EFAULT, "field 'rel' does not end in a NUL");
	r.rel = 4;
	check(&event, &r, sizeof(r), -EFAULT, "does not end in a NUL");
	r.rel = 4 << 16 | 4;
	r.data = 4 << 16 | 7;
	check(&event, &r, sizeof(r), -EFAULT, "field 'data' begins at 7 of the event");
	assert_int_equal(tracecmd_user_event_unregister(&event, &error), 0);
	assert_int_equal(tracecmd_user_event_unregister(&event, &error), 0);
	check(&event, &r, sizeof(r), -EINVAL, "no definition");
}

static void test_nothing_registered(void **state)
{
	static struct tracecmd_user_event event;
	struct iovec parts[TRACECMD_USER_EVENT_PARTS + 1] = { { NULL, 0 } };
	struct tracecmd_error error;
	uint32_t x = 1;

	(void)state;
	assert_false(tracecmd_user_event_enabled(&event));
	assert_int_equal(tracecmd_user_event_write(&event, &x, sizeof(x)), 0);
	assert_int_equal(tracecmd_user_event_writev(&event, parts, TRACECMD_USER_EVENT_PARTS), 0);
	assert_int_equal(tracecmd_user_event_writev(&event, parts, TRACECMD_USER_EVENT_PARTS + 1), -EINVAL);
	assert_int_equal(tracecmd_user_event_writev(NULL, parts, 1), -EINVAL);
	assert_int_equal(tracecmd_user_event_writev(&event, NULL, 1), -EINVAL);
	assert_int_equal(tracecmd_user_event_register(NULL, "a", 0, &error), -EINVAL);
	assert_int_equal(tracecmd_user_event_register(&event, NULL, 0, &error), -EINVAL);
	assert_int_equal(tracecmd_user_event_unregister(NULL, &error), -EINVAL);
	assert_int_equal(tracecmd_user_event_check(NULL, parts, 1, &error), -EINVAL);
	assert_contains(error.text, "NULL");
}

static void test_record_builder(void **state)
{
	struct { uint32_t id, rel, data; } __attribute__((packed)) fields = { 1, 0, 0 };
	struct tracecmd_user_event event = { 0 };
	struct tracecmd_user_record record;
	const uint16_t numbers[] = { 1, 2, 3 };

	(void)state;
	tracecmd_user_event_register(&event, "tc_unit u32 id; __rel_loc char[] rel; __data_loc u16[] data", 0, NULL);
	tracecmd_user_record_begin(&record, &fields, sizeof(fields));
	tracecmd_user_record_data(&record, &fields.data, numbers, sizeof(numbers));
	tracecmd_user_record_string(&record, &fields.rel, NULL);
	assert_int_equal(record.nr, 3);
	assert_int_equal(fields.data, 6 << 16 | 20);
	assert_int_equal(fields.rel, 7 << 16 | 10);
	assert_int_equal(tracecmd_user_event_check(&event, record.parts, record.nr, NULL), 0);
	tracecmd_user_record_array(&record, &fields.rel, numbers, 65536);
	assert_int_equal(tracecmd_user_record_write(&record, &event), -EMSGSIZE);
	tracecmd_user_record_begin(&record, &fields, sizeof(fields));
	for (int i = 0; i < TRACECMD_USER_EVENT_PARTS; i++)
		tracecmd_user_record_data_string(&record, &fields.data, "x");
	assert_int_equal(tracecmd_user_record_write(&record, &event), -EINVAL);
	assert_int_equal(record.nr, TRACECMD_USER_EVENT_PARTS);
	tracecmd_user_event_unregister(&event, NULL);
}

/* ---- lists: files as the kernel has them ------------------------------------------- */

static void put(const char *dir, const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (char *p = path + strlen(dir) + 1; (p = strchr(p, '/')); *p++ = '/') {
		*p = 0;
		mkdir(path, 0700);
	}
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

#define COMMON "format:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n"

/* Among the dynamic events each has its system and name, and so whether it is on. */
static void expect_among_dynamic_events(struct kernel *k, const char *dir)
{
	static const char *const wanted[][2] = {
		{ "kprobes", "app" }, { "user_events_multi", "app.1f" }, { "user_events_multi", "app.0" }, { "user_events", "app" },
		{ "user_events", "a.1" },
	};
	struct kernel_dyn_events evs = { 0 };

	put(dir, "events/user_events_multi/app.0/enable", "1\n");
	assert_int_equal(kernel_dyn_list(k, &evs, NULL), 0);
	assert_int_equal(evs.nr, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < evs.nr; i++) {
		assert_string_equal(evs.v[i].group, wanted[i][0]);
		assert_string_equal(evs.v[i].name, wanted[i][1]);
		assert_string_equal(kernel_dyn_type_name(evs.v[i].type), i ? "user" : "kprobe");
		assert_int_equal(kernel_dyn_enabled(kernel_top(k), &evs.v[i]), i == 2);
	}
	kernel_dyn_events_release(&evs);
}

static void test_list(void **state)
{
	char dir[] = "/tmp/tracecmd-user-XXXXXX", command[64];
	struct kernel_user_events evs = { 0 };
	struct kernel *k;
	struct err e = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	put(dir, "tracing_on", "1\n");
	put(dir, "dynamic_events", "p:kprobes/app vfs_read\nu:app u32 id\nu:app u64 id\nu:app char[8] s; u8 x\nu:a.1\n");
	put(dir, "events/user_events/a.1/format", "name: a.1\nID: 1\n" COMMON);
	put(dir, "events/user_events/app/format", "name: app\nID: 1\n" COMMON "\tfield:char s[];\toffset:8;\tsize:8;\tsigned:1;\n"
	    "\tfield:u8 x;\toffset:16;\tsize:1;\tsigned:0;\n");
	put(dir, "events/user_events_multi/app.0/format", "name: app.0\nID: 1\n" COMMON "\tfield:u64 id;\toffset:8;\tsize:8;\tsigned:0;\n");
	put(dir, "events/user_events_multi/app.1f/format", "name: app.1f\nID: 1\n" COMMON "\tfield:u32 id;\toffset:8;\tsize:4;\tsigned:0;\n");
	assert_int_equal(kernel_open(dir, NULL, &k, &e), 0);
	assert_int_equal(kernel_user_list(k, &evs, &e), -ENOENT);
	assert_contains(e.text, "no user events");
	put(dir, "user_events_status", "app # Used by ftrace perf\na.1\napp.1f\napp.0 # Used by other\n\nActive: 4\nBusy: 2\n");
	assert_int_equal(kernel_user_list(k, &evs, &e), 0);
	assert_int_equal(evs.nr, 4);
	assert_string_equal(evs.v[0].name, "a.1");
	assert_string_equal(evs.v[0].base, "a.1");
	assert_string_equal(evs.v[0].fields, "");
	assert_string_equal(evs.v[1].name, "app");
	assert_string_equal(evs.v[1].fields, "char[8] s; u8 x");
	assert_true(evs.v[1].ftrace && evs.v[1].perf && !evs.v[1].other);
	assert_string_equal(evs.v[2].name, "app.0");
	assert_string_equal(evs.v[2].system, "user_events_multi");
	assert_string_equal(evs.v[2].base, "app");
	assert_string_equal(evs.v[2].fields, "u64 id");
	assert_true(!evs.v[2].ftrace && !evs.v[2].perf && evs.v[2].other);
	assert_string_equal(evs.v[3].fields, "u32 id");
	kernel_user_events_release(&evs);
	expect_among_dynamic_events(k, dir);
	kernel_close(k);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

/* What opening fails with tells what is missing. */
static void test_open(void **state)
{
	char dir[] = "/tmp/tracecmd-user-XXXXXX", path[64];
	struct err e = { 0 };
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(kernel_user_open(dir, &e), -ENOENT);
	assert_contains(e.text, "CONFIG_USER_EVENTS");
	put(dir, "user_events_data", "");
	fd = kernel_user_open(dir, &e);
	assert_true(fd >= 0);
	/* a file that knows none of its calls */
	{
		struct kernel_user_def def;
		uint32_t enabled = 0, index;

		assert_int_equal(kernel_user_parse("a u32 x", &def, NULL), 0);
		assert_int_equal(kernel_user_register(fd, &def, 0, &enabled, &index, &e), -EOPNOTSUPP);
		assert_contains(e.text, "Linux 6.4");
		assert_true(kernel_user_delete(fd, "a", &e) < 0);
		kernel_user_release(&def);
	}
	close(fd);
	snprintf(path, sizeof(path), "%s/user_events_data", dir);
	unlink(path);
	rmdir(dir);
}

/* A descriptor that is another file's by now is left alone; unless the kernel has let go, the event is registered. */
static void test_closed_descriptor(void **state)
{
	struct tracecmd_user_event event = { .registered = 1, .fd = dup(2) };
	struct tracecmd_error error;
	int r = tracecmd_user_event_unregister(&event, &error);

	(void)state;
	assert_int_equal(event.registered, r != 0);
	if (r)
		assert_contains(error.text, "cannot unregister a user event, whose descriptor was closed: ");
	assert_int_equal(close(event.fd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_definition), cmocka_unit_test(test_bad_definitions), cmocka_unit_test(test_record),
		cmocka_unit_test(test_bad_records), cmocka_unit_test(test_long_values), cmocka_unit_test(test_check),
		cmocka_unit_test(test_nothing_registered), cmocka_unit_test(test_record_builder), cmocka_unit_test(test_list),
		cmocka_unit_test(test_open), cmocka_unit_test(test_closed_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

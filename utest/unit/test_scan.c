// SPDX-License-Identifier: GPL-2.0-or-later
/* Scans beside tracecmd_trace_next, over recordings; their types and limits over made files. */
#include "made.h"

#include <pthread.h>

#include "include/tracecmd.h"
#include "../formats.h"

#define TRACE(name) FIXTURES "/traces/" name ".dat"

#define ok(call) \
	do { struct tracecmd_error error_ = { 0 }, *why = &error_; (void)why; \
	     if ((call) < 0) fail_msg("%s: %s", #call, error_.text); } while (0)

static struct tracecmd_trace *open_one(const char *path)
{
	const struct tracecmd_trace_opts opts = { .size = sizeof(opts) };
	struct tracecmd_trace *trace = NULL;

	ok(tracecmd_trace_open(&path, 1, &opts, &trace, why));
	return trace;
}

static struct tracecmd_scan *scan_of(struct tracecmd_trace *trace, struct tracecmd_scan_opts opts)
{
	struct tracecmd_scan *scan = NULL;

	opts.size = sizeof(opts);
	ok(tracecmd_scan_new(trace, &opts, &scan, why));
	return scan;
}

static int add_column(struct tracecmd_scan *scan, int what, const char *field, int type,
		      struct tracecmd_error *error)
{
	const struct tracecmd_column c = { sizeof(c), what, field, type };

	return tracecmd_scan_column(scan, &c, error);
}

/* Everything of a trace by tracecmd_trace_next, to compare with. */
struct row { uint64_t time; uint32_t cpu, size; int32_t pid, id; uint32_t buffer; uint8_t *data; char *text; };
struct rows { VEC(struct row) v; };

static struct rows all_rows(const char *path, bool texts)
{
	struct tracecmd_trace *trace = open_one(path);
	const struct tracecmd_event *ev;
	struct rows rows = { 0 };
	int r;

	while ((r = tracecmd_trace_next(trace, &ev, NULL)) > 0) {
		struct row row = {
			.time = ev->time, .cpu = ev->cpu, .pid = ev->pid, .id = ev->id, .size = ev->size,
			.data = malloc(ev->size),
		};
		const char *text;

		assert_non_null(row.data);
		memcpy(row.data, ev->data, ev->size);
		while (strcmp(tracecmd_file_buffer(trace, 0, row.buffer), ev->buffer))
			row.buffer++;
		if (texts) {
			assert_int_equal(tracecmd_event_text(trace, &text, NULL), 0);
			row.text = strdup(text);
		}
		assert_int_equal(vec_push(&rows.v, row), 0);
	}
	assert_int_equal(r, 0);
	tracecmd_trace_close(trace);
	return rows;
}

static void free_rows(struct rows *rows)
{
	for (size_t i = 0; i < rows->v.nr; i++) {
		free(rows->v.v[i].data);
		free(rows->v.v[i].text);
	}
	vec_release(&rows->v);
}

static const char *const traces[] = {
	TRACE("old-v6"), TRACE("old-v7"), TRACE("instances"), TRACE("fgraph"), TRACE("probes-6.12"),
	TRACE("syn-v7-be-l8-p4096-zstd"), TRACE("syn-v6-le-l4-p8192-none"),
};

/* ---- the same events ---------------------------------------------------------- */

static void test_records(void **state)
{
	static const uint32_t sizes[] = { 1, 7, 100000 };

	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(traces); t++) {
		struct rows rows = all_rows(traces[t], false);

		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
			struct tracecmd_trace *trace = open_one(traces[t]);
			struct tracecmd_scan *scan = scan_of(trace, (struct tracecmd_scan_opts){ 0 });
			struct tracecmd_record *rec = calloc(sizes[k], sizeof(*rec));
			size_t at = 0;
			int n;

			assert_non_null(rec);
			while ((n = tracecmd_scan_records(scan, rec, sizes[k], NULL)) > 0)
				for (int i = 0; i < n; i++, at++) {
					const struct row *row = &rows.v.v[at];

					assert_true(at < rows.v.nr);
					assert_true(rec[i].time == row->time && rec[i].cpu == row->cpu &&
						    rec[i].pid == row->pid && rec[i].id == row->id &&
						    rec[i].buffer == row->buffer && rec[i].size == row->size);
					assert_memory_equal(rec[i].data, row->data, row->size);
					assert_int_equal((uintptr_t)rec[i].data % 8, 0);
				}
			assert_int_equal(n, 0);
			assert_int_equal(at, rows.v.nr);
			assert_int_equal(tracecmd_scan_facts(scan)->selected, at);
			assert_int_equal(tracecmd_scan_facts(scan)->scanned, at);
			assert_int_equal(tracecmd_scan_records(scan, rec, sizes[k], NULL), 0);
			tracecmd_scan_free(scan);
			tracecmd_trace_close(trace);
			free(rec);
		}
		free_rows(&rows);
	}
}

#define ROWS 64
#define BYTES 3000

/* The values of what all events have, and their texts. */
static void check_columns(const char *path, const struct rows *rows, bool texts)
{
	struct tracecmd_trace *trace = open_one(path);
	struct tracecmd_scan *scan = scan_of(trace, (struct tracecmd_scan_opts){ 0 });
	uint64_t time[ROWS];
	uint32_t cpu[ROWS], buffer[ROWS];
	int32_t pid[ROWS], id[ROWS], offsets[ROWS + 1];
	uint8_t valid[ROWS / 8], bytes[BYTES];
	struct tracecmd_values v[6] = {
		{ .values = time }, { .values = cpu }, { .values = buffer }, { .values = pid },
		{ .values = id }, { .offsets = offsets, .bytes = bytes, .bytes_size = sizeof(bytes), .valid = valid },
	};
	size_t at = 0;
	int n;

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		v[i].size = sizeof(v[i]);
	ok(add_column(scan, TRACECMD_TIME, NULL, 0, why));
	ok(add_column(scan, TRACECMD_CPU, NULL, 0, why));
	ok(add_column(scan, TRACECMD_BUFFER, NULL, 0, why));
	ok(add_column(scan, TRACECMD_PID, NULL, 0, why));
	ok(add_column(scan, TRACECMD_ID, NULL, 0, why));
	if (texts)
		assert_int_equal(add_column(scan, TRACECMD_TEXT, NULL, 0, NULL), 5);
	while ((n = tracecmd_scan_read(scan, v, ROWS, NULL)) > 0)
		for (int i = 0; i < n; i++, at++) {
			const struct row *row = &rows->v.v[at];

			assert_true(at < rows->v.nr);
			assert_true(time[i] == row->time && cpu[i] == row->cpu && buffer[i] == row->buffer &&
				    pid[i] == row->pid && id[i] == row->id);
			if (texts) {
				assert_int_equal(offsets[i + 1] - offsets[i], strlen(row->text));
				assert_memory_equal(bytes + offsets[i], row->text, strlen(row->text));
				assert_true(valid[i / 8] >> i % 8 & 1);
			}
		}
	assert_int_equal(n, 0);
	assert_int_equal(at, rows->v.nr);
	tracecmd_scan_free(scan);
	tracecmd_trace_close(trace);
}

static void test_columns(void **state)
{
	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(traces); t++) {
		/* texts of functions are joined by the one and not by the other */
		bool texts = strcmp(traces[t], TRACE("fgraph"));
		struct rows rows = all_rows(traces[t], texts);

		check_columns(traces[t], &rows, texts);
		free_rows(&rows);
	}
}

/* What a selection lets through of the rows of @path, by @wanted. */
static void check_selection(const char *path, struct tracecmd_scan_opts opts, const void *arg,
			    bool (*wanted)(const struct row *row, const struct rows *rows, const void *arg))
{
	struct rows rows = all_rows(path, false);
	struct tracecmd_trace *trace = open_one(path);
	struct tracecmd_scan *scan = scan_of(trace, opts);
	struct tracecmd_record rec;
	size_t at = 0, nr = 0;

	while (tracecmd_scan_records(scan, &rec, 1, NULL) > 0) {
		while (at < rows.v.nr && !wanted(&rows.v.v[at], &rows, arg))
			at++;
		assert_true(at < rows.v.nr);
		assert_true(rec.time == rows.v.v[at].time && rec.cpu == rows.v.v[at].cpu &&
			    rec.id == rows.v.v[at].id);
		at++;
		nr++;
	}
	while (at < rows.v.nr)
		assert_false(wanted(&rows.v.v[at++], &rows, arg));
	assert_true(nr > 0 && nr < rows.v.nr);
	tracecmd_scan_free(scan);
	tracecmd_trace_close(trace);
	free_rows(&rows);
}

static int32_t id_of(const char *path, const char *name)
{
	const struct tracecmd_event_info *events;
	struct tracecmd_trace *trace = open_one(path);
	int32_t id = -1;
	size_t nr;

	ok(tracecmd_file_events(trace, 0, &events, &nr, why));
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(events[i].name, name))
			id = events[i].id;
	assert_true(id > 0);
	tracecmd_trace_close(trace);
	return id;
}

static bool by_id(const struct row *row, const struct rows *rows, const void *arg)
{
	(void)rows;
	return row->id == *(const int32_t *)arg;
}

static bool by_cpu(const struct row *row, const struct rows *rows, const void *arg)
{
	(void)rows;
	return row->cpu == *(const uint32_t *)arg;
}

static bool by_pid(const struct row *row, const struct rows *rows, const void *arg)
{
	const int32_t *pids = arg;

	(void)rows;
	return row->pid == pids[0] || row->pid == pids[1];
}

static bool by_time(const struct row *row, const struct rows *rows, const void *arg)
{
	const uint64_t *range = arg;

	(void)rows;
	return row->time >= range[0] && row->time < range[1];
}

static bool by_buffer(const struct row *row, const struct rows *rows, const void *arg)
{
	(void)rows;
	return row->buffer == *(const uint32_t *)arg;
}

static bool idle_switch(const struct row *row, const struct rows *rows, const void *arg)
{
	/* next_pid of sched_switch on 64 bits */
	return by_id(row, rows, arg) && !get_u32(row->data + 56, false);
}

static void test_selections(void **state)
{
	const char *path = TRACE("old-v7"), *names[] = { "sched/sched_switch" }, *globs[] = { "*_swit?h" };
	const char *filters[] = { "sched_switch: next_pid == 0" };
	int32_t id = id_of(path, "sched_switch"), pids[] = { 197, 0 };
	const uint32_t cpu = 1, buffer = 1;
	struct rows rows = all_rows(path, false);
	uint64_t range[2] = { rows.v.v[rows.v.nr / 3].time, rows.v.v[rows.v.nr / 2].time };
	struct tracecmd_trace *trace;
	const char *name;

	(void)state;
	free_rows(&rows);
	check_selection(path, (struct tracecmd_scan_opts){ .events = names, .nr_events = 1 }, &id, by_id);
	check_selection(path, (struct tracecmd_scan_opts){ .events = globs, .nr_events = 1 }, &id, by_id);
	check_selection(path, (struct tracecmd_scan_opts){ .cpus = &cpu, .nr_cpus = 1 }, &cpu, by_cpu);
	check_selection(path, (struct tracecmd_scan_opts){ .pids = pids, .nr_pids = 2 }, pids, by_pid);
	check_selection(path, (struct tracecmd_scan_opts){ .from = range[0], .to = range[1] }, range, by_time);
	check_selection(path, (struct tracecmd_scan_opts){ .filters = filters, .nr_filters = 1 }, &id, idle_switch);
	path = TRACE("instances");
	trace = open_one(path);
	name = tracecmd_file_buffer(trace, 0, buffer);
	check_selection(path, (struct tracecmd_scan_opts){ .buffers = &name, .nr_buffers = 1 }, &buffer, by_buffer);
	tracecmd_trace_close(trace);
}

/* Each CPU's events in its order, all of one behind those of another. */
static void test_unordered(void **state)
{
	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(traces); t++) {
		struct rows rows = all_rows(traces[t], false);
		struct tracecmd_trace *trace = open_one(traces[t]);
		struct tracecmd_scan *scan = scan_of(trace, (struct tracecmd_scan_opts){ .unordered = 1 });
		struct tracecmd_record rec;
		uint32_t buffer = UINT32_MAX, cpu = UINT32_MAX;
		size_t at = 0, nr = 0;

		while (tracecmd_scan_records(scan, &rec, 1, NULL) > 0) {
			if (rec.buffer != buffer || rec.cpu != cpu)
				at = 0;
			buffer = rec.buffer;
			cpu = rec.cpu;
			while (at < rows.v.nr && (rows.v.v[at].buffer != buffer || rows.v.v[at].cpu != cpu))
				at++;
			assert_true(at < rows.v.nr);
			assert_int_equal(rec.size, rows.v.v[at].size);
			assert_memory_equal(rec.data, rows.v.v[at].data, rec.size);
			at++;
			nr++;
		}
		assert_int_equal(nr, rows.v.nr);
		tracecmd_scan_free(scan);
		tracecmd_trace_close(trace);
		free_rows(&rows);
	}
}

/* What is lost in front of events that are not selected counts for the next one that is. */
static void test_losses(void **state)
{
	const char *path = TRACE("syn-v7-le-l8-p8192-zlib"), *name = NULL;
	struct tracecmd_trace *trace = open_one(path);
	const struct tracecmd_event_info *events;
	const struct tracecmd_event *ev;
	struct tracecmd_record rec;
	struct tracecmd_scan *scan;
	uint64_t lost[4][64] = { { 0 } }, total = 0;
	size_t nr, waited = 0, rows = 0;
	int32_t id;

	(void)state;
	ok(tracecmd_file_events(trace, 0, &events, &nr, why));
	assert_int_equal(tracecmd_trace_next(trace, &ev, NULL), 1);
	id = ev->id;
	for (size_t i = 0; i < nr; i++)
		if (events[i].id == id)
			name = events[i].name;
	assert_non_null(name);
	scan = scan_of(trace, (struct tracecmd_scan_opts){ .events = &name, .nr_events = 1 });
	do {
		unsigned int buffer = 0;

		while (strcmp(tracecmd_file_buffer(trace, 0, buffer), ev->buffer))
			buffer++;
		assert_true(buffer < 4 && ev->cpu < 64);
		if (ev->lost == TRACECMD_LOST_UNKNOWN || lost[buffer][ev->cpu] == TRACECMD_LOST_UNKNOWN)
			lost[buffer][ev->cpu] = TRACECMD_LOST_UNKNOWN;
		else
			lost[buffer][ev->cpu] += ev->lost;
		if (ev->lost)
			total = ev->lost == TRACECMD_LOST_UNKNOWN || total == TRACECMD_LOST_UNKNOWN ?
				TRACECMD_LOST_UNKNOWN : total + ev->lost;
		if (ev->id != id) {
			waited += lost[buffer][ev->cpu] != 0;
			continue;
		}
		assert_int_equal(tracecmd_scan_records(scan, &rec, 1, NULL), 1);
		assert_true(rec.time == ev->time && rec.cpu == ev->cpu);
		assert_true(rec.lost == lost[buffer][ev->cpu]);
		lost[buffer][ev->cpu] = 0;
		rows++;
	} while (tracecmd_trace_next(trace, &ev, NULL) > 0);
	assert_int_equal(tracecmd_scan_records(scan, &rec, 1, NULL), 0);
	assert_true(waited > 0 && rows > 10);
	assert_true(tracecmd_scan_facts(scan)->lost == total);
	assert_int_equal(tracecmd_scan_facts(scan)->selected, rows);
	tracecmd_scan_free(scan);
	tracecmd_trace_close(trace);
}

/* ---- types, over a file made for it -------------------------------------------------- */

/* A head with the two common fields that are always there, and no other. */
#define SHORT_HEAD(name, id) \
	"name: " name "\nID: " #id "\nformat:\n" \
	FIELD("unsigned short common_type", 0, 2, 0) FIELD("int common_pid", 4, 4, 1) "\n"

static const char *const formats[] = {
	SHORT_HEAD("one", 1) FIELD("int n", 8, 4, 1) FIELD("u8 small", 12, 1, 0) FIELD("u64 big", 16, 8, 0)
	FIELD("char s[8]", 24, 8, 0) FIELD("u16 odd", 32, 2, 0) "\nprint fmt: \"\"\n",
	SHORT_HEAD("two", 2) FIELD("u32 n", 8, 4, 0) FIELD("s8 small", 12, 1, 1) FIELD("long big", 16, 8, 1)
	FIELD("__data_loc char[] s", 24, 4, 1) FIELD("char odd[4]", 28, 4, 0) FIELD("__data_loc u16[] list", 32, 4, 0)
	"\nprint fmt: \"\"\n",
};

static const uint8_t first[36] = { 1, 0, 0, 0, 9, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 200, 0, 0, 0,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 'f', 'i', 'r', 's', 't', 0, 0, 0, 7, 0 };
static const uint8_t second[44] = { 2, 0, 0, 0, 9, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0,
	0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 40, 0, 4, 0, 'o', 'd', 'd', 0, 36, 0, 4, 0, 5, 0, 6, 0,
	'b', 0xff, 'c', 0 };
/* of the second kind, but it ends before its strings */
static const uint8_t cut[16] = { 2, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1 };

/* The name of a file with these three events on CPU 0, and one on CPU 2 after a loss. */
static const char *make_file(char *name, size_t size)
{
	AUTO_BUF struct buf block = { 0 };
	struct made m;

	made_begin(&m, "zstd", 4096);
	buf_u32(&block, 1);
	buf_str(&block, "sys");
	buf_u32(&block, ARRAY_SIZE(formats));
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		buf_u64(&block, strlen(formats[i]));
		buf_puts(&block, formats[i]);
	}
	made_ok(dat_writer_block(m.w, DAT_EVENT_FORMATS, block.data, block.len, e));
	made_ok(dat_writer_cpu_count(m.w, 4, e));
	made_buffer(&m, "");
	made_cpu(&m, 0);
	made_page(&m, 0);
	assert_int_equal(ring_encoder_put(&m.enc, 1000, first, sizeof(first)), 1);
	assert_int_equal(ring_encoder_put(&m.enc, 2000, second, sizeof(second)), 1);
	assert_int_equal(ring_encoder_put(&m.enc, 3000, cut, sizeof(cut)), 1);
	made_cpu(&m, 2);
	made_page(&m, 12);
	assert_int_equal(ring_encoder_put(&m.enc, 1500, first, sizeof(first)), 1);
	snprintf(name, size, "/proc/self/fd/%d", made_finish(&m));
	return name;
}

static struct tracecmd_trace *open_made(int *fd)
{
	char name[64];
	struct tracecmd_trace *trace = open_one(make_file(name, sizeof(name)));

	*fd = atoi(strrchr(name, '/') + 1);
	return trace;
}

/* The four rows of a column of numbers: 1500 is the second. */
static void expect_numbers(struct tracecmd_trace *trace, int what, const char *field, int type,
			   int ret_type, const void *values, size_t size, unsigned valid_bits)
{
	struct tracecmd_scan *scan = scan_of(trace, (struct tracecmd_scan_opts){ 0 });
	uint8_t memory[32], valid = 0xff;
	struct tracecmd_values v = { .size = sizeof(v), .values = memory, .valid = &valid };

	memset(memory, 0x55, sizeof(memory));
	ok(add_column(scan, what, field, type, why));
	assert_int_equal(tracecmd_scan_type(scan, 0, NULL), ret_type);
	assert_int_equal(tracecmd_scan_read(scan, &v, 4, NULL), 4);
	assert_memory_equal(memory, values, size);
	assert_int_equal(valid, valid_bits);
	assert_int_equal(v.nulls, 4 - __builtin_popcount(valid_bits));
	assert_int_equal(tracecmd_scan_read(scan, &v, 4, NULL), 0);
	tracecmd_scan_free(scan);
}

#define EXPECT(what, field, type, ret_type, c_type, valid_bits, ...) do { \
	static const c_type values_[] = { __VA_ARGS__ }; \
	expect_numbers(trace, what, field, type, ret_type, values_, sizeof(values_), valid_bits); } while (0)

static void test_numbers(void **state)
{
	int fd;
	struct tracecmd_trace *trace = open_made(&fd);

	(void)state;
	/* int and u32 need 64 bits together, u8 and s8 16; of u64 what s64 holds */
	EXPECT(TRACECMD_FIELD, "n", 0, TRACECMD_TYPE_INT64, int64_t, 0xf, -1, -1, UINT32_MAX, 1);
	EXPECT(TRACECMD_FIELD, "small", 0, TRACECMD_TYPE_INT16, int16_t, 0xf, 200, 200, -1, 1);
	EXPECT(TRACECMD_FIELD, "big", 0, TRACECMD_TYPE_INT64, int64_t, 0x4, 0, 0, -2, 0);
	/* asked for otherwise: what does not fit is null */
	EXPECT(TRACECMD_FIELD, "big", TRACECMD_TYPE_UINT64, TRACECMD_TYPE_UINT64, uint64_t, 0x3,
	       UINT64_MAX, UINT64_MAX, 0, 0);
	EXPECT(TRACECMD_FIELD, "n", TRACECMD_TYPE_UINT32, TRACECMD_TYPE_UINT32, uint32_t, 0xc, 0, 0, UINT32_MAX, 1);
	EXPECT(TRACECMD_FIELD, "n", TRACECMD_TYPE_INT8, TRACECMD_TYPE_INT8, int8_t, 0xb, -1, -1, 0, 1);
	EXPECT(TRACECMD_FIELD, "small", TRACECMD_TYPE_INT8, TRACECMD_TYPE_INT8, int8_t, 0xc, 0, 0, -1, 1);
	/* what all events have */
	EXPECT(TRACECMD_TIME, NULL, 0, TRACECMD_TYPE_UINT64, uint64_t, 0xf, 1000, 1500, 2000, 3000);
	EXPECT(TRACECMD_TIME, NULL, TRACECMD_TYPE_UINT8, TRACECMD_TYPE_UINT8, uint8_t, 0, 0, 0, 0, 0);
	EXPECT(TRACECMD_CPU, NULL, 0, TRACECMD_TYPE_UINT32, uint32_t, 0xf, 0, 2, 0, 0);
	EXPECT(TRACECMD_PID, NULL, 0, TRACECMD_TYPE_INT32, int32_t, 0xf, 9, 9, 9, 9);
	EXPECT(TRACECMD_ID, NULL, 0, TRACECMD_TYPE_INT32, int32_t, 0xf, 1, 1, 2, 2);
	EXPECT(TRACECMD_LOST, NULL, 0, TRACECMD_TYPE_UINT64, uint64_t, 0xf, 0, 12, 0, 0);
	/* these formats have no flags */
	EXPECT(TRACECMD_FLAGS, NULL, 0, TRACECMD_TYPE_UINT8, uint8_t, 0, 0, 0, 0, 0);
	tracecmd_trace_close(trace);
	close(fd);
}

static void test_strings(void **state)
{
	int32_t offsets[5], lists[5];
	uint8_t bytes[8], valid = 0, elements[8], list_valid = 0;
	struct tracecmd_values v[2] = {
		{ sizeof(v[0]), .offsets = offsets, .bytes = bytes, .bytes_size = 8, .valid = &valid },
		{ sizeof(v[0]), .offsets = lists, .bytes = elements, .bytes_size = 8, .valid = &list_valid },
	};
	struct tracecmd_scan *scan;
	struct tracecmd_error error;
	int fd, element;
	struct tracecmd_trace *trace = open_made(&fd);

	(void)state;
	scan = scan_of(trace, (struct tracecmd_scan_opts){ 0 });
	ok(add_column(scan, TRACECMD_FIELD, "s", 0, why));
	ok(add_column(scan, TRACECMD_FIELD, "list", 0, why));
	assert_int_equal(tracecmd_scan_type(scan, 0, NULL), TRACECMD_TYPE_STRING);
	assert_int_equal(tracecmd_scan_type(scan, 1, &element), TRACECMD_TYPE_ARRAY);
	assert_int_equal(element, TRACECMD_TYPE_UINT16);
	/* "first" twice does not fit */
	assert_int_equal(tracecmd_scan_read(scan, v, 4, NULL), 1);
	assert_int_equal(offsets[1], 5);
	assert_int_equal(v[0].bytes_used, 5);
	assert_memory_equal(bytes, "first", 5);
	assert_int_equal(v[0].nulls, 0);
	assert_int_equal(v[1].nulls, 1);
	/* "first", "b\xff" "c", and the one that is cut */
	assert_int_equal(tracecmd_scan_read(scan, v, 4, NULL), 3);
	assert_memory_equal(bytes, "firstb\xff" "c", 8);
	assert_int_equal(offsets[3], 8);
	assert_int_equal(valid, 0x3);
	assert_int_equal(v[0].nulls, 1);
	assert_int_equal(list_valid, 0x2);
	assert_int_equal(v[1].nulls, 2);
	assert_int_equal(lists[2], 4);
	assert_int_equal(lists[3], 4);
	assert_memory_equal(elements, "\5\0\6\0", 4);
	assert_int_equal(tracecmd_scan_read(scan, v, 4, NULL), 0);
	tracecmd_scan_free(scan);

	/* not even one: it says how much, and nothing is lost */
	scan = scan_of(trace, (struct tracecmd_scan_opts){ 0 });
	ok(add_column(scan, TRACECMD_FIELD, "s", 0, why));
	v[0].bytes_size = 4;
	assert_int_equal(tracecmd_scan_read(scan, v, 4, &error), -ENOBUFS);
	assert_int_equal(v[0].bytes_used, 5);
	v[0].bytes_size = 5;
	assert_int_equal(tracecmd_scan_read(scan, v, 4, NULL), 1);
	tracecmd_scan_free(scan);
	tracecmd_trace_close(trace);
	close(fd);
}

static void test_fields(void **state)
{
	const struct tracecmd_field *fields;
	struct tracecmd_error error;
	size_t nr;
	int fd;
	struct tracecmd_trace *trace = open_made(&fd);

	(void)state;
	ok(tracecmd_event_fields(trace, 0, 2, &fields, &nr, why));
	assert_int_equal(nr, 6);
	assert_string_equal(fields[0].name, "n");
	assert_int_equal(fields[0].type, TRACECMD_TYPE_UINT32);
	assert_string_equal(fields[3].name, "s");
	assert_string_equal(fields[3].declaration, "__data_loc char[]");
	assert_int_equal(fields[3].type, TRACECMD_TYPE_STRING);
	assert_int_equal(fields[5].type, TRACECMD_TYPE_ARRAY);
	assert_int_equal(fields[5].element, TRACECMD_TYPE_UINT16);
	assert_int_equal(tracecmd_event_fields(trace, 0, 77, &fields, &nr, &error), -ENOENT);
	assert_int_equal(tracecmd_event_fields(trace, 1, 2, &fields, &nr, &error), -EINVAL);
	tracecmd_trace_close(trace);
	close(fd);
}

/* ---- what is refused ------------------------------------------------------------------- */

static void expect_refused(struct tracecmd_trace *trace, struct tracecmd_scan_opts opts, int code,
			   const char *words)
{
	struct tracecmd_scan *scan = NULL;
	struct tracecmd_error error;

	opts.size = sizeof(opts);
	assert_int_equal(tracecmd_scan_new(trace, &opts, &scan, &error), code);
	assert_null(scan);
	if (!strstr(error.text, words))
		fail_msg("'%s' is not told in: %s", words, error.text);
}

static void test_selections_refused(void **state)
{
	struct tracecmd_trace *trace = open_one(TRACE("old-v7"));
	const char *event = "sched_swich", *filter = "sched_switch: next_pid ==", *field = "sched_switch: nxt_pid == 0";
	const char *buffer = "other";
	uint32_t cpu = 2;

	(void)state;
	expect_refused(trace, (struct tracecmd_scan_opts){ .events = &event, .nr_events = 1 }, -ENOENT, "sched_switch");
	expect_refused(trace, (struct tracecmd_scan_opts){ .filters = &filter, .nr_filters = 1 }, -EINVAL, "");
	expect_refused(trace, (struct tracecmd_scan_opts){ .filters = &field, .nr_filters = 1 }, -ENOENT, "next_pid");
	expect_refused(trace, (struct tracecmd_scan_opts){ .buffers = &buffer, .nr_buffers = 1 }, -ENOENT, "'other'");
	expect_refused(trace, (struct tracecmd_scan_opts){ .cpus = &cpu, .nr_cpus = 1 }, -ENOENT, "CPU 2");
	expect_refused(trace, (struct tracecmd_scan_opts){ .from = 10, .to = 5 }, -EINVAL, "range");
	tracecmd_trace_close(trace);
}

static void test_columns_refused(void **state)
{
	struct tracecmd_values v = { .size = 8 };
	struct tracecmd_error error;
	struct tracecmd_scan *scan;
	int fd;
	struct tracecmd_trace *trace = open_made(&fd);

	(void)state;
	scan = scan_of(trace, (struct tracecmd_scan_opts){ 0 });
	assert_int_equal(tracecmd_scan_read(scan, &v, 1, &error), -EINVAL);
	assert_int_equal(add_column(scan, TRACECMD_FIELD, "none", 0, &error), -ENOENT);
	assert_int_equal(add_column(scan, TRACECMD_FIELD, NULL, 0, &error), -EINVAL);
	assert_int_equal(add_column(scan, TRACECMD_FIELD, "", 0, &error), -EINVAL);
	assert_int_equal(add_column(scan, 99, NULL, 0, &error), -EINVAL);
	assert_int_equal(add_column(scan, TRACECMD_TIME, NULL, 99, &error), -EINVAL);
	assert_int_equal(add_column(scan, TRACECMD_TIME, NULL, TRACECMD_TYPE_STRING, &error), -ENOTSUP);
	assert_non_null(strstr(error.text, "column 'TRACECMD_TIME' cannot be had as that type: it is a number"));
	assert_int_equal(add_column(scan, TRACECMD_TEXT, NULL, TRACECMD_TYPE_ARRAY, &error), -ENOTSUP);
	assert_non_null(strstr(error.text, "column 'TRACECMD_TEXT' cannot be had as that type: it is a string"));
	/* a number here, a string there */
	assert_int_equal(add_column(scan, TRACECMD_FIELD, "odd", 0, &error), -ENOTSUP);
	assert_int_equal(add_column(scan, TRACECMD_FIELD, "s", TRACECMD_TYPE_INT32, &error), -ENOTSUP);
	assert_int_equal(tracecmd_scan_type(scan, 0, NULL), -EINVAL);
	assert_int_equal(add_column(scan, TRACECMD_FIELD, "n", 0, &error), 0);
	assert_int_equal(tracecmd_scan_read(scan, &v, 1, &error), -EINVAL);
	v.size = sizeof(v);
	/* a column that is not wanted */
	assert_int_equal(tracecmd_scan_read(scan, &v, 1, &error), 1);
	assert_int_equal(add_column(scan, TRACECMD_TIME, NULL, 0, &error), -EBUSY);
	tracecmd_scan_free(scan);
	tracecmd_trace_close(trace);
	close(fd);
}

/* ---- damage, threads ---------------------------------------------------------------------- */

static void test_a_cut_file(void **state)
{
	AUTO_BUF struct buf whole = { 0 };
	char name[64];
	struct tracecmd_trace *trace;
	struct tracecmd_record rec;
	struct tracecmd_scan *scan;
	struct tracecmd_error error;
	int fd = memfd_create("cut.dat", 0), r, nr = 0;

	(void)state;
	assert_int_equal(path_read_all(TRACE("old-v6"), &whole, 1 << 30), 0);
	assert_int_equal(write_full(fd, whole.data, whole.len - 20000), 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	trace = open_one(name);
	scan = scan_of(trace, (struct tracecmd_scan_opts){ 0 });
	while ((r = tracecmd_scan_records(scan, &rec, 1, &error)) > 0)
		nr++;
	assert_true(nr > 100);
	assert_int_equal(r, -EBADMSG);
	assert_non_null(strstr(error.text, "is cut"));
	assert_int_equal(tracecmd_scan_records(scan, &rec, 1, &error), -EBADMSG);
	tracecmd_scan_free(scan);
	tracecmd_trace_close(trace);
	close(fd);
}

struct work { struct tracecmd_scan *scan; uint64_t sum, rows; };

static void *add_up(void *arg)
{
	struct work *w = arg;
	uint64_t time[100];
	int32_t offsets[101];
	uint8_t bytes[20000];
	struct tracecmd_values v[2] = {
		{ .size = sizeof(v[0]), .values = time },
		{ .size = sizeof(v[0]), .offsets = offsets, .bytes = bytes, .bytes_size = sizeof(bytes) },
	};
	int n;

	while ((n = tracecmd_scan_read(w->scan, v, 100, NULL)) > 0)
		for (int i = 0; i < n; i++) {
			w->sum += time[i] + (offsets[i + 1] - offsets[i]);
			w->rows++;
		}
	return NULL;
}

static void test_threads(void **state)
{
	struct tracecmd_trace *trace = open_one(TRACE("all-6.1"));
	struct work work[4] = { 0 };
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		work[i].scan = scan_of(trace, (struct tracecmd_scan_opts){ .unordered = i & 1 });
		ok(add_column(work[i].scan, TRACECMD_TIME, NULL, 0, why));
		ok(add_column(work[i].scan, TRACECMD_TEXT, NULL, 0, why));
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_up, &work[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		tracecmd_scan_free(work[i].scan);
		assert_true(work[i].rows > 5000);
		assert_int_equal(work[i].rows, work[0].rows);
		assert_int_equal(work[i].sum, work[0].sum);
	}
	tracecmd_trace_close(trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_selections),
		cmocka_unit_test(test_unordered),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_selections_refused),
		cmocka_unit_test(test_columns_refused),
		cmocka_unit_test(test_a_cut_file),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

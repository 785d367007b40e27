// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Scans by several threads beside those by one, words beside strings; and what is asked of
 * single records, over recordings.
 */
#include "made.h"

#include <pthread.h>

#include "include/tracecmd.h"

#define TRACE(name) FIXTURES "/traces/" name ".dat"

static const char *const traces[] = {
	TRACE("old-v6"), TRACE("old-v7"), TRACE("instances"), TRACE("fgraph"), TRACE("probes-6.12"),
	TRACE("lost-6.1"), TRACE("user-events"), TRACE("syn-v7-be-l8-p4096-zstd"), TRACE("syn-v6-le-l4-p8192-none"),
};

static struct tracecmd_trace *open_all(const char *const *paths, unsigned nr)
{
	struct tracecmd_trace *trace = NULL;
	struct tracecmd_error error = { 0 };

	if (tracecmd_trace_open(paths, nr, NULL, &trace, &error) < 0)
		fail_msg("%s", error.text);
	return trace;
}

/* What is read of each row; words beside the strings they stand for. */
static const struct { int what, type; } columns[] = {
	{ TRACECMD_TIME, 0 }, { TRACECMD_CPU, 0 }, { TRACECMD_PID, 0 }, { TRACECMD_ID, 0 },
	{ TRACECMD_FILE, TRACECMD_TYPE_UINT8 }, { TRACECMD_BUFFER, TRACECMD_TYPE_UINT16 }, { TRACECMD_LOST, 0 },
	{ TRACECMD_TASK, TRACECMD_TYPE_STRING }, { TRACECMD_TASK, TRACECMD_TYPE_WORD },
	{ TRACECMD_TEXT, TRACECMD_TYPE_STRING }, { TRACECMD_TEXT, TRACECMD_TYPE_WORD },
	{ TRACECMD_NAME, TRACECMD_TYPE_STRING }, { TRACECMD_NAME, TRACECMD_TYPE_WORD },
};
#define NR ARRAY_SIZE(columns)

struct reading { uint32_t rows; size_t bytes; struct tracecmd_values v[NR]; };

static void make_reading(struct reading *r, uint32_t rows, size_t bytes)
{
	*r = (struct reading){ .rows = rows, .bytes = bytes };
	for (size_t i = 0; i < NR; i++)
		r->v[i] = (struct tracecmd_values){
			.size = sizeof(r->v[i]), .values = malloc(8 * rows), .valid = malloc(rows / 8 + 1),
			.offsets = malloc(4 * (rows + 1)), .bytes = malloc(bytes), .bytes_size = bytes,
		};
}

static void free_reading(struct reading *r)
{
	for (size_t i = 0; i < NR; i++) {
		free(r->v[i].values);
		free(r->v[i].valid);
		free(r->v[i].offsets);
		free(r->v[i].bytes);
	}
}

static bool is_valid(const struct reading *r, size_t column, int row)
{
	return r->v[column].valid[row / 8] >> row % 8 & 1;
}

/* The word is the string beside it. */
static void check_word(const struct tracecmd_scan *scan, const struct reading *r, size_t column, int row)
{
	const struct tracecmd_values *string = &r->v[column - 1];
	int32_t code = ((int32_t *)r->v[column].values)[row], len = string->offsets[row + 1] - string->offsets[row];
	const int32_t *offsets;
	const uint8_t *bytes;
	int nr = tracecmd_scan_words(scan, column, &offsets, &bytes);

	assert_int_equal(is_valid(r, column, row), is_valid(r, column - 1, row));
	if (!is_valid(r, column, row)) {
		assert_int_equal(code, -1);
		return;
	}
	assert_true(code >= 0 && code < nr);
	assert_int_equal(offsets[code + 1] - offsets[code], len);
	assert_memory_equal(bytes + offsets[code], string->bytes + string->offsets[row], len);
}

static void put_row(const struct reading *r, int row, struct buf *out)
{
	static const uint8_t sizes[NR] = { 8, 4, 4, 4, 1, 2, 8, 0, 4, 0, 4, 0, 4 };

	for (size_t i = 0; i < NR; i++) {
		const struct tracecmd_values *v = &r->v[i];

		buf_u8(out, is_valid(r, i, row));
		if (sizes[i])
			buf_put(out, (uint8_t *)v->values + row * sizes[i], sizes[i]);
		else
			buf_put(out, v->bytes + v->offsets[row], v->offsets[row + 1] - v->offsets[row]);
	}
}

/* All rows, one behind the other, as bytes. */
static void read_all(struct tracecmd_trace *trace, struct tracecmd_scan_opts opts, uint32_t rows, size_t bytes,
		     struct buf *out, struct tracecmd_scan_facts *facts)
{
	struct tracecmd_error error = { 0 };
	struct tracecmd_scan *scan;
	struct reading r;
	int n;

	opts.size = sizeof(opts);
	if (tracecmd_scan_new(trace, &opts, &scan, &error) < 0)
		fail_msg("%s", error.text);
	for (size_t i = 0; i < NR; i++) {
		const struct tracecmd_column c = { sizeof(c), columns[i].what, NULL, columns[i].type };

		assert_int_equal(tracecmd_scan_column(scan, &c, &error), i);
		if (columns[i].type)
			assert_int_equal(tracecmd_scan_type(scan, i, NULL), columns[i].type);
	}
	make_reading(&r, rows, bytes);
	while ((n = tracecmd_scan_read(scan, r.v, rows, &error)) > 0)
		for (int i = 0; i < n; i++) {
			uint64_t nulls = 0;

			check_word(scan, &r, 8, i);
			check_word(scan, &r, 10, i);
			check_word(scan, &r, 12, i);
			put_row(&r, i, out);
			for (int k = 0; !i && k < n; k++)
				nulls += !is_valid(&r, 7, k);
			if (!i)
				assert_int_equal(r.v[7].nulls, nulls);
		}
	if (n < 0)
		fail_msg("%s", error.text);
	*facts = *tracecmd_scan_facts(scan);
	free_reading(&r);
	tracecmd_scan_free(scan);
}

static void compare(const char *const *paths, unsigned nr, struct tracecmd_scan_opts opts)
{
	static const struct { unsigned threads; uint32_t rows; size_t bytes; } ways[] = {
		{ 2, 5000, 1 << 20 }, { 2, 1, 1 << 16 }, { 3, 77, 1500 }, { 64, 5000, 1 << 20 },
	};
	struct tracecmd_trace *trace = open_all(paths, nr);
	AUTO_BUF struct buf one = { 0 };
	struct tracecmd_scan_facts facts;

	read_all(trace, opts, 5000, 1 << 20, &one, &facts);
	assert_true(one.len > 0);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		AUTO_BUF struct buf many = { 0 };
		struct tracecmd_scan_facts f;

		opts.threads = ways[i].threads;
		read_all(trace, opts, ways[i].rows, ways[i].bytes, &many, &f);
		assert_int_equal(many.len, one.len);
		assert_memory_equal(many.data, one.data, one.len);
		assert_true(f.scanned == facts.scanned && f.selected == facts.selected && f.lost == facts.lost &&
			    f.damaged == facts.damaged);
	}
	tracecmd_trace_close(trace);
}

static void test_threads(void **state)
{
	static const char *const pair[] = { TRACE("pair"), TRACE("pair-ftvmguest") };
	static const char *const events[] = { "sched" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(traces); i++)
		compare(&traces[i], 1, (struct tracecmd_scan_opts){ 0 });
	compare(pair, 2, (struct tracecmd_scan_opts){ 0 });
	compare(pair, 2, (struct tracecmd_scan_opts){ .events = events, .nr_events = 1 });
}

/* A batch's worth of each part is read ahead, and the scan ends in the midst of it. */
static void test_ends_early(void **state)
{
	struct tracecmd_trace *trace = open_all(traces, 1);

	(void)state;
	for (int rows = 0; rows < 3; rows++) {
		const struct tracecmd_scan_opts opts = { .size = sizeof(opts), .threads = 2 };
		const struct tracecmd_column c = { sizeof(c), TRACECMD_TIME, NULL, 0 };
		struct tracecmd_error error = { 0 };
		struct tracecmd_scan *scan;
		uint64_t time[2];
		struct tracecmd_values v = { .size = sizeof(v), .values = time };

		assert_int_equal(tracecmd_scan_new(trace, &opts, &scan, NULL), 0);
		assert_int_equal(tracecmd_scan_column(scan, &c, NULL), 0);
		if (rows)
			assert_int_equal(tracecmd_scan_read(scan, &v, rows, NULL), rows);
		if (rows == 2) {
			tracecmd_scan_stop(scan);
			while (tracecmd_scan_read(scan, &v, 2, &error) > 0)
				;
			assert_int_equal(error.code, -ECANCELED);
		}
		tracecmd_scan_free(scan);
	}
	tracecmd_trace_close(trace);
}

static void test_stops_alone(void **state)
{
	struct tracecmd_trace *trace = open_all(traces, 1);
	struct tracecmd_record rec;
	struct tracecmd_scan *scan;

	(void)state;
	assert_int_equal(tracecmd_scan_new(trace, NULL, &scan, NULL), 0);
	assert_int_equal(tracecmd_scan_records(scan, &rec, 1, NULL), 1);
	tracecmd_scan_stop(scan);
	assert_int_equal(tracecmd_scan_records(scan, &rec, 1, NULL), -ECANCELED);
	tracecmd_scan_free(scan);
	tracecmd_scan_stop(NULL);
	tracecmd_trace_close(trace);
}

static void test_columns_or_records(void **state)
{
	const struct tracecmd_scan_opts opts = { .size = sizeof(opts), .threads = 2 };
	const struct tracecmd_column c = { sizeof(c), TRACECMD_TIME, NULL, 0 };
	struct tracecmd_trace *trace = open_all(traces, 1);
	uint64_t time[1];
	struct tracecmd_values v = { .size = sizeof(v), .values = time };
	struct tracecmd_record rec;

	(void)state;
	for (int records = 0; records < 2; records++) {
		struct tracecmd_scan *scan;

		assert_int_equal(tracecmd_scan_new(trace, &opts, &scan, NULL), 0);
		assert_int_equal(tracecmd_scan_column(scan, &c, NULL), 0);
		if (records) {
			assert_int_equal(tracecmd_scan_records(scan, &rec, 1, NULL), 1);
			assert_int_equal(tracecmd_scan_read(scan, &v, 1, NULL), -EBUSY);
			assert_int_equal(tracecmd_scan_facts(scan)->selected, 1);
		} else {
			assert_int_equal(tracecmd_scan_read(scan, &v, 1, NULL), 1);
			assert_int_equal(tracecmd_scan_records(scan, &rec, 1, NULL), -EBUSY);
			assert_int_equal(tracecmd_scan_column(scan, &c, NULL), -EBUSY);
		}
		tracecmd_scan_free(scan);
	}
	tracecmd_trace_close(trace);
}

static void test_words_of_nothing(void **state)
{
	const struct tracecmd_column task = { sizeof(task), TRACECMD_TASK, NULL, TRACECMD_TYPE_WORD };
	const struct tracecmd_column time = { sizeof(time), TRACECMD_TIME, NULL, TRACECMD_TYPE_WORD };
	struct tracecmd_trace *trace = open_all(traces, 1);
	struct tracecmd_scan *scan;
	const int32_t *offsets;

	(void)state;
	assert_int_equal(tracecmd_scan_new(trace, NULL, &scan, NULL), 0);
	assert_int_equal(tracecmd_scan_column(scan, &time, NULL), -ENOTSUP);
	assert_int_equal(tracecmd_scan_column(scan, &task, NULL), 0);
	assert_int_equal(tracecmd_scan_words(scan, 0, &offsets, NULL), 0);
	assert_int_equal(offsets[0], 0);
	assert_int_equal(tracecmd_scan_words(scan, 1, NULL, NULL), -EINVAL);
	assert_int_equal(tracecmd_scan_words(NULL, 0, NULL, NULL), -EINVAL);
	tracecmd_scan_free(scan);
	tracecmd_trace_close(trace);
}

/* ---- single records ------------------------------------------------------------------ */

static const struct tracecmd_field *find_field(struct tracecmd_trace *trace, int32_t id, const char *name)
{
	const struct tracecmd_field *fields;
	size_t nr;

	assert_int_equal(tracecmd_event_fields(trace, 0, id, &fields, &nr, NULL), 0);
	for (size_t i = 0; i < nr; i++)
		if (!strcmp(fields[i].name, name))
			return &fields[i];
	fail_msg("no field %s", name);
	return NULL;
}

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && !strcmp(text + strlen(text) - strlen(end), end);
}

/* The values of sched_switch are those that its text has. */
static void test_values(void **state)
{
	static const char *const events[] = { "sched_switch" };
	const struct tracecmd_scan_opts opts = { .size = sizeof(opts), .events = events, .nr_events = 1 };
	struct tracecmd_trace *trace = open_all(&traces[1], 1);
	struct tracecmd_scan *scan;
	struct tracecmd_record rec;
	size_t rows = 0;

	(void)state;
	assert_int_equal(tracecmd_scan_new(trace, &opts, &scan, NULL), 0);
	for (; tracecmd_scan_records(scan, &rec, 1, NULL) > 0; rows++) {
		const struct tracecmd_field *comm = find_field(trace, rec.id, "next_comm");
		struct tracecmd_value name, pid, prio;
		const char *text;
		char end[64];

		assert_true(comm->place == TRACECMD_PLACE_FIXED && comm->bytes == 16 && !comm->big_endian);
		assert_int_equal(tracecmd_field_value(comm, rec.data, rec.size, &name), 0);
		assert_int_equal(name.type, TRACECMD_TYPE_STRING);
		assert_int_equal(tracecmd_field_value(find_field(trace, rec.id, "next_pid"), rec.data, rec.size, &pid), 0);
		assert_int_equal(tracecmd_field_value(find_field(trace, rec.id, "next_prio"), rec.data, rec.size, &prio), 0);
		assert_int_equal(prio.type, TRACECMD_TYPE_INT32);
		snprintf(end, sizeof(end), "%.*s:%d [%d]", (int)name.size, (const char *)name.data, (int)pid.number,
			 (int)prio.number);
		assert_int_equal(tracecmd_record_text(trace, &rec, &text, NULL), 0);
		assert_true(ends_with(text, end));
		assert_int_equal(tracecmd_field_value(comm, rec.data, comm->offset - 1, &name), -ENODATA);
		assert_int_equal(tracecmd_field_value(comm, NULL, 0, &name), -EINVAL);
	}
	assert_true(rows > 10);
	rec.file = 1;
	assert_int_equal(tracecmd_record_text(trace, &rec, &(const char *){ NULL }, NULL), -EINVAL);
	assert_int_equal(tracecmd_record_text(trace, NULL, &(const char *){ NULL }, NULL), -EINVAL);
	tracecmd_scan_free(scan);
	tracecmd_trace_close(trace);
}

static void test_common_fields(void **state)
{
	struct tracecmd_trace *trace = open_all(traces, 1);
	const struct tracecmd_field *fields;
	size_t nr;

	(void)state;
	assert_int_equal(tracecmd_common_fields(trace, 0, &fields, &nr, NULL), 0);
	assert_int_equal(nr, 4);
	assert_string_equal(fields[0].name, "common_type");
	assert_string_equal(fields[3].name, "common_pid");
	assert_true(fields[3].type == TRACECMD_TYPE_INT32 && fields[3].offset == 4 && fields[3].bytes == 4);
	assert_int_equal(tracecmd_common_fields(trace, 1, &fields, &nr, NULL), -EINVAL);
	assert_int_equal(tracecmd_event_fields(trace, 0, -1, &fields, &nr, NULL), -ENOENT);
	tracecmd_trace_close(trace);
}

static void test_names(void **state)
{
	struct tracecmd_trace *trace = open_all(&(const char *){ TRACE("function") }, 1);
	const char *const *names;
	const int32_t *pids;
	const char *name, *module = "x";
	uint64_t start;
	size_t nr;

	(void)state;
	assert_int_equal(tracecmd_file_tasks(trace, 0, &pids, &names, &nr, NULL), 0);
	assert_true(nr > 1);
	for (size_t i = 0; i < nr; i++) {
		assert_int_equal(tracecmd_task_name(trace, 0, pids[i], &name, NULL), 0);
		if (pids[i])
			assert_string_equal(name, names[i]);
		assert_true(!i || pids[i - 1] < pids[i]);
	}
	assert_int_equal(tracecmd_file_tasks(trace, 1, &pids, &names, &nr, NULL), -EINVAL);
	assert_int_equal(tracecmd_file_symbol(trace, 0, 0, &name, NULL, &start, NULL), 0);
	assert_int_equal(tracecmd_file_symbol(trace, 0, 0xffffffff81000010, &name, &module, &start, NULL), 1);
	assert_true(start <= 0xffffffff81000010 && *name && !module);
	assert_int_equal(tracecmd_file_symbol(trace, 1, 0, NULL, NULL, NULL, NULL), -EINVAL);
	tracecmd_trace_close(trace);
}

static void test_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(traces); i++) {
		struct tracecmd_trace *trace = open_all(&traces[i], 1);
		uint64_t first, last, low = UINT64_MAX, high = 0;
		const struct tracecmd_event *ev;

		assert_int_equal(tracecmd_trace_next(trace, &ev, NULL), 1);
		assert_int_equal(tracecmd_trace_times(trace, &first, &last, NULL), 1);
		do {
			low = ev->time < low ? ev->time : low;
			high = ev->time > high ? ev->time : high;
		} while (tracecmd_trace_next(trace, &ev, NULL) > 0);
		assert_true(first == low && last == high);
		assert_int_equal(tracecmd_trace_times(trace, NULL, &last, NULL), -EINVAL);
		tracecmd_trace_close(trace);
	}
}

/* ---- where time steps back ----------------------------------------------------------- */

/* Serial numbers are pids. CPU 0 has 0 at 1000 ns and then 1 at 500 ns, CPU 2 has 2 at 600 ns. */
static struct tracecmd_trace *open_stepping(int *fd)
{
	static const char format[] = "name: step\nID: 7\nformat:\n"
		"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\nprint fmt: \"\"\n";
	AUTO_BUF struct buf block = { 0 };
	const char *path;
	char name[64];
	struct made m;

	made_begin(&m, "zstd", 4096);
	buf_u32(&block, 1);
	buf_str(&block, "sys");
	buf_u32(&block, 1);
	buf_u64(&block, strlen(format));
	buf_puts(&block, format);
	made_ok(dat_writer_block(m.w, DAT_EVENT_FORMATS, block.data, block.len, e));
	made_ok(dat_writer_cpu_count(m.w, 4, e));
	made_buffer(&m, "");
	made_cpu(&m, 0);
	made_event(&m, 1000);
	made_page(&m, 0);
	made_event(&m, 500);
	made_cpu(&m, 2);
	made_event(&m, 600);
	*fd = made_finish(&m);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", *fd);
	path = name;
	return open_all(&path, 1);
}

/* What is behind a later record comes behind it, even if that one is not selected. */
static void expect_steps(struct tracecmd_trace *trace, struct tracecmd_scan_opts opts)
{
	static const uint64_t wanted[] = { 600, 500 };
	static const struct tracecmd_column column = { .size = sizeof(column), .what = TRACECMD_TIME };
	struct tracecmd_error error = { 0 };
	struct tracecmd_scan *scan;
	uint64_t times[4];
	struct tracecmd_values v = { .size = sizeof(v), .values = times };

	opts.size = sizeof(opts);
	for (opts.threads = 1; opts.threads <= 3; opts.threads++) {
		if (tracecmd_scan_new(trace, &opts, &scan, &error) < 0)
			fail_msg("%s", error.text);
		assert_int_equal(tracecmd_scan_column(scan, &column, &error), 0);
		assert_int_equal(tracecmd_scan_read(scan, &v, 4, &error), 2);
		assert_memory_equal(times, wanted, sizeof(wanted));
		tracecmd_scan_free(scan);
	}
}

static void test_steps_back(void **state)
{
	static const char *const filters[] = { "step: common_pid != 0" };
	static const int32_t pids[] = { 1, 2 };
	int fd;
	struct tracecmd_trace *trace = open_stepping(&fd);

	(void)state;
	expect_steps(trace, (struct tracecmd_scan_opts){ .pids = pids, .nr_pids = 2 });
	expect_steps(trace, (struct tracecmd_scan_opts){ .filters = filters, .nr_filters = 1 });
	tracecmd_trace_close(trace);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_ends_early),
		cmocka_unit_test(test_stops_alone),
		cmocka_unit_test(test_columns_or_records),
		cmocka_unit_test(test_words_of_nothing),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_common_fields),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_steps_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

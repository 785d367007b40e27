// SPDX-License-Identifier: LGPL-2.1-or-later
/* Batches of a scan: records into columns, or as they are. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "api/scan.h"

/* Records of one batch take about this much memory at most. */
#define ARENA_BYTES (1u << 20)

/* ---- numbers ---------------------------------------------------------------------- */

static inline void put_number(struct scan_column *c, uint32_t row, uint64_t v)
{
	switch (c->size) {
	case 1:
		c->values[row] = v;
		break;
	case 2:
		((uint16_t *)c->values)[row] = v;
		break;
	case 4:
		((uint32_t *)c->values)[row] = v;
		break;
	default:
		((uint64_t *)c->values)[row] = v;
	}
}

/* All bits are set before a batch is read: nulls are seldom. */
static inline void set_null(struct scan_column *c, uint32_t row)
{
	if (c->valid)
		c->valid[row / 8] &= ~(1 << row % 8);
}

static inline void put_null(struct scan_column *c, uint32_t row)
{
	put_number(c, row, 0);
	set_null(c, row);
	c->nulls++;
}

/* Whether the column's type holds the number. */
static inline bool fits(const struct scan_column *c, uint64_t v, bool is_signed)
{
	unsigned bits = 8 * c->size;

	if (is_signed && (int64_t)v < 0)
		return c->is_signed && (bits == 64 || (int64_t)v >= -(INT64_C(1) << (bits - 1)));
	bits -= c->is_signed;
	return bits == 64 || !(v >> bits);
}

static inline void put_if_fits(struct scan_column *c, uint32_t row, uint64_t v, bool is_signed)
{
	if (__builtin_expect(!fits(c, v, is_signed), 0)) {
		put_null(c, row);
		return;
	}
	put_number(c, row, v);
}

/* A number of the record, or null. */
static inline void put_field(struct scan_column *c, uint32_t row, const struct event_field *f,
			     const struct replay_record *rec, bool big)
{
	const uint8_t *at;
	uint32_t len;

	if (!f || !f->size || !event_field_span(f, rec->data, rec->len, big, &at, &len)) {
		put_null(c, row);
		return;
	}
	put_if_fits(c, row, event_number_at(at, f->size, f->is_signed, big), f->is_signed);
}

static inline const struct scan_cell *cell_of(const struct scan_column *c, const struct replay_record *rec,
					      bool big)
{
	struct scan_cell **cells = c->cells[rec->file];

	return cells ? cells[get_u16(rec->data, big)] : NULL;
}

static inline void put_cell(struct scan_column *c, uint32_t row, const struct replay_record *rec, bool big)
{
	const struct scan_cell *cell = cell_of(c, rec, big);
	const uint8_t *end;

	if (__builtin_expect(!cell || !cell->end || rec->len < cell->end, 0)) {
		put_field(c, row, cell ? &cell->field : NULL, rec, big);
		return;
	}
	end = (const uint8_t *)rec->data + cell->end;
	switch (c->size) {
	case 1:
		c->values[row] = end[-1];
		break;
	case 2:
		memcpy(c->values + 2ul * row, end - 2, 2);
		break;
	case 4:
		memcpy(c->values + 4ul * row, end - 4, 4);
		break;
	default:
		memcpy(c->values + 8ul * row, end - 8, 8);
	}
}

static inline void fill_number(struct tracecmd_scan *s, struct scan_column *c, uint32_t row)
{
	const struct replay_record *rec = s->record;
	const struct scan_file *f = &s->files[rec->file];

	switch (c->what) {
	case TRACECMD_FIELD:
		put_cell(c, row, rec, f->big_endian);
		break;
	case TRACECMD_TIME:
		put_if_fits(c, row, rec->ts, false);
		break;
	case TRACECMD_CPU:
		put_if_fits(c, row, rec->cpu, false);
		break;
	case TRACECMD_PID:
		put_field(c, row, &f->pid, rec, f->big_endian);
		break;
	case TRACECMD_ID:
		put_if_fits(c, row, get_u16(rec->data, f->big_endian), false);
		break;
	case TRACECMD_FLAGS:
		put_field(c, row, &f->flags, rec, f->big_endian);
		break;
	case TRACECMD_PREEMPT_COUNT:
		put_field(c, row, &f->preempt, rec, f->big_endian);
		break;
	case SCAN_LATEST:
		put_number(c, row, s->latest);
		break;
	case SCAN_STREAM:
		put_number(c, row, rec->stream);
		break;
	case TRACECMD_FILE:
		put_if_fits(c, row, rec->file, false);
		break;
	case TRACECMD_BUFFER:
		put_if_fits(c, row, rec->buffer, false);
		break;
	default:
		if (s->record_lost == RING_LOST_UNKNOWN)
			put_null(c, row);
		else
			put_if_fits(c, row, s->record_lost, false);
	}
}

/* ---- strings and arrays --------------------------------------------------------------- */

/* The bytes of a field, all that it has room for: its field, or NULL if it is null. */
static inline const struct event_field *find_span(const struct tracecmd_scan *s, const struct scan_column *c,
						  const uint8_t **ret, uint32_t *ret_len)
{
	const struct replay_record *rec = s->record;
	bool big = s->files[rec->file].big_endian;
	const struct scan_cell *cell = cell_of(c, rec, big);

	return cell && event_field_span(&cell->field, rec->data, rec->len, big, ret, ret_len) ? &cell->field : NULL;
}

/* The bytes of a cell: false if it is null. */
static bool find_bytes(struct tracecmd_scan *s, const struct scan_column *c, const uint8_t **ret,
		       uint32_t *ret_len, unsigned *swap)
{
	const struct replay_record *rec = s->record;
	const struct scan_file *f = &s->files[rec->file];
	const struct event_field *field;
	struct tep_event *event;
	const char *name;
	const struct event_name *of;
	int32_t pid;

	*swap = 0;
	switch (c->what) {
	case TRACECMD_TASK:
		if (!scan_pid(f, rec, &pid))
			return false;
		name = event_db_comm(f->db, pid);
		*ret = (const uint8_t *)name;
		*ret_len = strlen(name);
		return strcmp(name, "<...>");
	case TRACECMD_NAME:
		of = event_db_name(f->db, get_u16(rec->data, f->big_endian));
		*ret = (const uint8_t *)(of ? of->name : "");
		*ret_len = of ? strlen(of->name) : 0;
		return of;
	case TRACECMD_TEXT:
		event = event_db_event(f->db, get_u16(rec->data, f->big_endian));
		if (!event)
			return false;
		buf_clear(&s->text);
		event_text(f->ctx, event, &s->view, false, NULL, &s->text);
		s->fixups.v.nr = 0;
		buf_clear(&s->fixups.words);
		*ret = (const uint8_t *)(s->text.data ? s->text.data : "");
		*ret_len = s->text.len;
		return !s->text.failed && s->text.len <= INT32_MAX;
	}
	field = find_span(s, c, ret, ret_len);
	if (!field)
		return false;
	if (field->type == EVENT_STRING)
		*ret_len = strnlen((const char *)*ret, *ret_len);
	else if (f->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		*swap = field->size;
	return true;
}

/* The number of the name of a process or an event: looked up once for each, mostly. */
static int32_t met_code(struct tracecmd_scan *s, struct scan_column *c)
{
	const struct scan_file *f = &s->files[s->record->file];
	const uint8_t *name = NULL;
	struct scan_met *met;
	unsigned swap;
	uint32_t len;
	int32_t key;

	if (c->what == TRACECMD_NAME)
		key = get_u16(s->record->data, f->big_endian);
	else if (!scan_pid(f, s->record, &key))
		return -1;
	met = &c->met[(uint32_t)key % SCAN_MET];
	if (met->code >= 0 && met->key == key && met->file == s->record->file)
		return met->code;
	if (!find_bytes(s, c, &name, &len, &swap))
		return -1;
	*met = (struct scan_met){ s->record->file, key, scan_words_code(&c->words, name, len) };
	return met->code;
}

static void fill_word(struct tracecmd_scan *s, struct scan_column *c, uint32_t row)
{
	const uint8_t *data = NULL;
	unsigned swap;
	uint32_t len;
	int32_t code = -1;

	if (c->met)
		code = met_code(s, c);
	else if (c->what == TRACECMD_FIELD)
		code = find_span(s, c, &data, &len) ? scan_words_code_of_chars(&c->words, data, len) : -1;
	else if (find_bytes(s, c, &data, &len, &swap))
		code = scan_words_code(&c->words, data, len);
	if (code < -1)
		s->failed = code;
	((int32_t *)c->values)[row] = code < 0 ? -1 : code;
	if (code < 0) {
		set_null(c, row);
		c->nulls++;
	}
}

/* Elements into this machine's order. */
static void swap_elements(uint8_t *p, size_t len, unsigned size)
{
	for (size_t i = 0; size > 1 && i + size <= len; i += size)
		for (unsigned k = 0; k < size / 2; k++) {
			uint8_t byte = p[i + k];

			p[i + k] = p[i + size - 1 - k];
			p[i + size - 1 - k] = byte;
		}
}

/* False if there is no room for the row: then bytes_used is what would be needed. */
static bool fill_bytes(struct tracecmd_scan *s, struct scan_column *c, uint32_t row)
{
	size_t used = c->offsets[row];
	const uint8_t *data = NULL;
	unsigned swap = 0;
	uint32_t len = 0;

	c->null_now = !find_bytes(s, c, &data, &len, &swap);
	if (c->null_now)
		len = 0;
	if (len > c->bytes_size - used) {
		c->bytes_used = used + len;
		return false;
	}
	if (len) {
		memcpy(c->bytes + used, data, len);
		swap_elements(c->bytes + used, len, swap);
	}
	c->offsets[row + 1] = used + len;
	if (c->null_now)
		set_null(c, row);
	return true;
}

/* ---- steps ------------------------------------------------------------------------------ */

/* Of all records that are selected, where they have the column's value as it is: the byte behind it. 0: nowhere. */
static uint32_t find_copy(const struct tracecmd_scan *s, const struct scan_column *c)
{
	const struct event_field *pid;
	const struct scan_file *f;

	if (s->only_id < 0)
		return 0;
	f = &s->files[s->only_file];
	if (c->what == TRACECMD_FIELD) {
		const struct scan_cell *cell = c->cells[s->only_file] ? c->cells[s->only_file][s->only_id] : NULL;

		return cell ? cell->end : 0;
	}
	pid = &f->pid;
	return c->what == TRACECMD_PID && pid->place == EVENT_FIXED && pid->size == c->size &&
	       pid->is_signed == c->is_signed && f->big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) ?
	       pid->offset + pid->size : 0;
}

static enum scan_how how_to_fill(const struct scan_column *c, uint32_t copy)
{
	if (c->type == TRACECMD_TYPE_WORD)
		return SCAN_FILL_WORD;
	if (copy && (c->size == 4 || c->size == 8))
		return c->size == 4 ? SCAN_COPY_4 : SCAN_COPY_8;
	if (c->what == SCAN_LATEST)
		return SCAN_PUT_LATEST;
	if (c->what == SCAN_STREAM)
		return SCAN_PUT_STREAM;
	if (c->what == TRACECMD_TIME && c->type == TRACECMD_TYPE_UINT64)
		return SCAN_PUT_TIME;
	if (c->what == TRACECMD_CPU && c->type == TRACECMD_TYPE_UINT32)
		return SCAN_PUT_CPU;
	return SCAN_FILL_NUMBER;
}

/* The one event of all files that is selected, if it is one. */
static void find_only_event(struct tracecmd_scan *s)
{
	unsigned nr = 0;

	for (unsigned file = 0; file < s->trace->nr_files; file++)
		for (int id = 0; id < EVENT_IDS; id++)
			if (s->files[file].ids[id]) {
				s->only_file = file;
				s->only_id = id;
				nr++;
			}
	if (nr != 1)
		s->only_file = s->only_id = -1;
}

/* For the caller's memory. 0 or -ENOMEM. */
static int plan_steps(struct tracecmd_scan *s)
{
	if (!s->begun)
		find_only_event(s);
	s->steps.nr = 0;
	if (vec_reserve(&s->steps, s->order.nr))
		return -ENOMEM;
	for (size_t i = s->nr_strings; i < s->order.nr; i++) {
		struct scan_column *c = &s->columns.v[s->order.v[i]];
		uint32_t copy = find_copy(s, c);

		if (c->wanted)
			s->steps.v[s->steps.nr++] = (struct scan_step){ how_to_fill(c, copy), copy, c->values, c };
	}
	return 0;
}

static inline void take_step(struct tracecmd_scan *s, const struct scan_step *step, uint32_t row)
{
	const struct replay_record *rec = s->record;
	const uint8_t *end = (const uint8_t *)rec->data + step->end;

	switch (step->how) {
	case SCAN_COPY_4:
		if (rec->len >= step->end)
			memcpy(step->values + 4ul * row, end - 4, 4);
		else
			fill_number(s, step->column, row);
		break;
	case SCAN_COPY_8:
		if (rec->len >= step->end)
			memcpy(step->values + 8ul * row, end - 8, 8);
		else
			fill_number(s, step->column, row);
		break;
	case SCAN_PUT_TIME:
		((uint64_t *)step->values)[row] = rec->ts;
		break;
	case SCAN_PUT_LATEST:
		((uint64_t *)step->values)[row] = s->latest;
		break;
	case SCAN_PUT_CPU:
		((uint32_t *)step->values)[row] = rec->cpu;
		break;
	case SCAN_PUT_STREAM:
		((uint32_t *)step->values)[row] = rec->stream;
		break;
	case SCAN_FILL_WORD:
		fill_word(s, step->column, row);
		break;
	case SCAN_FILL_NUMBER:
		fill_number(s, step->column, row);
		break;
	}
}

/* ---- batches ---------------------------------------------------------------------------- */

/* False if the row does not fit into the caller's memory. */
static inline bool fill_row(struct tracecmd_scan *s, uint32_t row)
{
	for (size_t i = 0; i < s->nr_strings; i++) {
		struct scan_column *c = &s->columns.v[s->order.v[i]];

		if (c->wanted && !fill_bytes(s, c, row))
			return false;
	}
	for (size_t i = 0; i < s->nr_strings; i++) {
		struct scan_column *c = &s->columns.v[s->order.v[i]];

		c->nulls += c->wanted && c->null_now;
	}
	for (size_t i = 0; i < s->steps.nr; i++)
		take_step(s, &s->steps.v[i], row);
	return true;
}

int scan_take_memory(struct tracecmd_scan *s, struct tracecmd_values *values, uint32_t max,
		     struct err *e)
{
	for (size_t i = 0; i < s->columns.nr; i++) {
		struct scan_column *c = &s->columns.v[i];
		const struct tracecmd_values *v;

		if (values->size < sizeof(*v) || values->size % sizeof(void *))
			return err_set(e, -EINVAL, "struct tracecmd_values: its size member is %zu, not "
				       "its size", values->size);
		v = scan_values_at(values, i);
		if (v->size != values->size)
			return err_set(e, -EINVAL, "struct tracecmd_values: that of column %zu has another "
				       "size", i);
		c->wanted = c->size ? v->values : v->offsets;
		if (c->wanted && !c->size && !v->bytes && v->bytes_size)
			return err_set(e, -EINVAL, "struct tracecmd_values: column %zu has no place for "
				       "its bytes", i);
		c->values = v->values;
		c->valid = v->valid;
		c->offsets = v->offsets;
		c->bytes = v->bytes;
		c->bytes_size = v->bytes_size > INT32_MAX ? INT32_MAX : v->bytes_size;
		c->bytes_used = 0;
		c->nulls = 0;
		if (c->valid)
			memset(c->valid, 0xff, (max + 7ull) / 8);
		if (c->offsets)
			c->offsets[0] = 0;
	}
	s->max = max;
	return 0;
}

/* No row, no bit. */
static void clear_behind(uint8_t *bits, uint32_t rows, uint32_t max)
{
	if (rows % 8)
		bits[rows / 8] &= (1 << rows % 8) - 1;
	memset(bits + (rows + 7ull) / 8, 0, (max + 7ull) / 8 - (rows + 7ull) / 8);
}

void scan_tell_results(struct tracecmd_scan *s, struct tracecmd_values *values, uint32_t rows,
		       bool full)
{
	for (size_t i = 0; i < s->columns.nr; i++) {
		const struct scan_column *c = &s->columns.v[i];
		struct tracecmd_values *v = scan_values_at(values, i);

		if (c->valid)
			clear_behind(c->valid, rows, s->max);
		v->nulls = c->nulls;
		v->bytes_used = c->wanted && !c->size ? (size_t)c->offsets[rows] : 0;
		/* not even one row: what it takes */
		if (full && !rows)
			v->bytes_used = c->bytes_used;
	}
}

int scan_read_rows(struct tracecmd_scan *s, struct tracecmd_values *values, uint32_t max,
		   struct err *e)
{
	bool full = false;
	uint32_t rows = 0;
	int r;

	if (!s->columns.nr)
		return err_set(e, -EINVAL, "the scan has no columns");
	r = scan_take_memory(s, values, max, e);
	if (r)
		return r;
	r = plan_steps(s);
	if (r)
		return err_errno(e, r, "cannot scan");
	s->begun = true;
	for (; rows < max; rows++) {
		r = scan_next(s, e);
		if (r <= 0)
			break;
		full = !fill_row(s, rows);
		if (full || s->failed)
			break;
		s->pending = false;
		s->facts.selected++;
	}
	scan_tell_results(s, values, rows, full);
	if (s->failed)
		return err_errno(e, s->failed, "the words of a column");
	if (full && !rows)
		return err_set(e, -ENOBUFS, "the bytes of a column do not hold one row");
	/* what was read is given first; the failure comes again */
	return rows ? (int)rows : r;
}

API int tracecmd_scan_read(struct tracecmd_scan *s, struct tracecmd_values *values, uint32_t max,
			   struct tracecmd_error *error)
{
	struct err e = { 0 };
	int r = api_need(s && values, "tracecmd_scan_read", &e);

	if (max > INT_MAX)
		max = INT_MAX;
	if (!r)
		r = s->team ? scan_team_read(s, values, max, &e) : scan_read_rows(s, values, max, &e);
	return r < 0 ? api_error(&e, error) : r;
}

/* ---- records ------------------------------------------------------------------------------ */

static void fill_record(struct tracecmd_scan *s, struct tracecmd_record *ret)
{
	const struct replay_record *rec = s->record;
	const struct scan_file *f = &s->files[rec->file];

	*ret = (struct tracecmd_record){
		.time = rec->ts, .size = rec->len, .cpu = rec->cpu, .file = rec->file,
		.buffer = rec->buffer, .id = get_u16(rec->data, f->big_endian), .pid = -1,
		.lost = s->record_lost == RING_LOST_UNKNOWN ? TRACECMD_LOST_UNKNOWN : s->record_lost,
	};
	(void)scan_pid(f, rec, &ret->pid);
}

static int read_records(struct tracecmd_scan *s, struct tracecmd_record *records, uint32_t max,
			struct err *e)
{
	uint32_t nr = 0;
	int r = 0;

	if (s->team && s->begun && !s->by_records)
		return err_set(e, -EBUSY, "the scan's events are being read as columns");
	if (max > INT_MAX)
		max = INT_MAX;
	s->begun = s->by_records = true;
	buf_clear(&s->arena);
	while (nr < max && s->arena.len < ARENA_BYTES) {
		size_t at = s->arena.len;

		r = scan_next(s, e);
		if (r <= 0)
			break;
		buf_put(&s->arena, s->record->data, s->record->len);
		buf_fill(&s->arena, 0, -s->arena.len % 8);
		if (s->arena.failed) {
			r = err_errno(e, -ENOMEM, "cannot hold a batch of records");
			break;
		}
		fill_record(s, &records[nr]);
		/* the arena may still move */
		records[nr++].data = (const void *)at;
		s->pending = false;
		s->facts.selected++;
	}
	for (uint32_t i = 0; i < nr; i++)
		records[i].data = s->arena.data + (size_t)records[i].data;
	return nr ? (int)nr : r;
}

API int tracecmd_scan_records(struct tracecmd_scan *s, struct tracecmd_record *records,
			      uint32_t max, struct tracecmd_error *error)
{
	struct err e = { 0 };
	int r = api_need(s && (records || !max), "tracecmd_scan_records", &e);

	if (!r)
		r = read_records(s, records, max, &e);
	return r < 0 ? api_error(&e, error) : r;
}

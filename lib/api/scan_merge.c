// SPDX-License-Identifier: LGPL-2.1-or-later
/* The rows of a team's parts as the caller's columns. */
#include <errno.h>

#include "api/scan_team.h"

/* Rows whose order is found before their columns are copied: their parts' memory stays in the cache. */
#define MERGE_ROWS 2048

/* ---- which row is next ------------------------------------------------------------------ */

/* A part's next row. @time: SCAN_LATEST. */
struct head { uint64_t time; uint32_t stream; uint16_t part; };

static inline bool is_before(const struct head *a, const struct head *b)
{
	return a->time != b->time ? a->time < b->time : a->stream < b->stream;
}

static struct head head_at(const struct scan_team *team, unsigned part, uint32_t row)
{
	const struct tracecmd_values *own = &team->parts[part].now->v[team->nr_columns];

	return (struct head){ ((const uint64_t *)own[0].values)[row], ((const uint32_t *)own[1].values)[row], part };
}

/* Moves the first one back to its place. */
static inline void settle_first(struct head *heads, unsigned nr)
{
	const struct head first = heads[0];
	unsigned i = 1;

	for (; i < nr && is_before(&heads[i], &first); i++)
		heads[i - 1] = heads[i];
	heads[i - 1] = first;
}

/* A part's row. */
struct place { uint32_t part, row; };

/* Where the next rows are, up to where a part has none ready. Returns how many; 0: all ended. */
static uint32_t choose(const struct scan_team *team, struct place *places, uint32_t max)
{
	struct head heads[SCAN_PARTS_MAX];
	uint32_t at[SCAN_PARTS_MAX], n = 0;
	unsigned nr = 0;

	for (unsigned i = team->nr; i--; ) {
		at[i] = team->parts[i].at;
		if (team->parts[i].ended)
			continue;
		memmove(heads + 1, heads, nr++ * sizeof(*heads));
		heads[0] = head_at(team, i, at[i]);
		settle_first(heads, nr);
	}
	while (nr && n < max) {
		unsigned part = heads[0].part;

		places[n++] = (struct place){ part, at[part] };
		if (++at[part] == team->parts[part].now->rows)
			break;
		heads[0] = head_at(team, part, at[part]);
		settle_first(heads, nr);
	}
	return n;
}

/* ---- columns ------------------------------------------------------------------------------- */

/* Rows to be copied, behind @row of the caller's. */
struct rows { struct scan_team *team; const struct place *places; uint32_t row, nr; };

struct values { const uint8_t *of[SCAN_PARTS_MAX]; };

static void values_of(const struct rows *r, size_t column, struct values *v)
{
	for (unsigned i = 0; i < r->team->nr; i++)
		v->of[i] = r->team->parts[i].now ? r->team->parts[i].now->v[column].values : NULL;
}

#define COPY(T) \
	do { \
		T *out = (T *)values + r->row; \
		for (uint32_t i = 0; i < r->nr; i++) \
			out[i] = ((const T *)v.of[r->places[i].part])[r->places[i].row]; \
	} while (0)

static void copy_numbers(const struct rows *r, size_t column, unsigned size, void *values)
{
	struct values v;

	values_of(r, column, &v);
	switch (size) {
	case 1:
		COPY(uint8_t);
		break;
	case 2:
		COPY(uint16_t);
		break;
	case 4:
		COPY(uint32_t);
		break;
	default:
		COPY(uint64_t);
	}
}

/* A word's number for the caller, which is given in the order of his rows. */
static int32_t new_code(struct scan_column *c, struct team_map *m, int32_t code)
{
	int32_t start = code ? m->ends.v[code - 1] : 0;

	return m->codes.v[code] = scan_words_code(&c->words, m->bytes.data + start, m->ends.v[code] - start);
}

static int copy_words(struct scan_column *c, const struct rows *r, size_t column)
{
	int32_t *out = (int32_t *)c->values + r->row;
	struct values v;

	values_of(r, column, &v);
	for (uint32_t i = 0; i < r->nr; i++) {
		const struct place *p = &r->places[i];
		int32_t code = ((const int32_t *)v.of[p->part])[p->row];
		struct team_map *m = &r->team->parts[p->part].maps[column];

		out[i] = code < 0 ? -1 : m->codes.v[code] >= 0 ? m->codes.v[code] : new_code(c, m, code);
		if (out[i] < -1)
			return out[i];
	}
	return 0;
}

/* Of the rows, as many as the caller's bytes have room for. */
static uint32_t rows_that_fit(struct scan_column *c, const struct rows *r, size_t column)
{
	size_t used = c->offsets[r->row];
	uint32_t i;

	for (i = 0; i < r->nr; i++) {
		const struct place *p = &r->places[i];
		const int32_t *offsets = r->team->parts[p->part].now->v[column].offsets + p->row;
		size_t len = offsets[1] - offsets[0];

		if (len > c->bytes_size - used) {
			c->bytes_used = used + len;
			break;
		}
		used += len;
	}
	return i;
}

static void copy_bytes(struct scan_column *c, const struct rows *r, size_t column)
{
	int32_t *out = c->offsets + r->row;

	for (uint32_t i = 0; i < r->nr; i++) {
		const struct place *p = &r->places[i];
		const struct tracecmd_values *v = &r->team->parts[p->part].now->v[column];
		const int32_t *offsets = v->offsets + p->row;
		size_t len = offsets[1] - offsets[0];

		if (len)
			memcpy(c->bytes + out[i], v->bytes + offsets[0], len);
		out[i + 1] = out[i] + len;
	}
}

static bool has_nulls(const struct rows *r, size_t column)
{
	for (unsigned i = 0; i < r->team->nr; i++)
		if (r->team->parts[i].now && r->team->parts[i].now->v[column].nulls)
			return true;
	return false;
}

/* The caller's bits are set, all of them. */
static void copy_nulls(struct scan_column *c, const struct rows *r, size_t column)
{
	for (uint32_t i = 0; i < r->nr; i++) {
		const struct place *p = &r->places[i];
		const struct tracecmd_values *v = &r->team->parts[p->part].now->v[column];
		uint32_t from = p->row, to = r->row + i;

		if (v->valid[from / 8] >> from % 8 & 1)
			continue;
		c->nulls++;
		if (c->valid)
			c->valid[to / 8] &= ~(1 << to % 8);
	}
}

/* ---- rows ------------------------------------------------------------------------------------ */

static int copy_column(struct scan_column *c, const struct rows *r, size_t column)
{
	bool words = c->type == TRACECMD_TYPE_WORD;

	if (!c->wanted)
		return 0;
	if (has_nulls(r, column))
		copy_nulls(c, r, column);
	if (!c->size)
		copy_bytes(c, r, column);
	else if (!words)
		copy_numbers(r, column, c->size, c->values);
	return words ? copy_words(c, r, column) : 0;
}

/* The next rows: their number, which is 0 at the end, and also if not even one fits (@full). */
static int merge_some(struct tracecmd_scan *s, uint32_t row, uint32_t max, bool *full, struct err *e)
{
	struct place places[MERGE_ROWS];
	struct rows r = { .team = s->team, .places = places, .row = row };

	r.nr = choose(s->team, places, max < MERGE_ROWS ? max : MERGE_ROWS);
	for (size_t i = 0; i < s->nr_strings; i++) {
		struct scan_column *c = &s->columns.v[s->order.v[i]];
		uint32_t nr = c->wanted ? rows_that_fit(c, &r, s->order.v[i]) : r.nr;

		*full |= nr < r.nr;
		r.nr = nr;
	}
	for (size_t i = 0; i < s->columns.nr && r.nr; i++) {
		int rc = copy_column(&s->columns.v[i], &r, i);

		if (rc) {
			s->failed = rc;
			return err_errno(e, rc, "the words of a column");
		}
	}
	for (uint32_t i = 0; i < r.nr; i++)
		s->team->parts[places[i].part].at++;
	return r.nr;
}

int team_merge(struct tracecmd_scan *s, struct tracecmd_values *values, uint32_t max, struct err *e)
{
	uint32_t rows = 0;
	bool full = false;
	int r = 0;

	while (rows < max && !full) {
		r = team_need_rows(s, e);
		if (!r)
			r = merge_some(s, rows, max - rows, &full, e);
		if (r <= 0)
			break;
		rows += r;
	}
	scan_tell_results(s, values, rows, full);
	if (full && !rows)
		return err_set(e, -ENOBUFS, "the bytes of a column do not hold one row");
	/* what was read is given first; the failure comes again */
	return rows ? (int)rows : r;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* report --count: how many events there are, and how many were lost. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "report.h"
#include "tally.h"

#define EVENT_IDS 65536			/* an event's type has 16 bits */

/* ---- what to count by ------------------------------------------------------------- */

static const char *const key_names[BY_KEYS] = { "event", "cpu", "task", "buffer", "time" };

static int unknown_key(const char *word, struct err *e)
{
	struct near near;

	err_set(e, -EINVAL, "--count: events are counted by event, cpu, task, buffer or time=WIDTH, "
		"not by '%s'", word);
	near_init(&near, word);
	for (unsigned i = 0; i < BY_KEYS; i++)
		near_try(&near, key_names[i]);
	near_hint(&near, e);
	return -EINVAL;
}

/* "10ms", "0.5", "3us"; without a unit seconds, or what the clock counts. */
static int parse_width(const char *text, struct report_count *c, struct err *e)
{
	static const struct { const char *name; uint64_t ns; } units[] = {
		{ "s", 1000000000 }, { "ms", 1000000 }, { "us", 1000 }, { "ns", 1 },
	};
	const char *unit = text + strspn(text, "0123456789.");
	uint64_t scale = 0, whole = 0;
	double width;
	char *end;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(*unit ? unit : "s", units[i].name))
			scale = units[i].ns;
	width = strtod(text, &end) * scale;
	if (end != unit || end == text || width < 1 || width > 9e18)
		return err_set(e, -EINVAL, "--count: '%s' is no width of time, like 0.1, 10ms or 50us",
			       text);
	c->bin_in_seconds = parse_u64(text, &whole) < 0;
	c->bin = c->bin_in_seconds ? (uint64_t)(width + 0.5) : whole;
	return 0;
}

static int add_key(struct report_count *c, const char *word, struct err *e)
{
	size_t len = strcspn(word, "=");
	unsigned key = 0;

	while (key < BY_KEYS && (strlen(key_names[key]) != len || memcmp(key_names[key], word, len)))
		key++;
	if (key == BY_KEYS || (word[len] && key != BY_TIME))
		return unknown_key(word, e);
	for (unsigned i = 0; i < c->nr; i++)
		if (c->by[i] == key)
			return err_set(e, -EINVAL, "--count: '%s' is given twice", key_names[key]);
	c->by[c->nr++] = key;
	if (key == BY_TIME && !word[len])
		return err_set(e, -EINVAL, "--count: how long is a span of time? Give 'time=10ms'");
	return key == BY_TIME ? parse_width(word + len + 1, c, e) : 0;
}

int report_count_by(struct report_count *c, const char *words, struct err *e)
{
	AUTO_FREE char *copy = strdup(words ? words : key_names[BY_EVENT]);
	char *rest = copy, *word;

	if (!copy)
		return err_set(e, -ENOMEM, "out of memory");
	*c = (struct report_count){ .wanted = true };
	while ((word = strsep(&rest, ","))) {
		int r = add_key(c, word, e);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool counts_by(const struct report_count *c, enum report_key key)
{
	for (unsigned i = 0; i < c->nr; i++)
		if (c->by[i] == key)
			return true;
	return false;
}

/* ---- counting ------------------------------------------------------------------------ */

enum { LOST_KNOWN, LOST_UNKNOWN };	/* ids of losses */

/* What one thread counts. */
struct counter {
	struct tally events, lost;
	uint64_t *by_id;		/* of the CPU at hand, not in the tally yet */
	struct replay_cpu cpu;
	bool any;			/* there is a CPU at hand */
	bool printed;			/* its last event was wanted */
	int rc;				/* why losses could not be counted */
};

struct count {
	struct report *rp;
	bool by_event, by_cpu, by_task, by_buffer, by_time;
	bool each;			/* each event has to be looked at */
	struct counter *counters;	/* by thread */
	unsigned threads;
};

/* The key of a CPU's events, as far as they have one in common. */
static struct tally_key key_of(const struct count *c, const struct replay_cpu *cpu)
{
	struct tally_key key = { 0 };

	if (c->by_event || c->by_task || c->by_buffer)
		key.file = cpu->file;	/* ids and names are a file's own */
	if (c->by_buffer)
		key.buffer = cpu->buffer;
	if (c->by_cpu)
		key.cpu = cpu->cpu;
	return key;
}

/* Takes what was counted by id into the tally. */
static int settle(const struct count *c, struct counter *ct)
{
	struct tally_key key;
	int r = 0;

	if (!ct->any || c->each)
		return 0;
	key = key_of(c, &ct->cpu);
	for (uint32_t id = 0; id < EVENT_IDS && !r; id++) {
		if (!ct->by_id[id])
			continue;
		if (c->by_event)
			key.id = id;
		r = tally_add(&ct->events, &key, ct->by_id[id]);
		ct->by_id[id] = 0;
	}
	return r;
}

static int change_cpu(const struct count *c, struct counter *ct, const struct replay_cpu *cpu)
{
	int r = settle(c, ct);

	ct->cpu = *cpu;
	ct->any = true;
	ct->printed = false;
	return r;
}

static int count_record(const struct count *c, struct counter *ct, const struct ring_page *page,
			const struct ring_event *ev, struct tally_key *key)
{
	struct report_file *f = &c->rp->files.v[ct->cpu.file];
	struct event_record view = {
		.data = ev->data, .len = ev->len, .cpu = ct->cpu.cpu,
		.avail = page->data + page->size - (const uint8_t *)ev->data,
	};

	if (!report_wants(c->rp, f, &view, &ct->printed))
		return 0;
	if (c->by_event)
		key->id = event_db_record_id(f->db, ev->data, ev->len);
	if (c->by_task)
		key->pid = event_db_record_pid(f->db, ev->data, ev->len);
	if (c->by_time)
		key->bin = clock_convert(ct->cpu.conv, ev->ts) / c->rp->count.bin;
	return tally_add(&ct->events, key, 1);
}

static int count_page(void *ctx, unsigned worker, const struct replay_cpu *cpu,
		      struct ring_page *page, struct err *e)
{
	const struct count *c = ctx;
	struct counter *ct = &c->counters[worker];
	struct tally_key key;
	struct ring_event ev;
	int r = ct->rc;

	if (!r && (!ct->any || ct->cpu.nr != cpu->nr))
		r = change_cpu(c, ct, cpu);
	if (!c->each) {
		ring_page_count(page, ct->by_id);
	} else {
		key = key_of(c, cpu);
		while (!r && ring_page_next(page, &ev) > 0)
			r = count_record(c, ct, page, &ev, &key);
	}
	return r < 0 ? err_errno(e, r, "cannot count") : 0;
}

static void count_lost(void *ctx, unsigned worker, const struct replay_cpu *cpu, uint64_t lost)
{
	struct tally_key key = { .file = cpu->file, .buffer = cpu->buffer, .cpu = cpu->cpu };
	const struct count *c = ctx;
	struct counter *ct = &c->counters[worker];
	int r;

	key.id = lost == RING_LOST_UNKNOWN ? LOST_UNKNOWN : LOST_KNOWN;
	r = tally_add(&ct->lost, &key, lost == RING_LOST_UNKNOWN ? 1 : lost);
	if (r < 0)
		ct->rc = r;
}

static int merge(struct tally *to, const struct tally *from)
{
	int r = 0;

	for (size_t i = 0; i < from->size && !r; i++)
		if (from->v[i].count)
			r = tally_add(to, &from->v[i].key, from->v[i].count);
	return r;
}

/* Everything into the first thread's tallies. */
static int merge_all(struct count *c)
{
	int r = 0;

	for (unsigned i = 0; i < c->threads && !r; i++) {
		struct counter *ct = &c->counters[i];

		r = ct->rc ? ct->rc : settle(c, ct);
		if (!r && i)
			r = merge(&c->counters[0].events, &ct->events);
		if (!r && i)
			r = merge(&c->counters[0].lost, &ct->lost);
	}
	return r;
}

static int count_all(struct count *c, struct err *e)
{
	struct replay_scan scan = {
		.threads = c->threads, .in_order = c->each, .ctx = c, .page = count_page,
		.lost = count_lost,
	};
	int r;

	for (unsigned i = 0; i < c->threads && !c->each; i++) {
		c->counters[i].by_id = calloc(EVENT_IDS, sizeof(uint64_t));
		if (!c->counters[i].by_id)
			return err_errno(e, -ENOMEM, "cannot count");
	}
	r = replay_scan(c->rp->replay, &scan, e);
	if (!r) {
		r = merge_all(c);
		if (r < 0)
			err_errno(e, r, "cannot count");
	}
	return r;
}

/* ---- the table --------------------------------------------------------------------------- */

/* A count with what it is of, for people. */
struct row {
	uint64_t count, bin;
	const char *event, *buffer, *comm;
	uint32_t cpu;
	int pid;
};

struct table {
	const struct count *c;
	VEC(struct row) rows;
	char ***names;			/* by file and id */
	bool seconds;
};

static const char *buffer_name(const struct report *rp, const struct tally_key *key)
{
	const char *name = dat_reader_buffer(rp->files.v[key->file].reader, key->buffer)->name;

	return *name || rp->files.nr == 1 ? name : rp->files.v[key->file].name;
}

static const char *event_name(struct table *t, const struct tally_key *key)
{
	struct event_db *db = t->c->rp->files.v[key->file].db;
	const struct event_name *ev;
	char **names, *name = NULL;

	if (!t->names[key->file])
		t->names[key->file] = calloc(EVENT_IDS, sizeof(char *));
	names = t->names[key->file];
	if (!names || names[key->id])
		return names ? names[key->id] : NULL;
	ev = event_db_name(db, key->id);
	if ((ev ? asprintf(&name, "%s:%s", ev->system, ev->name) :
	     asprintf(&name, "unknown:%d", key->id)) < 0)
		return NULL;
	return names[key->id] = name;
}

static int add_row(struct table *t, const struct tally_entry *from)
{
	const struct count *c = t->c;
	const struct tally_key *key = &from->key;
	struct event_db *db = c->rp->files.v[key->file].db;
	struct row row = {
		.count = from->count, .bin = key->bin, .cpu = key->cpu, .pid = key->pid,
		.event = c->by_event ? event_name(t, key) : "",
		.buffer = c->by_buffer ? buffer_name(c->rp, key) : "",
		.comm = c->by_task ? event_db_comm(db, key->pid) : "",
	};

	return row.event && !vec_push(&t->rows, row) ? 0 : -ENOMEM;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_keys(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	int r = compare_u64(a->bin, b->bin);

	if (!r)
		r = strcmp(a->event, b->event);
	if (!r)
		r = compare_u64(a->cpu, b->cpu);
	if (!r)
		r = strcmp(a->buffer, b->buffer);
	if (!r)
		r = strcmp(a->comm, b->comm);
	return r ? r : (a->pid > b->pid) - (a->pid < b->pid);
}

/* Spans of time stand in their order, and what is in one by its number. */
static int compare_counts(const void *x, const void *y)
{
	const struct row *a = x, *b = y;
	int r = compare_u64(a->bin, b->bin);

	if (!r)
		r = compare_u64(b->count, a->count);
	return r ? r : compare_keys(a, b);
}

/* Several files may have the same event, under other ids. */
static void join_rows(struct table *t)
{
	size_t nr = 0;

	qsort(t->rows.v, t->rows.nr, sizeof(*t->rows.v), compare_keys);
	for (size_t i = 0; i < t->rows.nr; i++) {
		if (nr && !compare_keys(&t->rows.v[nr - 1], &t->rows.v[i]))
			t->rows.v[nr - 1].count += t->rows.v[i].count;
		else
			t->rows.v[nr++] = t->rows.v[i];
	}
	t->rows.nr = nr;
	qsort(t->rows.v, t->rows.nr, sizeof(*t->rows.v), compare_counts);
}

static void put_cell(const struct table *t, enum report_key key, const struct row *row, struct buf *out)
{
	const struct event_line_opts opts = { .seconds = t->seconds };

	switch (key) {
	case BY_EVENT:
		buf_puts(out, row->event);
		break;
	case BY_CPU:
		buf_printf(out, "%u", row->cpu);
		break;
	case BY_TASK:
		buf_printf(out, "%s-%d", row->comm, row->pid);
		break;
	case BY_BUFFER:
		buf_puts(out, *row->buffer ? row->buffer : "-");
		break;
	default:
		event_time(&opts, row->bin * t->c->rp->count.bin, out);
	}
}

static const char *const headings[BY_KEYS] = { "EVENT", "CPU", "TASK", "BUFFER", "TIME" };
/* Numbers stand right. */
static const bool stands_right[BY_KEYS] = { [BY_CPU] = true, [BY_TIME] = true };

/* One line; @row NULL: the headings. @widths grow, and count once they stand. */
static void put_row(const struct table *t, const struct row *row, size_t *widths, bool measure,
		    struct buf *line)
{
	const struct report_count *by = &t->c->rp->count;
	AUTO_BUF struct buf cell = { 0 };

	buf_clear(line);
	if (row)
		buf_printf(line, "%12llu", (unsigned long long)row->count);
	else
		buf_puts(line, "      EVENTS");
	for (unsigned i = 0; i < by->nr; i++) {
		enum report_key key = by->by[i];
		size_t start;

		buf_clear(&cell);
		if (row)
			put_cell(t, key, row, &cell);
		else
			buf_puts(&cell, headings[key]);
		start = strspn(cell.data ? cell.data : "", " ");
		if (measure) {
			if (cell.len - start > widths[i])
				widths[i] = cell.len - start;
		} else if (stands_right[key]) {
			buf_printf(line, "  %*s", (int)widths[i], cell.data + start);
		} else {
			/* no blanks behind the last column */
			buf_printf(line, "  %-*s", i + 1 < by->nr ? (int)widths[i] : 0,
				   cell.data + start);
		}
	}
	buf_puts(line, "\n");
}

static void print_rows(const struct table *t)
{
	size_t widths[BY_KEYS] = { 0 };
	AUTO_BUF struct buf line = { 0 };
	uint64_t total = 0;

	put_row(t, NULL, widths, true, &line);
	for (size_t i = 0; i < t->rows.nr; i++)
		put_row(t, &t->rows.v[i], widths, true, &line);
	put_row(t, NULL, widths, false, &line);
	out_put(line.data, line.len);
	for (size_t i = 0; i < t->rows.nr && !out_closed(); i++) {
		put_row(t, &t->rows.v[i], widths, false, &line);
		out_put(line.data, line.len);
		total += t->rows.v[i].count;
	}
	out_printf("%12llu  in all\n", (unsigned long long)total);
}

/* ---- losses ------------------------------------------------------------------------------- */

struct loss {
	struct tally_key key;		/* file, buffer, cpu */
	uint64_t lost, unknown;
};

static int compare_losses(const void *x, const void *y)
{
	const struct tally_key *a = &((const struct loss *)x)->key, *b = &((const struct loss *)y)->key;
	int r = compare_u64(a->file, b->file);

	if (!r)
		r = compare_u64(a->buffer, b->buffer);
	return r ? r : compare_u64(a->cpu, b->cpu);
}

/* By CPU and buffer, in their order. */
static int list_losses(const struct tally *lost, struct loss **ret, size_t *ret_nr)
{
	struct loss *v = calloc(lost->nr + 1, sizeof(*v));
	size_t nr = 0, joined = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < lost->size; i++) {
		const struct tally_entry *e = &lost->v[i];

		if (!e->count)
			continue;
		v[nr] = (struct loss){ .key = e->key };
		*(e->key.id == LOST_KNOWN ? &v[nr].lost : &v[nr].unknown) = e->count;
		nr++;
	}
	qsort(v, nr, sizeof(*v), compare_losses);
	for (size_t i = 0; i < nr; i++) {
		if (joined && !compare_losses(&v[joined - 1], &v[i])) {
			v[joined - 1].lost += v[i].lost;
			v[joined - 1].unknown += v[i].unknown;
		} else {
			v[joined++] = v[i];
		}
	}
	*ret = v;
	*ret_nr = joined;
	return 0;
}

static void print_loss(const struct loss *l, const char *where)
{
	out_printf("%12llu  lost %s", (unsigned long long)l->lost, where);
	if (l->unknown)
		out_printf(", and %llu times an unknown number", (unsigned long long)l->unknown);
	out_put("\n", 1);
}

static int print_losses(const struct report *rp, const struct tally *lost)
{
	AUTO_FREE struct loss *v = NULL;
	AUTO_BUF struct buf where = { 0 };
	struct loss all = { 0 };
	size_t nr;
	int r = list_losses(lost, &v, &nr);

	if (r < 0)
		return r;
	for (size_t i = 0; i < nr; i++) {
		const char *buffer = buffer_name(rp, &v[i].key);

		buf_clear(&where);
		buf_printf(&where, "on CPU %u%s%s", v[i].key.cpu, *buffer ? " of " : "", buffer);
		if (where.failed)
			return -ENOMEM;
		print_loss(&v[i], where.data);
		all.lost += v[i].lost;
		all.unknown += v[i].unknown;
	}
	print_loss(&all, "in all");
	return 0;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Spans of time need one unit. */
static int check_clocks(const struct report *rp, struct err *e)
{
	bool first = replay_in_seconds(rp->replay, 0);

	for (unsigned i = 0; i < rp->files.nr; i++) {
		bool seconds = replay_in_seconds(rp->replay, i);

		if (seconds != first)
			return err_set(e, -EINVAL, "--count: the clock of '%s' counts seconds, that of "
				       "'%s' does not", rp->files.v[first ? 0 : i].path,
				       rp->files.v[first ? i : 0].path);
		if (!seconds && rp->count.bin_in_seconds)
			return err_set(e, -EINVAL, "--count: the clock of '%s' does not count seconds: "
				       "give the width of a span of time as a number", rp->files.v[i].path);
	}
	return 0;
}

static int print_table(const struct count *c)
{
	struct table t = { .c = c, .seconds = replay_in_seconds(c->rp->replay, 0) };
	const struct tally *events = &c->counters[0].events;
	int r = 0;

	t.names = calloc(c->rp->files.nr, sizeof(*t.names));
	if (!t.names)
		return -ENOMEM;
	for (size_t i = 0; i < events->size && !r; i++)
		if (events->v[i].count)
			r = add_row(&t, &events->v[i]);
	if (!r) {
		join_rows(&t);
		print_rows(&t);
		r = print_losses(c->rp, &c->counters[0].lost);
	}
	for (size_t i = 0; i < c->rp->files.nr; i++) {
		for (unsigned id = 0; t.names[i] && id < EVENT_IDS; id++)
			free(t.names[i][id]);
		free(t.names[i]);
	}
	free(t.names);
	vec_release(&t.rows);
	return r;
}

int report_counts(struct report *rp, struct err *e)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct count c = {
		.rp = rp, .threads = cpus > 0 ? cpus : 1,
		.by_event = counts_by(&rp->count, BY_EVENT), .by_cpu = counts_by(&rp->count, BY_CPU),
		.by_task = counts_by(&rp->count, BY_TASK), .by_buffer = counts_by(&rp->count, BY_BUFFER),
		.by_time = counts_by(&rp->count, BY_TIME),
	};
	int r = c.by_time ? check_clocks(rp, e) : 0;

	if (r < 0)
		return r;
	if (c.by_time && replay_in_seconds(rp->replay, 0) && !rp->count.bin_in_seconds)
		rp->count.bin *= 1000000000;
	c.each = c.by_task || c.by_time;
	for (size_t i = 0; i < rp->files.nr; i++)
		c.each |= report_filtering(rp, &rp->files.v[i]);
	c.counters = calloc(c.threads, sizeof(*c.counters));
	if (!c.counters)
		return err_errno(e, -ENOMEM, "cannot count");
	r = count_all(&c, e);
	if (!r) {
		r = print_table(&c);
		if (r < 0)
			err_errno(e, r, "cannot count");
	}
	for (unsigned i = 0; i < c.threads; i++) {
		tally_release(&c.counters[i].events);
		tally_release(&c.counters[i].lost);
		free(c.counters[i].by_id);
	}
	free(c.counters);
	return r;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Filters beside those of libtraceevent, where both speak the same language:
 * random expressions over the events of recordings, on their records and on
 * records with other numbers in them. What differs by intent is left out:
 * precedence (everything is in parentheses), the order of signed numbers,
 * arithmetic within comparisons, strings without a size (a print's text, empty to
 * libtraceevent).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "event/event.h"
#include "replay/replay.h"
#include "../leaks.h"

#define SAMPLES 8			/* records kept of each event */
#define EXPRESSIONS 10			/* of each event */
#define IDS 65536

struct sample { uint8_t *data; uint32_t len, cpu; };
struct samples { struct sample v[SAMPLES]; unsigned nr; };

static uint32_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint64_t)seed * below >> 32;
}

/* ---- records ------------------------------------------------------------------------ */

static struct samples *samples_of(struct replay *rp)
{
	struct samples *all = calloc(IDS, sizeof(*all));
	struct replay_record rec;
	struct event_db *db;
	struct err e = { 0 };

	assert_non_null(all);
	assert_int_equal(replay_event_db(rp, 0, &db, &e), 0);
	while (replay_next(rp, &rec, &e) == 1) {
		int id = event_db_record_id(db, rec.data, rec.len);
		struct samples *s;
		struct sample *to;

		if (id < 0)
			continue;
		s = &all[id];
		to = &s->v[s->nr < SAMPLES ? s->nr++ : any(SAMPLES)];
		free(to->data);
		*to = (struct sample){ malloc(rec.len), rec.len, rec.cpu };
		assert_non_null(to->data);
		memcpy(to->data, rec.data, rec.len);
	}
	return all;
}

static bool is_number(const struct tep_format_field *f)
{
	return !(f->flags & (TEP_FIELD_IS_ARRAY | TEP_FIELD_IS_STRING | TEP_FIELD_IS_DYNAMIC)) &&
	       (f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8);
}

/* Other numbers where there are numbers. */
static void change(struct tep_event *event, struct sample *s)
{
	for (struct tep_format_field *f = event->format.fields; f; f = f->next)
		if (is_number(f) && any(2))
			s->data[f->offset + any(f->size)] ^= any(256);
}

/* libtraceevent reads where a format says. */
static bool reaches(struct tep_event *event, const struct sample *s)
{
	for (struct tep_format_field *f = event->format.fields; f; f = f->next)
		if ((uint32_t)f->offset + (uint32_t)f->size > s->len)
			return false;
	return true;
}

/* ---- expressions ----------------------------------------------------------------------- */

static uint64_t number_in(const struct tep_format_field *f, const struct sample *s)
{
	uint64_t v = tep_read_number(f->event->tep, s->data + f->offset, f->size);
	unsigned shift = 64 - 8 * f->size;

	return f->flags & TEP_FIELD_IS_SIGNED ? (uint64_t)((int64_t)(v << shift) >> shift) : v;
}

static void put_number(struct buf *out, const struct tep_format_field *f, const struct sample *s)
{
	static const char *const all[] = { "==", "!=", "<", ">", "<=", ">=", "&" };
	bool is_signed = f->flags & TEP_FIELD_IS_SIGNED;
	uint64_t v = number_in(f, s);

	/* functions' names are given to more addresses here */
	if (!is_signed && f->size < 8 && !any(6)) {
		buf_printf(out, "%s %s \"0x%llx\"", f->name, all[any(2)], (unsigned long long)v);
		return;
	}
	if (!any(3))
		v += any(3) - 1;
	buf_printf(out, "%s %s %llu", f->name, all[any(is_signed ? 2 : ARRAY_SIZE(all))],
		   (unsigned long long)v);
}

static void string_in(const struct tep_format_field *f, const struct sample *s, char *ret, size_t size)
{
	uint32_t offset = f->offset, len = f->size ? (uint32_t)f->size : s->len - f->offset;
	size_t n = 0;

	if (f->flags & TEP_FIELD_IS_DYNAMIC) {
		uint64_t loc = tep_read_number(f->event->tep, s->data + f->offset, 4);

		offset = loc & 0xffff;
		len = loc >> 16;
		if (f->flags & TEP_FIELD_IS_RELATIVE)
			offset += f->offset + f->size;
	}
	for (uint32_t i = 0; i < len && offset + i < s->len && n + 1 < size; i++) {
		char c = s->data[offset + i];

		if (!c)
			break;
		ret[n++] = c;
	}
	ret[n] = 0;
}

static void put_string(struct buf *out, const char *name, char *word)
{
	static const char *const ops[] = { "==", "!=", "=~", "!~" };
	static const char *const shapes[] = { "%s", "^%s", "%s$", "^%s$", "%s.*", "^[%s]*", ".*%s" };
	unsigned op = any(ARRAY_SIZE(ops));
	size_t len = 0;

	/* what a quoted string can hold and no expression gives a meaning */
	while (word[len] >= ' ' && word[len] <= '~' && !strchr("\"\\[]*.^$-", word[len]))
		len++;
	word[len] = 0;
	if (len > 1 && any(2))
		word[1 + any(len - 1)] = 0;
	buf_printf(out, "%s %s \"", name, ops[op]);
	if (op >= 2 && *word)
		buf_printf(out, shapes[any(ARRAY_SIZE(shapes))], word);
	else
		buf_puts(out, *word ? word : "x");
	buf_puts(out, "\"");
}

static const struct tep_format_field *any_field(struct tep_event *event)
{
	const struct tep_format_field *f = any(8) ? event->format.fields : event->format.common_fields;
	unsigned nr = 0;

	for (const struct tep_format_field *p = f; p; p = p->next)
		nr++;
	for (unsigned i = nr ? any(nr) : 0; f && i; i--)
		f = f->next;
	return f;
}

static void put_term(struct buf *out, struct tep_event *event, const struct sample *s, const char *comm)
{
	const struct tep_format_field *f = any_field(event);
	char word[64];

	if (!any(8)) {
		snprintf(word, sizeof(word), "%s", comm);
		put_string(out, "COMM", word);
	} else if (!any(8)) {
		buf_printf(out, "CPU %s %u", any(2) ? "==" : "!=", any(3));
	} else if (!any(12)) {
		buf_puts(out, "not_there == 1");
	} else if (f && f->flags & TEP_FIELD_IS_STRING && f->size) {
		string_in(f, s, word, sizeof(word));
		put_string(out, f->name, word);
	} else if (f && is_number(f)) {
		put_number(out, f, s);
	} else {
		buf_puts(out, "common_pid != 0");
	}
}

static void put_expression(struct buf *out, struct tep_event *event, const struct sample *s,
			   const char *comm, unsigned depth)
{
	unsigned shape = depth ? any(5) : 4;

	if (shape == 4) {
		put_term(out, event, s, comm);
		return;
	}
	buf_puts(out, shape ? "(" : "!(");
	put_expression(out, event, s, comm, depth - 1);
	buf_puts(out, ")");
	if (!shape)
		return;
	buf_puts(out, shape == 1 ? " && (" : " || (");
	put_expression(out, event, s, comm, depth - 1);
	buf_puts(out, ")");
}

/* ---- both answers -------------------------------------------------------------------------- */

struct tally { unsigned expressions, refused, yes, no; };

static void compare(struct event_filter *ours, struct tep_event_filter *theirs, const struct sample *s,
		    const char *text, struct tally *tally)
{
	struct event_record view = { .data = s->data, .len = s->len, .avail = s->len, .cpu = s->cpu };
	struct tep_record rec = { .data = s->data, .size = s->len, .record_size = s->len,
				  .cpu = s->cpu, .ref_count = 1 };
	bool want = tep_filter_match(theirs, &rec) == TEP_ERRNO__FILTER_MATCH;

	if (event_filter_match(ours, &view) != want)
		fail_msg("%s: libtraceevent says %s", text, want ? "yes" : "no");
	if (want)
		tally->yes++;
	else
		tally->no++;
}

static void try_expression(struct event_db *db, struct tep_event *event, struct samples *all,
			   struct tally *tally)
{
	const struct sample *model = &all->v[any(all->nr)];
	int pid = event_db_record_pid(db, model->data, model->len);
	struct tep_event_filter *theirs = tep_filter_alloc(event_db_tep(db));
	struct event_filter *ours;
	struct buf text = { 0 };
	struct err e = { 0 };
	bool refused;
	int r;

	tally->expressions++;
	buf_printf(&text, "%s/%s: ", event->system, event->name);
	/* so that a field that is not there is no mistake */
	put_expression(&text, event, model, event_db_comm(db, pid), 3);
	assert_int_equal(event_filter_new(db, &ours, NULL), 0);
	refused = tep_filter_add_filter_str(theirs, text.data) < 0;
	if (strstr(text.data, "not_there")) {
		struct buf pattern = { 0 };

		buf_printf(&pattern, "%s/%s*%s", event->system, event->name,
			   strchr(text.data, ':'));
		r = event_filter_add(ours, pattern.data, false, &e);
		buf_release(&pattern);
	} else {
		r = event_filter_add(ours, text.data, false, &e);
	}
	if (r < 0)
		fail_msg("%s: %s", text.data, e.text);
	/* it cannot read all parentheses of its own language */
	if (refused)
		tally->refused++;
	for (unsigned i = 0; i < all->nr && !refused; i++) {
		struct sample copy = all->v[i];

		if (!reaches(event, &copy))
			continue;
		compare(ours, theirs, &copy, text.data, tally);
		copy.data = malloc(copy.len);
		assert_non_null(copy.data);
		memcpy(copy.data, all->v[i].data, copy.len);
		for (unsigned k = 0; k < 3; k++) {
			change(event, &copy);
			compare(ours, theirs, &copy, text.data, tally);
		}
		free(copy.data);
	}
	buf_release(&text);
	event_filter_free(ours);
	tep_filter_free(theirs);
}

/* libtraceevent knows the tasks, too. */
static int tell_comm(void *ctx, int pid, const char *comm)
{
	tep_register_comm(ctx, comm, pid);
	return 0;
}

static void try_file(const char *name)
{
	struct tally tally = { 0 };
	struct samples *all;
	struct dat_reader *r;
	struct event_db *db = NULL;
	struct replay *rp;
	struct err e = { 0 };
	char path[512];

	snprintf(path, sizeof(path), FIXTURES "/traces/%s", name);
	assert_int_equal(replay_new(NULL, &rp, &e), 0);
	if (dat_reader_open(path, NULL, &r, &e) || replay_add_file(rp, r, NULL, NULL, &e) ||
	    replay_start(rp, &e) || replay_event_db(rp, 0, &db, &e))
		fail_msg("%s", e.text);
	event_db_each_comm(db, tell_comm, event_db_tep(db));
	all = samples_of(rp);
	for (unsigned id = 0; id < IDS; id++) {
		struct tep_event *event = all[id].nr ? event_db_event(db, id) : NULL;

		for (unsigned i = 0; i < EXPRESSIONS && event; i++)
			try_expression(db, event, &all[id], &tally);
		for (unsigned i = 0; i < all[id].nr; i++)
			free(all[id].v[i].data);
	}
	free(all);
	replay_free(rp);
	/* it says something */
	assert_true(tally.yes > 100 && tally.no > 100);
	assert_true(tally.refused < tally.expressions / 2);
}

/* libtraceevent 1.7 loses a word here and there when it parses a filter. */
KNOWN_LEAKS("leak:vasprintf\n");

static void test_recordings(void **state)
{
	static const char *const files[] = {
		"all-6.1.dat", "old-v6.dat", "old-v7.dat", "probes-6.12.dat", "user-events.dat",
		"instances.dat", "syn-v6-be-l8-p4096-none.dat", "syn-v7-be-l4-p8192-none.dat",
		"syn-v6-le-l4-p8192-none.dat",
	};

	(void)state;
	tep_set_loglevel(TEP_LOG_NONE);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		try_file(files[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recordings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

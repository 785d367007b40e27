// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Symbols of kallsyms. A kernel has 10 MB of them and a report asks for a few, so
 * what is made of them at first is little: addresses and places of names.
 */
#include <errno.h>
#include <stdlib.h>

#include "event/tables.h"

/* ---- lines ------------------------------------------------------------------ */

#define ADDRESS_DIGITS 16

/* By character: the value of a hex digit and one, 0 for what is none. */
static const uint8_t hex_values[256] = {
	['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8,
	['8'] = 9, ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15,
	['f'] = 16, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* Up to 16 hex digits; NULL if there is none or the number does not fit. */
static const char *take_hex(const char *p, const char *end, uint64_t *ret)
{
	const char *start = p;
	uint64_t v = 0;
	unsigned digit;

	for (; p < end && (digit = hex_values[(unsigned char)*p]); p++) {
		if (v >> 60)
			return NULL;
		v = v << 4 | (digit - 1);
	}
	*ret = v;
	return p > start ? p : NULL;
}

/* 8 digits at once, all bytes of a word; false if some is none, or large as 'A'. */
static inline bool take_8_digits(const char *p, uint64_t *ret)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t text = get_u64(p, false), v, letters;

	v = (text & 0x0f * ones) + (text >> 6 & ones) * 9;
	letters = (v + 6 * ones) >> 4 & ones;
	/* written back it must be what was read */
	if ((v & 0xf0 * ones) || v + '0' * ones + letters * ('a' - '9' - 1) != text)
		return false;
	v = (v << 4 | v >> 8) & 0x00ff00ff00ff00ff;
	v = (v << 8 | v >> 16) & 0x0000ffff0000ffff;
	*ret = (v << 16 | v >> 32) & 0xffffffff;
	return true;
}

/* The upper half of the last address: mostly that of the next one, too. */
struct upper { uint64_t text, value; };

/* The same as take_hex where, as on 64 bits, there are exactly 16 digits. */
static bool take_address(const char *p, struct upper *upper, uint64_t *ret)
{
	uint64_t text = get_u64(p, false), low;

	if (text != upper->text) {
		if (!take_8_digits(p, &upper->value))
			return false;
		upper->text = text;
	}
	if (!take_8_digits(p + 8, &low) || p[ADDRESS_DIGITS] != ' ')
		return false;
	*ret = upper->value << 32 | low;
	return true;
}

/* Where the name begins that follows @p, an address's end; NULL if it is no symbol's. */
static const char *parse_name(const char *p, const char *end)
{
	char type;

	if (end - p < 4 || p[0] != ' ' || p[2] != ' ')
		return NULL;
	type = p[1];
	p += 3;
	if (*p == ' ' || *p == '\t' || *p == '$' || type == 'A' || type == 'a')
		return NULL;
	return p;
}

/*
 * The symbol of the line at *@line, which is moved to the next one: where its name begins,
 * or NULL. Of a usual line the end is looked for behind the name's beginning.
 */
static inline const char *take_line(const char **line, const char *end, struct upper *upper,
				    uint64_t *ret_addr)
{
	const char *p = *line, *name = NULL, *next;
	bool usual = end - p > ADDRESS_DIGITS && take_address(p, upper, ret_addr);

	if (usual)
		name = parse_name(p + ADDRESS_DIGITS, end);
	usual = name && name[-2] != '\n' && *name != '\n';
	next = memchr(usual ? name : p, '\n', end - (usual ? name : p));
	if (!next)
		next = end;
	*line = next + 1;
	if (usual)
		return name;
	p = take_hex(p, next, ret_addr);
	return p ? parse_name(p, next) : NULL;
}

/* ---- order -------------------------------------------------------------------- */

/* Where sorted runs begin: kallsyms has one for the kernel, and one for each module. */
struct runs { size_t *v, nr, cap; };

/* The first one of [0, n), which are sorted, at or above @addr. */
static size_t first_from(const struct symbol_place *v, size_t n, uint64_t addr)
{
	size_t low = 0;

	while (low < n) {
		size_t mid = low + (n - low) / 2;

		if (v[mid].addr < addr)
			low = mid + 1;
		else
			n = mid;
	}
	return low;
}

/*
 * Merges the sorted runs [0, half) and [half, n), the second being the newer:
 * of equal addresses its symbols come first.
 */
static void merge(struct symbol_place *v, struct symbol_place *tmp, size_t half, size_t n)
{
	size_t a = 0, b = half, i, nr;

	if (!half || half == n)
		return;
	i = first_from(v, half, v[half].addr);
	nr = half - i;
	memcpy(tmp, v + i, nr * sizeof(*v));
	for (; a < nr; i++) {
		if (b < n && v[b].addr <= tmp[a].addr)
			v[i] = v[b++];
		else
			v[i] = tmp[a++];
	}
}

/* Of sorted symbols those of one address: the newer first. */
static void newer_first(struct symbol_place *v, size_t n)
{
	size_t start = 0;

	for (size_t i = 1; i <= n; i++) {
		if (i < n && v[i].addr == v[start].addr)
			continue;
		for (size_t a = start, b = i - 1; a < b; a++, b--) {
			struct symbol_place swap = v[a];

			v[a] = v[b];
			v[b] = swap;
		}
		start = i;
	}
}

/* @nr runs that begin at @starts, the last one ends at @end. */
static void sort(struct symbol_place *v, struct symbol_place *tmp, const size_t *starts, size_t nr,
		 size_t end)
{
	size_t half = nr / 2;

	if (nr == 1) {
		newer_first(v + *starts, end - *starts);
		return;
	}
	sort(v, tmp, starts, half, starts[half]);
	sort(v, tmp, starts + half, nr - half, end);
	merge(v + *starts, tmp, starts[half] - *starts, end - *starts);
}

/* Those from @first on are new. */
static int sort_new(struct symbols *s, size_t first, const struct runs *runs)
{
	struct symbol_place *tmp;

	if (!runs->nr)
		return 0;
	tmp = malloc((s->v.nr + 1) * sizeof(*tmp));
	if (!tmp)
		return -ENOMEM;
	sort(s->v.v, tmp, runs->v, runs->nr, s->v.nr);
	merge(s->v.v, tmp, first, s->v.nr);
	free(tmp);
	return 0;
}

/* ---- adding ---------------------------------------------------------------------- */

/* A line has some 45 bytes; few kernels have more than the second number. */
#define LINE_GUESS 40
#define LINE_LONG 50

/* @runs: of the new ones. */
static int add_lines(struct symbols *s, const char *text, size_t len, struct runs *runs)
{
	const char *line = text, *end = text + len;
	struct upper upper = { .text = 0x3030303030303030 };	/* "00000000" */
	uint64_t last = UINT64_MAX;
	size_t first = s->v.nr;

	if (vec_reserve(&s->v, len / LINE_GUESS))
		return -ENOMEM;
	if (!s->v.nr)
		large_touch(s->v.v, len / LINE_LONG * sizeof(*s->v.v));
	while (line < end) {
		struct symbol_place place;
		const char *name = take_line(&line, end, &upper, &place.addr);

		if (!name)
			continue;
		if ((place.addr < last || s->v.nr == first) && vec_push(runs, s->v.nr))
			return -ENOMEM;
		last = place.addr;
		place.at = s->size + (name - text);
		if (vec_push(&s->v, place))
			return -ENOMEM;
	}
	return 0;
}

/* The strings made so far stay for those who have them. */
static int forget_names(struct symbols *s, size_t nr)
{
	for (size_t i = 0; s->names && i < nr; i++) {
		struct symbol_name *name = s->names[i];

		if (name && vec_push(&s->old_names, name))
			return -ENOMEM;
		s->names[i] = NULL;
	}
	free(s->names);
	s->names = NULL;
	return 0;
}

int symbols_add(struct symbols *s, const char *text, size_t len, bool copy)
{
	struct symbols_text added = { .text = text, .len = len, .start = s->size };
	struct runs runs = { 0 };
	size_t first = s->v.nr;
	int r;

	if (!len)
		return 0;
	if (len > UINT32_MAX - s->size)
		return -EFBIG;
	if (forget_names(s, first))
		return -ENOMEM;
	if (copy) {
		added.text = added.owned = malloc(len);
		if (!added.owned)
			return -ENOMEM;
		memcpy(added.owned, text, len);
	}
	if (vec_push(&s->texts, added)) {
		free(added.owned);
		return -ENOMEM;
	}
	r = add_lines(s, added.text, len, &runs);
	if (!r)
		r = sort_new(s, first, &runs);
	vec_release(&runs);
	s->size += len;
	if (r < 0)
		s->v.nr = first;
	/* untouched, its pages take no memory */
	s->names = calloc(s->v.nr + 1, sizeof(*s->names));
	return s->names ? r : -ENOMEM;
}

/* ---- asking ------------------------------------------------------------------------ */

/* The name ends at a blank; "\t[MODULE]" may follow, up to the line's end. */
static struct symbol_name *copy_name(const struct symbols *s, const struct symbol_place *place)
{
	const struct symbols_text *t = &s->texts.v[s->texts.nr - 1];
	const char *name, *p, *end;
	struct symbol_name *copy;

	while (t->start > place->at)
		t--;
	name = p = t->text + (place->at - t->start);
	end = memchr(name, '\n', t->len - (place->at - t->start));
	if (!end)
		end = t->text + t->len;
	while (p < end && *p != ' ' && *p != '\t')
		p++;
	copy = malloc(sizeof(*copy) + (end - name) + 1);
	if (!copy)
		return NULL;
	copy->module = NULL;
	memcpy(copy->name, name, end - name);
	copy->name[end - name] = 0;
	copy->name[p - name] = 0;
	if (end - p > 2 && p[0] == '\t' && p[1] == '[') {
		copy->module = copy->name + (p - name) + 2;
		if (end[-1] == ']')
			copy->name[end - name - 1] = 0;
	}
	return copy;
}

bool symbols_nth(const struct symbols *s, size_t i, struct symbol *ret)
{
	struct symbol_name *name, *made;

	if (i >= s->v.nr || !s->names)
		return false;
	name = atomic_load_explicit(&s->names[i], memory_order_acquire);
	if (!name) {
		made = copy_name(s, &s->v.v[i]);
		if (!made)
			return false;
		/* another thread may have been faster */
		if (atomic_compare_exchange_strong(&s->names[i], &name, made))
			name = made;
		else
			free(made);
	}
	ret->addr = s->v.v[i].addr;
	ret->name = name->name;
	ret->module = name->module;
	return true;
}

bool symbols_find(const struct symbols *s, uint64_t addr, struct symbol *ret)
{
	size_t low = 0, high = s->v.nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct symbol_place *m = &s->v.v[mid];

		if (addr == m->addr)
			return symbols_nth(s, mid, ret);
		if (addr < m->addr) {
			high = mid;
		} else {
			if (mid + 1 < s->v.nr && addr < m[1].addr)
				return symbols_nth(s, mid, ret);
			low = mid + 1;
		}
	}
	return false;
}

void symbols_release(struct symbols *s)
{
	for (size_t i = 0; s->names && i < s->v.nr; i++)
		free(s->names[i]);
	free(s->names);
	s->names = NULL;
	for (size_t i = 0; i < s->old_names.nr; i++)
		free(s->old_names.v[i]);
	vec_release(&s->old_names);
	for (size_t i = 0; i < s->texts.nr; i++)
		free(s->texts.v[i].owned);
	vec_release(&s->texts);
	vec_release(&s->v);
	s->size = 0;
}

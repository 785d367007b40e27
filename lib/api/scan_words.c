// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Strings by their numbers: a table of all that a column has had, in the order
 * they were met, and a hash of it.
 */
#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#include "api/scan.h"

#define SLOTS_MIN 64
/* Names of processes have no more than this, and are most of what is asked for. */
#define SHORT_BYTES 16
#define SHORTS 256

/* A string of up to SHORT_BYTES, 0 behind its end, and its number. */
struct scan_short { uint64_t start, rest; int32_t code; };

static bool is_word(const struct scan_words *w, uint32_t code, const void *s, uint32_t len)
{
	uint32_t at = w->offsets.v[code];

	return w->offsets.v[code + 1] - at == len && !memcmp(w->bytes.data + at, s, len);
}

/* Twice the slots. 0 or -ENOMEM. */
static int grow(struct scan_words *w)
{
	uint32_t nr = w->nr_slots ? w->nr_slots * 2 : SLOTS_MIN;
	struct scan_slot *slots = calloc(nr, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->nr_slots; i++) {
		uint32_t at = w->slots[i].hash & (nr - 1);

		if (!w->slots[i].number)
			continue;
		while (slots[at].number)
			at = (at + 1) & (nr - 1);
		slots[at] = w->slots[i];
	}
	free(w->slots);
	w->slots = slots;
	w->nr_slots = nr;
	return 0;
}

static int add(struct scan_words *w, const void *s, uint32_t len)
{
	if (w->bytes.len > INT32_MAX - (uint64_t)len || w->nr == INT32_MAX)
		return -EOVERFLOW;
	if (!w->offsets.nr && vec_push(&w->offsets, 0))
		return -ENOMEM;
	if (vec_reserve(&w->offsets, 1) || buf_put(&w->bytes, len ? s : "", len))
		return -ENOMEM;
	w->offsets.v[w->offsets.nr++] = w->bytes.len;
	return w->nr++;
}

int32_t scan_words_code(struct scan_words *w, const void *s, uint32_t len)
{
	uint32_t hash = XXH3_64bits(s, len), at;
	int code;

	/* a quarter of the slots stays free, so each search ends */
	if ((uint32_t)w->nr >= w->nr_slots / 4 * 3 && grow(w))
		return -ENOMEM;
	for (at = hash & (w->nr_slots - 1); w->slots[at].number; at = (at + 1) & (w->nr_slots - 1))
		if (w->slots[at].hash == hash && is_word(w, w->slots[at].number - 1, s, len))
			return w->slots[at].number - 1;
	code = add(w, s, len);
	if (code >= 0)
		w->slots[at] = (struct scan_slot){ .hash = hash, .number = code + 1u };
	return code;
}

/* The bytes in front of the first 0, the rest 0. @v: little-endian, as they were read. */
static inline uint64_t before_end(uint64_t v)
{
	uint64_t ends = (v - 0x0101010101010101) & ~v & 0x8080808080808080;

	return ends ? v & ((ends & -ends) - 1) : v;
}

static bool ends_within(uint64_t v)
{
	return !(v >> 56);
}

static struct scan_short *new_shorts(void)
{
	struct scan_short *v = calloc(SHORTS, sizeof(*v));

	for (unsigned i = 0; v && i < SHORTS; i++)
		v[i].code = -1;
	return v;
}

int32_t scan_words_code_of_chars(struct scan_words *w, const void *s, uint32_t len)
{
	uint8_t chars[SHORT_BYTES] = { 0 };
	uint64_t start, rest;
	struct scan_short *met;

	if (!w->shorts)
		w->shorts = new_shorts();
	if (len > SHORT_BYTES || !w->shorts)
		return scan_words_code(w, s, strnlen(s, len));
	if (len != SHORT_BYTES)
		s = memcpy(chars, s, len);
	start = before_end(get_u64(s, false));
	rest = ends_within(start) ? 0 : before_end(get_u64((const uint8_t *)s + 8, false));
	met = &w->shorts[((start ^ rest << 5) * 0x9e3779b97f4a7c15 ^ rest * 0xc2b2ae3d27d4eb4f) >> 56];
	if (met->code >= 0 && met->start == start && met->rest == rest)
		return met->code;
	*met = (struct scan_short){ start, rest, scan_words_code(w, s, strnlen(s, SHORT_BYTES)) };
	return met->code;
}

void scan_words_release(struct scan_words *w)
{
	free(w->slots);
	free(w->shorts);
	vec_release(&w->offsets);
	buf_release(&w->bytes);
}

API int tracecmd_scan_words(const struct tracecmd_scan *s, unsigned int column, const int32_t **offsets,
			    const uint8_t **bytes)
{
	static const int32_t none[1];
	const struct scan_words *w;

	if (!s || column >= s->columns.nr || s->columns.v[column].type != TRACECMD_TYPE_WORD)
		return -EINVAL;
	w = &s->columns.v[column].words;
	if (offsets)
		*offsets = w->nr ? w->offsets.v : none;
	if (bytes)
		*bytes = w->nr ? (const uint8_t *)w->bytes.data : (const uint8_t *)"";
	return w->nr;
}

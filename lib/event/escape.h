/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes of a record as a JSON string or as a quoted cell of CSV: valid UTF-8
 * whatever the bytes are. Each byte that is not part of a well-formed sequence
 * (RFC 3629) becomes U+FFFD.
 */
#ifndef TRACECMD_EVENT_ESCAPE_H
#define TRACECMD_EVENT_ESCAPE_H

#include "base/base.h"

/* Most bytes that one byte of a string takes, and what is written beyond. */
#define ESCAPE_MAX 6
#define ESCAPE_SLACK 32

enum escape {
	ESCAPE_JSON,			/* \" \\ \n \u0001 */
	ESCAPE_CSV,			/* "" */
	ESCAPE_JSON_IN_CSV,		/* \"" \\ \n: a JSON string inside of a quoted cell */
};

/*
 * What has to be looked at more closely: anything but well-behaved ASCII. Ends
 * at the first NUL. @p has room for ESCAPE_MAX * @len + ESCAPE_SLACK. *bad is
 * set, and otherwise left alone, if a byte was replaced.
 */
char *escape_slow(char *p, const uint8_t *s, const uint8_t *end, enum escape how, bool *bad);

#define ESCAPE_ONES 0x0101010101010101ull
#define ESCAPE_TOPS 0x8080808080808080ull

/* The top bit of each byte that is not copied as it is. Behind the first of
 * them a byte may be marked that need not be. */
static inline uint64_t escape_marks(uint64_t w)
{
	uint64_t quote = w ^ (ESCAPE_ONES * '"'), slash = w ^ (ESCAPE_ONES * '\\');

	return (w | ((w - ESCAPE_ONES * ' ') & ~w) | ((quote - ESCAPE_ONES) & ~quote) |
		((slash - ESCAPE_ONES) & ~slash)) & ESCAPE_TOPS;
}

/* The string up to its first NUL, without quotes around it. As escape_slow. */
static inline char *put_escaped(char *p, const uint8_t *s, uint32_t len, enum escape how, bool *bad)
{
	const uint8_t *end = s + len;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	while (end - s >= 8) {
		uint64_t w, marks;

		memcpy(&w, s, 8);
		memcpy(p, &w, 8);
		marks = escape_marks(w);
		if (marks) {
			unsigned n = __builtin_ctzll(marks) / 8;

			p += n;
			s += n;
			break;
		}
		p += 8;
		s += 8;
	}
#endif
	return s == end || !*s ? p : escape_slow(p, s, end, how, bad);
}

/* A whole string in the quotes that it has at its place, appended. */
void put_quoted(struct buf *out, const char *s, enum escape how);

/* The bytes in hexadecimal: two digits each. */
static inline char *put_hex_bytes(char *p, const uint8_t *s, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++, p += 2)
		memcpy(p, number_hex + 2 * s[i], 2);
	return p;
}

#endif

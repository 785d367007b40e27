/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether bytes are one line of JSON: RFC 8259 without blanks, fractions and exponents. */
#ifndef TRACECMD_FUZZ_JSON_CHECK_H
#define TRACECMD_FUZZ_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct json { const uint8_t *p, *end; };

static bool json_char(struct json *j, uint8_t c)
{
	if (j->p == j->end || *j->p != c)
		return false;
	j->p++;
	return true;
}

static bool json_digits(struct json *j, bool hex, unsigned *nr)
{
	for (*nr = 0; j->p < j->end; j->p++, ++*nr)
		if (!((*j->p >= '0' && *j->p <= '9') || (hex && *j->p >= 'a' && *j->p <= 'f')))
			break;
	return *nr;
}

static bool json_escape(struct json *j)
{
	if (j->end - j->p < 1)
		return false;
	if (*j->p != 'u')
		return strchr("\"\\bfnrt", *j->p++);
	if (j->end - j->p < 5)
		return false;
	for (int i = 1; i < 5; i++)
		if (!strchr("0123456789abcdef", j->p[i]))
			return false;
	j->p += 5;
	return true;
}

/* One character of more than one byte, decoded and compared with what it may be. */
static bool json_wide(struct json *j)
{
	unsigned n = *j->p >= 0xf0 ? 4 : *j->p >= 0xe0 ? 3 : 2;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t c = *j->p & (0xff >> (n + 1));

	if (*j->p < 0xc0 || *j->p >= 0xf8 || j->end - j->p < n)
		return false;
	for (unsigned i = 1; i < n; i++) {
		if ((j->p[i] & 0xc0) != 0x80)
			return false;
		c = c << 6 | (j->p[i] & 0x3f);
	}
	j->p += n;
	return c >= least[n] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

static bool json_string(struct json *j)
{
	if (!json_char(j, '"'))
		return false;
	while (j->p < j->end && *j->p != '"') {
		if (*j->p < ' ')
			return false;
		if (*j->p >= 0x80) {
			if (!json_wide(j))
				return false;
		} else if (*j->p++ == '\\' && !json_escape(j)) {
			return false;
		}
	}
	return json_char(j, '"');
}

static bool json_value(struct json *j, unsigned depth);

static bool json_list(struct json *j, unsigned depth, char last, bool names)
{
	if (json_char(j, last))
		return true;
	do {
		if (names && (!json_string(j) || !json_char(j, ':')))
			return false;
		if (!json_value(j, depth))
			return false;
	} while (json_char(j, ','));
	return json_char(j, last);
}

static bool json_value(struct json *j, unsigned depth)
{
	unsigned nr;

	if (j->p == j->end || !depth)
		return false;
	switch (*j->p) {
	case '{':
		j->p++;
		return json_list(j, depth - 1, '}', true);
	case '[':
		j->p++;
		return json_list(j, depth - 1, ']', false);
	case '"':
		return json_string(j);
	case 'n':
		if (j->end - j->p < 4 || memcmp(j->p, "null", 4))
			return false;
		j->p += 4;
		return true;
	case '0':
		j->p++;
		return true;
	case '-':
		j->p++;
		if (j->p < j->end && *j->p == '0')
			return false;
	}
	return json_digits(j, false, &nr) && nr <= 20;
}

/* An object and a newline, nothing else. */
static bool json_is_line(const char *text, size_t len)
{
	struct json j = { (const uint8_t *)text, (const uint8_t *)text + len };

	return len && text[0] == '{' && json_value(&j, 5) && json_char(&j, '\n') && j.p == j.end;
}

#endif

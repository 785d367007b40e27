// SPDX-License-Identifier: LGPL-2.1-or-later
#include "event/escape.h"

/* Bytes of the well-formed sequence that begins at @s, two at least; 0: none does. */
static unsigned utf8_length(const uint8_t *s, size_t left)
{
	uint8_t low = 0x80, high = 0xbf;
	unsigned n;

	if (*s < 0xc2 || *s > 0xf4)
		return 0;
	n = *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
	/* neither longer than need be, nor surrogates, nor past U+10FFFF */
	if (*s == 0xe0)
		low = 0xa0;
	else if (*s == 0xed)
		high = 0x9f;
	else if (*s == 0xf0)
		low = 0x90;
	else if (*s == 0xf4)
		high = 0x8f;
	if (left < n || s[1] < low || s[1] > high)
		return 0;
	for (unsigned i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* A character that JSON does not take as it is. */
static char *put_json_char(char *p, uint8_t c, bool in_csv)
{
	static const char short_form[32] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
	};

	*p++ = '\\';
	if (c >= 32) {
		/* the quote is doubled for the cell around it */
		if (c == '"' && in_csv)
			*p++ = '"';
		*p++ = c;
	} else if (short_form[c]) {
		*p++ = short_form[c];
	} else {
		p = put_bytes(p, "u00", 3);
		p = put_bytes(p, number_hex + 2 * c, 2);
	}
	return p;
}

static char *put_ascii(char *p, uint8_t c, enum escape how)
{
	if (how == ESCAPE_CSV) {
		if (c == '"')
			*p++ = '"';
		*p++ = c;
	} else if (c < 32 || c == '"' || c == '\\') {
		p = put_json_char(p, c, how == ESCAPE_JSON_IN_CSV);
	} else {
		*p++ = c;
	}
	return p;
}

char *escape_slow(char *p, const uint8_t *s, const uint8_t *end, enum escape how, bool *bad)
{
	while (s < end && *s) {
		unsigned n;

		if (*s < 0x80) {
			p = put_ascii(p, *s++, how);
			continue;
		}
		n = utf8_length(s, end - s);
		if (n) {
			p = put_bytes(p, s, n);
			s += n;
		} else {
			p = put_bytes(p, "\xef\xbf\xbd", 3);
			*bad = true;
			s++;
		}
	}
	return p;
}

void put_quoted(struct buf *out, const char *s, enum escape how)
{
	const char *quote = how == ESCAPE_JSON_IN_CSV ? "\"\"" : "\"";
	size_t len = strlen(s);
	bool bad = false;
	char *p;

	buf_puts(out, quote);
	p = buf_room(out, ESCAPE_MAX * len + ESCAPE_SLACK);
	if (p)
		buf_wrote(out, put_escaped(p, (const uint8_t *)s, len, how, &bad));
	buf_puts(out, quote);
}

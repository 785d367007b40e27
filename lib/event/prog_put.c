// SPDX-License-Identifier: LGPL-2.1-or-later
#include "event/prog_put.h"

/* ---- numbers ------------------------------------------------------------------------ */

/* 64 bits in octal have 22 digits; sign or prefix. */
#define DIGITS_MAX 24

size_t prog_number_room(const struct prog_spec *spec)
{
	size_t most = spec->width;

	if (spec->precision > 0 && (size_t)spec->precision > most)
		most = spec->precision;
	if (spec->width_star || spec->precision_star)
		most = most > FORMAT_WIDTH_MAX ? most : FORMAT_WIDTH_MAX;
	return most + 2 * DIGITS_MAX;
}

static char *put_octal(char *p, uint64_t v)
{
	unsigned n = v ? (66 - __builtin_clzll(v)) / 3 : 1;

	for (char *at = p + n; at > p; v >>= 3)
		*--at = '0' + (v & 7);
	return p + n;
}

static void to_upper(char *p, const char *end)
{
	for (; p < end; p++)
		if (*p >= 'a' && *p <= 'f')
			*p -= 'a' - 'A';
}

static char *put_magnitude(char *p, uint64_t v, char letter)
{
	char *end;

	switch (letter) {
	case 'x':
		return put_hex(p, v);
	case 'X':
		end = put_hex(p, v);
		to_upper(p, end);
		return end;
	case 'o':
		return put_octal(p, v);
	case 'c':			/* a NUL would end the text for most who read it */
		*p = v;
		return p + !!v;
	}
	return put_dec(p, v);
}

/* Sign, or what '#' puts in front: 0 to 2 characters. */
static unsigned prefix(char *ret, bool negative, uint64_t v, const struct prog_spec *spec)
{
	if (negative)
		ret[0] = '-';
	if (negative)
		return 1;
	if (!spec->alternate || (!v && !spec->zero_prefix) || (spec->letter != 'x' && spec->letter != 'X'))
		return 0;
	ret[0] = '0';
	ret[1] = spec->letter;
	return 2;
}

char *prog_put_number(char *p, uint64_t v, const struct prog_spec *spec, unsigned width,
		      int precision)
{
	char digits[DIGITS_MAX], sign[2];
	unsigned shift = 64 - 8 * spec->bytes, nr, nr_sign, zeros = 0, used;
	bool negative = spec->letter == 'd' && (int64_t)(v << shift) < 0;

	v = negative ? -(uint64_t)((int64_t)(v << shift) >> shift) : v << shift >> shift;
	nr = put_magnitude(digits, v, spec->letter) - digits;
	nr_sign = prefix(sign, negative, v, spec);
	if (!precision && !v)
		nr = 0;
	if (precision > (int)nr)
		zeros = precision - nr;
	else if (precision < 0 && spec->zero && !spec->left && width > nr + nr_sign)
		zeros = width - nr - nr_sign;
	if (spec->letter == 'o' && spec->alternate && !zeros && (v || !nr))
		zeros = 1;
	used = nr_sign + zeros + nr;
	if (!spec->left && width > used)
		p = put_fill(p, ' ', width - used);
	p = put_bytes(p, sign, nr_sign);
	p = put_fill(p, '0', zeros);
	p = put_bytes(p, digits, nr);
	if (spec->left && width > used)
		p = put_fill(p, ' ', width - used);
	return p;
}

/* ---- strings --------------------------------------------------------------------------- */

char *prog_put_string(char *p, const char *s, size_t len, const struct prog_spec *spec,
		      unsigned width, int precision)
{
	if (precision >= 0 && len > (size_t)precision)
		len = precision;
	if (len >= width)
		return put_bytes(p, s, len);
	if (!spec->left)
		p = put_fill(p, ' ', width - len);
	p = put_bytes(p, s, len);
	return spec->left ? put_fill(p, ' ', width - len) : p;
}

char *prog_pad(char *start, char *end, const struct prog_spec *spec, unsigned width, int precision)
{
	size_t len = end - start;

	if (precision >= 0 && len > (size_t)precision)
		len = precision;
	if (len >= width)
		return start + len;
	if (spec->left) {
		put_fill(start + len, ' ', width - len);
	} else {
		memmove(start + (width - len), start, len);
		put_fill(start, ' ', width - len);
	}
	return start + width;
}

char *prog_put_hex(char *p, const uint8_t *data, size_t len, char separator)
{
	for (size_t i = 0; i < len; i++) {
		if (i && separator)
			*p++ = separator;
		p = put_hex_digits(p, data[i], 2);
	}
	return p;
}

/* ---- masks ------------------------------------------------------------------------------- */

static uint8_t mask_byte(const uint8_t *data, size_t len, size_t i, bool reversed)
{
	return data[reversed ? len - 1 - i : i];
}

char *prog_put_bitmask(char *p, const uint8_t *data, size_t len, bool reversed)
{
	for (size_t i = len; i-- > 0;) {
		p = put_hex_digits(p, mask_byte(data, len, i, reversed), 2);
		if (i && !(i % 4))
			*p++ = ',';
	}
	return p;
}

static bool mask_bit(const uint8_t *data, size_t len, size_t bit, bool reversed)
{
	return mask_byte(data, len, bit / 8, reversed) >> bit % 8 & 1;
}

char *prog_put_cpumask(char *p, const uint8_t *data, size_t len, bool reversed)
{
	size_t nr = len * 8;
	bool any = false;

	for (size_t bit = 0; bit < nr; bit++) {
		size_t first = bit;

		if (!mask_bit(data, len, bit, reversed))
			continue;
		while (bit + 1 < nr && mask_bit(data, len, bit + 1, reversed))
			bit++;
		if (any)
			*p++ = ',';
		any = true;
		p = put_dec(p, first);
		if (bit > first) {
			*p++ = '-';
			p = put_dec(p, bit);
		}
	}
	return p;
}

size_t prog_mask_room(size_t len)
{
	/* "524286-524287," for each 3 bits */
	return 40 * len + PROG_STEP;
}

/* ---- addresses ------------------------------------------------------------------------------ */

char *prog_put_mac(char *p, const uint8_t *addr, unsigned flags)
{
	uint8_t reversed[6];

	for (unsigned i = 0; i < 6 && flags & ADDRESS_REVERSED; i++)
		reversed[i] = addr[5 - i];
	if (flags & ADDRESS_REVERSED)
		addr = reversed;
	return prog_put_hex(p, addr, 6,
			    flags & ADDRESS_SMALL ? 0 : flags & ADDRESS_DASHES ? '-' : ':');
}

char *prog_put_ipv4(char *p, const uint8_t *addr, unsigned flags)
{
	for (unsigned i = 0; i < 4; i++) {
		if (i)
			*p++ = '.';
		p = put_dec_to(p, addr[flags & ADDRESS_REVERSED ? 3 - i : i],
			       flags & ADDRESS_SMALL ? 3 : 1, '0');
	}
	return p;
}

static unsigned word(const uint8_t *addr, unsigned i)
{
	return addr[2 * i] << 8 | addr[2 * i + 1];
}

/* ::ffff:0:0/96, and the interface identifiers of ISATAP, end as IPv4 addresses. */
static bool ends_as_ipv4(const uint8_t *addr)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(addr, mapped, sizeof(mapped)) ||
	       ((word(addr, 4) | 0x0200) == 0x0200 && word(addr, 5) == 0x5efe);
}

/* The first of the longest runs of zero words, if longer than one. */
static unsigned longest_zeros(const uint8_t *addr, unsigned words, unsigned *ret_len)
{
	unsigned start = 0, longest = 1;

	for (unsigned i = 0; i < words; i++) {
		unsigned n = 0;

		while (i + n < words && !word(addr, i + n))
			n++;
		if (n > longest) {
			longest = n;
			start = i;
		}
	}
	*ret_len = longest > 1 ? longest : 0;
	return start;
}

static char *put_compressed(char *p, const uint8_t *addr)
{
	bool ipv4 = ends_as_ipv4(addr), colon = false;
	unsigned words = ipv4 ? 6 : 8, nr_zeros;
	unsigned zeros = longest_zeros(addr, words, &nr_zeros);

	for (unsigned i = 0; i < words; i++) {
		if (nr_zeros && i == zeros) {
			p = put_bytes(p, "::", 2);
			i += nr_zeros - 1;
			colon = false;
			continue;
		}
		if (colon)
			*p++ = ':';
		p = put_hex(p, word(addr, i));
		colon = true;
	}
	if (!ipv4)
		return p;
	if (colon)
		*p++ = ':';
	return prog_put_ipv4(p, addr + 12, 0);
}

char *prog_put_ipv6(char *p, const uint8_t *addr, unsigned flags)
{
	if (flags & ADDRESS_SMALL)
		return prog_put_hex(p, addr, 16, 0);
	if (flags & ADDRESS_COMPRESSED)
		return put_compressed(p, addr);
	for (unsigned i = 0; i < 8; i++) {
		if (i)
			*p++ = ':';
		p = put_hex_digits(p, word(addr, i), 4);
	}
	return p;
}

static char *put_port(char *p, const uint8_t *at)
{
	*p++ = ':';
	return put_dec(p, at[0] << 8 | at[1]);
}

/* sockaddr_in: family, port, address; sockaddr_in6: family, port, flow, address. */
char *prog_put_socket(char *p, const uint8_t *addr, size_t len, unsigned flags)
{
	enum { INET = 2, INET6 = 10, INET_SIZE = 16, INET6_SIZE = 28 };
	bool port = flags & ADDRESS_PORT && !(flags & ADDRESS_SMALL);
	uint16_t family = prog_load(HOW_U16, addr);

	if (family == INET) {
		if (len < INET_SIZE)
			return put_bytes(p, "INVALIDIPv4", 11);
		p = prog_put_ipv4(p, addr + 4, flags);
	} else if (family == INET6) {
		if (len < INET6_SIZE)
			return put_bytes(p, "INVALIDIPv6", 11);
		if (port)
			*p++ = '[';
		p = prog_put_ipv6(p, addr + 8, flags);
		if (port)
			*p++ = ']';
	} else {
		return p;
	}
	return port ? put_port(p, addr + 2) : p;
}

char *prog_put_uuid(char *p, const uint8_t *uuid, unsigned flags)
{
	static const uint8_t in_order[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	static const uint8_t little[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	const uint8_t *order = flags & ADDRESS_REVERSED ? little : in_order;
	char *start = p;

	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		p = put_hex_digits(p, uuid[order[i]], 2);
	}
	if (flags & ADDRESS_UPPER)
		to_upper(start, p);
	return p;
}

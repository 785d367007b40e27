/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers and strings into text without printf; included by base.h. The put_
 * functions write at @p, where the caller has made sure of room (buf_room), and
 * return the place behind what they wrote; no NUL.
 */
#ifndef TRACECMD_BASE_NUMBER_H
#define TRACECMD_BASE_NUMBER_H

/* Most characters a number of 64 bits takes: sign and 19 digits, 20 digits, or "0x" and 16. */
#define NUMBER_MAX 20

extern const char number_pairs[201];		/* "00" to "99" */
extern const char number_hex[513];		/* "00" to "ff" */
extern const uint64_t number_powers[20];	/* of ten */

/* Decimal digits of @v: 1 to 20. */
static inline unsigned dec_digits(uint64_t v)
{
	unsigned guess = (64 - __builtin_clzll(v | 1)) * 1233 >> 12;

	return guess + (v >= number_powers[guess] || !guess);
}

/* Hexadecimal digits of @v: 1 to 16. */
static inline unsigned hex_digits(uint64_t v)
{
	return (67 - __builtin_clzll(v | 1)) / 4;
}

/* The last 8 decimal digits of @v, zeros in front. */
static inline char *put_8_digits(char *p, uint32_t v)
{
	uint32_t high = v / 10000 % 10000, low = v % 10000;

	memcpy(p, number_pairs + 2 * (high / 100), 2);
	memcpy(p + 2, number_pairs + 2 * (high % 100), 2);
	memcpy(p + 4, number_pairs + 2 * (low / 100), 2);
	memcpy(p + 6, number_pairs + 2 * (low % 100), 2);
	return p + 8;
}

/* The same of @n digits, at most 20. */
static inline char *put_digits(char *p, uint64_t v, unsigned n)
{
	char *at = p + n;
	uint32_t rest;

	/* eight at a time do not wait for one another */
	for (; at - p >= 8; v /= 100000000)
		put_8_digits(at -= 8, v % 100000000);
	rest = v <= UINT32_MAX ? v : v % 100000000;
	for (; at - p >= 2; rest /= 100)
		memcpy(at -= 2, number_pairs + 2 * (rest % 100), 2);
	if (at > p)
		*--at = '0' + rest % 10;
	return p + n;
}

/* The same of exactly 6 digits. */
static inline char *put_6_digits(char *p, uint32_t v)
{
	uint32_t low = v % 10000;

	memcpy(p, number_pairs + 2 * (v / 10000 % 100), 2);
	memcpy(p + 2, number_pairs + 2 * (low / 100), 2);
	memcpy(p + 4, number_pairs + 2 * (low % 100), 2);
	return p + 6;
}

static inline char *put_3_digits(char *p, uint32_t v)
{
	*p = '0' + v / 100 % 10;
	memcpy(p + 1, number_pairs + 2 * (v % 100), 2);
	return p + 3;
}

static inline char *put_fill(char *p, char c, size_t n)
{
	memset(p, c, n);
	return p + n;
}

static inline char *put_bytes(char *p, const void *data, size_t n)
{
	memcpy(p, data, n);
	return p + n;
}

/* As %llu. */
static inline char *put_dec(char *p, uint64_t v)
{
	if (v < 10) {
		*p = '0' + v;
		return p + 1;
	}
	return put_digits(p, v, dec_digits(v));
}

/* As %lld. */
static inline char *put_signed(char *p, int64_t v)
{
	if (v >= 0)
		return put_dec(p, v);
	*p = '-';
	return put_dec(p + 1, -(uint64_t)v);
}

/* As %*llu, or %0*llu with @fill '0': right-aligned to at least @width. */
static inline char *put_dec_to(char *p, uint64_t v, unsigned width, char fill)
{
	unsigned n = dec_digits(v);

	if (n < width)
		p = put_fill(p, fill, width - n);
	return put_digits(p, v, n);
}

/* As %-*lld: left-aligned to at least @width. */
static inline char *put_signed_left(char *p, int64_t v, unsigned width)
{
	char *end = put_signed(p, v);

	return end - p < (ptrdiff_t)width ? put_fill(end, ' ', width - (end - p)) : end;
}

/* The last @n hexadecimal digits of @v, zeros in front: @n of at most 16. */
static inline char *put_hex_digits(char *p, uint64_t v, unsigned n)
{
	char *at = p + n;

	for (; at - p >= 2; v >>= 8)
		memcpy(at -= 2, number_hex + 2 * (v & 0xff), 2);
	if (at > p)
		*--at = number_hex[2 * (v & 0xf) + 1];
	return p + n;
}

/* As %llx. */
static inline char *put_hex(char *p, uint64_t v)
{
	return put_hex_digits(p, v, hex_digits(v));
}

/* As 0x%llx. */
static inline char *put_0x(char *p, uint64_t v)
{
	*p++ = '0';
	*p++ = 'x';
	return put_hex(p, v);
}

#endif

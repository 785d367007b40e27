// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base.h"

int vec_grow(void **v, size_t *cap, size_t need, size_t size)
{
	size_t n = *cap ? *cap : 8, bytes;
	void *p;

	if (need <= *cap)
		return 0;
	while (n < need) {
		if (n > SIZE_MAX / 2)
			return -ENOMEM;
		n *= 2;
	}
	if (__builtin_mul_overflow(n, size, &bytes))
		return -ENOMEM;
	p = realloc(*v, bytes);
	if (!p)
		return -ENOMEM;
	*v = p;
	*cap = n;
	return 0;
}

void buf_release(struct buf *b)
{
	if (!b)
		return;
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
	b->failed = false;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->data)
		b->data[0] = 0;
}

int buf_reserve(struct buf *b, size_t more)
{
	size_t need;

	if (b->failed)
		return -ENOMEM;
	if (__builtin_add_overflow(b->len, more, &need) ||
	    __builtin_add_overflow(need, 1, &need) ||
	    vec_grow((void **)&b->data, &b->cap, need, 1)) {
		b->failed = true;
		return -ENOMEM;
	}
	return 0;
}

int buf_str(struct buf *b, const char *s)
{
	return buf_put(b, s, strlen(s) + 1);
}

int buf_fill(struct buf *b, int byte, size_t count)
{
	if (buf_reserve(b, count))
		return -ENOMEM;
	memset(b->data + b->len, byte, count);
	b->len += count;
	b->data[b->len] = 0;
	return 0;
}

int buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	if (buf_reserve(b, 0))
		return -ENOMEM;
	va_copy(again, ap);
	n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
	if (n >= 0 && (size_t)n >= b->cap - b->len) {
		if (!buf_reserve(b, n))
			n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, again);
		else
			n = -1;
	}
	va_end(again);
	if (n < 0) {
		b->data[b->len] = 0;
		b->failed = true;
		return -ENOMEM;
	}
	b->len += n;
	return 0;
}

int buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return r;
}

int buf_dec(struct buf *b, uint64_t v)
{
	char text[NUMBER_MAX];

	return buf_put(b, text, put_dec(text, v) - text);
}

int buf_signed(struct buf *b, int64_t v)
{
	char text[NUMBER_MAX];

	return buf_put(b, text, put_signed(text, v) - text);
}

int buf_hex(struct buf *b, uint64_t v)
{
	char text[NUMBER_MAX];

	return buf_put(b, text, put_hex(text, v) - text);
}

int buf_0x(struct buf *b, uint64_t v)
{
	char text[NUMBER_MAX];

	return buf_put(b, text, put_0x(text, v) - text);
}

int buf_u8(struct buf *b, uint8_t v)
{
	return buf_put(b, &v, 1);
}

int buf_u16(struct buf *b, uint16_t v)
{
	v = get_u16(&v, b->big_endian);
	return buf_put(b, &v, 2);
}

int buf_u32(struct buf *b, uint32_t v)
{
	v = get_u32(&v, b->big_endian);
	return buf_put(b, &v, 4);
}

int buf_u64(struct buf *b, uint64_t v)
{
	v = get_u64(&v, b->big_endian);
	return buf_put(b, &v, 8);
}

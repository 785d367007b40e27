// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base.h"

bool cur_bytes(struct cur *c, uint64_t n, const uint8_t **ret)
{
	if (n > c->len - c->pos)
		return false;
	*ret = c->data + c->pos;
	c->pos += n;
	return true;
}

bool cur_skip(struct cur *c, uint64_t n)
{
	const uint8_t *unused;

	return cur_bytes(c, n, &unused);
}

bool cur_u8(struct cur *c, uint8_t *ret)
{
	const uint8_t *p;

	if (!cur_bytes(c, 1, &p))
		return false;
	*ret = *p;
	return true;
}

bool cur_u16(struct cur *c, uint16_t *ret)
{
	const uint8_t *p;

	if (!cur_bytes(c, 2, &p))
		return false;
	*ret = get_u16(p, c->big_endian);
	return true;
}

bool cur_u32(struct cur *c, uint32_t *ret)
{
	const uint8_t *p;

	if (!cur_bytes(c, 4, &p))
		return false;
	*ret = get_u32(p, c->big_endian);
	return true;
}

bool cur_u64(struct cur *c, uint64_t *ret)
{
	const uint8_t *p;

	if (!cur_bytes(c, 8, &p))
		return false;
	*ret = get_u64(p, c->big_endian);
	return true;
}

bool cur_s32(struct cur *c, int32_t *ret)
{
	return cur_u32(c, (uint32_t *)ret);
}

bool cur_s64(struct cur *c, int64_t *ret)
{
	return cur_u64(c, (uint64_t *)ret);
}

bool cur_str(struct cur *c, size_t max, const char **ret)
{
	uint64_t left = c->len - c->pos;
	const uint8_t *p = c->data + c->pos, *nul;

	if (!left)
		return false;
	nul = memchr(p, 0, left <= max ? left : max + 1);
	if (!nul)
		return false;
	*ret = (const char *)p;
	c->pos += nul - p + 1;
	return true;
}

bool cur_sub(struct cur *c, uint64_t n, struct cur *ret)
{
	struct cur sub = { .base = cur_offset(c), .len = n, .big_endian = c->big_endian };

	if (!cur_bytes(c, n, &sub.data))
		return false;
	*ret = sub;
	return true;
}

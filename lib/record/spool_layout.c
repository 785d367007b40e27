// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdlib.h>
#include <xxhash.h>

#include "record/spool_layout.h"

#define SPOOL_MAGIC_LEN 8
#define CPU_MARK ".cpu"

uint64_t spool_check(const uint8_t *header, const void *payload, size_t len)
{
	return XXH3_64bits_withSeed(payload, len, XXH3_64bits(header, SPOOL_CHECK_AT));
}

static void put_u16_le(uint8_t *p, uint16_t v)
{
	p[0] = v & 0xff;
	p[1] = v >> 8;
}

void spool_header_put(const struct spool_header *h, uint8_t *out)
{
	memcpy(out, SPOOL_MAGIC, SPOOL_MAGIC_LEN);
	put_u16_le(out + 8, h->version);
	put_u16_le(out + 10, h->kind);
	put_u32(out + 12, h->flags, false);
	put_u32(out + 16, h->cpu, false);
	put_u32(out + 20, h->page_size, false);
	put_u64(out + 24, h->seq, false);
	put_u64(out + 32, h->first_ts, false);
	put_u64(out + 40, h->last_ts, false);
	memcpy(out + 48, h->codec, sizeof(h->codec));
	put_u32(out + 56, h->csize, false);
	put_u32(out + 60, h->usize, false);
	put_u64(out + 64, h->session, false);
	put_u64(out + SPOOL_CHECK_AT, h->check, false);
}

void spool_header_encode(const struct spool_header *h, const void *payload, uint8_t *out)
{
	spool_header_put(h, out);
	put_u64(out + SPOOL_CHECK_AT, spool_check(out, payload, h->csize), false);
}

bool spool_header_decode(const uint8_t *in, struct spool_header *ret)
{
	struct spool_header h;

	if (memcmp(in, SPOOL_MAGIC, SPOOL_MAGIC_LEN))
		return false;
	h.version = get_u16(in + 8, false);
	h.kind = get_u16(in + 10, false);
	h.flags = get_u32(in + 12, false);
	h.cpu = get_u32(in + 16, false);
	h.page_size = get_u32(in + 20, false);
	h.seq = get_u64(in + 24, false);
	h.first_ts = get_u64(in + 32, false);
	h.last_ts = get_u64(in + 40, false);
	memcpy(h.codec, in + 48, sizeof(h.codec));
	h.csize = get_u32(in + 56, false);
	h.usize = get_u32(in + 60, false);
	h.session = get_u64(in + 64, false);
	h.check = get_u64(in + SPOOL_CHECK_AT, false);
	*ret = h;
	return true;
}

bool spool_is_suffix(const char *end)
{
	return !*end || (*end == '.' && end[1] && !end[1 + strspn(end + 1, "0123456789")]);
}

bool spool_name_parse(const char *path, uint32_t *ret_cpu, size_t *ret_len)
{
	const char *mark = NULL;
	char *end;
	unsigned long cpu;

	for (const char *p = path; (p = strstr(p, CPU_MARK)); p++)
		mark = p;
	if (!mark || mark[strlen(CPU_MARK)] < '0' || mark[strlen(CPU_MARK)] > '9')
		return false;
	cpu = strtoul(mark + strlen(CPU_MARK), &end, 10);
	if (!spool_is_suffix(end) || cpu >= DAT_CPUS_MAX)
		return false;
	*ret_cpu = cpu;
	*ret_len = mark - path;
	return true;
}

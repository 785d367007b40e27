// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "record/perf_features.h"

#define STRING_MAX 65536

enum {
	TRACING_DATA = 1, HOSTNAME = 3, OSRELEASE = 4, VERSION = 5, ARCH = 6, NRCPUS = 7, CMDLINE = 11,
	EVENT_DESC = 12, DIR_FORMAT = 24,
};

const char *perf_feature_name(uint64_t which)
{
	switch (which) {
	case TRACING_DATA: return "the tracing data";
	case HOSTNAME: return "the host's name";
	case OSRELEASE: return "the kernel's release";
	case VERSION: return "perf's version";
	case ARCH: return "the machine's kind";
	case NRCPUS: return "the number of CPUs";
	case CMDLINE: return "perf's command line";
	case EVENT_DESC: return "the description of events";
	case DIR_FORMAT: return "the version of its folder";
	default: return NULL;
	}
}

bool perf_feature_wanted(uint64_t which)
{
	return perf_feature_name(which);
}

/* u32 length, then as many bytes, with an end among them. */
static bool get_string(struct cur *c, const char **ret)
{
	const uint8_t *p;
	uint32_t len;

	if (!cur_u32(c, &len) || !len || len > STRING_MAX || !cur_bytes(c, len, &p) || !memchr(p, 0, len))
		return false;
	*ret = (const char *)p;
	return true;
}

static int keep(const char *s, char **ret)
{
	char *copy = strdup(s);

	if (!copy)
		return -ENOMEM;
	free(*ret);
	*ret = copy;
	return 0;
}

static int take_string(struct cur *c, char **ret, bool *bad)
{
	const char *s;

	*bad = !get_string(c, &s);
	return *bad ? 0 : keep(s, ret);
}

static void take_cpus(struct perf_file *f, struct cur *c, bool *bad)
{
	uint32_t online, available;

	*bad = !cur_u32(c, &online) || !cur_u32(c, &available);
	if (!*bad)
		f->cpus = available > online ? available : online;
}

/* perf's words, with a space between them. */
static int take_command(struct perf_file *f, struct cur *c, bool *bad)
{
	struct buf b = { 0 };
	uint32_t nr;
	const char *s;

	*bad = !cur_u32(c, &nr);
	while (!*bad && nr--) {
		*bad = !get_string(c, &s);
		if (!*bad && (buf_puts(&b, b.len ? " " : "") || buf_puts(&b, s))) {
			buf_release(&b);
			return -ENOMEM;
		}
	}
	free(f->cmdline);
	f->cmdline = b.data;
	return 0;
}

/* An event's attribute, number of ids, name, and ids. Only the name is news. */
static int take_name(struct perf_file *f, uint32_t kind, uint32_t attr_size, struct cur *c, bool *bad)
{
	uint32_t ids, index;
	const char *name;
	uint64_t id;

	*bad = !cur_skip(c, attr_size) || !cur_u32(c, &ids) || !get_string(c, &name) ||
	       ids > cur_left(c) / 8;
	if (*bad)
		return 0;
	if (ids && cur_u64(c, &id)) {
		ids--;
		if (map_get(&f->id_map, id, 0, &index))
			kind = f->ids.v[index].kind;
	}
	cur_skip(c, 8 * (uint64_t)ids);
	return kind < f->kinds.nr ? keep(name, &f->kinds.v[kind].name) : 0;
}

static int take_names(struct perf_file *f, struct cur *c, bool *bad)
{
	uint32_t nr, size;
	int ret = 0;

	*bad = !cur_u32(c, &nr) || !cur_u32(c, &size);
	for (uint32_t i = 0; i < nr && !*bad && !ret; i++)
		ret = take_name(f, i, size, c, bad);
	return ret;
}

int perf_feature(struct perf_file *f, uint64_t which, struct cur *c, struct err *e)
{
	uint64_t at = cur_offset(c);
	bool bad = false;
	int ret = 0;

	switch (which) {
	case TRACING_DATA:
		f->tracing_at = at;
		buf_clear(&f->tracing);
		ret = buf_put(&f->tracing, c->data + c->pos, cur_left(c));
		break;
	case HOSTNAME: ret = take_string(c, &f->hostname, &bad); break;
	case OSRELEASE: ret = take_string(c, &f->release, &bad); break;
	case VERSION: ret = take_string(c, &f->version, &bad); break;
	case ARCH: ret = take_string(c, &f->arch, &bad); break;
	case NRCPUS: take_cpus(f, c, &bad); break;
	case CMDLINE: ret = take_command(f, c, &bad); break;
	case EVENT_DESC: ret = take_names(f, c, &bad); break;
	case DIR_FORMAT:
		return err_set(e, -EOPNOTSUPP, "it is part of a folder that perf record --threads wrote, which is not "
			       "known here (offset 0x%" PRIx64 "): record without --threads", at);
	}
	if (ret)
		return err_set(e, ret, "out of memory");
	return bad ? err_set(e, -EBADMSG, "%s at offset 0x%" PRIx64 " goes past the end of its section",
			     perf_feature_name(which), at) : 0;
}

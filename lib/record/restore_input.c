// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dat/dat.h"
#include "record/restore_input.h"
#include "ring/ring.h"

#define INSTANCE_MAX 255u		/* a directory's name: NAME_MAX */

/*
 * The instance in a raw file's name: what its base has more than the shortest
 * base among @paths, if that is "BASE." in front of it.
 */
static char *instance_of_name(const char *path, size_t len, char *const *paths, size_t nr)
{
	size_t shortest = len;

	for (size_t i = 0; i < nr; i++) {
		uint32_t cpu;
		size_t other;

		if (!spool_name_parse(paths[i], &cpu, &other) || other >= shortest)
			continue;
		if (!strncmp(paths[i], path, other) && path[other] == '.')
			shortest = other;
	}
	if (shortest == len)
		return strdup("");
	return strndup(path + shortest + 1, len - shortest - 1);
}

static int describe_raw(struct restore_input *in, size_t place, char *const *paths, size_t nr)
{
	size_t len;

	in->cpu = place;
	if (spool_name_parse(in->path, &in->cpu, &len))
		in->instance = instance_of_name(in->path, len, paths, nr);
	else
		in->instance = strdup("");
	return in->instance ? 0 : -ENOMEM;
}

static int describe_spool(struct restore_input *in, char *const *paths, size_t nr,
			  const struct notices *notices, struct err *e)
{
	uint32_t cpu;
	size_t len;
	struct spool_reader *r;
	const struct spool_info *info;
	struct spool_chunk c;
	const uint8_t *payload;
	int ret;

	spool_hold(in->fd);
	ret = spool_moved_open(in->path, notices, &in->moved, e);
	if (!ret)
		ret = spool_reader_open(in->fd, in->path, in->moved, NULL, &r, e);
	if (ret)
		return ret;
	info = spool_reader_info(r);
	if (info->instance && strlen(info->instance) > INSTANCE_MAX) {
		spool_reader_close(r);
		return err_set(e, -EINVAL, "spool '%s' is malformed: the instance it is of has a name of more "
			       "than %u bytes", in->path, INSTANCE_MAX);
	}
	in->is_spool = true;
	in->cpu = info->cpu;
	in->page_size = info->page_size;
	in->session = info->session;
	in->cpus = info->cpus;
	in->big_endian = info->big_endian;
	in->long_size = info->long_size;
	snprintf(in->clock, sizeof(in->clock), "%s", info->clock ? info->clock : "");
	snprintf(in->uname, sizeof(in->uname), "%s", info->uname ? info->uname : "");
	if (!info->described && spool_name_parse(in->path, &cpu, &len))
		in->instance = instance_of_name(in->path, len, paths, nr);
	else
		in->instance = strdup(info->instance ? info->instance : "");
	in->spools = info->spools ? strdup(info->spools) : NULL;
	in->buffers = info->buffers ? strdup(info->buffers) : NULL;
	if (!in->spools != !info->spools || !in->buffers != !info->buffers) {
		spool_reader_close(r);
		return err_errno(e, -ENOMEM, "cannot read spool '%s'", in->path);
	}
	ret = spool_reader_next(r, &c, &payload, e);
	in->empty = !ret;
	if (ret > 0) {
		in->first_seq = c.seq;
		in->codec = info->codec ? codec_find(info->codec) : spool_reader_codec(r);
	} else if (!ret && spool_reader_damage(r)) {
		in->damaged = true;
		notice(notices, "spool '%s': all that was recorded in it is damaged (%" PRIu64
		       " bytes)", in->path, spool_reader_damage(r));
	}
	spool_reader_close(r);
	if (!in->instance)
		return err_errno(e, -ENOMEM, "cannot read spool '%s'", in->path);
	return ret < 0 ? ret : 0;
}

/* 1: it belongs to a spool, and is read with that. */
static int input_open(struct restore_input *in, size_t place, char *const *paths, size_t nr,
		      const struct notices *notices, struct err *e)
{
	struct stat st;
	int ret;

	in->fd = open(in->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (in->fd < 0 || fstat(in->fd, &st) < 0)
		return err_errno(e, -errno, "cannot open '%s'", in->path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "'%s' is no regular file", in->path);
	in->size = st.st_size;
	if (spool_probe(in->fd))
		return describe_spool(in, paths, nr, notices, e);
	if (spool_moved_probe(in->fd))
		return 1;
	ret = describe_raw(in, place, paths, nr);
	return ret ? err_errno(e, ret, "cannot open '%s'", in->path) : 0;
}

static int by_place(const void *a, const void *b)
{
	const struct restore_input *x = a, *y = b;
	int order = strcmp(x->instance, y->instance);

	if (order)
		return order;
	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	return (x->first_seq > y->first_seq) - (x->first_seq < y->first_seq);
}

/* Whether a spool can be of one file with the first. */
static int check_alike(const struct restore_input *x, const struct restore_input *spool, struct err *e)
{
	if (!x->is_spool)
		return 0;
	if (x->session != spool->session)
		return err_set(e, -EINVAL, "'%s' and '%s' are of different recordings", spool->path,
			       x->path);
	if (x->big_endian != spool->big_endian || x->long_size != spool->long_size)
		return err_set(e, -EINVAL, "'%s' and '%s' are of different machines", spool->path,
			       x->path);
	return 0;
}

/* Whether neighbours in the sorted list can stand beside each other. */
static int check_neighbours(const struct restore_inputs *in, struct err *e)
{
	const struct restore_input *spool = restore_inputs_spool(in), *timed = NULL;

	for (size_t i = 0; i < in->nr; i++) {
		const struct restore_input *x = &in->v[i], *y = i + 1 < in->nr ? &in->v[i + 1] : NULL;

		if (check_alike(x, spool, e))
			return -EINVAL;
		if (i && strcmp(x->instance, x[-1].instance))
			timed = NULL;
		if (timed && *x->clock && strcmp(x->clock, timed->clock))
			return err_set(e, -EINVAL, "'%s' and '%s' are of one buffer, with different clocks ('%s' "
				       "and '%s')", timed->path, x->path, timed->clock, x->clock);
		if (*x->clock)
			timed = x;
		if (!y || x->cpu != y->cpu || strcmp(x->instance, y->instance))
			continue;
		if (!x->is_spool || !y->is_spool)
			return err_set(e, -EINVAL, "'%s' and '%s' are both of CPU %u", x->path, y->path,
				       x->cpu);
		if (!x->empty && !y->empty && x->first_seq == y->first_seq)
			return err_set(e, -EINVAL, "'%s' and '%s' hold the same data of CPU %u: give one "
				       "of them", x->path, y->path, x->cpu);
	}
	return 0;
}

/* Raw files alone, and nothing in any: rather some other files than a recording's. */
static bool nothing_there(const struct restore_inputs *in)
{
	for (size_t i = 0; i < in->nr; i++)
		if (in->v[i].is_spool || in->v[i].size)
			return false;
	return true;
}

static void input_close(struct restore_input *in)
{
	spool_moved_close(in->moved);
	cleanup_close(&in->fd);
	free(in->instance);
	free(in->spools);
	free(in->buffers);
}

int restore_inputs_open(struct restore_inputs *in, char *const *paths, size_t nr,
			const struct notices *notices, struct err *e)
{
	*in = (struct restore_inputs){ 0 };
	if (vec_reserve(in, nr))
		return err_errno(e, -ENOMEM, "cannot restore");
	for (size_t i = 0; i < nr; i++) {
		struct restore_input *x = &in->v[in->nr++];
		struct err why = { 0 };
		int ret;

		*x = (struct restore_input){ .path = paths[i], .fd = -1 };
		ret = input_open(x, i, paths, nr, notices, &why);
		if (ret == -EBADMSG || ret > 0) {	/* nothing of it can be used by itself */
			if (ret < 0)
				notice(notices, "%s", why.text);
			input_close(x);
			in->nr--;
			in->damaged = in->damaged || ret < 0;
			continue;
		}
		if (ret) {
			if (e)
				*e = why;
			return ret;
		}
		in->damaged = in->damaged || x->damaged;
	}
	if (!in->nr)
		return err_set(e, -EBADMSG, "none of the files holds anything that can be restored");
	if (nothing_there(in))
		return err_set(e, -EINVAL, "'%s' is empty%s: there is nothing to restore", in->v[0].path,
			       in->nr > 1 ? ", as the other files are" : "");
	qsort(in->v, in->nr, sizeof(*in->v), by_place);
	if (check_neighbours(in, e))
		return -EINVAL;
	in->damaged = restore_inputs_tell_missing(in, notices) || in->damaged;
	return 0;
}

void restore_inputs_close(struct restore_inputs *in)
{
	for (size_t i = 0; i < in->nr; i++)
		input_close(&in->v[i]);
	vec_release(in);
}

const struct restore_input *restore_inputs_spool(const struct restore_inputs *in)
{
	const struct restore_input *any = NULL;

	for (size_t i = 0; i < in->nr; i++) {
		if (!in->v[i].is_spool)
			continue;
		if (!in->v[i].empty)
			return &in->v[i];
		if (!any)
			any = &in->v[i];
	}
	return any;
}

const char *restore_inputs_clock(const struct restore_inputs *in, size_t i)
{
	const char *instance = in->v[i].instance;

	while (i && !strcmp(in->v[i - 1].instance, instance))
		i--;
	while (i + 1 < in->nr && !*in->v[i].clock && !strcmp(in->v[i + 1].instance, instance))
		i++;
	return in->v[i].clock;
}

uint32_t restore_inputs_cpus(const struct restore_inputs *in)
{
	uint32_t cpus = 0;

	for (size_t i = 0; i < in->nr; i++) {
		if (cpus < in->v[i].cpu + 1)
			cpus = in->v[i].cpu + 1;
		if (cpus < in->v[i].cpus)
			cpus = in->v[i].cpus;
	}
	return cpus;
}

/* Whether a raw file's first sub-buffer is one, whole, for either kernel long. */
static bool looks_raw(const struct restore_input *x, bool big_endian)
{
	AUTO_FREE uint8_t *page = malloc(x->page_size);
	struct ring_abi abi = { .big_endian = big_endian };
	struct ring_page p;
	struct ring_event ev;

	if (!page || pread_full(x->fd, page, x->page_size, 0))
		return false;
	for (abi.long_size = 4; abi.long_size <= 8; abi.long_size += 4) {
		if (ring_page_open(&p, &abi, page, x->page_size))
			continue;
		while (ring_page_next(&p, &ev) > 0)
			;
		if (p.bad == RING_OK)
			return true;
	}
	return false;
}

static int settle_raw(struct restore_input *x, uint32_t page_size, bool big_endian,
		      struct err *e)
{
	char magic[DAT_MAGIC_LEN];

	x->page_size = page_size;
	x->empty = x->size < page_size;
	if (!pread_full(x->fd, magic, sizeof(magic), 0) && !memcmp(magic, DAT_MAGIC, sizeof(magic)))
		return err_set(e, -EINVAL, "'%s' is a trace file already: 'tracecmd report' reads it",
			       x->path);
	if (x->size && (x->empty || !looks_raw(x, big_endian)))
		return err_set(e, -EINVAL, "'%s' holds neither chunks of tracecmd nor sub-buffers of "
			       "%u bytes", x->path, page_size);
	return 0;
}

int restore_inputs_settle(struct restore_inputs *in, uint32_t *page_size, bool big_endian,
			  struct err *e)
{
	for (size_t i = 0; i < in->nr; i++)
		if (in->v[i].is_spool && !*in->v[i].instance)
			*page_size = in->v[i].page_size;
	for (size_t i = 0; i < in->nr; i++) {
		struct restore_input *x = &in->v[i];

		if (!x->is_spool && settle_raw(x, *page_size, big_endian, e))
			return -EINVAL;
		if (i && !strcmp(x->instance, x[-1].instance) && x->page_size != x[-1].page_size)
			return err_set(e, -EINVAL, "'%s' and '%s' have sub-buffers of different sizes",
				       x[-1].path, x->path);
	}
	return 0;
}

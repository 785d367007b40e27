// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What KVM tells of its guests' time stamp counters: files of debugfs, in PID-FD/vcpuN for
 * each virtual CPU (arch/x86/kvm/debugfs.c). A guest reads
 *
 *	(host's counter * tsc-scaling-ratio >> tsc-scaling-ratio-frac-bits) + tsc-offset
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock/sync.h"

__extension__ typedef __int128 s128;
__extension__ typedef unsigned __int128 u128;

#define KVM_DIR "/sys/kernel/debug/kvm"
#define PATH_BYTES 1024
#define FILE_BYTES 64			/* of a number */
#define RATIO_BITS 16			/* rates differ by less than two to that */
#define VCPUS_MAX 4096u
#define FRACTION 58u			/* of the inverse of a ratio: as many bits as fit */

static int read_number(const char *dir, uint32_t cpu, const char *file, int64_t *ret, struct err *e)
{
	struct buf text AUTO_BUF = { 0 };
	char path[PATH_BYTES];
	uint64_t v;
	int r;

	snprintf(path, sizeof(path), "%s/vcpu%" PRIu32 "/%s", dir, cpu, file);
	r = path_read_all(path, &text, FILE_BYTES);
	if (r)
		return err_errno(e, r, "cannot read %s", path);
	if (text.len)
		text.data[strcspn(text.data, " \n")] = 0;
	if (!text.len || (parse_s64(text.data, ret) && parse_u64(text.data, &v)))
		return err_set(e, -EBADMSG, "%s holds '%s', not a number", path, text.len ? text.data : "");
	if (parse_s64(text.data, ret))
		*ret = v;
	return 0;
}

/* Offset, ratio and its bits of one CPU. */
static int read_cpu(const char *dir, uint32_t cpu, struct dat_shift_sample *ret, struct err *e)
{
	struct dat_shift_sample s = { .scaling = 1 };
	int64_t offset, bits;
	struct err why = { 0 };
	int r = read_number(dir, cpu, "tsc-offset", &offset, e);

	if (r)
		return r;
	s.offset = -(uint64_t)offset;
	r = read_number(dir, cpu, "tsc-scaling-ratio", &s.scaling, &why);
	if (r == -ENOENT) {
		*ret = s;		/* a processor that cannot */
		return 0;
	}
	if (!r)
		r = read_number(dir, cpu, "tsc-scaling-ratio-frac-bits", &bits, &why);
	if (r) {
		if (e)
			*e = why;
		return r;
	}
	if (bits < 0 || bits > 63 || s.scaling <= 0 || (uint64_t)s.scaling < UINT64_C(1) << (bits > RATIO_BITS ? bits - RATIO_BITS : 0))
		return err_set(e, -EBADMSG, "%s/vcpu%" PRIu32 ": %" PRId64 " with %" PRId64 " bits behind the point cannot be a "
			       "ratio", dir, cpu, s.scaling, bits);
	s.fraction = bits;
	if ((uint64_t)s.scaling == UINT64_C(1) << bits) {
		s.scaling = 1;
		s.fraction = 0;
	}
	*ret = s;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* The numbers of a machine's virtual CPUs, in order. How many, -errno. */
static int list_cpus(const char *dir, uint32_t **ret, struct err *e)
{
	VEC(uint32_t) cpus = { 0 };
	DIR *d = opendir(dir);
	const struct dirent *de;
	int r = 0;

	if (!d)
		return err_errno(e, -errno, "cannot read %s", dir);
	while (!r && (de = readdir(d))) {
		uint64_t nr;

		if (!strncmp(de->d_name, "vcpu", 4) && !parse_u64(de->d_name + 4, &nr) && nr <= UINT32_MAX &&
		    cpus.nr < VCPUS_MAX)
			r = vec_push(&cpus, (uint32_t)nr);
	}
	closedir(d);
	if (r) {
		vec_release(&cpus);
		return err_errno(e, r, "cannot read %s", dir);
	}
	if (cpus.nr)
		qsort(cpus.v, cpus.nr, sizeof(*cpus.v), by_number);
	*ret = cpus.v;
	return cpus.nr;
}

/* The directory of a process's machine, or of any for 0. 0, -ENOENT, told. */
static int find_machine(const char *root, pid_t pid, char *ret, struct err *e)
{
	DIR *d = opendir(root);
	const struct dirent *de;
	int r = -ENOENT;

	if (!d) {
		r = -errno;
		err_errno(e, r, "cannot read %s", root);
		return r == -ENOENT ? err_hint(e, "debugfs has to be mounted at /sys/kernel/debug, and kvm in use") : r;
	}
	while (r && (de = readdir(d))) {
		char *rest;
		long is = strtol(de->d_name, &rest, 10);

		if (rest != de->d_name && *rest == '-' && (!pid || is == pid))
			r = snprintf(ret, PATH_BYTES, "%s/%s", root, de->d_name) < PATH_BYTES ? 0 : -ENAMETOOLONG;
	}
	closedir(d);
	return r ? err_set(e, r, "%s knows no machine of process %d", root, (int)pid) : 0;
}

int sync_kvm_read(const char *root, pid_t pid, struct dat_shift_sample **ret, uint32_t *ret_nr, struct err *e)
{
	struct dat_shift_sample *cpus = NULL;
	uint32_t *numbers AUTO_FREE = NULL;
	char dir[PATH_BYTES];
	int nr, r = find_machine(root ? root : KVM_DIR, pid, dir, e);

	if (r)
		return r;
	nr = list_cpus(dir, &numbers, e);
	if (nr <= 0)
		return nr ? nr : err_set(e, -ENODATA, "%s has no virtual CPUs", dir);
	cpus = calloc(nr, sizeof(*cpus));
	if (!cpus)
		return err_errno(e, -ENOMEM, "cannot read %s", dir);
	for (int i = 0; i < nr && !r; i++)
		r = read_cpu(dir, numbers[i], &cpus[i], e);
	if (r) {
		free(cpus);
		return r;
	}
	*ret = cpus;
	*ret_nr = nr;
	return 0;
}

bool sync_kvm_usable(const char *root)
{
	struct dat_shift_sample *cpus = NULL;
	uint32_t nr;
	bool usable = !sync_kvm_read(root, 0, &cpus, &nr, NULL);

	free(cpus);
	return usable;
}

struct sync_sample sync_kvm_sample(const struct dat_shift_sample *kvm, int64_t time)
{
	struct sync_sample s = {
		.shift = { .time = time, .offset = kvm->offset, .scaling = 1 },
		.quality = { .time = time, .probes = 1 },
	};
	unsigned bits = FRACTION;
	u128 inverse;
	uint64_t size = kvm->offset < 0 ? -(uint64_t)kvm->offset : (uint64_t)kvm->offset;

	if (kvm->scaling <= 0 || (kvm->scaling == 1 && !kvm->fraction))
		return s;
	/* 1 / ratio, rounded */
	inverse = (((u128)1 << (kvm->fraction + bits)) + (u128)kvm->scaling / 2) / (u128)kvm->scaling;
	for (; inverse > INT64_MAX && bits; bits--)
		inverse /= 2;
	s.shift.scaling = inverse;
	s.shift.fraction = bits;
	s.shift.offset = (s128)kvm->offset * (s128)inverse >> bits;
	/* Two numbers are cut off, and the inverse is off by one in its last place. */
	s.quality.bound = 2 + ((uint64_t)time >> bits) + (size >> bits);
	return s;
}

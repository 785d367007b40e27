// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A whole file from hostile hands through trace-cmd's interface: forwards, backwards and
 * by offset there are the same records.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../leaks.h"
#include "api/compat.h"

#define FILE_MAX 16384		/* bounds what can be made of it by decompression */
#define RECORDS_MAX 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct tally { uint64_t nr, sum; };

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static int add(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data)
{
	struct tally *t = data;

	(void)h;
	must(cpu == r->cpu && r->size > 0 && r->ref_count == 1);
	t->nr++;
	t->sum += r->ts + r->offset * 31 + ((uint8_t *)r->data)[r->size - 1] + r->missed_events;
	return t->nr == RECORDS_MAX;
}

static void by_offset(struct tracecmd_input *h)
{
	struct tep_record *r, *again;
	int cpu;

	tracecmd_iterate_reset(h);
	for (int i = 0; i < 200 && (r = tracecmd_read_next_data(h, NULL)); i++) {
		again = tracecmd_read_at(h, r->offset, &cpu);
		must(again && again->offset == r->offset && again->ts == r->ts && cpu == r->cpu);
		tracecmd_free_record(tracecmd_read_prev(h, again));
		tracecmd_free_record(tracecmd_read_at(h, r->offset, NULL));
		tracecmd_free_record(again);
		tracecmd_free_record(r);
	}
}

static void read_handle(struct tracecmd_input *h)
{
	struct tally there = { 0 }, back = { 0 };

	tracecmd_get_first_ts(h);
	if (tracecmd_iterate_events(h, NULL, 0, add, &there))
		return;
	must(!tracecmd_iterate_events_reverse(h, NULL, 0, add, &back, false));
	must(back.nr == there.nr && back.sum == there.sum);
	by_offset(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tracecmd_input *h, *in;
	int fd;

	if (len > FILE_MAX)
		return 0;
	fd = memfd_create("fuzz", 0);
	must(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	tracecmd_set_loglevel(TEP_LOG_NONE);
	h = tracecmd_open_fd(fd, TRACECMD_FL_LOAD_NO_PLUGINS);
	if (!h)
		return 0;
	read_handle(h);
	for (int i = 0; i < tracecmd_buffer_instances(h); i++) {
		in = tracecmd_buffer_instance_handle(h, i);
		if (in)
			read_handle(in);
		tracecmd_close(in);
	}
	tracecmd_close(h);
	return 0;
}

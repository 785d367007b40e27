// SPDX-License-Identifier: GPL-2.0-or-later
/* Options in words. A payload that ends early is printed as far as it goes. */
#include <inttypes.h>

#include "dump.h"

static struct cur payload(struct dump *d, const struct dat_option *o)
{
	return (struct cur){
		.data = o->data, .len = o->size, .base = o->offset,
		.big_endian = dat_reader_header(d->r)->big_endian,
	};
}

static void print_str(struct cur c)
{
	const char *s;

	if (cur_str(&c, c.len, &s))
		out_printf("%s", s);
	out_printf("\n");
}

static void print_u32(struct cur c)
{
	uint32_t v;

	if (cur_u32(&c, &v))
		out_printf("%u\n", v);
}

static void print_trace_id(struct cur c)
{
	uint64_t v;

	if (cur_u64(&c, &v))
		out_printf("0x%" PRIX64 "\n", v);
}

static void print_tsc2nsec(struct cur c)
{
	uint32_t mult, shift;
	uint64_t offset;

	if (cur_u32(&c, &mult) && cur_u32(&c, &shift) && cur_u64(&c, &offset))
		out_printf("%u %u %" PRIu64 " [multiplier, shift, offset]\n", mult, shift, offset);
}

static void print_guest(struct cur c)
{
	uint32_t n, vcpu;
	const char *name;
	uint64_t id;
	int32_t pid;

	if (!cur_str(&c, c.len, &name) || !cur_u64(&c, &id) || !cur_u32(&c, &n))
		return;
	out_printf("%s [Guest name]\n0x%" PRIX64 " [trace id]\n%u [Guest CPUs]\n", name, id, n);
	while (n-- && cur_u32(&c, &vcpu) && cur_s32(&c, &pid))
		out_printf("  %u %d [guest cpu, host pid]\n", vcpu, pid);
}

/* One number out of an array of 64-bit ones. */
static bool array_at(struct cur c, uint64_t i, int64_t *ret)
{
	return i < cur_left(&c) / 8 && cur_skip(&c, i * 8) && cur_s64(&c, ret);
}

static void print_samples(struct cur samples, struct cur fractions, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		int64_t time, offset, scaling, fraction = 0;

		if (!array_at(samples, i, &time) || !array_at(samples, (uint64_t)n + i, &offset) ||
		    !array_at(samples, 2 * (uint64_t)n + i, &scaling))
			return;
		array_at(fractions, i, &fraction);
		out_printf("\t%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
			   "[offset * scaling >> fraction @ time]\n", offset, scaling, fraction, time);
	}
}

static void print_time_shift(struct cur c)
{
	uint32_t flags, cpus, n;
	struct cur arrays, fractions;
	uint64_t peer;

	if (!cur_u64(&c, &peer) || !cur_u32(&c, &flags) || !cur_u32(&c, &cpus))
		return;
	out_printf("0x%" PRIX64 " [peer's trace id]\n0x%x [peer's protocol flags]\n"
		   "0x%x [peer's CPU count]\n", peer, flags, cpus);
	arrays = fractions = c;
	for (uint32_t i = 0; i < cpus; i++) {
		if (!cur_u32(&fractions, &n) || !cur_skip(&fractions, (uint64_t)n * 24))
			return;
		out_printf("%u [samples count for CPU %u]\n", n, i);
	}
	for (uint32_t i = 0; i < cpus; i++) {
		cur_u32(&arrays, &n);
		print_samples(arrays, fractions, n);
		cur_skip(&arrays, (uint64_t)n * 24);
		cur_skip(&fractions, (uint64_t)n * 8);
	}
}

static void print_time_sync(struct cur c)
{
	uint32_t cpus, n, probes, rejected;
	const uint8_t *name;
	struct dat_sync_sample s;

	if (!cur_bytes(&c, sizeof(((struct dat_time_sync *)0)->protocol), &name) || !cur_u32(&c, &cpus))
		return;
	out_printf("%.16s [protocol]\n%u [CPU count]\n", (const char *)name, cpus);
	for (uint32_t i = 0; i < cpus && cur_u32(&c, &n); i++) {
		out_printf("%u [samples count for CPU %u]\n", n, i);
		while (n-- && cur_s64(&c, &s.time) && cur_u64(&c, &s.bound) && cur_u64(&c, &s.round_trip) &&
		       cur_u32(&c, &probes) && cur_u32(&c, &rejected))
			out_printf("\t%" PRId64 " %" PRIu64 " %" PRIu64 " %u %u [time, bound, round trip, exchanges, left out]\n",
				   s.time, s.bound, s.round_trip, probes, rejected);
	}
}

static void print_buffer(struct dump *d, const struct dat_option *o)
{
	struct cur c = payload(d, o);
	const char *name, *clock;
	uint32_t page_size, n, cpu;
	uint64_t offset, size;

	if (!cur_u64(&c, &offset) || !cur_str(&c, c.len, &name))
		return;
	out_printf("%" PRIu64 " [offset]\n\"%s\" [name]\n", offset, name);
	if (!cur_str(&c, c.len, &clock))
		return;			/* version 6 ends here */
	out_printf("\"%s\" [clock]\n", clock);
	if (!cur_u32(&c, &page_size) || !cur_u32(&c, &n))
		return;			/* a text ends here */
	out_printf("%u [Page size, bytes]\n%u [CPUs]:\n", page_size, n);
	while (n-- && cur_u32(&c, &cpu) && cur_u64(&c, &offset) && cur_u64(&c, &size))
		out_printf("   %u %" PRIu64 "\t%" PRIu64 "\t[id, data offset and size]\n", cpu, offset,
			   size);
}

/* How each option's payload is printed, and its title. */
static const struct option_row {
	const char *title;
	void (*print)(struct cur c);	/* NULL: see dump_option */
} rows[DAT_ID_COUNT] = {
	[DAT_DATE] = { "DATE", print_str },
	[DAT_CPUSTAT] = { "CPUSTAT", print_str },
	[DAT_BUFFER] = { "BUFFER", NULL },
	[DAT_TRACECLOCK] = { "TRACECLOCK", print_str },
	[DAT_UNAME] = { "UNAME", print_str },
	[DAT_HOOK] = { "HOOK", print_str },
	[DAT_OFFSET] = { "OFFSET", print_str },
	[DAT_CPUCOUNT] = { "CPUCOUNT", print_u32 },
	[DAT_VERSION] = { "VERSION", print_str },
	[DAT_PROCMAPS] = { "PROCMAPS", print_str },
	[DAT_TRACEID] = { "TRACEID", print_trace_id },
	[DAT_TIME_SHIFT] = { "TimeShift", print_time_shift },
	[DAT_GUEST] = { "GUEST", print_guest },
	[DAT_TSC2NSEC] = { "TSC2NSEC", print_tsc2nsec },
	[DAT_HEADER_INFO] = { "HEADERS", NULL },
	[DAT_FTRACE_EVENTS] = { "FTRACE EVENTS", NULL },
	[DAT_EVENT_FORMATS] = { "EVENT FORMATS", NULL },
	[DAT_KALLSYMS] = { "KALLSYMS", NULL },
	[DAT_PRINTK] = { "PRINTK", NULL },
	[DAT_CMDLINES] = { "CMDLINES", NULL },
	[DAT_BUFFER_TEXT] = { "BUFFER", NULL },
	[DAT_BTF_FILE] = { "BTF FILE", NULL },
	[DAT_LAST_BOOT_INFO] = { "LAST BOOT INFO", print_str },
	[DAT_MODULES_FILE] = { "MODULES FILE", NULL },
};

void dump_option(struct dump *d, const struct dat_option *o)
{
	static const struct option_row time_sync = { "TimeSync", print_time_sync };
	const struct option_row *row = o->id < DAT_ID_COUNT ? &rows[o->id] : o->id == DAT_TIME_SYNC ? &time_sync : NULL;
	struct cur c = payload(d, o);
	uint64_t offset;

	if (!row || !row->title) {
		out_printf(" %u %u\t[Unknown option, size - skipping]\n", o->id, o->size);
		return;
	}
	if (o->id == DAT_TSC2NSEC)
		out_printf("\n");
	out_printf("\t\t[Option %s, %u bytes]", row->title, o->size);
	if (row->print) {
		out_printf("\n");
		row->print(c);
	} else if (o->id == DAT_BUFFER || o->id == DAT_BUFFER_TEXT) {
		out_printf("\n");
		print_buffer(d, o);
	} else if (cur_u64(&c, &offset)) {
		out_printf(" @ %" PRIu64 "\n", offset);
	} else {
		out_printf("\n");
	}
}

/* Where the chain goes on: the 8 bytes before the section's end. */
static uint64_t done_next(struct dump *d, const struct dat_section *s)
{
	uint8_t next[8];

	if (s->size < sizeof(next) ||
	    dat_reader_pread(d->r, next, sizeof(next), s->body + s->size - sizeof(next), NULL))
		return 0;
	return get_u64(next, dat_reader_header(d->r)->big_endian);
}

static bool holds(const struct dat_section *s, const struct dat_option *o)
{
	return o->offset >= s->body && o->offset - s->body < s->size;
}

static const struct dat_section *section_of(struct dump *d, const struct dat_option *o)
{
	for (unsigned i = 0; i < dat_reader_nr_sections(d->r); i++)
		if (holds(dat_reader_section(d->r, i), o))
			return dat_reader_section(d->r, i);
	return NULL;
}

/* Version 7 has its options in sections, each with an end mark. */
static void print_options(struct dump *d, bool v7)
{
	unsigned nr = dat_reader_nr_options(d->r);
	const struct dat_section *s = NULL;

	for (unsigned i = 0; i < nr; i++) {
		const struct dat_option *o = dat_reader_option(d->r, i);
		const struct dat_option *next = dat_reader_option(d->r, i + 1);

		if (v7 && (!s || !holds(s, o))) {
			s = section_of(d, o);
			dump_section_line(d, s);
		}
		dump_option(d, o);
		if (s && (!next || !holds(s, next)))
			out_printf("\t\t[Option DONE, %u bytes]\n%" PRIu64 "\n%s", 8, done_next(d, s),
				   next ? "\n\n" : "");
	}
}

void dump_options(struct dump *d)
{
	unsigned nr = dat_reader_nr_options(d->r);
	bool v7 = dat_reader_header(d->r)->version == 7;

	if (d->what & DUMP_OPTIONS)
		print_options(d, v7);
	/* trace-cmd counts the end marks of version 7 as well */
	for (unsigned i = 0; v7 && i < dat_reader_nr_sections(d->r); i++)
		nr += dat_reader_section(d->r, i)->id == DAT_DONE;
	out_printf("\t[%u options]\n", nr);
}

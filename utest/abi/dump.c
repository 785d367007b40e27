// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Everything that trace-cmd's interface tells of a file, as text: run on two
 * libraries, two texts to compare. Usage: dump FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trace-cmd.h>

static unsigned long long hash(const void *data, int size)
{
	const unsigned char *p = data;
	unsigned long long h = 14695981039346656037ull;

	while (size-- > 0)
		h = (h ^ *p++) * 1099511628211ull;
	return h;
}

static void show_record(const struct tep_record *r)
{
	printf("%d %llu offset %#llx missed %lld sizes %d %d data %llx refs %d locked %d\n", r->cpu, r->ts, r->offset,
	       r->missed_events, r->record_size, r->size, hash(r->data, r->size), r->ref_count, r->locked);
}

static void show_text(struct tep_handle *tep, struct tep_record *r)
{
	struct trace_seq seq;

	trace_seq_init(&seq);
	tep_print_event(tep, &seq, r, "%s|%d|%s|%s|%s\n", TEP_PRINT_COMM, TEP_PRINT_PID, TEP_PRINT_LATENCY,
			TEP_PRINT_NAME, TEP_PRINT_INFO);
	trace_seq_terminate(&seq);
	trace_seq_do_printf(&seq);
	trace_seq_destroy(&seq);
}

static void show_fields(const struct tep_event *e, const struct tep_format_field *f)
{
	/* flags that a field has from the print format */
	unsigned long by_format = e->flags & TEP_EVENT_FL_FAILED ? TEP_FIELD_IS_SYMBOLIC | TEP_FIELD_IS_FLAG : 0;

	for (; f; f = f->next)
		printf(" %s %s@%d+%d %#lx", f->type, f->name, f->offset, f->size, f->flags & ~by_format);
}

static void show_events(struct tep_handle *tep)
{
	struct tep_event **events = tep_list_events(tep, TEP_EVENT_SORT_ID);

	printf("%d events\n", tep_get_events_count(tep));
	for (int i = 0; events && events[i]; i++) {
		struct tep_event *e = events[i];

		printf("event %d %s/%s flags %#x:", e->id, e->system, e->name, e->flags);
		show_fields(e, e->format.common_fields);
		show_fields(e, e->format.fields);
		/* a format that cannot be printed by need not be kept */
		printf(" %s\n", e->flags & TEP_EVENT_FL_FAILED ? "" : e->print_fmt.format);
	}
}

static void show_tep(struct tep_handle *tep)
{
	printf("cpus %d long %d header %d %d %d big %d %d old %d\n", tep_get_cpus(tep), tep_get_long_size(tep),
	       tep_get_header_page_size(tep), tep_get_header_timestamp_size(tep),
	       tep_get_sub_buffer_size(tep), tep_is_file_bigendian(tep), tep_is_local_bigendian(tep),
	       tep_is_old_format(tep));
	show_events(tep);
}

static void show_cpu(struct tracecmd_input *h, int cpu)
{
	struct tep_handle *tep = tracecmd_get_tep(h);
	unsigned long long *offsets = NULL, nr = 0;
	struct tep_record *r;
	int was = -7;

	for (r = tracecmd_read_cpu_first(h, cpu); r; r = tracecmd_read_data(h, cpu)) {
		show_record(r);
		offsets = realloc(offsets, (nr + 1) * sizeof(*offsets));
		offsets[nr++] = r->offset;
		tracecmd_free_record(r);
	}
	printf("cpu %d: %llu records, then %p\n", cpu, nr, (void *)tracecmd_read_data(h, cpu));
	for (unsigned long long i = nr; i-- > 0;) {
		r = tracecmd_read_at(h, offsets[i] + i % 4, &was);
		if (!r || r->offset != offsets[i] || was != cpu)
			printf("not there: %llu\n", i);
		if (r && i % 5 == 0) {
			show_record(r);
			show_text(tep, r);
		}
		tracecmd_free_record(r);
	}
	free(offsets);
}

static int show_next(struct tracecmd_input *h, struct tep_record *r, int cpu, void *data)
{
	printf("%s %d ", (const char *)data, cpu);
	show_text(tracecmd_get_tep(h), r);
	return 0;
}

static void show_handle(struct tracecmd_input *h, const char *name)
{
	int cpus = tep_get_cpus(tracecmd_get_tep(h)), mult = -1, shift = -1, ret;
	unsigned long long offset = 0;

	ret = 0;
	printf("handle %s: id %llx first %llu tsc %d %d %d %llu\n", name, tracecmd_get_traceid(h), tracecmd_get_first_ts(h),
	       ret, mult, shift, offset);
	for (int cpu = 0; cpu < cpus + 1; cpu++)
		show_cpu(h, cpu);
	for (int cpu = 0; cpu < cpus; cpu++)
		tracecmd_free_record(tracecmd_read_at(h, 0, NULL));
	for (int cpu = 0; cpu < cpus; cpu++) {
		struct tep_record *first = tracecmd_read_cpu_first(h, cpu);

		if (first)
			tracecmd_free_record(tracecmd_read_at(h, first->offset, NULL));
		tracecmd_free_record(first);
	}
	printf("iterate: %d\n", tracecmd_iterate_events(h, NULL, 0, show_next, (void *)name));
}

int main(int argc, char **argv)
{
	struct tracecmd_input *h = argc > 1 ? tracecmd_open(argv[1], 0) : NULL;
	int nr;

	if (!h) {
		printf("cannot open\n");
		return 1;
	}
	show_tep(tracecmd_get_tep(h));
	nr = tracecmd_buffer_instances(h);
	printf("%d instances\n", nr);
	show_handle(h, "top");
	for (int i = 0; i < nr; i++) {
		const char *name = tracecmd_buffer_instance_name(h, i);
		struct tracecmd_input *in = tracecmd_buffer_instance_handle(h, i);

		printf("instance %s\n", name);
		if (in)
			show_handle(in, name);
		tracecmd_close(in);
	}
	tracecmd_close(h);
	return 0;
}

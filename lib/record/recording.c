// SPDX-License-Identifier: LGPL-2.1-or-later
/* A recording as a whole: instances, their CPUs, the recorder, the file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "record/recording_inside.h"

#define NUMBER_ROOM 10u			/* behind the names of spools that are cut */

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot record");
}

static void fill_uname(struct recording *rec)
{
	struct utsname u;

	if (uname(&u) < 0)
		return;
	snprintf(rec->uname, sizeof(rec->uname), "%s %s %s %s", u.sysname, u.nodename, u.release,
		 u.machine);
}

static void fill_boot(struct recording *rec)
{
	struct buf id AUTO_BUF = { 0 };

	if (!path_read_all("/proc/sys/kernel/random/boot_id", &id, sizeof(rec->boot)))
		snprintf(rec->boot, sizeof(rec->boot), "%.*s", (int)strcspn(id.data, "\n"), id.data);
}

static bool is_cut(const struct record_opts *o)
{
	return o->rotate_bytes || o->rotate_ns || o->last_bytes || o->last_ns;
}

/* Of the path's last element. */
static size_t name_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strlen(slash ? slash + 1 : path);
}

/* Ascending numbers as "0-3,6". */
static void put_cpus(struct buf *to, const uint32_t *cpus, size_t nr)
{
	for (size_t i = 0, end; i < nr; i = end) {
		for (end = i + 1; end < nr && cpus[end] == cpus[end - 1] + 1; end++)
			;
		buf_printf(to, "%s%u", i ? "," : "", cpus[i]);
		if (end > i + 1)
			buf_printf(to, "-%u", cpus[end - 1]);
	}
}

int recording_add_stream(struct recording *rec, struct recorder *recorder, const struct recorded *b,
			 const struct stream_source *src, struct err *e)
{
	AUTO_FREE char *path = NULL;
	AUTO_BUF struct buf spools = { 0 };
	struct recorder_stream s = {
		.info = {
			.session = rec->session, .cpu = src->cpu, .page_size = b->page_size,
			.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
			.long_size = rec->kernel_long, .instance = src->name, .clock = b->clock,
			.uname = rec->uname, .version = rec->opts.writer,
			.boot = rec->boot, .cpus = rec->machine_cpus,
		},
		.source = src->source,
		.counters = src->counter && !src->source ? stream_counters : NULL, .counters_ctx = src->counter,
	};

	put_cpus(&spools, b->cpus, b->nr_cpus);
	if (asprintf(&path, "%s%s%s.cpu%u", rec->opts.spool_base, *src->name ? "." : "", src->name,
		     src->cpu) < 0)
		path = NULL;
	if (!path || spools.failed) {
		source_free(src->source);
		return no_memory(e);
	}
	s.spool_path = path;
	s.info.spools = spools.data;
	s.info.buffers = rec->names.data;
	if (is_cut(&rec->opts) && name_len(path) + NUMBER_ROOM > NAME_MAX) {
		source_free(src->source);
		err_set(e, -ENAMETOOLONG, "the name '%s' leaves no room for the numbers of what is cut", path);
		return err_hint(e, "give a shorter output (-o)");
	}
	if (src->source)
		return recorder_add(recorder, &s, e);
	s.fd = kernel_cpu_open(b->in, src->cpu, src->file, O_NONBLOCK, e);
	if (s.fd < 0)
		return s.fd;
	return recorder_add(recorder, &s, e);
}

/* Whether the instance's events come in streams: it is recorded, and not as a text at the end. */
static bool has_streams(const struct recording *rec, size_t i)
{
	const char *tracer = rec->setup->instances.v[i].tracer;

	if (rec->opts.perf)
		return !i;
	return (kernel_setup_is_recorded(rec->setup, i) || (!i && rec->opts.with_top)) &&
	       !(tracer && kernel_tracer_is_latency(tracer));
}

static int name_buffers(struct recording *rec, struct err *e)
{
	for (size_t i = 0; i < rec->setup->instances.nr; i++)
		if (has_streams(rec, i))
			buf_printf(&rec->names, "%s/", rec->setup->instances.v[i].name);
	return rec->names.failed ? no_memory(e) : 0;
}

/* Adds one CPU's stream to the recorder. */
static int add_cpu(struct recording *rec, const struct recorded *b, uint32_t cpu, struct err *e)
{
	struct stream_source src = {
		.name = kernel_instance_name(b->in), .cpu = cpu, .file = rec->opts.raw_file,
		.counter = malloc(sizeof(*src.counter)),
	};

	if (!src.counter || vec_push(&rec->streams, src.counter)) {
		free(src.counter);
		return no_memory(e);
	}
	*src.counter = (struct counter){ .fd = kernel_cpu_open(b->in, cpu, "stats", 0, e) };
	if (src.counter->fd < 0)
		return src.counter->fd;
	return recording_add_stream(rec, rec->recorder, b, &src, e);
}

/* What the file needs to know of an instance, recorded or not. */
static int describe(struct recording *rec, struct recorded *b, struct err *e)
{
	int r = kernel_instance_subbuf_size(b->in, &b->page_size, e);

	if (!r)
		r = kernel_instance_clock(b->in, b->clock, sizeof(b->clock), e);
	if (!r && rec->opts.tsc2nsec.present && !strcmp(b->clock, "x86-tsc"))
		strcpy(b->clock, "tsc2nsec");
	return r;
}

static int add_instance(struct recording *rec, size_t i, struct err *e)
{
	const struct kernel_instance_setup *is = &rec->setup->instances.v[i];
	bool takes_part = kernel_setup_is_recorded(rec->setup, i) || (!i && rec->opts.with_top);
	struct recorded *b;
	int r;

	if (!takes_part && i)
		return 0;
	if (vec_reserve(&rec->buffers, 1))
		return no_memory(e);
	b = &rec->buffers.v[rec->buffers.nr++];
	*b = (struct recorded){
		.setup = is, .in = i ? is->in : kernel_top(rec->k),
		.takes_part = takes_part, .first_stream = recorder_nr_streams(rec->recorder),
	};
	r = describe(rec, b, e);
	if (r || !takes_part)
		return r;
	if (is->tracer && kernel_tracer_is_latency(is->tracer)) {
		b->is_text = true;
		return 0;
	}
	r = kernel_instance_cpus(b->in, &b->cpus, &b->nr_cpus, e);
	for (size_t c = 0; c < b->nr_cpus && !r; c++)
		r = add_cpu(rec, b, b->cpus[c], e);
	return r;
}

/* What version 6 has no place for, told before anything runs. */
static int check_version(const struct recording *rec, struct err *e)
{
	const struct recorded *first = NULL;	/* of those that have a clock to tell */
	int r = 0;

	for (size_t i = 0; i < rec->buffers.nr && rec->opts.version == 6 && !r; i++) {
		const struct recorded *b = &rec->buffers.v[i];

		if (b->takes_part && !first)
			first = b;
		if (b->takes_part && strcmp(b->clock, first->clock))
			r = err_set(e, -EINVAL, "files of version 6 have one trace clock: instance '%s' has %s, "
				    "another buffer %s", kernel_instance_name(b->in), b->clock, first->clock);
		else if (i && b->page_size != rec->buffers.v[0].page_size)
			r = err_set(e, -EINVAL, "files of version 6 have one sub-buffer size: "
				    "instance '%s' has %u bytes, the top level %u",
				    kernel_instance_name(b->in), b->page_size,
				    rec->buffers.v[0].page_size);
		else if (i && b->is_text)
			r = err_set(e, -EINVAL, "files of version 6 have no place for tracer "
				    "'%s' of instance '%s'", b->setup->tracer,
				    kernel_instance_name(b->in));
	}
	if (r)
		err_hint(e, "--file-version 7 can hold it");
	return r;
}

/* Memory for the last segment, and for what the others have counted. */
static int make_segments(struct recording *rec, struct err *e)
{
	size_t nr = recorder_nr_streams(rec->recorder);

	rec->told = calloc(nr + 1, sizeof(*rec->told));
	rec->dropped = calloc(nr + 1, sizeof(*rec->dropped));
	if (!rec->told || !rec->dropped || vec_reserve(&rec->segments, 1))
		return no_memory(e);
	if (segment_new(nr, &rec->past, e) || segment_new(nr, &rec->last, e))
		return -ENOMEM;
	return 0;
}

int recording_new(struct kernel *k, struct kernel_setup *setup, const struct record_opts *opts,
		  struct recording **ret, struct err *e)
{
	struct recording *rec = calloc(1, sizeof(*rec));
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct recorder_opts ro = opts->recorder;
	int r;

	if (!rec)
		return no_memory(e);
	rec->k = k;
	rec->head.fd = -1;
	rec->setup = setup;
	rec->opts = *opts;
	rec->machine_cpus = cpus < 1 ? 1 : cpus;
	rec->latency_fd = -1;
	fill_uname(rec);
	fill_boot(rec);
	ro.codec = opts->codec;
	ro.cut_bytes = opts->last_bytes ? opts->last_bytes / RECORD_SHARES : opts->rotate_bytes;
	rec->session = opts->trace_id;
	r = !rec->session && getrandom(&rec->session, sizeof(rec->session), 0) < 0 ? -errno : 0;
	if (r)
		err_errno(e, r, "cannot make up an id for the recording");
	if (!r)
		r = metadata_kernel_long(k, &rec->kernel_long, e);
	if (!r)
		r = name_buffers(rec, e);
	if (!r)
		r = recorder_new(&ro, &rec->recorder, e);
	if (!r && opts->perf)
		r = recording_add_perf(rec, e);
	for (size_t i = 0; i < setup->instances.nr && !r && !opts->perf; i++)
		r = add_instance(rec, i, e);
	if (!r)
		r = make_segments(rec, e);
	if (!r)
		r = check_version(rec, e);
	if (!r)
		r = recording_make_head(rec, e);
	if (r) {
		recording_free(rec, true);
		return r;
	}
	*ret = rec;
	return 0;
}

int recording_hide(struct recording *rec, pid_t tid, struct err *e)
{
	return vec_push(&rec->hidden, tid) ? no_memory(e) : 0;
}

int recording_start(struct recording *rec, struct err *e)
{
	VEC(pid_t) hidden = { 0 };
	const pid_t *tids;
	size_t nr;
	int r;

	counters_begin(rec);
	r = recorder_start(rec->recorder, e);
	if (r)
		return r;
	if (rec->opts.recorder.sync_s)
		head_sync(&rec->head);
	if (rec->opts.parts_of && recorder_nr_streams(rec->recorder))
		r = keeper_start(rec, e);
	if (r)
		return r;
	recording_hear_latencies(rec);
	tids = recorder_tids(rec->recorder, &nr);
	if (vec_reserve(&hidden, nr + rec->hidden.nr + 1))
		return no_memory(e);
	memcpy(hidden.v, tids, nr * sizeof(*tids));
	hidden.v[nr++] = syscall(SYS_gettid);
	for (size_t i = 0; i < rec->hidden.nr; i++)
		hidden.v[nr++] = rec->hidden.v[i];
	hidden.nr = nr;
	r = rec->opts.perf ? kernel_perf_hide(rec->opts.perf, hidden.v, hidden.nr, e) :
		kernel_setup_exclude(rec->k, rec->setup, hidden.v, hidden.nr, e);
	vec_release(&hidden);
	return r;
}

unsigned recording_flush(struct recording *rec)
{
	return recorder_flush(rec->recorder);
}

bool recording_flushed(const struct recording *rec, unsigned flush)
{
	return recorder_flushed(rec->recorder, flush);
}

int recording_flushed_fd(const struct recording *rec)
{
	return recorder_flushed_fd(rec->recorder);
}

int recording_alarm_fd(const struct recording *rec)
{
	return recorder_alarm_fd(rec->recorder);
}

/* What the recorder has written since the last cut is the last segment. */
static int end_last(struct recording *rec, struct err *e)
{
	struct segment *s = &rec->last;

	for (size_t i = 0; i < s->nr; i++) {
		struct recorder_cut cut;

		recorder_take(rec->recorder, i, &cut);
		s->streams[i].spool = cut.spool;
		s->streams[i].stats = cut.stats;
	}
	rec->segments.v[rec->segments.nr++] = *s;	/* room was made before */
	*s = (struct segment){ 0 };
	return counters_read(rec, &rec->segments.v[rec->segments.nr - 1], true, e);
}

void recording_since(struct recording *rec, uint64_t since_ns)
{
	rec->since_ns = since_ns;
}

void recording_thrown_away(struct recording *rec, const struct kernel_instance *in)
{
	for (size_t i = 0; i < rec->buffers.nr; i++)
		rec->buffers.v[i].thrown_away |= rec->buffers.v[i].in == in;
}

void recording_send_packed(struct recording *rec)
{
	recorder_send_packed(rec->recorder);
}

void recording_missing(struct recording *rec, const struct kernel_instance *in, const char *why)
{
	for (size_t i = 0; i < rec->buffers.nr; i++)
		if (rec->buffers.v[i].in == in)
			buf_printf(&rec->buffers.v[i].missing, DAT_STAT_MISSING "%s\n", why);
}

void recording_stays_on(struct recording *rec)
{
	recorder_stays_on(rec->recorder);
}

int recording_stop(struct recording *rec, struct err *e)
{
	struct err later = { 0 };
	int r;

	if (rec->stopped)
		return 0;
	keeper_stop(rec);
	rec->stopped = true;
	r = recorder_stop(rec->recorder, e);
	for (size_t i = 0; i < recorder_nr_streams(rec->recorder); i++)
		if (recorder_spool(rec->recorder, i))
			rec->dropped[i] += spool_dropped(recorder_spool(rec->recorder, i));
	end_last(rec, &later);
	for (size_t i = 0; i < rec->buffers.nr && !later.code; i++)
		if (rec->buffers.v[i].is_text)
			recording_read_text(&rec->buffers.v[i], &later);
	if (!later.code)
		snapshots_read(rec, &later);
	if (!r && later.code) {
		if (e)
			*e = later;
		r = later.code;
	}
	return r;
}

static void each_file_of(const struct spool *s, void (*fn)(void *ctx, const char *path), void *ctx)
{
	if (s)
		spool_each_file(s, fn, ctx);
}

void recording_each_file(const struct recording *rec, void (*fn)(void *ctx, const char *path), void *ctx)
{
	for (size_t i = 0; rec->kept_by && i < recorder_nr_streams(rec->kept_by); i++)
		each_file_of(recorder_spool(rec->kept_by, i), fn, ctx);
	if (rec->head.path)
		fn(ctx, rec->head.path);
	for (size_t i = 0; i < rec->segments.nr; i++)
		for (size_t j = 0; j < rec->segments.v[i].nr; j++)
			each_file_of(rec->segments.v[i].streams[j].spool, fn, ctx);
}

void recording_free(struct recording *rec, bool unlink_spools)
{
	if (!rec)
		return;
	keeper_release(rec);
	recorder_free(rec->recorder, unlink_spools);
	buf_release(&rec->names);
	snapshots_release(rec, unlink_spools);
	cleanup_close(&rec->latency_fd);
	head_release(&rec->head, unlink_spools);
	for (size_t i = 0; i < rec->buffers.nr; i++) {
		free(rec->buffers.v[i].cpus);
		buf_release(&rec->buffers.v[i].text);
		buf_release(&rec->buffers.v[i].missing);
	}
	vec_release(&rec->buffers);
	for (size_t i = 0; i < rec->segments.nr; i++)
		segment_release(&rec->segments.v[i], unlink_spools);
	vec_release(&rec->segments);
	vec_release(&rec->hidden);
	segment_release(&rec->last, unlink_spools);
	segment_release(&rec->past, unlink_spools);
	free(rec->dropped);
	free(rec->told);
	for (size_t i = 0; i < rec->streams.nr; i++) {
		cleanup_close(&rec->streams.v[i]->fd);
		free(rec->streams.v[i]);
	}
	vec_release(&rec->streams);
	free(rec);
}

uint64_t recording_disk_bytes(const struct recording *rec)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < rec->segments.nr; i++)
		sum += segment_bytes(&rec->segments.v[i]);
	for (size_t i = 0; rec->kept_by && i < recorder_nr_streams(rec->kept_by); i++)
		sum += spool_disk_bytes(recorder_spool(rec->kept_by, i));
	return sum;
}

static const struct spool *first_spool(const struct recording *rec)
{
	for (size_t i = 0; i < rec->segments.nr; i++)
		for (size_t j = 0; j < rec->segments.v[i].nr; j++)
			if (rec->segments.v[i].streams[j].spool)
				return rec->segments.v[i].streams[j].spool;
	return NULL;
}

const char *recording_spool_path(const struct recording *rec)
{
	const struct spool *s = first_spool(rec);

	return s ? spool_path(s) : NULL;
}

bool recording_spool_is_removed(const struct recording *rec)
{
	const struct spool *s = first_spool(rec);

	return s && spool_is_removed(s);
}

size_t recording_nr_cpus(const struct recording *rec)
{
	return recorder_nr_streams(rec->recorder);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* A recording as a whole: instances, their CPUs, the recorder, the file. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "record/finish.h"
#include "record/head.h"
#include "record/record.h"

#define STATS_NAME_MAX 32

/* One instance that is recorded. */
struct recorded {
	const struct kernel_instance_setup *setup;
	struct kernel_instance *in;
	bool takes_part;
	char clock[32];			/* for the file: "tsc2nsec" where that applies */
	uint32_t page_size;
	uint32_t *cpus;
	size_t nr_cpus;
	size_t first_stream;		/* its CPUs' streams in the recorder */
	bool is_text;			/* a latency tracer's */
	struct buf text;
};

struct counters {
	uint64_t overrun, commit_overrun, dropped, read, entries, buffer_kb;
};

struct recording {
	struct kernel *k;
	struct kernel_setup *setup;
	struct record_opts opts;
	struct recorder *recorder;
	VEC(struct recorded) buffers;	/* [0] is the top level */
	VEC(char *) stats;		/* CPUSTAT texts */
	VEC(struct counters) counters;	/* by stream */
	VEC(struct counter *) streams;
	uint32_t machine_cpus;
	uint64_t session;
	unsigned kernel_long;
	char uname[512];
	char boot[64];			/* boot_id */
	struct head head;
	bool stopped;
};

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

/* The number behind "@name: " in the kernel's text; 0 if it is not there. */
static uint64_t stats_number(const char *text, const char *name)
{
	char key[STATS_NAME_MAX];
	const char *at;

	snprintf(key, sizeof(key), "\n%s: ", name);
	at = strstr(text, key);
	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

/* A stream's way to the kernel's counters: read for each take, so the file stays open. */
struct counter {
	int fd;
};

static uint64_t read_buffer_kb(struct kernel_instance *in, uint32_t cpu)
{
	char file[64], text[64];

	snprintf(file, sizeof(file), "per_cpu/cpu%u/buffer_size_kb", cpu);
	return kernel_read_word(in, file, text, sizeof(text)) ? 0 : strtoull(text, NULL, 10);
}

static int read_counters(void *ctx, struct gaps_counters *ret)
{
	const struct counter *c = ctx;
	char text[1024];
	ssize_t n = pread(c->fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = 0;
	ret->overrun = stats_number(text, "overrun");
	ret->read = stats_number(text, "read events");
	return 0;
}

/* Adds one CPU's stream to the recorder. */
static int add_cpu(struct recording *rec, const struct recorded *b, uint32_t cpu, struct err *e)
{
	const char *instance = kernel_instance_name(b->in);
	AUTO_FREE char *path = NULL;
	struct recorder_stream s = {
		.info = {
			.session = rec->session, .cpu = cpu, .page_size = b->page_size,
			.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__,
			.long_size = rec->kernel_long, .instance = instance, .clock = b->clock,
			.uname = rec->uname, .version = rec->opts.writer,
			.boot = rec->boot, .cpus = rec->machine_cpus,
		},
		.counters = read_counters,
	};
	struct counter *c = malloc(sizeof(*c));

	if (!c || vec_push(&rec->streams, c)) {
		free(c);
		return no_memory(e);
	}
	c->fd = kernel_cpu_open(b->in, cpu, "stats", 0, e);
	if (c->fd < 0)
		return c->fd;
	s.counters_ctx = c;

	if (asprintf(&path, "%s%s%s.cpu%u", rec->opts.spool_base, *instance ? "." : "", instance,
		     cpu) < 0) {
		path = NULL;
		return no_memory(e);
	}
	s.spool_path = path;
	s.fd = kernel_cpu_open(b->in, cpu, rec->opts.raw_file, O_NONBLOCK, e);
	if (s.fd < 0)
		return s.fd;
	return recorder_add(rec->recorder, &s, e);
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
	bool takes_part = kernel_setup_takes_part(rec->setup, i) || (!i && rec->opts.with_top);
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
	for (size_t i = 1; i < rec->buffers.nr && rec->opts.version == 6; i++) {
		const struct recorded *b = &rec->buffers.v[i];

		if (b->page_size != rec->buffers.v[0].page_size)
			return err_set(e, -EINVAL, "files of version 6 have one sub-buffer size: "
				       "instance '%s' has %u bytes, the top level %u",
				       kernel_instance_name(b->in), b->page_size,
				       rec->buffers.v[0].page_size);
		if (b->is_text)
			return err_set(e, -EINVAL, "files of version 6 have no place for tracer "
				       "'%s' of instance '%s'", b->setup->tracer,
				       kernel_instance_name(b->in));
	}
	return 0;
}

static int make_head(struct recording *rec, struct err *e);

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
	fill_uname(rec);
	fill_boot(rec);
	ro.codec = opts->codec;
	r = getrandom(&rec->session, sizeof(rec->session), 0) < 0 ? -errno : 0;
	if (r)
		err_errno(e, r, "cannot make up an id for the recording");
	if (!r)
		r = metadata_kernel_long(k, &rec->kernel_long, e);
	if (!r)
		r = recorder_new(&ro, &rec->recorder, e);
	for (size_t i = 0; i < setup->instances.nr && !r; i++)
		r = add_instance(rec, i, e);
	if (!r)
		r = check_version(rec, e);
	if (!r)
		r = make_head(rec, e);
	if (r) {
		recording_free(rec, true);
		return r;
	}
	*ret = rec;
	return 0;
}

int recording_start(struct recording *rec, struct err *e)
{
	VEC(pid_t) hidden = { 0 };
	const pid_t *tids;
	size_t nr;
	int r = recorder_start(rec->recorder, e);

	if (r)
		return r;
	if (rec->opts.recorder.sync_s)
		head_sync(&rec->head);
	tids = recorder_tids(rec->recorder, &nr);
	if (vec_reserve(&hidden, nr + 1))
		return no_memory(e);
	memcpy(hidden.v, tids, nr * sizeof(*tids));
	hidden.v[nr] = syscall(SYS_gettid);
	hidden.nr = nr + 1;
	r = kernel_setup_exclude(rec->k, rec->setup, hidden.v, hidden.nr, e);
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

static void add_progress(const struct recorded *b, uint32_t cpu, uint64_t kb,
			 struct recording_progress *p)
{
	struct buf text AUTO_BUF = { 0 };
	uint64_t bytes, lost, fill;

	if (kernel_cpu_stats(b->in, cpu, &text, NULL))
		return;
	lost = stats_number(text.data, "overrun");
	bytes = stats_number(text.data, "bytes");
	fill = kb ? bytes * 100 / (kb * 1024) : 0;
	p->events += stats_number(text.data, "entries") + stats_number(text.data, "read events") + lost;
	p->lost += lost + stats_number(text.data, "dropped events");
	if (p->fill < fill)
		p->fill = fill > 100 ? 100 : fill;
}

void recording_progress(const struct recording *rec, struct recording_progress *ret)
{
	struct recording_progress p = { .spooled = recorder_written(rec->recorder) };

	for (size_t i = 0; i < rec->buffers.nr; i++) {
		const struct recorded *b = &rec->buffers.v[i];

		for (size_t c = 0; c < b->nr_cpus; c++)
			add_progress(b, b->cpus[c], read_buffer_kb(b->in, b->cpus[c]), &p);
	}
	*ret = p;
}

int recording_alarm_fd(const struct recording *rec)
{
	return recorder_alarm_fd(rec->recorder);
}

static int add_stats(struct recording *rec, struct buf *text, struct err *e)
{
	char *copy = text->failed ? NULL : strdup(text->data);

	if (!copy || vec_push(&rec->stats, copy)) {
		free(copy);
		return no_memory(e);
	}
	return 0;
}

/* Reads the kernel's counters of all CPUs of one buffer. */
static int read_stats(struct recording *rec, const struct recorded *b, struct err *e)
{
	const char *name = kernel_instance_name(b->in);
	struct buf text AUTO_BUF = { 0 };
	int r = 0;

	if (*name) {
		buf_printf(&text, "\nBuffer: %s\n\n", name);
		r = add_stats(rec, &text, e);
	}
	for (size_t i = 0; i < b->nr_cpus && !r; i++) {
		const struct recorder_stats *s;
		struct counters c;

		buf_clear(&text);
		buf_printf(&text, "CPU: %u\n", b->cpus[i]);
		r = kernel_cpu_stats(b->in, b->cpus[i], &text, e);
		if (r)
			break;
		s = recorder_stream_stats(rec->recorder, b->first_stream + i);
		if (s->discarded)
			buf_printf(&text, "sub-buffers not written: %" PRIu64 "\n", s->discarded);
		c.overrun = stats_number(text.data, "overrun");
		c.commit_overrun = stats_number(text.data, "commit overrun");
		c.dropped = stats_number(text.data, "dropped events");
		c.read = stats_number(text.data, "read events");
		c.entries = stats_number(text.data, "entries");
		c.buffer_kb = read_buffer_kb(b->in, b->cpus[i]);
		r = add_stats(rec, &text, e);
		if (!r && vec_push(&rec->counters, c))
			r = no_memory(e);
	}
	return r;
}

static int read_text(struct recorded *b, struct err *e)
{
	int r = kernel_read(b->in, "trace", &b->text);

	if (r)
		return err_errno(e, r, "cannot read what tracer '%s' found", b->setup->tracer);
	return 0;
}

int recording_stop(struct recording *rec, struct err *e)
{
	struct err later = { 0 };
	int r;

	if (rec->stopped)
		return 0;
	rec->stopped = true;
	r = recorder_stop(rec->recorder, e);
	for (size_t i = 0; i < rec->buffers.nr && !later.code; i++) {
		struct recorded *b = &rec->buffers.v[i];

		if (b->is_text)
			read_text(b, &later);
		else
			read_stats(rec, b, &later);
	}
	if (!r && later.code) {
		if (e)
			*e = later;
		r = later.code;
	}
	return r;
}

/* A CPU for the finished file, and whether some of what it did could not be recorded. */
static void lay_cpu(const struct recording *rec, const struct recorded *b, size_t i,
		    struct finish_cpu *ret)
{
	size_t nr = b->first_stream + i;
	struct recording_cpu c;

	*ret = (struct finish_cpu){ .cpu = b->cpus[i], .spool = recorder_spool(rec->recorder, nr) };
	recording_cpu(rec, nr, &c);
	ret->cut = c.stats.discarded || c.unread;
	ret->cut_ts = c.stats.first_discarded_ts;
}

/* The finished buffer of @b; its CPUs go to @cpus, which has room. */
static void lay_buffer(const struct recording *rec, const struct recorded *b,
		       struct finish_cpu *cpus, struct finish_buffer *ret)
{
	*ret = (struct finish_buffer){
		.name = kernel_instance_name(b->in), .clock = b->clock,
		.page_size = b->page_size, .cpus = cpus, .nr_cpus = b->nr_cpus,
		.text = b->is_text ? &b->text : NULL,
	};
	for (size_t i = 0; i < b->nr_cpus; i++)
		lay_cpu(rec, b, i, &cpus[i]);
}

/*
 * The text of trace_clock, which decides how times are shown: the top level's,
 * or the first instance's if that is not recorded.
 */
static const char *read_clock(const struct recording *rec, struct buf *text)
{
	for (size_t i = 0; i < rec->buffers.nr; i++)
		if (rec->buffers.v[i].takes_part)
			return kernel_read(rec->buffers.v[i].in, "trace_clock", text) ? NULL :
				text->data;
	return NULL;
}

/* What the file will say, and the memory behind it. */
struct layout {
	struct finish f;
	struct finish_cpu *cpus;
	struct finish_buffer *buffers;
	struct buf clock;
	struct metadata meta;
};

static int lay_out(const struct recording *rec, struct layout *l, struct err *e)
{
	*l = (struct layout){
		.cpus = calloc(recorder_nr_streams(rec->recorder) + 1, sizeof(*l->cpus)),
		.buffers = calloc(rec->buffers.nr, sizeof(*l->buffers)),
	};
	if (!l->cpus || !l->buffers)
		return no_memory(e);
	for (size_t i = 0; i < rec->buffers.nr; i++)
		lay_buffer(rec, &rec->buffers.v[i], l->cpus + rec->buffers.v[i].first_stream,
			   &l->buffers[i]);
	l->f = (struct finish){
		.version = rec->opts.version, .codec = rec->opts.codec,
		.cpus = rec->machine_cpus, .kernel_long = rec->kernel_long, .metadata = &l->meta,
		.has_date = rec->opts.has_date, .date_us = rec->opts.date_us,
		.hooks = rec->opts.hooks, .has_offset = rec->opts.has_offset, .offset = rec->opts.offset,
		.trace_clock = read_clock(rec, &l->clock),
		.uname = rec->uname, .writer = rec->opts.writer,
		.has_trace_id = true, .trace_id = rec->session,
		.stats = rec->stats.v, .nr_stats = rec->stats.nr,
		.tsc2nsec = rec->opts.tsc2nsec,
		.buffers = l->buffers, .nr_buffers = rec->buffers.nr,
	};
	return 0;
}

static void layout_release(struct layout *l)
{
	metadata_release(&l->meta);
	buf_release(&l->clock);
	free(l->buffers);
	free(l->cpus);
}

static int make_head(struct recording *rec, struct err *e)
{
	struct layout l;
	int r = lay_out(rec, &l, e);

	if (!r)
		r = head_make(&rec->head, rec->opts.spool_base, &l.f, rec->k, rec->setup,
			      rec->opts.notices, e);
	layout_release(&l);
	return r;
}

/* Modules that came or went have changed symbols and formats: then all anew. */
static int collect(struct recording *rec, struct layout *l, struct err *e)
{
	const struct notices *notices = rec->opts.notices;
	int r;

	if (!head_is_current(&rec->head))
		return metadata_collect(&l->meta, rec->k, rec->setup, NULL, notices, e);
	l->f.head = rec->head.reader;
	r = metadata_collect_boots(&l->meta, rec->setup, e);
	return r ? r : metadata_collect_growing(&l->meta, rec->k, notices, e);
}

int recording_save(struct recording *rec, int fd, const char *name, bool consume, struct err *e)
{
	struct layout l;
	int r = lay_out(rec, &l, e);

	l.f.consume = consume;
	if (!r)
		r = collect(rec, &l, e);
	if (!r)
		r = finish_write(&l.f, fd, name, e);
	layout_release(&l);
	return r;
}

int recording_send(struct recording *rec, int fd, const char *name, struct err *e)
{
	struct dat_pieces *p = dat_pieces_new();
	struct layout l;
	int r = lay_out(rec, &l, e);

	if (!r && !p)
		r = no_memory(e);
	if (!r)
		r = collect(rec, &l, e);
	if (!r)
		r = finish_pieces(&l.f, p, name, e);
	if (!r) {
		r = dat_pieces_send(p, fd);
		if (r)
			err_errno(e, r, "cannot write to %s", name);
	}
	dat_pieces_free(p);
	layout_release(&l);
	return r;
}

void recording_free(struct recording *rec, bool unlink_spools)
{
	if (!rec)
		return;
	recorder_free(rec->recorder, unlink_spools);
	head_release(&rec->head, unlink_spools);
	for (size_t i = 0; i < rec->buffers.nr; i++) {
		free(rec->buffers.v[i].cpus);
		buf_release(&rec->buffers.v[i].text);
	}
	vec_release(&rec->buffers);
	for (size_t i = 0; i < rec->stats.nr; i++)
		free(rec->stats.v[i]);
	vec_release(&rec->stats);
	vec_release(&rec->counters);
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

	for (size_t i = 0; i < recorder_nr_streams(rec->recorder); i++)
		sum += spool_disk_bytes(recorder_spool(rec->recorder, i));
	return sum;
}

const char *recording_spool_path(const struct recording *rec)
{
	return recorder_nr_streams(rec->recorder) ? spool_path(recorder_spool(rec->recorder, 0)) :
		NULL;
}

size_t recording_nr_cpus(const struct recording *rec)
{
	return recorder_nr_streams(rec->recorder);
}

void recording_cpu(const struct recording *rec, size_t i, struct recording_cpu *ret)
{
	*ret = (struct recording_cpu){
		.stats = *recorder_stream_stats(rec->recorder, i),
		.dropped_chunks = spool_dropped(recorder_spool(rec->recorder, i)),
	};
	for (size_t j = 0; j < rec->buffers.nr; j++) {
		const struct recorded *b = &rec->buffers.v[j];

		if (i < b->first_stream || i - b->first_stream >= b->nr_cpus)
			continue;
		ret->instance = kernel_instance_name(b->in);
		ret->cpu = b->cpus[i - b->first_stream];
		ret->clock = b->clock;
		ret->page_size = b->page_size;
	}
	if (i < rec->counters.nr) {
		ret->overrun = rec->counters.v[i].overrun;
		ret->commit_overrun = rec->counters.v[i].commit_overrun;
		ret->dropped = rec->counters.v[i].dropped;
		ret->read = rec->counters.v[i].read;
		ret->unread = ret->stats.unread ? rec->counters.v[i].entries : 0;
		ret->buffer_kb = rec->counters.v[i].buffer_kb;
	}
}

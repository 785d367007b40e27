// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdlib.h>

#include "record/perf_import.h"
#include "record/perf_meta.h"
#include "record/perf_pages.h"
#include "record/perf_records.h"
#include "record/perf_spool.h"

#define HELD_MAX (256u << 20)		/* of events, where a file has no rounds */
#define LOST_BY_BPF (1u << 15)		/* misc of LOST_SAMPLES: a filter took them, as was asked */

struct import_cpu {
	struct import *im;
	uint32_t cpu;
	struct perf_pages pages;
	struct perf_spool_cpu spool;
	uint64_t told;			/* lost, by records in the ring */
	uint64_t counted;		/* lost, by the counts at the end */
};

struct import {
	const struct perf_import_opts *opts;
	const char *out_name;
	struct perf_file f;
	struct perf_records *rs;
	bool started;			/* what follows is there, up to the spool */
	struct perf_meta meta;
	struct perf_stacks stacks;
	struct buf stack;		/* one being made */
	uint64_t cut;			/* addresses left out: too deep */
	struct perf_spool spool;
	struct perf_tasks names;
	VEC(struct import_cpu *) cpus;
	struct map by_cpu;		/* index into cpus */
	uint64_t latest, round;		/* latest time so far, and at the end of the last round */
	uint64_t out;			/* up to here all went out; the first time before that */
	size_t held;
	uint64_t malformed, unplaced, strange;
	bool damaged;
};

bool perf_import_is(const void *magic)
{
	return perf_file_is(magic);
}

/* ---- CPUs ------------------------------------------------------------------------------- */

static int no_memory(struct err *e)
{
	return err_set(e, -ENOMEM, "out of memory");
}

static int on_page(void *ctx, const void *page, struct err *e)
{
	struct import_cpu *c = ctx;

	return perf_spool_put(&c->im->spool, &c->spool, page, c->pages.page_size, e);
}

static int get_cpu(struct import *im, uint32_t cpu, struct import_cpu **ret, struct err *e)
{
	struct import_cpu *c;
	uint32_t i;

	if (map_get(&im->by_cpu, cpu, 0, &i)) {
		*ret = im->cpus.v[i];
		return 0;
	}
	c = calloc(1, sizeof(*c));
	if (!c || vec_push(&im->cpus, c)) {
		free(c);
		return no_memory(e);
	}
	c->im = im;
	c->cpu = cpu;
	c->pages = (struct perf_pages){
		.abi = { .big_endian = im->f.big_endian, .long_size = im->meta.kernel_long },
		.page_size = im->meta.page_size, .page = on_page, .ctx = c,
	};
	if (map_set(&im->by_cpu, cpu, 0, im->cpus.nr - 1))
		return no_memory(e);
	*ret = c;
	return 0;
}

static bool has_tracepoints(const struct perf_file *f)
{
	for (size_t i = 0; i < f->kinds.nr; i++)
		if (f->kinds.v[i].attr.type == PERF_TYPE_TRACEPOINT)
			return true;
	return false;
}

/* What is needed once there is an event to be written, or the end has come. */
static int start(struct import *im, struct err *e)
{
	int ret;

	if (im->started)
		return 0;
	if (!has_tracepoints(&im->f))
		return err_set(e, -ENODATA, "it has no tracepoint events, and only these have a place in a "
			       "trace.dat");
	ret = perf_meta_open(&im->meta, &im->f, e);
	if (!ret)
		ret = perf_file_check_ids(&im->f, e);
	if (!ret)
		ret = perf_stacks_init(&im->stacks, im->meta.reader, im->meta.kernel_long, im->meta.page_size, e);
	if (!ret)
		ret = perf_spool_open(&im->spool, im->out_name, im->opts->codec, im->meta.page_size, e);
	im->started = !ret;
	return ret;
}

/* Everything up to @until is there. */
static int release(struct import *im, uint64_t until, struct err *e)
{
	int ret = 0;

	im->held = 0;
	if (until > im->out)
		im->out = until;
	for (size_t i = 0; i < im->cpus.nr && !ret; i++) {
		ret = perf_pages_release(&im->cpus.v[i]->pages, until, e);
		im->held += perf_pages_held(&im->cpus.v[i]->pages);
	}
	return ret;
}

/* Without rounds the older half goes, or all if that is no help. */
static int release_some(struct import *im, struct err *e)
{
	uint64_t half = im->out + (im->latest - im->out) / 2;
	int ret = release(im, half, e);

	if (ret || im->held <= HELD_MAX / 4 * 3)
		return ret;
	return release(im, im->latest, e);
}

static int end_round(struct import *im, struct err *e)
{
	int ret = release(im, im->round, e);

	im->round = im->latest;
	return ret;
}

/* ---- records ---------------------------------------------------------------------------- */

/* One that cannot be used, but its length is right. */
static void skip_malformed(struct import *im, struct err *why)
{
	perf_records_where(im->rs, why);
	if (!im->malformed++)
		notice(im->opts->notices, "'%s': %s; skipped", im->f.name, why->text);
	im->damaged = true;
}

static bool place(struct import *im, const struct perf_where *at, uint64_t offset, uint32_t *cpu,
		  struct err *e)
{
	*cpu = at->cpu;
	if (!(at->has & PERF_SAMPLE_CPU)) {
		im->unplaced++;
		*cpu = 0;
	}
	if (*cpu < DAT_CPUS_MAX)
		return true;
	err_set(e, -EBADMSG, "the record at offset 0x%" PRIx64 " is of CPU %u, and there are at most %u", offset,
		*cpu, DAT_CPUS_MAX);
	return false;
}

static int put_event(struct import *im, struct import_cpu *c, uint64_t time, const void *data, size_t len,
		     struct err *e)
{
	size_t before = perf_pages_held(&c->pages);
	int ret = perf_pages_put(&c->pages, time, data, len, e);

	im->held += perf_pages_held(&c->pages) - before;
	if (time > im->latest)
		im->latest = time;
	if (!im->out)
		im->out = time;
	return ret;
}

static int put_stacks(struct import *im, struct import_cpu *c, const struct perf_sample *s, struct err *e)
{
	int ret = 0;

	for (int user = 0; user < 2 && ret >= 0; user++) {
		ret = perf_stack_record(&im->stacks, s, user, &im->stack, &im->cut);
		if (ret > 0)
			ret = put_event(im, c, s->at.time, im->stack.data, im->stack.len, e);
		else if (ret < 0)
			no_memory(e);
	}
	return ret;
}

/* Whether a sample can become an event; what is wrong else. */
static bool check_sample(const struct perf_event_kind *k, const struct perf_record *r,
			 const struct perf_sample *s, struct err *why)
{
	if (!(s->at.has & PERF_SAMPLE_TIME) || !s->has_raw)
		err_set(why, -EBADMSG, "the sample at offset 0x%" PRIx64 " was recorded without %s", r->offset,
			s->has_raw ? "its time" : "its data (perf record -R)");
	else if (s->raw_len < PERF_STACK_RAW_MIN)
		err_set(why, -EBADMSG, "the sample at offset 0x%" PRIx64 " has %u bytes of data, less than any event",
			r->offset, s->raw_len);
	else if (get_u16(s->raw, s->big_endian) != k->attr.config)
		err_set(why, -EBADMSG, "the sample at offset 0x%" PRIx64 " is of event %" PRIu64 ", its data of %u",
			r->offset, k->attr.config, get_u16(s->raw, s->big_endian));
	else
		return true;
	return false;
}

static int on_sample(struct import *im, const struct perf_record *r, struct err *e)
{
	struct perf_event_id *id;
	struct perf_event_kind *k = perf_file_kind(&im->f, r, &id);
	struct import_cpu *c;
	struct perf_sample s;
	struct err why = { 0 };
	uint32_t cpu;
	int ret;

	if (!k || k->attr.type != PERF_TYPE_TRACEPOINT) {
		(*(k ? &k->samples : &im->strange))++;
		return 0;
	}
	ret = start(im, e);
	if (ret)
		return ret;
	if (perf_sample_parse(&k->attr, r, &s, &why) || !check_sample(k, r, &s, &why) ||
	    !place(im, &s.at, r->offset, &cpu, &why)) {
		skip_malformed(im, &why);
		return 0;
	}
	ret = get_cpu(im, cpu, &c, e);
	if (!ret)
		ret = put_event(im, c, s.at.time, s.raw, s.raw_len, e);
	if (!ret && s.chain_nr)
		ret = put_stacks(im, c, &s, e);
	if (!ret && im->held > HELD_MAX)
		ret = release_some(im, e);
	return ret;
}

/*
 * Records of the ring tell of losses where the next record found room. What perf writes at the end
 * counts all that each event lost, the same included; its fields name no CPU, but the id does.
 */
static int on_lost(struct import *im, const struct perf_record *r, struct err *e)
{
	struct perf_event_id *id;
	struct perf_event_kind *k = perf_file_kind(&im->f, r, &id);
	struct import_cpu *c;
	struct perf_lost l;
	struct err why = { 0 };
	uint32_t cpu;
	int ret;

	if (!k)
		return 0;
	if (perf_lost_parse(&k->attr, r, &l, &why) || !place(im, &l.at, r->offset, &cpu, &why)) {
		skip_malformed(im, &why);
		return 0;
	}
	if (r->type == PERF_RECORD_LOST_SAMPLES) {
		if (r->misc & LOST_BY_BPF || k->attr.type != PERF_TYPE_TRACEPOINT)
			return 0;
		if (id && id->cpu < DAT_CPUS_MAX)
			cpu = id->cpu;
	}
	ret = start(im, e);
	if (!ret)
		ret = get_cpu(im, cpu, &c, e);
	if (ret)
		return ret;
	if (r->type == PERF_RECORD_LOST_SAMPLES) {
		c->counted += l.lost;
		return 0;
	}
	c->told += l.lost;
	return perf_pages_lost(&c->pages, l.at.has & PERF_SAMPLE_TIME ? l.at.time : im->latest, l.lost, e);
}

static int on_task(struct import *im, const struct perf_record *r, struct err *e)
{
	struct perf_event_id *id;
	struct perf_event_kind *k = perf_file_kind(&im->f, r, &id);
	struct err why = { 0 };
	int ret = k ? perf_tasks_take(&im->names, &k->attr, r, &why) : 0;

	if (ret == -EBADMSG)
		skip_malformed(im, &why);
	return ret == -ENOMEM ? no_memory(e) : 0;
}

/* perf's tracing data, behind the record. */
static int on_tracing(struct import *im, const struct perf_record *r, struct err *e)
{
	uint32_t size;

	if (r->size < PERF_RECORD_HEAD + 4)
		return err_set(e, -EBADMSG, "the record at offset 0x%" PRIx64 " does not say how long the tracing "
			       "data behind it are", r->offset);
	size = get_u32(r->body, im->f.big_endian);
	im->f.tracing_at = r->offset + r->size;
	buf_clear(&im->f.tracing);
	return perf_records_behind(im->rs, (size + UINT64_C(7)) & ~UINT64_C(7), &im->f.tracing, e);
}

static int on_auxtrace(struct import *im, const struct perf_record *r, struct err *e)
{
	if (r->size < PERF_RECORD_HEAD + 8)
		return err_set(e, -EBADMSG, "the record at offset 0x%" PRIx64 " does not say how long the data "
			       "behind it are", r->offset);
	return perf_records_behind(im->rs, get_u64(r->body, im->f.big_endian), NULL, e);
}

static int on_record(struct import *im, const struct perf_record *r, struct err *e)
{
	switch (r->type) {
	case PERF_RECORD_SAMPLE:
		return on_sample(im, r, e);
	case PERF_RECORD_LOST:
	case PERF_RECORD_LOST_SAMPLES:
		return on_lost(im, r, e);
	case PERF_RECORD_COMM:
	case PERF_RECORD_FORK:
		return on_task(im, r, e);
	case PERF_USER_FINISHED_ROUND:
		return end_round(im, e);
	case PERF_USER_TRACING_DATA:
		return on_tracing(im, r, e);
	case PERF_USER_AUXTRACE:
		return on_auxtrace(im, r, e);
	case PERF_USER_ATTR:
	case PERF_USER_ID_INDEX:
	case PERF_USER_FEATURE:
		return perf_file_record(&im->f, r, e);
	default:
		return 0;
	}
}

/* Up to the end, or to where nothing can be read any more. */
static int read_records(struct import *im, struct err *e)
{
	struct perf_record r;
	struct err why = { 0 };
	int ret = perf_records_open(&im->f, &im->rs, e), rc = 1;

	while (!ret && (rc = perf_records_next(im->rs, &r, &why)) > 0) {
		rc = on_record(im, &r, &why);
		if (rc)
			break;
	}
	if (ret || !rc)
		return ret;
	/* nothing has been found yet, or it is no matter of the file */
	if (!im->started || (rc != -ENODATA && rc != -EBADMSG))
		return err_set(e, rc, "%s", why.text);
	notice(im->opts->notices, "'%s' is damaged or cut: %s; only what lies before could be read", im->f.name,
	       why.text);
	im->damaged = true;
	return 0;
}

/* ---- the end ---------------------------------------------------------------------------- */

/* The clock of the tracepoints. */
static const char *clock_name(const struct import *im)
{
	static const struct { int32_t id; const char *name; } clocks[] = {
		{ 1, "mono" }, { 4, "mono_raw" }, { 7, "boot" }, { 11, "tai" },
	};
	const struct perf_attr *a = NULL;

	for (size_t i = 0; i < im->f.kinds.nr && !a; i++)
		if (im->f.kinds.v[i].attr.type == PERF_TYPE_TRACEPOINT)
			a = &im->f.kinds.v[i].attr;
	if (!a || !a->use_clockid)
		return "perf";
	for (unsigned i = 0; i < ARRAY_SIZE(clocks); i++)
		if (clocks[i].id == a->clockid)
			return clocks[i].name;
	notice(im->opts->notices, "'%s': its times are by clock %d, which a trace.dat has no name for; they stay "
	       "as they are", im->f.name, a->clockid);
	return "perf";
}

static int end_cpus(struct import *im, struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < im->cpus.nr && !ret; i++) {
		struct import_cpu *c = im->cpus.v[i];

		if (c->counted > c->told)
			ret = perf_pages_lost(&c->pages, c->pages.latest, c->counted - c->told, e);
		if (!ret)
			ret = perf_pages_end(&c->pages, e);
	}
	return ret;
}

static int by_number(const void *one, const void *other)
{
	const struct import_cpu *const *a = one, *const *b = other;

	return (*a)->cpu < (*b)->cpu ? -1 : (*a)->cpu > (*b)->cpu;
}

static int write_file(struct import *im, struct dat_writer *w, struct err *e)
{
	const char *clock = clock_name(im);
	const struct perf_meta_more more = {
		.stacks = &im->stacks, .names = &im->names, .clock = clock, .writer = im->opts->writer,
		.kallsyms = im->opts->kallsyms,
		.cpus = im->cpus.nr ? im->cpus.v[im->cpus.nr - 1]->cpu + 1 : 0,
	};
	int ret = perf_meta_write(&im->meta, &im->f, &more, w, e);

	if (!ret)
		ret = dat_writer_plan_buffer(w, "", e);
	if (!ret)
		ret = dat_writer_buffer_begin(w, "", clock, im->meta.page_size, e);
	for (size_t i = 0; i < im->cpus.nr && !ret; i++)
		ret = perf_spool_write(&im->spool, &im->cpus.v[i]->spool, im->cpus.v[i]->cpu, w, e);
	if (!ret)
		ret = dat_writer_buffer_end(w, e);
	return ret ? ret : dat_writer_finish(w, e);
}

static int finish(struct import *im, int out, struct err *e)
{
	struct dat_writer_opts o = { .version = im->opts->version, .codec = im->opts->codec };
	struct dat_writer *w;
	int ret = start(im, e);

	if (!ret)
		ret = end_cpus(im, e);
	if (ret)
		return ret;
	if (im->cpus.nr)
		qsort(im->cpus.v, im->cpus.nr, sizeof(*im->cpus.v), by_number);
	o.big_endian = im->f.big_endian;
	o.long_size = im->meta.user_long;
	o.page_size = im->meta.page_size;
	ret = dat_writer_new(out, im->out_name, &o, &w, e);
	if (ret)
		return ret;
	ret = write_file(im, w, e);
	dat_writer_free(w);
	return ret;
}

/* What the new file has not. */
static void tell(const struct import *im)
{
	const struct notices *n = im->opts->notices;
	uint64_t late = 0, large = 0;

	for (size_t i = 0; i < im->cpus.nr; i++) {
		late += im->cpus.v[i]->pages.late;
		large += im->cpus.v[i]->pages.too_large;
	}
	for (size_t i = 0; i < im->f.kinds.nr; i++) {
		const struct perf_event_kind *k = &im->f.kinds.v[i];

		if (k->samples)
			notice(n, "'%s': %" PRIu64 " samples of event '%s' (type %u) are left out: it is no tracepoint",
			       im->f.name, k->samples, k->name ? k->name : "?", k->attr.type);
	}
	if (im->strange)
		notice(n, "'%s': %" PRIu64 " samples are left out: they are of no event that the file tells of",
		       im->f.name, im->strange);
	if (im->malformed > 1)
		notice(n, "'%s': %" PRIu64 " records were malformed and skipped", im->f.name, im->malformed);
	if (im->unplaced)
		notice(n, "'%s': %" PRIu64 " records do not say which CPU they are of; they are put on CPU 0",
		       im->f.name, im->unplaced);
	if (late)
		notice(n, "'%s': %" PRIu64 " events stand behind later ones of their CPU", im->f.name, late);
	if (large)
		notice(n, "'%s': %" PRIu64 " events are larger than a sub-buffer of %u bytes; they are told as lost",
		       im->f.name, large, im->meta.page_size);
	if (im->cut)
		notice(n, "'%s': call chains are shortened, by %" PRIu64 " addresses in all", im->f.name,
		       im->cut);
}

static void import_release(struct import *im)
{
	for (size_t i = 0; i < im->cpus.nr; i++) {
		perf_pages_free(&im->cpus.v[i]->pages);
		perf_spool_cpu_release(&im->cpus.v[i]->spool);
		free(im->cpus.v[i]);
	}
	vec_release(&im->cpus);
	map_release(&im->by_cpu);
	perf_tasks_release(&im->names);
	perf_stacks_release(&im->stacks);
	buf_release(&im->stack);
	perf_meta_release(&im->meta);
	perf_spool_release(&im->spool);
	perf_records_close(im->rs);
	perf_file_release(&im->f);
}

int perf_import(int in, const char *in_name, int out, const char *out_name,
		const struct perf_import_opts *opts, struct err *e)
{
	struct import im = { .opts = opts, .out_name = out_name, .spool.fd = -1 };
	int ret = perf_file_open(in, in_name, &im.f, e);

	if (!ret)
		ret = read_records(&im, e);
	if (!ret)
		ret = finish(&im, out, e);
	if (ret)
		err_wrap(e, "cannot convert '%s'", in_name);
	else
		tell(&im);
	import_release(&im);
	return ret ? ret : im.damaged;
}

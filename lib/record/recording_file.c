// SPDX-License-Identifier: LGPL-2.1-or-later
/* A file out of what was recorded. */
#include <errno.h>
#include <stdlib.h>

#include "record/recording_inside.h"

#define GROWING_BYTES (512u << 10)	/* names of tasks, printk formats: what the head has not */
#define MOVING_BYTES (512u << 10)	/* a stretch of finish_move, journals */

/* What the file will say, and the memory behind it. */
struct layout {
	struct finish f;
	struct finish_cpu *cpus;
	struct finish_buffer *buffers;
	struct spool **spools;	/* of all streams, in order */
	struct stat_texts stats;
	struct buf clock;
	struct metadata meta;
	uint64_t since_ns;		/* CLOCK_MONOTONIC; 0: all that is kept */
};

/* What the trace clock was when its statistics were read; 0 if that cannot be told. */
static uint64_t end_ts(const struct recording *rec, size_t stream)
{
	return rec->segments.nr ? rec->segments.v[rec->segments.nr - 1].streams[stream].now_ts : 0;
}

/* What it was at @since_ns of CLOCK_MONOTONIC; 0: all is kept, or that cannot be told. */
static uint64_t from_ts(const struct recording *rec, size_t stream, uint64_t since_ns)
{
	const struct segment *s = rec->segments.nr ? &rec->segments.v[rec->segments.nr - 1] : NULL;
	uint64_t now = end_ts(rec, stream), age;

	if (!since_ns || !now)
		return 0;
	age = s->ended_ns > since_ns ? s->ended_ns - since_ns : 0;
	return now > age ? now - age : 0;
}

/*
 * Events that came behind those of the file: what was taken and not written, what was not
 * taken, and what was overwritten without a gap in the file that says how many.
 */
static uint64_t lost_at_end(const struct recording_cpu *c)
{
	if (!c->stats.discarded && !c->unread)
		return 0;
	if (c->stats.uncounted || c->stats.discarded_events == RING_LOST_UNKNOWN ||
	    c->overrun < c->stats.lost)
		return RING_LOST_UNKNOWN;
	return c->stats.discarded_events + c->unread + c->overrun - c->stats.lost;
}

/* A CPU for the finished file, and whether some of what it did could not be recorded. */
static void lay_cpu(const struct recording *rec, const struct recorded *b, size_t stream, uint32_t cpu,
		    struct layout *l)
{
	struct finish_cpu *ret = &l->cpus[stream];
	struct spool **spools = l->spools + stream * rec->segments.nr;
	struct recording_cpu c;

	*ret = (struct finish_cpu){ .cpu = cpu, .spools = spools };
	for (size_t i = 0; i < rec->segments.nr; i++)
		if (rec->segments.v[i].streams[stream].spool)
			spools[ret->nr_spools++] = rec->segments.v[i].streams[stream].spool;
	ret->from_ts = from_ts(rec, stream, l->since_ns);
	if (!rec->stopped)
		return;
	recording_cpu(rec, stream, &c);
	ret->cut = b->thrown_away ? RING_LOST_UNKNOWN : lost_at_end(&c);
	ret->cut_ts = c.stats.first_discarded_ts;
	ret->end_ts = end_ts(rec, stream);
}

static int lay_buffer(const struct recording *rec, const struct recorded *b,
		      struct finish_buffer *ret, struct layout *l, struct err *e)
{
	*ret = (struct finish_buffer){
		.name = kernel_instance_name(b->in), .clock = b->clock,
		.page_size = b->page_size, .cpus = l->cpus + b->first_stream, .nr_cpus = b->nr_cpus,
		.text = b->is_text ? &b->text : NULL,
	};
	for (size_t i = 0; i < b->nr_cpus; i++)
		lay_cpu(rec, b, b->first_stream + i, b->cpus[i], l);
	return rec->segments.nr && !b->is_text ? counters_texts(rec, b, &l->stats, e) : 0;
}

/* The finished buffer of a snapshot; @cpus and @spools have room for its CPUs. */
static void lay_kept(const struct recording *rec, const struct kept *k, struct finish_cpu *cpus,
		     struct spool **spools, struct finish_buffer *ret)
{
	const struct recorded *b = k->of;

	*ret = (struct finish_buffer){
		.name = k->name, .clock = b->clock, .page_size = b->page_size, .cpus = cpus,
		.nr_cpus = b->nr_cpus,
	};
	for (size_t i = 0; i < b->nr_cpus; i++) {
		spools[i] = recorder_spool(rec->kept_by, k->first_stream + i);
		cpus[i] = (struct finish_cpu){ .cpu = b->cpus[i], .spools = &spools[i], .nr_spools = 1 };
	}
}

/*
 * The text of trace_clock, which decides how times are shown: the top level's,
 * or the first instance's if that is not recorded.
 */
static const char *read_clock(const struct recording *rec, struct buf *text)
{
	if (rec->opts.perf)
		return buf_printf(text, "[%s]\n", rec->buffers.v[0].clock) ? NULL : text->data;
	for (size_t i = 0; i < rec->buffers.nr; i++)
		if (rec->buffers.v[i].takes_part)
			return kernel_read(rec->buffers.v[i].in, "trace_clock", text) ? NULL :
				text->data;
	return NULL;
}

/* @since_ns: 0: all that is to be kept. */
static int lay_out(const struct recording *rec, uint64_t since_ns, struct layout *l, struct err *e)
{
	size_t streams = recorder_nr_streams(rec->recorder), segments = rec->segments.nr;
	size_t kept = rec->kept_by ? recorder_nr_streams(rec->kept_by) : 0;
	int r = 0;

	if (!since_ns && segments && rec->opts.last_ns < rec->segments.v[segments - 1].ended_ns &&
	    rec->opts.last_ns)
		since_ns = rec->segments.v[segments - 1].ended_ns - rec->opts.last_ns;

	*l = (struct layout){
		.cpus = calloc(streams + kept + 1, sizeof(*l->cpus)),
		.buffers = calloc(rec->buffers.nr + rec->kept.nr, sizeof(*l->buffers)),
		.spools = calloc(streams * segments + kept + 1, sizeof(*l->spools)),
		.since_ns = since_ns,
	};
	if (!l->cpus || !l->buffers || !l->spools)
		return err_errno(e, -ENOMEM, "cannot record");
	for (size_t i = 0; i < rec->buffers.nr && !r; i++)
		r = lay_buffer(rec, &rec->buffers.v[i], &l->buffers[i], l, e);
	for (size_t i = 0; i < rec->kept.nr; i++)
		lay_kept(rec, &rec->kept.v[i], l->cpus + streams + rec->kept.v[i].first_stream,
			 l->spools + streams * segments + rec->kept.v[i].first_stream,
			 &l->buffers[rec->buffers.nr + i]);
	if (!r && segments)
		r = counters_probes(rec, &l->stats, e);
	l->f = (struct finish){
		.version = rec->opts.version, .codec = rec->opts.codec,
		.cpus = rec->machine_cpus, .kernel_long = rec->kernel_long, .metadata = &l->meta,
		.has_date = rec->opts.has_date, .date_us = rec->opts.date_us,
		.hooks = rec->opts.hooks, .has_offset = rec->opts.has_offset, .offset = rec->opts.offset,
		.trace_clock = read_clock(rec, &l->clock),
		.uname = rec->uname, .writer = rec->opts.writer,
		.has_trace_id = true, .trace_id = rec->session,
		.stats = l->stats.v, .nr_stats = l->stats.nr,
		.tsc2nsec = rec->opts.tsc2nsec,
		.guests = rec->opts.guests, .nr_guests = rec->opts.nr_guests,
		.buffers = l->buffers, .nr_buffers = rec->buffers.nr + rec->kept.nr,
	};
	return r;
}

static void layout_release(struct layout *l)
{
	metadata_release(&l->meta);
	buf_release(&l->clock);
	stat_texts_release(&l->stats);
	free(l->spools);
	free(l->buffers);
	free(l->cpus);
}

int recording_make_head(struct recording *rec, struct err *e)
{
	const char *base = rec->opts.recorder.send ? NULL : rec->opts.spool_base;
	struct layout l;
	int r = lay_out(rec, rec->since_ns, &l, e);

	if (!r)
		r = head_make(&rec->head, base, &l.f, rec->k, rec->setup,
			      rec->opts.notices, e);
	layout_release(&l);
	return r;
}

static int collect_names(const struct recording *rec, struct metadata *m, struct err *e)
{
	struct buf names AUTO_BUF = { 0 };

	if (kernel_perf_names(rec->opts.perf, &names))
		return err_errno(e, -ENOMEM, "cannot collect task names");
	return metadata_put_names(m, &names, e);
}

/*
 * Modules that came or went have changed symbols and formats: then all anew. While it goes on
 * the recording's handle of the kernel is not ours.
 */
static int collect(struct recording *rec, struct layout *l, struct err *e)
{
	const struct notices *notices = rec->opts.notices;
	struct kernel *own = NULL;
	int r = 0;

	l->f.head = rec->head.reader;
	if (!head_is_current(&rec->head) && !rec->stopped)
		r = kernel_open(NULL, NULL, &own, e);
	if (!r && (own || !head_is_current(&rec->head)))
		r = metadata_collect_stable(&l->meta, own ? own : rec->k, own ? NULL : rec->setup, NULL,
					    notices, e);
	if (!r)
		r = metadata_collect_boots(&l->meta, rec->setup, e);
	if (!r && rec->opts.perf)
		r = collect_names(rec, &l->meta, e);
	else if (!r)
		r = metadata_collect_growing(&l->meta, own ? own : rec->k, notices, e);
	kernel_close(own);
	return r;
}

uint64_t recording_reserve_bytes(const struct recording *rec)
{
	return head_bytes(&rec->head, rec->opts.codec) + GROWING_BYTES + MOVING_BYTES;
}

/* Where the file goes. */
struct target {
	struct new_file *file;		/* NULL: not there, but to */
	int fd;
	const char *name;
	bool front_to_back;
	bool moved;			/* afterwards: what is in the file the spools have no more */
};

static int save(struct recording *rec, struct target *to, uint64_t since_ns, struct err *e)
{
	struct layout l;
	int r = lay_out(rec, since_ns, &l, e);

	if (!r)
		r = collect(rec, &l, e);
	if (!r && to->file)
		r = finish_move(&l.f, to->file, rec->opts.recorder.sync_s, &to->moved, e);
	else if (!r)
		r = (to->front_to_back ? finish_send : finish_write)(&l.f, to->fd, to->name, e);
	layout_release(&l);
	return r;
}

int recording_save(struct recording *rec, struct new_file *file, bool *ret_moved, struct err *e)
{
	struct target to = { .file = file->temp ? file : NULL, .fd = file->fd, .name = file->path };
	int r = save(rec, &to, rec->since_ns, e);

	*ret_moved = to.moved;
	return r;
}

int recording_write(struct recording *rec, int fd, const char *name, uint64_t since_ns,
		    struct err *e)
{
	return save(rec, &(struct target){ .fd = fd, .name = name }, since_ns, e);
}

int recording_send(struct recording *rec, int fd, const char *name, struct err *e)
{
	return save(rec, &(struct target){ .fd = fd, .name = name, .front_to_back = true },
		    rec->since_ns, e);
}

/* What is sent is one buffer, and becomes the top level of another file. */
static void lay_sent(const struct recording *rec, struct layout *l)
{
	size_t i = 0;

	while (i + 1 < rec->buffers.nr && !rec->buffers.v[i].takes_part)
		i++;
	l->f.buffers = &l->buffers[i];
	l->f.nr_buffers = 1;
}

int recording_front(struct recording *rec, unsigned version, int fd, const char *name, struct err *e)
{
	struct layout l;
	int r = lay_out(rec, 0, &l, e);

	lay_sent(rec, &l);
	if (!r)
		r = collect(rec, &l, e);
	if (!r)
		r = finish_head(&l.f, version, fd, name, e);
	layout_release(&l);
	return r;
}

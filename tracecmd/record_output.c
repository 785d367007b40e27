// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/left.h"
#include "record_loss.h"
#include "record_output.h"
#include "record_send.h"
#include "supervisor.h"

#define STDOUT_NAME "standard output"
#define FILES_SPARE 128			/* all but the buffers': a few, with room */
#define FILES_PER_INSTANCE 2
#define TRIGGER_SLACK_NS UINT64_C(1000000000)	/* until a trigger is seen and served */

/* ---- before ------------------------------------------------------------------ */

static int choose_format(struct record_output *out, struct err *e)
{
	const char *name = out->o->compress == COMPRESS_NONE ? "none" : out->o->compression;

	out->opts.version = out->o->file_version ? out->o->file_version : 7;
	if (out->opts.version == 6)
		return 0;
	return codec_choose(name ? name : "any", &out->opts.codec, e);
}

/* Sub-buffers go elsewhere as they come: there are no spools. */
static bool keeps_nothing(const struct record_output *out)
{
	return out->sender || out->live;
}

/* Beside the output, unless that is no file but a device, which others may write to as well. */
static int choose_spools(struct record_output *out, struct err *e)
{
	const char *slash = strrchr(out->path, '/');
	const char *dir = out->o->temp_dir;
	struct stat st;
	int r;

	if (!dir && !out->file.temp)
		dir = "/var/tmp";
	if (dir && (out->sent_to >= 0 || keeps_nothing(out)))
		r = asprintf(&out->spool_base, "%s/tracecmd-%s.%d", dir, keeps_nothing(out) ? "sent" : "stdout", getpid());
	else if (!out->file.temp)
		r = asprintf(&out->spool_base, "%s/tracecmd-%s.%d", dir, slash ? slash + 1 : out->path, getpid());
	else if (dir)
		r = asprintf(&out->spool_base, "%s/%s", dir, slash ? slash + 1 : out->path);
	else
		r = asprintf(&out->spool_base, "%s", out->path);
	if (r < 0) {
		out->spool_base = NULL;
		return err_errno(e, -ENOMEM, "cannot record");
	}
	if (keeps_nothing(out))
		return 0;
	if (dir && !stat(dir, &st) && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	else if (!dir || !access(dir, W_OK | X_OK))
		return 0;
	return err_errno(e, -errno, "cannot keep temporary files in '%s' (--temp)", dir);
}

int record_output_check_left(const char *base, struct err *e)
{
	struct left l;
	int r = left_find(base, &l, e);

	if (r <= 0)
		return r;
	r = 0;
	if (!l.live && (l.has_events || l.strangers)) {
		r = err_set(e, -EEXIST, "cannot record: '%s' and its neighbours hold what a killed or "
			    "failed recording left, and would be overwritten", l.spools.v[0]);
		err_hint(e, "'tracecmd restore -o FILE %s' makes a file of it; then remove %s.*cpu*, "
			 "%s" HEAD_SUFFIX "%s%s, or give this one another output (-o)", base, base, base,
			 l.moved ? " and " : "", l.moved ? l.moved : "");
	}
	left_release(&l);
	return r;
}

static void fill_opts(struct record_output *out)
{
	const struct trace_options *o = out->o;
	const struct notices *notices = o->quiet ? NULL : &stderr_notices;

	out->opts.spool_base = out->spool_base;
	out->opts.raw_file = "trace_pipe_raw";
	out->opts.writer = "tracecmd " TRACECMD_VERSION;
	out->opts.hooks = o->hook_texts;
	out->opts.has_offset = o->has_ts_offset;
	out->opts.offset = o->ts_offset;
	out->opts.notices = notices;
	out->opts.recorder = (struct recorder_opts){
		.spool_limit = o->max_kb * 1024, .max_bytes = o->max_bytes, .pause_us = o->sleep_us, .poll = o->poll,
		.rt_priority = o->rt_priority, .no_splice = o->no_splice, .notices = notices,
		.pack_later = o->compress == COMPRESS_AFTER, .sync_s = o->sync_s, .reader_cpus = o->reader_cpus,
	};
	if (out->sender) {
		out->opts.recorder.send = sender_put;
		out->opts.recorder.send_ctx = out->sender;
	} else if (out->live) {
		out->opts.recorder.pause_us = 0;	/* -s is about lines */
		out->opts.recorder.memory = RECORD_LIVE_MEMORY;
		out->opts.recorder.send = record_live_put;
		out->opts.recorder.send_ctx = out->live;
	}
}

/* The file beside its later name. */
static int create(struct record_output *out, struct err *e)
{
	int r = new_file_open(&out->file, out->path, e);

	if (r)
		return r;
	r = new_file_seekable(&out->file, e);
	if (r == -ESPIPE && !isatty(out->file.fd))
		err_hint(e, "send the trace there with '-o - >%s'", out->path);
	return r;
}

int record_output_open(struct record_output *out, const struct trace_options *o, struct err *e)
{
	int r;

	*out = (struct record_output){
		.o = o, .file.fd = -1,
		.path = o->host ? "the host" : o->listener ? o->listener : o->output ? o->output : DEFAULT_OUTPUT,
		.sent_to = trace_output_descriptor(o), .sender = o->host,
	};
	r = choose_format(out, e);
	if (out->sent_to == STDOUT_FILENO || o->live)
		out->path = STDOUT_NAME;
	else if (out->sent_to >= 0)	/* whoever reads it waits for nobody but us */
		fcntl(out->sent_to, F_SETFD, FD_CLOEXEC);
	else if (o->host)
		out->opts.trace_id = host_sender_trace_id(o->host);
	else if (!r && o->listener)
		r = sender_new(o->listener, trace_sender_way(o), &out->sender, e);
	else if (!r)
		r = create(out, e);
	if (!r && o->live)
		r = record_live_new(o, &out->live, e);
	if (!r)
		r = choose_spools(out, e);
	if (!r)
		r = record_output_check_left(out->spool_base, e);
	if (!r)
		fill_opts(out);
	return r;
}

void record_output_reserve(const struct record_output *out, const struct recording *rec)
{
	if (out->file.temp)
		fallocate(out->file.fd, FALLOC_FL_KEEP_SIZE, 0, recording_reserve_bytes(rec));
}

int record_output_parts(struct record_output *out, struct err *e)
{
	const struct trace_parts *p = &out->o->parts;
	const char *option = trace_parts_needed(p);

	if (!out->file.temp && option)
		return err_set(e, -EINVAL, "option %s: '%s' is no file that others could be named after",
			       option, out->path);
	if (out->file.temp && !out->o->max_kb)
		out->opts.parts_of = out->path;
	out->opts.rotate_bytes = p->rotate_bytes;
	out->opts.rotate_ns = p->rotate_ns;
	out->opts.keep_parts = p->keep;
	out->opts.last_bytes = p->last_bytes;
	out->opts.last_ns = p->pre_ns ? p->pre_ns + p->post_ns + TRIGGER_SLACK_NS : p->last_ns;
	return 0;
}

int record_output_files(const struct trace_options *o, struct kernel *k, bool with_top, struct err *e)
{
	const struct recorder_opts opts = { .spool_limit = o->max_kb, .no_splice = o->no_splice };
	uint64_t each = recorder_stream_files(&opts), nr = FILES_SPARE;
	AUTO_FREE uint32_t *cpus = NULL;
	size_t nr_cpus;
	int r = kernel_instance_cpus(kernel_top(k), &cpus, &nr_cpus, e);

	if (r)
		return r;
	if (trace_output_descriptor(o) >= 0)	/* what is sent refers to the spools once more */
		each += o->max_kb ? 2 : 1;
	if (trace_parts_needed(&o->parts))
		each += RECORD_SHARES + 2;	/* spools being kept, finished, and made ready */
	for (size_t i = 0; i < o->setup.instances.nr; i++)
		if (kernel_setup_takes_part(&o->setup, i) || (!i && with_top))
			nr += FILES_PER_INSTANCE + nr_cpus * each;
	r = fd_limit_raise(nr, e);
	return r ? err_wrap(e, "cannot record the buffers of %zu CPUs", nr_cpus) : 0;
}

/* The clock of all that is recorded: a file has one offset to the time of day. */
static int common_clock(const struct kernel_setup *s, char *clock, size_t size, struct err *e)
{
	char other[32];
	int r = 0;

	for (size_t i = 0; i < s->instances.nr && !r; i++) {
		struct kernel_instance *in = s->instances.v[i].in;
		bool first = !*clock;

		if (in)
			r = kernel_instance_clock(in, first ? clock : other, first ? size : sizeof(other), e);
		if (in && !r && !first && strcmp(clock, other))
			r = err_set(e, -EINVAL, "cannot tell the time of day (--date) of buffers with different trace "
				    "clocks: '%s' has %s, another %s", kernel_instance_name(in), other, clock);
	}
	if (r == -EINVAL)
		err_hint(e, "give all the same with -C");
	return r;
}

int record_output_date(struct record_output *out, struct kernel *k, struct err *e)
{
	char clock[32] = "";
	int r;

	if (!out->o->date)
		return 0;
	r = common_clock(&out->o->setup, clock, sizeof(clock), e);
	if (r)
		return r;
	out->opts.has_date = true;
	return record_measure_date(k, clock, &out->opts.tsc2nsec, &out->opts.date_us, e);
}

void record_output_release(struct record_output *out)
{
	if (out->moved && out->keep_spools)
		new_file_abandon(&out->file);
	else
		new_file_discard(&out->file);
	if (out->o && !out->o->host)
		sender_free(out->sender);
	out->sender = NULL;
	record_live_free(out->live);
	out->live = NULL;
	free(out->spool_base);
	out->spool_base = NULL;
}

/* ---- after ------------------------------------------------------------------- */

/* The file could not be written: what was recorded is not lost for that. */
static void keep_spools(struct record_output *out, const struct recording *rec, struct err *e)
{
	if (!recording_disk_bytes(rec))
		return;
	if (recording_spool_is_removed(rec)) {
		err_hint(e, "the spools are gone, too: what was recorded is lost");
		return;
	}
	if (access(recording_spool_path(rec), F_OK) && errno == ENOENT) {
		err_hint(e, "what was recorded was kept in '%s' and its neighbours, which are not there any more: "
			 "if they were moved, 'tracecmd report' and 'tracecmd restore' read them where they are",
			 recording_spool_path(rec));
		return;
	}
	out->keep_spools = true;
	if (out->moved)
		err_hint(e, "'%s' has been begun, and is needed to read the following",
			 out->file.temp ? out->file.temp : out->path);
	err_hint(e, "what was recorded is kept in '%s' and its neighbours; 'tracecmd restore' "
		 "makes a file of them", recording_spool_path(rec));
}

static void tell_spool(void *ctx, const char *path)
{
	supervisor_leftover(ctx, path);
}

/* From its name on the file is all there is to be; should we be killed then, the spools are not to stay. */
static void announce(const struct record_output *out, const struct recording *rec)
{
	if (!out->supervisor)
		return;
	recording_each_file(rec, tell_spool, (void *)out->supervisor);
	supervisor_complete(out->supervisor, out->file.fd, out->file.target);
}

static int save(struct record_output *out, struct recording *rec, struct err *e)
{
	off_t end;
	int r;

	if (out->live)
		return record_live_end(out->live);
	if (out->sender)
		return record_send_end(out->sender, rec, e);
	if (out->sent_to >= 0)		/* once it is complete, until then spools keep it */
		return recording_send(rec, out->sent_to, out->path, e);
	r = recording_save(rec, &out->file, &out->moved, e);
	if (r)
		return r;
	end = out->file.temp ? lseek(out->file.fd, 0, SEEK_END) : -1;
	if (end >= 0 && ftruncate(out->file.fd, end) < 0)	/* what was reserved too much */
		return err_errno(e, -errno, "cannot write '%s'", out->path);
	if (out->o->sync_s && fsync(out->file.fd) < 0 && errno != EINVAL)
		return err_errno(e, -errno, "cannot write '%s' to the disk", out->path);
	announce(out, rec);
	r = new_file_commit(&out->file, e);
	out->moved = out->moved && r;
	return r;
}

/* An error of the recorder does not keep the rest from being saved. */
static int finish(struct record_output *out, struct recording *rec, struct err *e)
{
	struct err save_error = { 0 };
	int stopped = recording_stop(rec, e), r = stopped, saved;

	if (out->failed.code) {
		if (stopped)
			err_hint(&out->failed, "%s", e->text);
		*e = out->failed;
		r = e->code;
	}
	if (!r && out->discard)
		return 0;
	/* What cannot be sent because the recording ended for that would be told twice. */
	saved = stopped && out->sender ? 0 : save(out, rec, &save_error);
	if (saved && saved != -EPIPE)	/* nobody wants what a closed pipe did not take */
		keep_spools(out, rec, &save_error);
	if (r && saved)
		err_hint(e, "%s", save_error.text);
	else if (r && out->sender)
		err_hint(e, "%s%s%s keeps what came before that",
			 out->o->host ? "" : "the listener '", out->path, out->o->host ? "" : "'");
	else if (r && !out->live)
		err_hint(e, "what was recorded before that is in '%s' (%.1f MB)", out->path,
			 recording_disk_bytes(rec) / 1e6);
	else if (saved && e)
		*e = save_error;
	return r ? r : saved;
}

void report_line(const struct trace_options *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(o->to_stderr || o->live || trace_output_descriptor(o) == STDOUT_FILENO ? stderr : stdout, fmt, ap);
	va_end(ap);
	fflush(stdout);
}

/* One buffer of the finished file, CPU by CPU. */
static void report_sizes(struct dat_reader *r, unsigned buffer)
{
	const struct dat_buffer *b = dat_reader_buffer(r, buffer);

	if (*b->name && !b->text)
		fprintf(stderr, "\nBuffer: %s\n\n", b->name);
	for (uint32_t i = 0; i < b->nr_cpus; i++) {
		struct dat_chunks chunks;

		if (dat_reader_chunks(r, buffer, i, &chunks, NULL))
			continue;
		fprintf(stderr, "CPU%u data recorded at offset=0x%" PRIx64 "\n"
			"    %" PRIu64 " bytes in size (%" PRIu64 " uncompressed)\n",
			b->cpus[i].cpu, b->cpus[i].offset, b->cpus[i].size, chunks.total);
	}
}

static void report_file(const char *output)
{
	struct dat_reader *r;

	if (dat_reader_open(output, NULL, &r, NULL))
		return;
	for (unsigned i = 0; i < dat_reader_nr_buffers(r); i++)
		report_sizes(r, i);
	dat_reader_close(r);
}

int record_output_end(struct record_output *out, struct recording *rec, bool *lost, struct err *e)
{
	int r = finish(out, rec, e);

	if (!r && !out->o->quiet && out->sent_to < 0 && !keeps_nothing(out) && !out->discard)
		report_file(out->path);
	if (!out->o->quiet && out->discard)
		notice(&stderr_notices, "the command succeeded: no '%s' is made (--save-on-failure)",
		       out->path);
	else if (!out->o->quiet && recording_dropped(rec))
		notice(&stderr_notices, "%.1f MB of what was recorded before that were dropped, as it was "
		       "to be (%s)", recording_dropped(rec) / 1e6,
		       trace_parts_needed(&out->o->parts) ? trace_parts_needed(&out->o->parts) : "-m");
	record_loss_tell(rec, !out->sender && !out->live);
	*lost = !r && out->o->fail_on_loss && record_loss_any(rec);
	return r;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* The events of a report: work on windows of them, written in order. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "report_lines.h"

/* A text as long as this is written before it grows: each thread has two, which stay as
 * large as they ever were. In order: what is still in the processor's cache. */
#define TEXT_FULL (640u << 10)
#define TEXT_FULL_IN_ORDER (128u << 10)
/* Behind an event a kernel and a user stack may come. */
#define WARM_RECORDS 3

struct printer {
	struct report *rp;
	struct report_all all;
	struct event_line_state state;	/* of the last line written */
	uint64_t untold, untold_unknown;
	uint64_t shown;			/* events taken; read while more are made */
	uint64_t last_ts;		/* --ts-check: of the last event taken */
};

/* What one window needs. */
struct job {
	struct printer *p;
	bool in_order;
	struct report_lines lines;
	struct event_line_state state;
	struct event_fixups fixups;
	struct buf text;
	size_t line;			/* where the text of the record at hand begins */
	VEC(size_t) marks;		/* newlines before each */
	VEC(const char *) needs;	/* what could not be had for this text, by report_need */
	bool settled;
	bool full;			/* --first: its last event was shown, as far as is known */
	bool hurry;			/* the first line is to be written at once */
};

/* Notices while a job works on a record are told in its place. */
static _Thread_local struct job *at_work;

/* A need comes with each text that has it, and is told with the first one taken. */
static pthread_mutex_t needs_lock = PTHREAD_MUTEX_INITIALIZER;

/* From now on it is told. */
static bool was_told(struct report *rp, const char *text)
{
	bool told = false;

	pthread_mutex_lock(&needs_lock);
	for (size_t i = 0; i < rp->needs.nr; i++) {
		struct report_need *n = &rp->needs.v[i];

		if (strcmp(n->text, text))
			continue;
		told |= n->told;
		n->told = true;
	}
	pthread_mutex_unlock(&needs_lock);
	return told;
}

static void notice_in_order(void *ctx, const char *text)
{
	struct report *rp = ctx;

	if (at_work)
		replay_cursor_notice(at_work->lines.cursor, text);
	else if (!was_told(rp, text))
		notice(rp->unordered, "%s", text);
}

void report_order_notices(struct report *rp)
{
	rp->unordered = rp->notices;
	rp->ordered = (struct notices){ notice_in_order, rp };
	rp->notices = &rp->ordered;
}

static void add_need(struct report *rp, const struct report_file *f, const char *text)
{
	size_t i = 0;

	pthread_mutex_lock(&needs_lock);
	while (i < rp->needs.nr && rp->needs.v[i].text != text)
		i++;
	/* without memory it is told more than once */
	if (i == rp->needs.nr)
		(void)vec_push(&rp->needs, ((struct report_need){ .file = f, .text = text }));
	pthread_mutex_unlock(&needs_lock);
}

void report_need(void *ctx, const char *text)
{
	const struct report_file *f = ctx;

	for (size_t i = 0; at_work && i < at_work->needs.nr; i++)
		if (at_work->needs.v[i] == text)
			return;
	if (at_work)
		(void)vec_push(&at_work->needs, text);
	add_need(f->rp, f, text);
	notice(f->rp->notices, "%s", text);
}

static void job_free(void *ctx, void *job)
{
	struct job *j = job;

	(void)ctx;
	for (size_t i = 0; j->lines.ctxs && i < j->p->rp->files.nr; i++)
		event_ctx_free(j->lines.ctxs[i]);
	free(j->lines.ctxs);
	event_export_ctx_free(j->lines.export_ctx);
	event_fixups_release(&j->fixups);
	buf_release(&j->text);
	vec_release(&j->marks);
	vec_release(&j->needs);
	free(j);
}

static int make_tools(struct printer *p, struct job *j, struct err *e)
{
	struct report *rp = p->rp;
	int r = 0;

	j->lines = (struct report_lines){
		.rp = rp, .all = &p->all, .text = &j->text,
		.state = j->in_order ? &p->state : &j->state,
		.ctxs = calloc(rp->files.nr + 1, sizeof(*j->lines.ctxs)),
	};
	if (!j->lines.ctxs)
		return err_set(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < rp->files.nr && !r; i++) {
		r = event_ctx_new(rp->files.v[i].db, &j->lines.ctxs[i], e);
		if (!r && !j->in_order)
			event_ctx_defer(j->lines.ctxs[i], &j->fixups);
	}
	if (!r && rp->format != REPORT_TEXT)
		r = event_export_ctx_new(&j->lines.export_ctx, e);
	return r;
}

static int job_new(void *ctx, bool in_order, void **ret, struct err *e)
{
	struct job *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return err_set(e, -ENOMEM, "out of memory");
	j->p = ctx;
	j->in_order = in_order;
	r = make_tools(ctx, j, e);
	if (r)
		job_free(ctx, j);
	else
		*ret = j;
	return r;
}

/* What was told with a text that is dropped has to be told again; warm-up makes some, too. */
static void forget(struct job *j)
{
	for (size_t i = 0; i < j->p->rp->files.nr; i++)
		event_ctx_forget(j->lines.ctxs[i]);
}

static void clear(void *job)
{
	struct job *j = job;

	buf_clear(&j->text);
	j->line = 0;
	j->marks.nr = 0;
	/* else it goes on behind what was taken */
	if (!j->settled)
		j->lines.order = (struct report_order){ 0 };
	j->settled = j->full = false;
	j->lines.untold = j->lines.untold_unknown = j->lines.shown = 0;
	/* in order nothing is dropped, and there are no fixups */
	if (!j->in_order && (j->fixups.v.nr || j->needs.nr))
		forget(j);
	j->needs.nr = j->fixups.v.nr = 0;
	buf_clear(&j->fixups.words);
	j->state = (struct event_line_state){ 0 };
}

static void hurry(void *job)
{
	((struct job *)job)->hurry = true;
}

/* Events shown with this result; too few as long as results before it are not taken. */
static uint64_t shown_with(const struct job *j)
{
	return __atomic_load_n(&j->p->shown, __ATOMIC_RELAXED) + j->lines.shown;
}

static int record(void *job, struct replay_cursor *c, const struct replay_record *rec, bool warm,
		  struct err *e)
{
	struct job *j = job;

	j->line = j->text.len;
	at_work = j;
	report_lines_put(&j->lines, c, rec, warm);
	at_work = NULL;
	j->line = j->text.len;
	if (j->text.failed)
		return err_set(e, -ENOMEM, "out of memory");
	if (j->p->rp->first_events && !warm && shown_with(j) >= j->p->rp->first_events) {
		j->full = true;
		return 1;
	}
	if (j->hurry && j->text.len) {
		j->hurry = false;
		return 1;
	}
	return j->text.len >= (j->in_order ? TEXT_FULL_IN_ORDER : TEXT_FULL);
}

static size_t size(void *job)
{
	return ((const struct job *)job)->text.len;
}

/* Settling may move bytes, but not lines. */
static size_t mark(void *job)
{
	struct job *j = job;
	size_t newlines = 0;

	for (size_t i = 0; i < j->line; i++)
		newlines += j->text.data[i] == '\n';
	/* without memory a notice comes early */
	return vec_push(&j->marks, newlines) ? REPLAY_START : j->marks.nr;
}

static size_t position(const struct job *j, size_t at)
{
	size_t i = 0;

	if (at == REPLAY_END)
		return j->text.len;
	for (size_t n = at == REPLAY_START ? 0 : j->marks.v[at - 1]; n && i < j->text.len; i++)
		n -= j->text.data[i] == '\n';
	return i;
}

/* What of the text depends on the lines before it, which are written now. */
static int settle(void *ctx, void *job, struct err *e)
{
	struct printer *p = ctx;
	struct job *j = job;
	uint64_t shown = shown_with(j), first = p->rp->first_events;

	/* the last one lies in it, and more than what is in front of that was looked at */
	if (first && shown >= first && !(j->full && shown == first))
		return -EAGAIN;
	__atomic_store_n(&p->shown, shown, __ATOMIC_RELAXED);
	report_order_join(p->rp, &p->last_ts, &j->lines.order);
	p->untold += j->lines.untold;
	p->untold_unknown += j->lines.untold_unknown;
	j->settled = true;
	if (j->in_order)
		return 0;
	if (event_fixups_settle(&j->fixups, &p->state, &j->text))
		return err_set(e, -ENOMEM, "out of memory");
	if (j->state.any)
		p->state = j->state;
	return 0;
}

static int take(void *ctx, void *job, size_t from, size_t to, struct err *e)
{
	struct job *j = job;

	(void)ctx;
	(void)e;
	from = position(j, from);
	to = position(j, to);
	if (to > from)
		out_write(j->text.data + from, to - from);
	return out_closed() || (j->full && to == j->text.len);
}

static void tell_untold(const struct printer *p)
{
	if (p->untold_unknown)
		notice(p->rp->notices, "%llu lost events, and %llu times an unknown number, have no "
		       "line: --losses shows them", (unsigned long long)p->untold,
		       (unsigned long long)p->untold_unknown);
	else if (p->untold)
		notice(p->rp->notices, "%llu lost events have no line: --losses shows them",
		       (unsigned long long)p->untold);
}

void report_print_cpus(struct report *rp, unsigned file)
{
	int width = 0;

	if (rp->files.nr == 1) {
		out_printf("cpus=%u\n", replay_cpus(rp->replay, file));
		return;
	}
	for (size_t i = 0; i < rp->files.nr; i++)
		if ((int)strlen(rp->files.v[i].name) > width)
			width = strlen(rp->files.v[i].name);
	out_printf("%*s: cpus=%u\n", width, rp->files.v[file].name, replay_cpus(rp->replay, file));
}

/* A latency tracer's text is what the kernel printed. */
static int print_texts(struct report *rp, struct err *e)
{
	for (size_t i = 0; i < rp->files.nr; i++) {
		struct dat_reader *r = rp->files.v[i].reader;

		for (unsigned b = 0; b < dat_reader_nr_buffers(r); b++) {
			AUTO_BUF struct buf text = { 0 };
			int rc;

			if (!dat_reader_buffer(r, b)->text)
				continue;
			rc = dat_reader_buffer_text(r, b, &text, e);
			if (rc < 0)
				return rc;
			rp->damage += rc;
			out_put(text.data, text.len);
			out_put("\n", 1);
		}
	}
	return 0;
}

/*
 * What needs all records in their order has no use for threads, plugins of the
 * user's among it. Fields (-R): the first time that a string is none,
 * libtraceevent takes it for an array for good. A latency (-w) is told in the
 * line of a switch and hangs on a wake-up any time before.
 */
static unsigned nr_threads(const struct report *rp)
{
	if (rp->fields || rp->raw.nr || rp->wakeup || rp->debug)
		return 1;
	for (size_t i = 0; i < rp->files.nr; i++)
		if (event_db_in_order(rp->files.v[i].db))
			return 1;
	return rp->threads;
}

/* Which events of each file need no look. NULL: what is wanted has to see every record. */
static int choose_ids(const struct report *rp, const uint8_t ***ret, struct err *e)
{
	/* trace-cmd 3.1 joins an entry with whatever comes next on any CPU */
	if (rp->ts_check || rp->compat_31)
		return 0;
	*ret = calloc(rp->files.nr + 1, sizeof(**ret));
	if (!*ret)
		return err_set(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < rp->files.nr; i++)
		if (rp->files.v[i].filter)
			(*ret)[i] = event_filter_ids(rp->files.v[i].filter);
	return 0;
}

static int print_all(struct printer *p, struct replay_run_opts *opts, struct err *e)
{
	AUTO_FREE const uint8_t **ids = NULL;
	struct replay_work work = {
		.ctx = p, .job_new = job_new, .job_free = job_free, .clear = clear,
		.hurry = hurry, .record = record, .mark = mark, .size = size, .settle = settle, .take = take,
	};
	const char *window = getenv("TRACECMD_WINDOW_BYTES");
	uint64_t bytes = 0;
	int r;

	if (window && (parse_u64(window, &bytes) < 0 || !bytes || bytes > UINT32_MAX))
		return err_set(e, -EINVAL, "TRACECMD_WINDOW_BYTES: '%s' is no number of bytes", window);
	opts->window_bytes = bytes;
	if (p->rp->align_ts) {
		r = replay_first_ts(p->rp->replay, &p->all.align, e);
		if (r <= 0)
			return r;
	}
	r = choose_ids(p->rp, &ids, e);
	if (r < 0)
		return r;
	work.ids = ids;
	r = replay_run(p->rp->replay, opts, &work, e);
	return r < 0 ? r : 0;
}

/* What is wrong with their list is told now, and not by whichever thread asks first. */
static void list_formats(const struct report *rp)
{
	for (size_t i = 0; i < rp->files.nr; i++)
		(void)event_db_name(rp->files.v[i].db, 0);
}

int report_events(struct report *rp, struct err *e)
{
	struct replay_run_opts opts = {
		.threads = nr_threads(rp), .warm = WARM_RECORDS, .ahead = rp->ahead,
	};
	struct printer p = { .rp = rp };
	int r = report_range(rp, &opts, e);

	if (r < 0)
		return r;
	report_tell_clocks(rp);
	if (rp->format != REPORT_TEXT) {
		r = report_export_begin(rp, e);
	} else {
		for (unsigned i = 0; i < rp->files.nr; i++)
			report_print_cpus(rp, i);
		r = print_texts(rp, e);
	}
	if (!r && rp->wakeup)
		r = wakeups_new(rp, &p.all.wakeups, e);
	report_join_guests(rp);
	list_formats(rp);
	if (!r)
		r = print_all(&p, &opts, e);
	report_leave_guests();
	if (!r)
		tell_untold(&p);
	if (!r && p.all.wakeups)
		wakeups_print(p.all.wakeups);
	wakeups_free(p.all.wakeups);
	return r;
}

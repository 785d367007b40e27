// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect.h"
#include "event/escape.h"
#include "replay/replay.h"

#define MB 1e6
#define US 1e3

/* ---- looking at a file ------------------------------------------------------------- */

static int count_page(void *ctx, unsigned worker, const struct replay_cpu *cpu, struct ring_page *page, struct err *e)
{
	struct collected *c = ctx;
	struct ring_event ev;

	(void)worker;
	(void)cpu;
	(void)e;
	while (ring_page_next(page, &ev) > 0)
		c->events++;
	return 0;
}

static void count_lost(void *ctx, unsigned worker, const struct replay_cpu *cpu, uint64_t lost)
{
	struct collected *c = ctx;

	(void)worker;
	(void)cpu;
	if (lost == RING_LOST_UNKNOWN)
		c->gaps++;
	else
		c->lost += lost;
}

static int count(struct collected *c, struct dat_reader *r, struct err *e)
{
	const struct replay_scan scan = { .ctx = c, .page = count_page, .lost = count_lost };
	const struct replay_opts opts = { .notices = &stderr_notices };
	struct replay *rp;
	int ret = replay_new(&opts, &rp, e);

	if (ret) {
		dat_reader_close(r);
		return ret;
	}
	ret = replay_add_file(rp, r, NULL, NULL, e);
	if (!ret)
		ret = replay_start(rp, e);
	if (!ret)
		ret = replay_scan(rp, &scan, e);
	if (!ret && replay_damage(rp))
		ret = err_set(e, -EBADMSG, "'%s' is damaged in %" PRIu64 " places", c->path, replay_damage(rp));
	replay_free(rp);
	return ret;
}

/* How far converted times are off at most. */
static void look_at_clock(struct collected *c, const struct dat_info *info)
{
	const struct dat_time_sync *ts = &info->time_sync;

	c->compared = info->time_shift.present;
	c->bound = ts->present ? 0 : DAT_BOUND_UNKNOWN;
	for (uint32_t cpu = 0; ts->present && cpu < ts->nr_cpus; cpu++)
		for (uint32_t i = 0; i < ts->cpus[cpu].nr; i++)
			if (ts->cpus[cpu].samples[i].bound > c->bound)
				c->bound = ts->cpus[cpu].samples[i].bound;
}

void collected_look(struct collected *c)
{
	struct dat_reader *r;
	struct err e = { 0 };
	struct stat st;
	int ret = stat(c->path, &st) < 0 ? err_errno(&e, -errno, "cannot read '%s'", c->path) :
		dat_reader_open(c->path, &stderr_notices, &r, &e);

	if (!ret) {
		c->bytes = st.st_size;
		look_at_clock(c, dat_reader_info(r));
		ret = count(c, r, &e);
	}
	c->looked = !ret;
	if (ret && !*c->why)
		snprintf(c->why, sizeof(c->why), "%s", e.text);
}

/* ---- telling ------------------------------------------------------------------------- */

static void print_one(const struct collected *c, int width)
{
	char lost[32], clock[32] = "not compared";

	if (!c->looked) {
		out_printf("%-*s  failed: %s\n", width, c->asked->label, c->why);
		return;
	}
	snprintf(lost, sizeof(lost), "%" PRIu64 "%s", c->lost, c->gaps ? "+?" : "");
	if (c->compared && c->bound != DAT_BOUND_UNKNOWN)
		snprintf(clock, sizeof(clock), "%.1f us", c->bound / US);
	else if (c->compared)
		snprintf(clock, sizeof(clock), "not known");
	out_printf("%-*s %12" PRIu64 " %10s %9.1f %13s  %s\n", width, c->asked->label, c->events, lost, c->bytes / MB, clock,
		   c->path);
	if (*c->why)
		out_printf("%-*s  failed: %s\n", width, "", c->why);
}

void collection_print(const struct collection *all)
{
	int width = strlen("machine");

	for (size_t i = 0; i < all->nr; i++)
		if ((int)strlen(all->v[i].asked->label) > width)
			width = strlen(all->v[i].asked->label);
	out_printf("%-*s %12s %10s %9s %13s  %s\n", width, "machine", "events", "lost", "MB", "clock within", "file");
	for (size_t i = 0; i < all->nr; i++)
		print_one(&all->v[i], width);
}

/* ---- the index ------------------------------------------------------------------------- */

static void put_text(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, ", \"%s\": ", name);
	if (text && *text)
		put_quoted(b, text, ESCAPE_JSON);
	else
		buf_puts(b, "null");
}

static void put_one(struct buf *b, const struct collected *c)
{
	const char *slash = strrchr(c->path, '/');
	AUTO_BUF struct buf place = { 0 };

	if (c->asked->address)
		buf_printf(&place, strchr(c->asked->address, ':') ? "[%s]:%s" : "%s:%s", c->asked->address, c->asked->port);
	else
		buf_printf(&place, "@%" PRIu32 ":%" PRIu32, c->asked->cid, c->asked->cid_port);
	buf_puts(b, "    {\"machine\": ");
	put_quoted(b, c->asked->label, ESCAPE_JSON);
	put_text(b, "address", place.data);
	put_text(b, "file", slash ? slash + 1 : c->path);
	put_text(b, "error", c->why);
	if (c->looked)
		buf_printf(b, ", \"events\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"gaps_of_unknown_size\": %" PRIu64
			   ", \"bytes\": %" PRIu64 ", \"clock_compared\": %s", c->events, c->lost, c->gaps, c->bytes,
			   c->compared ? "true" : "false");
	if (c->looked && c->compared && c->bound != DAT_BOUND_UNKNOWN)
		buf_printf(b, ", \"clock_error_ns\": %" PRIu64, c->bound);
	buf_puts(b, "}");
}

int collection_write_index(const struct collection *all, struct err *e)
{
	AUTO_BUF struct buf b = { 0 }, path = { 0 };
	struct new_file file = { .fd = -1 };
	int r;

	buf_printf(&b, "{\"writer\": \"tracecmd %s\",\n \"began_us\": %" PRId64 ", \"ended_us\": %" PRId64 ",\n \"clock\": ",
		   TRACECMD_VERSION, all->began_us, all->ended_us);
	put_quoted(&b, all->clock, ESCAPE_JSON);
	buf_puts(&b, ",\n \"options\": [");
	for (char **o = all->options; *o; o++) {
		buf_puts(&b, o == all->options ? "" : ", ");
		put_quoted(&b, *o, ESCAPE_JSON);
	}
	buf_puts(&b, "],\n \"machines\": [\n");
	for (size_t i = 0; i < all->nr; i++) {
		put_one(&b, &all->v[i]);
		buf_puts(&b, i + 1 < all->nr ? ",\n" : "\n");
	}
	buf_puts(&b, "]}\n");
	if (buf_printf(&path, "%s/" COLLECT_INDEX, all->dir) || b.failed)
		return err_errno(e, -ENOMEM, "cannot write the index");
	r = new_file_open(&file, path.data, e);
	if (!r && (r = write_full(file.fd, b.data, b.len)))
		err_errno(e, r, "cannot write '%s'", path.data);
	if (!r)
		r = new_file_commit(&file, e);
	new_file_discard(&file);
	return r;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "record_trigger.h"

#define NS_PER_MS UINT64_C(1000000)
#define LOOK_MS 1000			/* should a wake-up ever get lost */
#define BUSY_MS 100			/* until the part before is complete */

int record_trigger_open(struct record_trigger *t, const struct trace_options *o, struct err *e)
{
	const struct kernel_setup *s = &o->setup;
	char path[PATH_MAX];
	int r;

	*t = RECORD_TRIGGER_NONE;
	t->o = o;
	for (size_t i = 0; i < s->instances.nr; i++)
		if (s->instances.v[i].wakes)
			t->in = s->instances.v[i].in;
	if (!t->in)
		return 0;
	r = kernel_instance_path(t->in, "trace_pipe", path, sizeof(path));
	if (!r) {
		t->fd = control_file_open(path, O_RDONLY | O_NONBLOCK);
		r = t->fd < 0 ? t->fd : 0;
	}
	return r ? err_errno(e, r, "cannot wait for the trigger") : 0;
}

void record_trigger_set(struct record_trigger *t, struct recording *rec)
{
	t->rec = rec;
}

void record_trigger_close(struct record_trigger *t)
{
	cleanup_close(&t->fd);
	t->fd = -1;
}

int record_trigger_fd(const struct record_trigger *t)
{
	return t->fired_ns ? -1 : t->fd;
}

static bool is_busy(const struct record_trigger *t)
{
	struct buf path AUTO_BUF = { 0 };

	return t->ticket && !recording_part_done(t->rec, t->ticket, &path, NULL);
}

int record_trigger_wait_ms(const struct record_trigger *t)
{
	uint64_t due = t->fired_ns + t->o->parts.post_ns, now = monotonic_ns();
	uint64_t ms;

	if (t->fd < 0)
		return -1;
	if (!t->fired_ns)
		return LOOK_MS;
	if (due <= now)
		return BUSY_MS;
	ms = (due - now) / NS_PER_MS + 1;
	return ms < INT_MAX ? ms : INT_MAX;
}

/* The line of the event that fired, as the kernel prints it. */
static void tell(const struct record_trigger *t, char *text, size_t len)
{
	while (len && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	len = strcspn(text, "\n");
	notice(t->o->quiet ? NULL : &stderr_notices, "the trigger fired: %.*s", (int)len, text);
}

static void look(struct record_trigger *t)
{
	char text[1024];
	ssize_t n = read(t->fd, text, sizeof(text) - 1);

	if (n <= 0)
		return;
	text[n] = 0;
	t->fired_ns = monotonic_ns();
	t->nr++;
	tell(t, text, n);
}

/* What fired meanwhile belongs to the same. */
static void arm(struct record_trigger *t)
{
	t->fired_ns = 0;
	kernel_truncate(t->in, "trace", NULL);
}

/* Where a file begins that the trigger has made. */
static uint64_t begins(const struct record_trigger *t)
{
	uint64_t pre = t->o->parts.pre_ns;

	return pre && pre < t->fired_ns ? t->fired_ns - pre : 0;
}

bool record_trigger_serve(struct record_trigger *t)
{
	const struct trace_parts *p = &t->o->parts;

	if (t->fd >= 0 && !t->fired_ns)
		look(t);
	if (t->fd < 0 || !t->fired_ns || monotonic_ns() < t->fired_ns + p->post_ns || is_busy(t))
		return false;
	if (p->on_trigger == ON_TRIGGER_END)
		return true;
	t->ticket = recording_ask_part(t->rec, false, begins(t));
	arm(t);
	return false;
}

void record_trigger_end(struct record_trigger *t)
{
	if (t->fd >= 0 && t->fired_ns && t->o->parts.on_trigger == ON_TRIGGER_END)
		recording_since(t->rec, begins(t));
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Writing event triggers: how the kernel lists what was written, and which of them exclude each other. Facts are from
 * Documentation/trace/{events,histogram}.rst, and what Linux 6.1 and 6.12 did when tried.
 */
#include <errno.h>
#include <stdlib.h>

#include "kernel/internal.h"

/*
 * "stacktrace:unlimited", "traceoff:count=3 if x == 1" as they are listed
 * become "stacktrace", "traceoff:3 if x == 1". A histogram's " [active]" goes.
 */
int trigger_as_written(const char *listed, struct buf *ret)
{
	size_t words = strcspn(listed, " ");
	const char *end = listed + words, *count = memmem(listed, words, ":count=", 7);

	if (!strncmp(listed, "hist:", 5)) {
		size_t len = strlen(listed);

		if (len > 9 && (!strcmp(listed + len - 9, " [active]") || !strcmp(listed + len - 9, " [paused]")))
			len -= 9;
		return buf_put(ret, listed, len);
	}
	if (count)
		return buf_printf(ret, "%.*s:%s", (int)(count - listed), listed, count + 7);
	if (words >= 10 && !memcmp(end - 10, ":unlimited", 10))
		words -= 10;
	return buf_printf(ret, "%.*s%s", (int)words, listed, end);
}

/* ---- which exclude each other ------------------------------------------------- */

/* Length of what makes two triggers exclude each other: "enable_event:sys:ev",
 * "stacktrace". */
static size_t trigger_kind(const char *s)
{
	size_t len = strcspn(s, ": ");

	if (strncmp(s, "enable_event:", 13) && strncmp(s, "disable_event:", 14))
		return len;
	for (int i = 0; i < 2 && s[len] == ':'; i++)
		len += 1 + strcspn(s + len + 1, ": ");
	return len;
}

static bool is_same_kind(const char *listed, const char *value)
{
	size_t len = trigger_kind(listed);

	return len == trigger_kind(value) && !strncmp(listed, value, len);
}

/* To the kernel these are one kind, of which an event has one. */
static bool is_opposite(const char *listed, const char *value)
{
	static const char *const pairs[][2] = { { "traceon", "traceoff" }, { "enable_event", "disable_event" } };
	size_t a = strcspn(listed, ": "), b = strcspn(value, ": ");

	for (size_t i = 0; i < 2 * ARRAY_SIZE(pairs); i++) {
		const char *one = pairs[i / 2][i % 2], *other = pairs[i / 2][1 - i % 2];
		size_t rest = trigger_kind(listed) - a;

		if (a == strlen(one) && b == strlen(other) && !strncmp(listed, one, a) && !strncmp(value, other, b))
			return rest == trigger_kind(value) - b && !strncmp(listed + a, value + b, rest);
	}
	return false;
}

/* ---- histograms --------------------------------------------------------------- */

/* The part behind @name of a histogram's text, up to a ':' or blank; NULL: none. */
static const char *hist_part(const char *text, const char *name, size_t *len)
{
	const char *filter = strstr(text, " if "), *p = strstr(text, name);

	if (!p || (filter && p > filter))
		return NULL;
	p += strlen(name);
	*len = strcspn(p, ": ");
	return p;
}

/* As the kernel rounds it; 0: none is given. */
static uint64_t hist_size(const char *text)
{
	size_t len;
	const char *size = hist_part(text, ":size=", &len);
	uint64_t n = size ? strtoull(size, NULL, 0) : 0, rounded = n ? 1 : 0;

	while (rounded < n && rounded << 1)
		rounded <<= 1;
	return rounded;
}

static const char *hist_filter(const char *text)
{
	const char *filter = strstr(text, " if ");

	return filter ? filter + 4 : "";
}

/* Some are listed with "common_" in front, however they were written. */
static bool same_key(const char *a, size_t x, const char *b, size_t y)
{
	static const char common[] = "common_";
	size_t len = sizeof(common) - 1;

	if (x > len && y + len == x && !strncmp(a, common, len))
		a += len, x -= len;
	else if (y > len && x + len == y && !strncmp(b, common, len))
		b += len, y -= len;
	return x == y && !strncmp(a, b, x);
}

static bool same_keys(const char *a, const char *b)
{
	size_t x = 0, y = 0;
	const char *p = hist_part(a, "keys=", &x), *q = hist_part(b, "keys=", &y);
	const char *p_end, *q_end;

	if (!p || !q)
		return false;
	p_end = p + x;
	q_end = q + y;
	for (;;) {
		x = strcspn(p, ",: ");
		y = strcspn(q, ",: ");
		if (!same_key(p, x, q, y))
			return false;
		p += x;
		q += y;
		if (p == p_end || q == q_end)
			return p == p_end && q == q_end;
		p++;
		q++;
	}
}

struct hist_rival {
	const char *value;
	bool same_keys, same_size;	/* one of the same keys, or that size, was met */
	struct buf *ret;		/* the one meant: of the same keys, else the first */
};

/*
 * The kernel has taken @value for one that is there. Keys may be listed otherwise than they were written; filters
 * are not.
 */
static int note_hist(void *ctx, const char *line)
{
	struct hist_rival *h = ctx;
	AUTO_BUF struct buf text = { 0 };
	bool keys;

	if (strncmp(line, "hist:", 5))
		return 0;
	if (trigger_as_written(line, &text))
		return -ENOMEM;
	keys = same_keys(text.data, h->value);
	if (strcmp(hist_filter(text.data), hist_filter(h->value)) || (h->same_keys && !keys))
		return 0;
	if (keys && !h->same_keys) {
		h->same_keys = true;
		h->same_size = false;
		buf_clear(h->ret);
	}
	h->same_size |= hist_size(text.data) == hist_size(h->value);
	return !h->ret->len && buf_puts(h->ret, line) ? -ENOMEM : 0;
}

/* A histogram is equal to another whatever its size, which only matters if it was given. */
static int judge_hist(const char *listed, const char *value)
{
	AUTO_BUF struct buf found = { 0 };
	struct hist_rival h = { .value = value, .ret = &found };
	int ret = hist_size(value) ? kernel_each_line(listed, note_hist, &h) : 0;

	return ret ? ret : hist_size(value) && !h.same_size ? -EEXIST : 0;
}

int trigger_rival(const char *listed, const char *value, struct buf *ret)
{
	struct hist_rival h = { .value = value, .ret = ret };
	AUTO_FREE char *copy = strdup(listed);
	char *rest = copy, *line;

	if (!copy)
		return -ENOMEM;
	if (!strncmp(value, "hist:", 5))
		return kernel_each_line(listed, note_hist, &h) ?: ret->len > 0;
	while ((line = strsep(&rest, "\n")))
		if (is_same_kind(line, value) || is_opposite(line, value))
			return buf_puts(ret, line) ? -ENOMEM : 1;
	return 0;
}

/* ---- writing ------------------------------------------------------------------ */

/*
 * The same trigger with another count or condition is there already: it makes
 * room and is put back later. Of histograms only equal ones exclude each other.
 */
static int replace_trigger(struct kernel_instance *in, const char *file, const char *path,
			   const char *value)
{
	AUTO_BUF struct buf text = { 0 }, found = { 0 }, again = { 0 }, removal = { 0 };
	AUTO_BUF struct buf now = { 0 };
	int ret = kernel_read(in, file, &text);

	if (!ret && !strncmp(value, "hist:", 5))
		return judge_hist(text.data, value);
	if (!ret)
		ret = trigger_rival(text.data, value, &found);
	if (ret != 1 || !is_same_kind(found.data, value))
		return ret < 0 ? ret : -EEXIST;
	buf_printf(&now, "!%s", value);
	if (trigger_as_written(found.data, &again) || buf_puts(&removal, "!") ||
	    buf_puts(&removal, again.data) || now.failed)
		return -ENOMEM;
	if (!strcmp(again.data, value))
		return 0;
	ret = undo_log_add(in->k, UNDO_ADD, path, again.data);
	if (!ret)
		ret = file_append(path, removal.data);
	if (!ret)
		ret = undo_log_add(in->k, UNDO_ADD, path, now.data);
	return ret ? ret : file_append(path, value);
}

static int is_same_trigger(void *ctx, const char *line)
{
	AUTO_BUF struct buf written = { 0 };

	return line[0] != '#' && !trigger_as_written(line, &written) &&
	       !strcmp(written.data, (const char *)ctx);
}

/* Whether exactly this trigger is there: then it is somebody else's, and stays. */
static bool trigger_exists(struct kernel_instance *in, const char *file, const char *value)
{
	AUTO_BUF struct buf text = { 0 };

	return !kernel_read(in, file, &text) &&
	       kernel_each_line(text.data, is_same_trigger, (void *)value) == 1;
}

int trigger_write(struct kernel_instance *in, const char *file, const char *path, const char *value)
{
	AUTO_BUF struct buf removal = { 0 };
	int ret;

	if (trigger_exists(in, file, value))
		return 0;
	if (buf_printf(&removal, "!%s", value))
		return -ENOMEM;
	ret = file_append_logged(in->k, path, value, removal.data);
	return ret == -EEXIST ? replace_trigger(in, file, path, value) : ret;
}

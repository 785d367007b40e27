// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base.h"

static int err_vset(struct err *e, int code, const char *fmt, va_list ap)
{
	if (code >= 0)
		code = -EIO;
	if (e) {
		e->code = code;
		vsnprintf(e->text, sizeof(e->text), fmt, ap);
	}
	return code;
}

/* Appends to e->text, cutting at its end. */
static void err_append(struct err *e, const char *s)
{
	size_t len = strlen(e->text);

	snprintf(e->text + len, sizeof(e->text) - len, "%s", s);
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	code = err_vset(e, code, fmt, ap);
	va_end(ap);
	return code;
}

int err_errno(struct err *e, int code, const char *fmt, ...)
{
	char why[128];
	va_list ap;

	va_start(ap, fmt);
	code = err_vset(e, code, fmt, ap);
	va_end(ap);
	if (e) {
		err_append(e, ": ");
		/* So control_file_open says; the system's words are about disks in drives. */
		err_append(e, code == -EMEDIUMTYPE ? "it is no regular file" : strerror_r(-code, why, sizeof(why)));
	}
	return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char old[ERR_TEXT_MAX];
	va_list ap;

	if (!e)
		return -EIO;
	memcpy(old, e->text, sizeof(old));
	va_start(ap, fmt);
	err_vset(e, e->code, fmt, ap);
	va_end(ap);
	err_append(e, ": ");
	err_append(e, old);
	return e->code;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	char add[ERR_TEXT_MAX];
	va_list ap;

	if (!e)
		return -EIO;
	va_start(ap, fmt);
	vsnprintf(add, sizeof(add), fmt, ap);
	va_end(ap);
	/* Not behind the caret under a mistake. */
	err_append(e, strchr(e->text, '\n') ? "\n" : "; ");
	err_append(e, add);
	return e->code;
}

/* What is shown of a long line around a mistake. */
#define SHOWN_BEFORE 60
#define SHOWN_MAX 140

int err_place(struct err *e, const char *text, size_t at)
{
	const char *line = text + at, *end = line + strcspn(line, "\n"), *cut = "";
	char add[4 * SHOWN_MAX];
	size_t len = 0, caret;

	if (!e)
		return -EIO;
	while (line > text && line[-1] != '\n')
		line--;
	if (text + at - line > SHOWN_BEFORE) {
		line = text + at - SHOWN_BEFORE;
		cut = "...";
	}
	caret = text + at - line + strlen(cut);
	if (end - line > SHOWN_MAX)
		end = line + SHOWN_MAX;
	len = snprintf(add, sizeof(add), "\n    %s", cut);
	for (; line < end; line++)
		add[len++] = (unsigned char)*line < ' ' ? ' ' : *line;
	snprintf(add + len, sizeof(add) - len, "\n    %*s^", (int)caret, "");
	err_append(e, add);
	return e->code;
}

void notice(const struct notices *n, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	if (!n || !n->fn)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n->fn(n->ctx, text);
}

void cleanup_free(void *pp)
{
	free(*(void **)pp);
}

void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

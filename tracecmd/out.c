// SPDX-License-Identifier: GPL-2.0-or-later
/* Standard output: one large buffer, and no failure forgotten. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "command.h"

#define OUT_SIZE (256 * 1024)
/* Of a pipe that takes much: a tenth of the changes between writer and reader. */
#define PIPE_SIZE (1024 * 1024)

static struct buf out;		/* the process has one standard output */
static int out_error;		/* negative errno of the first failed write */
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;	/* messages and out_write may be of several threads */

/*
 * Names and texts of a file may hold what a terminal takes for commands: control
 * characters, also the two-byte ones of UTF-8 (0xc2 0x80 to 0x9f), but for tab
 * and line feed. @last is the byte in front of @text.
 */
static void put_harmless(struct buf *to, const char *text, size_t len, unsigned char last)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = text[i];

		if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f ||
		    (last == 0xc2 && c >= 0x80 && c < 0xa0))
			buf_printf(to, "\\x%02x", c);
		else
			buf_put(to, text + i, 1);
		last = c;
	}
}

void out_message(const char *text)
{
	AUTO_BUF struct buf line = { 0 };

	buf_puts(&line, "tracecmd: ");
	put_harmless(&line, text, strlen(text), 0);
	buf_puts(&line, "\n");
	out_flush();
	if (!line.failed)
		write_full(STDERR_FILENO, line.data, line.len);
}

/* Into a file or pipe bytes go as they are; a terminal gets no commands. */
static int write_out(const char *data, size_t len)
{
	static int terminal = -1;
	static unsigned char last;
	AUTO_BUF struct buf harmless = { 0 };

	if (terminal < 0)
		terminal = isatty(STDOUT_FILENO);
	if (!terminal || !len)
		return write_full(STDOUT_FILENO, data, len);
	put_harmless(&harmless, data, len, last);
	last = data[len - 1];
	return harmless.failed ? -ENOMEM : write_full(STDOUT_FILENO, harmless.data, harmless.len);
}

static void flush(void)
{
	if (out.failed && !out_error)
		out_error = -ENOMEM;
	if (!out_error && out.len)
		out_error = write_out(out.data, out.len);
	buf_clear(&out);
}

void out_flush(void)
{
	pthread_mutex_lock(&out_lock);
	flush();
	pthread_mutex_unlock(&out_lock);
}

void out_write(const void *data, size_t len)
{
	static bool tried;

	pthread_mutex_lock(&out_lock);
	flush();
	/* refused for what is no pipe, and where a user has many */
	if (!tried && len > PIPE_BUF)
		(void)fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE_SIZE);
	tried |= len > PIPE_BUF;
	if (!out_error)
		out_error = write_out(data, len);
	pthread_mutex_unlock(&out_lock);
}

void out_put(const void *data, size_t len)
{
	if (out_error)
		return;
	if (out.len + len > OUT_SIZE)
		out_flush();
	if (len <= OUT_SIZE)
		buf_put(&out, data, len);
	else
		out_write(data, len);
}

void out_printf(const char *fmt, ...)
{
	va_list ap;

	if (out_error)
		return;
	va_start(ap, fmt);
	buf_vprintf(&out, fmt, ap);
	va_end(ap);
	if (out.len > OUT_SIZE)
		out_flush();
}

bool out_closed(void)
{
	return out_error != 0;
}

bool out_is_unread(void)
{
	return out_error == -EPIPE;
}

int out_finish(struct err *e)
{
	out_flush();
	buf_release(&out);
	if (out_error)
		return err_errno(e, out_error, "cannot write to standard output");
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Standard output: one large buffer, and no failure forgotten. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "command.h"

#define OUT_SIZE (256 * 1024)

static struct buf out;		/* the process has one standard output */
static int out_error;		/* negative errno of the first failed write */

void out_flush(void)
{
	if (out.failed && !out_error)
		out_error = -ENOMEM;
	if (!out_error && out.len)
		out_error = write_full(STDOUT_FILENO, out.data, out.len);
	buf_clear(&out);
}

void out_put(const void *data, size_t len)
{
	if (out_error)
		return;
	if (out.len + len > OUT_SIZE)
		out_flush();
	buf_put(&out, data, len);
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

int out_finish(struct err *e)
{
	out_flush();
	buf_release(&out);
	if (out_error)
		return err_errno(e, out_error, "cannot write to standard output");
	return 0;
}

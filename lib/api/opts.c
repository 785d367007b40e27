// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>

#include "api/api.h"

/* No struct of options will ever be larger; a larger size was never set. */
#define OPTS_SIZE_MAX 4096

int api_error(const struct err *e, struct tracecmd_error *ret)
{
	_Static_assert(ERR_TEXT_MAX <= TRACECMD_ERROR_TEXT, "the words must fit");
	if (ret) {
		ret->code = e->code;
		memcpy(ret->text, e->text, strnlen(e->text, ERR_TEXT_MAX - 1) + 1);
	}
	return e->code;
}

int api_opts(void *dst, size_t dst_size, const void *src, const char *name, struct err *e)
{
	const uint8_t *bytes = src;
	size_t size;

	memset(dst, 0, dst_size);
	if (!src)
		return 0;
	memcpy(&size, src, sizeof(size));
	if (size < sizeof(size) || size > OPTS_SIZE_MAX)
		return err_set(e, -EINVAL, "struct %s: its size member is %zu, not its size", name,
			       size);
	for (size_t i = dst_size; i < size; i++)
		if (bytes[i])
			return err_set(e, -EINVAL,
				       "struct %s: the byte at %zu is set, but this library (%s) knows %zu bytes of it",
				       name, i, tracecmd_version(), dst_size);
	memcpy(dst, src, size < dst_size ? size : dst_size);
	return 0;
}

int api_need(bool given, const char *function, struct err *e)
{
	return given ? 0 : err_set(e, -EINVAL, "%s: an argument is NULL that must not be", function);
}

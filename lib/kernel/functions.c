// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Function filters: patterns against available_filter_functions, and lists
 * into set_ftrace_filter and its kin.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/internal.h"

struct function {
	const char *name, *module;	/* module "": the kernel itself */
};

struct functions {
	struct { struct function *v; size_t nr, cap; } list;
	struct buf text;
};

/* How a pattern selects. */
struct matcher {
	char *name;			/* without a command or module behind it */
	const char *module;		/* or NULL: any */
	bool regex;
	regex_t re;
};

/* ---- the list ------------------------------------------------------------ */

void functions_free(struct functions *f)
{
	if (!f)
		return;
	vec_release(&f->list);
	buf_release(&f->text);
	free(f);
}

/* "name" or "name [module]" */
static int cut_functions(struct functions *f)
{
	char *line = f->text.data, *next;

	for (; *line; line = next) {
		char *end = line + strcspn(line, "\n"), *blank;
		struct function fn = { .name = line, .module = "" };

		next = *end ? end + 1 : end;
		*end = 0;
		blank = line + strcspn(line, " \t");
		if (*blank) {
			char *open = strchr(blank, '['), *close = open ? strchr(open, ']') : NULL;

			*blank = 0;
			if (close) {
				*close = 0;
				fn.module = open + 1;
			}
		}
		if (*line && vec_push(&f->list, fn))
			return -ENOMEM;
	}
	return 0;
}

static int read_functions(struct kernel *k, const char *option, struct err *e)
{
	struct functions *f;
	int ret;

	if (k->functions)
		return 0;
	f = calloc(1, sizeof(*f));
	if (!f)
		return err_errno(e, -ENOMEM, "cannot list the kernel's functions");
	ret = kernel_read_named(kernel_top(k), "available_filter_functions", &f->text, e);
	if (!ret && cut_functions(f))
		ret = err_errno(e, -ENOMEM, "cannot list the kernel's functions");
	if (ret) {
		functions_free(f);
		err_wrap(e, "option %s needs function tracing, which this kernel does not offer",
			 option);
		return ret;
	}
	k->functions = f;
	return 0;
}

/* ---- matching ------------------------------------------------------------ */

static bool is_glob(const char *s)
{
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_*?.")] == 0;
}

const char *function_option(const struct kernel_function_ask *ask, const char *option)
{
	return ask->module && !strcmp(ask->pattern, "*") ? "--module" : option;
}

bool function_is_command(const struct kernel_function_ask *ask)
{
	const char *colon = strchr(ask->pattern, ':');

	if (!colon)
		return false;
	/* "name:mod:module" selects, "name:mod:module:traceoff" does something. */
	if (!strncmp(colon, ":mod:", 5))
		return strchr(colon + 5, ':') != NULL;
	return true;
}

static int matcher_init(struct matcher *m, const struct kernel_function_ask *ask,
			const char *option, struct err *e)
{
	const char *colon = strchr(ask->pattern, ':');
	int ret;

	memset(m, 0, sizeof(*m));
	m->module = ask->module;
	m->name = colon ? strndup(ask->pattern, colon - ask->pattern) : strdup(ask->pattern);
	if (!m->name)
		return err_errno(e, -ENOMEM, "cannot use option %s", option);
	if (colon && !strncmp(colon, ":mod:", 5) && !function_is_command(ask))
		m->module = colon + 5;
	m->regex = !is_glob(m->name);
	if (m->regex) {
		/* Backslashed operators mean the basic syntax; no function is named so. */
		bool basic = strstr(m->name, "\\(") || strstr(m->name, "\\|");

		ret = regex_compile(&m->re, m->name, REG_NOSUB | (basic ? 0 : REG_EXTENDED), e);
		if (ret < 0) {
			m->regex = false;
			free(m->name);
			err_wrap(e, "option %s", option);
			return ret;
		}
	}
	return 0;
}

static void matcher_release(struct matcher *m)
{
	if (m->regex)
		regfree(&m->re);
	free(m->name);
}

static bool matches(const struct matcher *m, const struct function *f)
{
	if (m->module && fnmatch(m->module, f->module, 0))
		return false;
	if (m->regex)
		return !regexec(&m->re, f->name, 0, NULL, 0);
	return !fnmatch(m->name, f->name, 0);
}

int functions_check(struct kernel *k, const struct kernel_function_ask *ask, const char *option,
		    struct err *e)
{
	struct matcher m;
	struct near near;
	bool found = false;
	int ret;

	option = function_option(ask, option);
	ret = read_functions(k, option, e);

	if (ret)
		return ret;
	ret = matcher_init(&m, ask, option, e);
	if (ret)
		return ret;
	near_init(&near, m.name);
	for (size_t i = 0; i < k->functions->list.nr && !found; i++)
		found = matches(&m, &k->functions->list.v[i]);
	if (!found && m.module && !strcmp(ask->pattern, "*")) {
		ret = err_set(e, -ENOENT, "option --module: no function of a module '%s' can be traced; is it "
			      "loaded?", m.module);
	} else if (!found) {
		ret = err_set(e, -ENOENT, "option %s: no function of this kernel that can be traced "
			      "matches '%s'%s%s", option, ask->pattern,
			      m.module ? " in module " : "", m.module ? m.module : "");
		if (strcspn(m.name, "*?[^$(|") == strlen(m.name)) {
			for (size_t i = 0; i < k->functions->list.nr; i++)
				near_try(&near, k->functions->list.v[i].name);
			near_hint(&near, e);
		}
	}
	matcher_release(&m);
	return ret;
}

int put_module(struct buf *b, const char *module)
{
	/* The kernel takes a name that begins with a digit ("9pnet") for a line
	 * number (filter_parse_regex, seen in 6.1 and 6.12): as a pattern it is none. */
	if (isdigit((unsigned char)module[0]))
		return buf_printf(b, ":mod:[%c]%s", module[0], module + 1);
	return buf_printf(b, ":mod:%s", module);
}

/* ---- applying ------------------------------------------------------------ */

/* All names a regular expression matches, one a line. */
static int matching_names(const struct functions *f, const struct matcher *m, struct buf *ret)
{
	for (size_t i = 0; i < f->list.nr; i++) {
		const struct function *fn = &f->list.v[i];

		if (!matches(m, fn))
			continue;
		buf_puts(ret, fn->name);
		if (*fn->module)
			put_module(ret, fn->module);
		buf_puts(ret, "\n");
	}
	return ret->failed ? -ENOMEM : 0;
}

int functions_apply(struct kernel_instance *in, const char *file,
		    const struct kernel_function_ask *ask, const char *option, struct err *e)
{
	AUTO_BUF struct buf text = { 0 };
	struct matcher m;
	int ret;

	option = function_option(ask, option);
	if (function_is_command(ask)) {
		ret = kernel_append(in, file, ask->pattern, e);
		return ret ? err_wrap(e, "option %s", option) : 0;
	}
	ret = matcher_init(&m, ask, option, e);
	if (ret)
		return ret;
	if (m.regex) {
		ret = read_functions(in->k, option, e);
		if (!ret)
			ret = matching_names(in->k->functions, &m, &text);
	} else {
		/* The kernel's own globs are the same, and much faster. */
		ret = buf_puts(&text, m.name);
		if (!ret && m.module)
			ret = put_module(&text, m.module);
	}
	matcher_release(&m);
	if (ret == -ENOMEM)
		return err_errno(e, ret, "option %s", option);
	if (ret)
		return ret;
	ret = kernel_append(in, file, text.data ? text.data : "", e);
	return ret ? err_wrap(e, "option %s", option) : 0;
}

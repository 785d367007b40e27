// SPDX-License-Identifier: LGPL-2.1-or-later
/* The kernel's symbols, line by line: there may be some hundred thousand. */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/dyn_internal.h"

#define KALLSYMS "/proc/kallsyms"

/*
 * "ffffffff81000000 T name", with "\t[module]" behind those of modules. *name is NULL for
 * what is no function.
 */
static void cut_line(char *line, char **name, char **module)
{
	const char *type;
	char *rest = line;

	strsep(&rest, " ");
	type = strsep(&rest, " ");
	*name = strsep(&rest, " \t\n");
	if (!type || !*type || !strchr("tTwW", *type))
		*name = NULL;
	*module = NULL;
	if (rest && *rest == '[') {
		*module = rest + 1;
		rest[strcspn(rest, "]\n")] = 0;
	}
}

void kallsyms_hint(const char *name, struct err *e)
{
	const char *colon = strchr(name, ':'), *symbol = colon ? colon + 1 : name;
	FILE *f = fopen(KALLSYMS, "r");
	char *line AUTO_FREE = NULL;
	bool found = false, in_module = false;
	struct near near;
	size_t size = 0;

	near_init(&near, symbol);
	while (f && !found && getline(&line, &size, f) >= 0) {
		char *word, *module;
		bool here;

		cut_line(line, &word, &module);
		here = !colon || (module && strlen(module) == (size_t)(colon - name) &&
				  !strncmp(module, name, colon - name));
		in_module |= colon && here;
		if (!word || !here)
			continue;
		found = !strcmp(word, symbol);
		near_try(&near, word);
	}
	if (f)
		fclose(f);
	if (!f || found)
		return;
	if (colon && !in_module)
		err_hint(e, "there is no module '%.*s'", (int)(colon - name), name);
	else
		err_hint(e, "this kernel has no symbol '%s'", name);
	near_hint(&near, e);
}

int kallsyms_has(const char *function)
{
	FILE *f = fopen(KALLSYMS, "r");
	char *line AUTO_FREE = NULL;
	size_t size = 0, len = strlen(function);
	int ret = -1;

	while (f && ret < 1 && getline(&line, &size, f) >= 0) {
		char *word, *module;

		cut_line(line, &word, &module);
		/* compilers put ".llvm.123" and the like behind names */
		ret = word && !strncmp(word, function, len) && (!word[len] || word[len] == '.');
	}
	if (f)
		fclose(f);
	return ret;
}

/* A tracepoint is a variable, which is not always listed, and a function that calls who hangs on it. */
static char *tracepoint_in(char *line)
{
	static const char *const prefixes[] = { " __traceiter_", " __tracepoint_" };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		char *name = strstr(line, prefixes[i]);

		if (name) {
			name += strlen(prefixes[i]);
			name[strcspn(name, "\t\n")] = 0;
			return name;
		}
	}
	return NULL;
}

int kallsyms_tracepoint(const char *name, struct near *near)
{
	FILE *f = fopen(KALLSYMS, "r");
	char *line AUTO_FREE = NULL;
	int ret = -1;
	size_t size = 0;

	while (f && ret < 1 && getline(&line, &size, f) >= 0) {
		char *word = tracepoint_in(line);

		if (!word)
			continue;
		ret = !strcmp(word, name);
		near_try(near, word);
	}
	if (f)
		fclose(f);
	return ret;
}

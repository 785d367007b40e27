// SPDX-License-Identifier: LGPL-2.1-or-later
/* Plugins and their options. */
#include <errno.h>
#include <stdlib.h>

#include "event/db.h"

int event_db_load_plugins(struct event_db *db, bool no_system, bool no_plugins, struct err *e)
{
	if (db->plugins)
		return err_set(e, -EBUSY, "plugins are loaded already");
	/* as trace-cmd: without its system's plugins it has no graph lines either */
	db->no_builtins = no_system || no_plugins;
	if (no_plugins)
		return 0;
	if (no_system)
		tep_set_flag(db->tep, TEP_DISABLE_SYS_PLUGINS);
	db->plugins = tep_load_plugins(db->tep);
	return 0;
}

/* ---- options ---------------------------------------------------------------- */

struct graph_option { const char *name, *text; size_t offset; };
static const struct graph_option graph_options[] = {
	{ "tailprint", "Name the function behind its closing brace",
	  offsetof(struct event_graph_opts, tailprint) },
	{ "depth", "Print the depth of each call", offsetof(struct event_graph_opts, depth) },
	{ "retval-skip", "Leave the functions' return values out",
	  offsetof(struct event_graph_opts, retval_skip) },
	{ "retval-dec", "Print return values as decimal numbers",
	  offsetof(struct event_graph_opts, retval_dec) },
	{ "retval-hex", "Print return values as hexadecimal numbers",
	  offsetof(struct event_graph_opts, retval_hex) },
};

bool event_graph_option(unsigned i, const char **name, const char **text)
{
	if (i >= ARRAY_SIZE(graph_options))
		return false;
	*name = graph_options[i].name;
	*text = graph_options[i].text;
	return true;
}

static bool parse_switch(const char *value, bool *ret)
{
	static const char *const words[2][4] = {
		{ "0", "no", "off", "false" }, { "1", "yes", "on", "true" },
	};

	for (unsigned i = 0; i < 2; i++)
		for (unsigned j = 0; j < 4; j++)
			if (!strcmp(value, words[i][j])) {
				*ret = i;
				return true;
			}
	return false;
}

static int set_graph_option(struct event_db *db, const char *name, const char *value, bool *found,
			    struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(graph_options); i++) {
		bool *flag = (bool *)((char *)&db->graph + graph_options[i].offset);

		if (strcmp(graph_options[i].name, name))
			continue;
		*found = true;
		if (!value)
			*flag = !*flag;
		else if (!parse_switch(value, flag))
			return err_set(e, -EINVAL, "plugin option '%s' is a switch: '%s' is not "
				       "0 or 1", name, value);
		return 0;
	}
	return 0;
}

int event_db_plugin_option(struct event_db *db, const char *option, struct err *e)
{
	AUTO_FREE char *copy = strdup(option);
	AUTO_FREE char *full = strndup(option, strcspn(option, "="));
	char *name = copy, *plugin = NULL, *value, *colon;
	bool found = false;
	struct near near;
	int r;

	if (!copy || !full)
		return err_set(e, -ENOMEM, "out of memory");
	value = strchr(copy, '=');
	if (value)
		*value++ = 0;
	colon = strchr(copy, ':');
	if (colon) {
		*colon = 0;
		plugin = copy;
		name = colon + 1;
	}
	if (!*name)
		return err_set(e, -EINVAL, "plugin option '%s' has no name", option);
	if (!plugin || !strcmp(plugin, "fgraph")) {
		r = set_graph_option(db, name, value, &found, e);
		if (r < 0)
			return r;
	}
	if (plugin && !strcmp(plugin, "fgraph")) {
		if (found)
			return 0;
		err_set(e, -EINVAL, "there is no plugin option '%s'", option);
		near_init(&near, name);
		for (size_t i = 0; i < ARRAY_SIZE(graph_options); i++)
			near_try(&near, graph_options[i].name);
		near_hint(&near, e);
		return -EINVAL;
	}
	if (!found && tep_plugin_add_option(full, value) < 0)
		return err_set(e, -EINVAL, "plugin option '%s' cannot be set", option);
	return 0;
}

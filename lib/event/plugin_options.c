// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Plugins' options: those of the function graph and of tables built in are switches of a db; all
 * but the graph's are libtraceevent's as well, whose handlers make the texts that tables do not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/builtin.h"

#define GRAPH "fgraph"

struct graph_option { const char *name, *text; size_t offset; bool on; };
static const struct graph_option graph_options[] = {
	{ "tailprint", "Name the function behind its closing brace",
	  offsetof(struct event_graph_opts, tailprint), false },
	{ "depth", "Print the depth of each call", offsetof(struct event_graph_opts, depth), false },
	{ "retval-skip", "Leave the functions' return values out",
	  offsetof(struct event_graph_opts, retval_skip), false },
	{ "retval-dec", "Print return values as decimal numbers",
	  offsetof(struct event_graph_opts, retval_dec), false },
	{ "retval-hex", "Print return values as hexadecimal numbers",
	  offsetof(struct event_graph_opts, retval_hex), false },
	{ "args", "Tell the arguments that were recorded", offsetof(struct event_graph_opts, args), true },
};

static bool *graph_switch(struct event_db *db, size_t i)
{
	return (bool *)((char *)&db->graph + graph_options[i].offset);
}

void plugin_options_begin(struct event_db *db)
{
	for (size_t i = 0; i < ARRAY_SIZE(graph_options); i++)
		*graph_switch(db, i) = graph_options[i].on;
	for (unsigned i = 0; i < PLUGINS_NR; i++)
		db->table_options[i] = plugin_default_options(plugins_all[i]);
}

void plugin_options_compat_31(struct event_db *db)
{
	const struct tracecmd_plugin_option *o = plugins_all[PLUGIN_function]->options;

	db->graph.args = false;
	for (unsigned nr = 0; o[nr].name; nr++)
		if (!strcmp(o[nr].name, "args"))
			db->table_options[PLUGIN_function] &= ~(1ull << nr);
}

bool event_plugin_option(unsigned i, struct event_plugin_option *ret)
{
	const unsigned nr_graph = ARRAY_SIZE(graph_options);

	if (i < nr_graph) {
		*ret = (struct event_plugin_option){ GRAPH, graph_options[i].name, graph_options[i].text,
						     graph_options[i].on };
		return true;
	}
	i -= nr_graph;
	for (unsigned t = 0; t < PLUGINS_NR; t++)
		for (const struct tracecmd_plugin_option *o = plugins_all[t]->options; o && o->name; o++)
			if (!i--) {
				*ret = (struct event_plugin_option){ plugins_all[t]->name, o->name, o->description, o->on };
				return true;
			}
	return false;
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

/* @value NULL: turned over. */
static int set_switch(bool *flag, const char *name, const char *value, struct err *e)
{
	if (!value)
		*flag = !*flag;
	else if (!parse_switch(value, flag))
		return err_set(e, -EINVAL, "plugin option '%s' is a switch: '%s' is not 0 or 1", name, value);
	return 0;
}

static int set_graph_option(struct event_db *db, const char *name, const char *value, bool *found,
			    struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(graph_options); i++) {
		if (strcmp(graph_options[i].name, name))
			continue;
		*found = true;
		return set_switch(graph_switch(db, i), name, value, e);
	}
	return 0;
}

/* libtraceevent's one of the same name is set to the same. */
static int set_table_option(struct event_db *db, unsigned table, unsigned nr, const char *value, struct err *e)
{
	const struct tracecmd_plugin *t = plugins_all[table];
	const char *name = t->options[nr].name;
	bool on = db->table_options[table] >> nr & 1;
	char full[128];
	int r = set_switch(&on, name, value, e);

	if (r < 0)
		return r;
	db->table_options[table] &= ~(1ull << nr);
	db->table_options[table] |= (uint64_t)on << nr;
	snprintf(full, sizeof(full), "%s:%s", t->name, name);
	if (tep_plugin_add_option(full, on ? "1" : "0") < 0)
		return err_set(e, -EINVAL, "plugin option '%s' cannot be set", full);
	return 0;
}

/* @plugin NULL: of all that have an option of that name. */
static int set_table_options(struct event_db *db, const char *plugin, const char *name, const char *value,
			     bool *found, struct err *e)
{
	for (unsigned i = 0; i < PLUGINS_NR; i++) {
		const struct tracecmd_plugin_option *o = plugins_all[i]->options;

		if (plugin && strcmp(plugins_all[i]->name, plugin))
			continue;
		for (unsigned nr = 0; o && o[nr].name; nr++) {
			int r = strcmp(o[nr].name, name) ? 0 : set_table_option(db, i, nr, value, e);

			if (r < 0)
				return r;
			*found |= !strcmp(o[nr].name, name);
		}
	}
	return 0;
}

/*
 * libtraceevent tells the options of loaded plugins as text only
 * (tep_plugin_print_options): a line "  option:\tNAME" for each. Calls fn for
 * each name until it returns true.
 */
static bool each_option(const char *known, bool (*fn)(void *ctx, const char *name), void *ctx)
{
	static const char key[] = "option:";
	char name[64];

	while (known && (known = strstr(known, key))) {
		known += sizeof(key) - 1;
		if (sscanf(known, " %63[^\n]", name) == 1 && fn(ctx, name))
			return true;
	}
	return false;
}

static bool same_name(void *ctx, const char *name)
{
	return !strcmp(ctx, name);
}

static bool has_option(const char *known, const char *name)
{
	return each_option(known, same_name, (void *)name);
}

static bool try_near(void *ctx, const char *name)
{
	near_try(ctx, name);
	return false;
}

/* @known: libtraceevent's text, or NULL for this library's own options alone. */
static int unknown_option(const char *name, const char *option, const char *known, struct err *e)
{
	struct event_plugin_option own;
	struct near near;

	err_set(e, -EINVAL, "there is no plugin option '%s'", option);
	near_init(&near, name);
	for (unsigned i = 0; event_plugin_option(i, &own); i++)
		near_try(&near, own.name);
	each_option(known, try_near, &near);
	near_hint(&near, e);
	return -EINVAL;
}

int event_db_plugin_option(struct event_db *db, const char *option, struct err *e)
{
	AUTO_FREE char *copy = strdup(option);
	AUTO_FREE char *full = strndup(option, strcspn(option, "="));
	char *name = copy, *value, *colon;
	bool found = false;
	int r = 0;

	if (!copy || !full)
		return err_set(e, -ENOMEM, "out of memory");
	value = strchr(copy, '=');
	if (value)
		*value++ = 0;
	colon = strchr(copy, ':');
	if (colon) {
		*colon = 0;
		name = colon + 1;
	}
	if (!*name)
		return err_set(e, -EINVAL, "plugin option '%s' has no name", option);
	if (!colon || !strcmp(copy, GRAPH))
		r = set_graph_option(db, name, value, &found, e);
	/* the functions' "args" is one of both */
	if (!r && (!colon || !found))
		r = set_table_options(db, colon ? copy : NULL, name, value, &found, e);
	if (r < 0 || found)
		return r;
	if (colon && !strcmp(copy, GRAPH))
		return unknown_option(name, option, NULL, e);
	if (tep_plugin_add_option(full, value) < 0)
		return err_set(e, -EINVAL, "plugin option '%s' cannot be set", option);
	if (vec_push(&db->plugin_options, full))
		return err_set(e, -ENOMEM, "out of memory");
	full = NULL;
	return 0;
}

int plugin_options_check(struct event_db *db, struct err *e)
{
	AUTO_BUF struct buf known = { 0 };
	struct trace_seq s;
	int r = 0;

	if (!db->plugin_options.nr)
		return 0;
	trace_seq_init(&s);
	tep_plugin_print_options(&s);
	trace_seq_terminate(&s);
	if (s.state == TRACE_SEQ__GOOD)
		buf_put(&known, s.buffer, s.len);
	for (size_t i = 0; i < db->plugin_options.nr && !r && known.len; i++) {
		const char *full = db->plugin_options.v[i], *colon = strchr(full, ':');
		const char *name = colon ? colon + 1 : full;

		if (!has_option(known.data, name))
			r = unknown_option(name, full, known.data, e);
	}
	trace_seq_destroy(&s);
	return r;
}

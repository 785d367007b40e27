/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugins: the texts of events that a print format does not give, as tables
 * (tracecmd-plugin.h). Each table is built into lib/event, and into a shared object for
 * other programs by shell.c. What libtraceevent's plugins (1.7.1) print, these print
 * equally, byte for byte; they know no arguments of functions.
 */
#ifndef TRACECMD_PLUGINS_H
#define TRACECMD_PLUGINS_H

#include <traceevent/event-parse.h>

#include "base/base.h"
#include "include/tracecmd-plugin.h"

/* All tables. */
enum {
#define PLUGIN(name) PLUGIN_##name,
#include "plugins/list.h"
#undef PLUGIN
	PLUGINS_NR
};
extern const struct tracecmd_plugin *const plugins_all[PLUGINS_NR];

/* Where the fields of a text lie in an event. */
struct plugin_binding {
	const struct tracecmd_plugin_text *text;
	struct tracecmd_plugin_field fields[TRACECMD_PLUGIN_FIELDS];
	uint32_t end;			/* how far a record must reach */
	uint32_t room;			/* that the text wants */
};
/* False: the event has not what the text needs. */
bool plugin_bind(const struct tracecmd_plugin_text *text, struct tep_event *event,
		 struct plugin_binding *ret);
/* The text for an event of that name, or NULL. */
const struct tracecmd_plugin_text *plugin_find_text(const struct tracecmd_plugin *plugin,
						    const char *system, const char *event);
/* The options that are on at first. */
uint64_t plugin_default_options(const struct tracecmd_plugin *plugin);

/* Words of a constant text. */
static inline char *plugin_put(char *p, const char *words)
{
	return put_bytes(p, words, strlen(words));
}

/* As %0Nllx with a 0x in front: at least @width digits. */
static inline char *plugin_put_0x(char *p, uint64_t v, unsigned width)
{
	unsigned digits = hex_digits(v);

	return put_hex_digits(put_bytes(p, "0x", 2), v, digits < width ? width : digits);
}

/*
 * The arguments of a traced function: words of @size bytes (4 or 8; of another size there are none) from
 * @at on to the record's end at @len, as many as there are.
 */
struct plugin_args {
	const uint8_t *data;		/* the record */
	uint32_t at, len;
	uint8_t size;
	bool big_endian;
};
/* What plugin_put_args writes at most. */
size_t plugin_args_room(const struct plugin_args *args);
/* "(0x11, 0x22)", as the kernel's own text has them where it knows no types; nothing if there are none. */
char *plugin_put_args(char *p, const struct plugin_args *args);

/*
 * Copies @len bytes out of this process: those a print format's function is given the place of,
 * which a damaged format may place anywhere. False: they are not all there.
 */
bool plugin_peek(uint64_t addr, void *ret, size_t len);

#endif

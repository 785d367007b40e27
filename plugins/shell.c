// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What makes a shared object of a table (PLUGIN_TABLE): libtraceevent's entries, and
 * tracecmd's (tracecmd-plugin.h). libtraceevent calls them from one thread at a time; several handles may
 * have the plugin loaded.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "plugins/calls.h"
#include "plugins/plugins.h"

#define EXPORT __attribute__((visibility("default")))

extern const struct tracecmd_plugin PLUGIN_TABLE;
static const struct tracecmd_plugin *const table = &PLUGIN_TABLE;

/* What the program may have (traceevent/event-parse.h, trace-cmd): names of guests' functions, a format
 * of times. */
extern __typeof__(tep_plugin_kvm_get_func) tep_plugin_kvm_get_func __attribute__((weak));
extern __typeof__(tep_plugin_kvm_put_func) tep_plugin_kvm_put_func __attribute__((weak));
EXPORT extern const char *tep_func_repeat_format __attribute__((weak));
#define TIME_FORMAT "%6.1000d"

/* One text in one handle. */
struct shown {
	struct loaded *loaded;
	const struct tracecmd_plugin_text *text;
	struct tep_event *event;	/* that the binding is for */
	bool bound;
	struct plugin_binding at;
};

/* The plugin in one handle. */
struct loaded {
	struct loaded *next;
	struct tep_handle *tep;
	struct shown *shown;		/* as many as texts */
	struct buf text;
	struct calls calls;
	void *names;			/* of functions: tsearch(3) */
};
static struct loaded *all;

/* libtraceevent sets these. */
static struct tep_plugin_option options[TRACECMD_PLUGIN_OPTIONS + 1];

static uint64_t options_now(void)
{
	uint64_t on = 0;

	for (unsigned i = 0; i < TRACECMD_PLUGIN_OPTIONS && options[i].name; i++)
		on |= (uint64_t)!!options[i].set << i;
	return on;
}

EXPORT const struct tracecmd_plugin *TRACECMD_PLUGIN_ENTRY(uint64_t *ret_options);
const struct tracecmd_plugin *TRACECMD_PLUGIN_ENTRY(uint64_t *ret_options)
{
	*ret_options = options_now();
	return table;
}

/* ---- what texts ask for ---------------------------------------------------------------- */

struct asked {
	struct tracecmd_plugin_call call;
	struct loaded *loaded;
	struct tep_event *event;
	struct tep_record *record;
	const char *guest_name;		/* to be given back */
};

static struct asked *asked_of(const struct tracecmd_plugin_call *call)
{
	return (struct asked *)call;
}

static bool find_symbol(const struct tracecmd_plugin_call *call, uint64_t addr,
			struct tracecmd_plugin_symbol *ret)
{
	struct tep_handle *tep = asked_of(call)->loaded->tep;
	const char *name = tep_find_function(tep, addr);

	if (!name)
		return false;
	*ret = (struct tracecmd_plugin_symbol){ .name = name, .len = strlen(name),
						.start = tep_find_function_address(tep, addr) };
	return true;
}

static bool find_guest_symbol(const struct tracecmd_plugin_call *call, uint64_t addr,
			      struct tracecmd_plugin_symbol *ret)
{
	struct asked *a = asked_of(call);
	unsigned long long start = addr;
	const char *name = tep_plugin_kvm_get_func ?
		tep_plugin_kvm_get_func(a->event, a->record, &start) : NULL;

	if (!name)
		return false;
	a->guest_name = name;
	*ret = (struct tracecmd_plugin_symbol){ .name = name, .len = strlen(name), .start = start };
	return true;
}

static char *make_room(const struct tracecmd_plugin_call *call, char *p, size_t more)
{
	struct buf *text = &asked_of(call)->loaded->text;

	text->len = p - text->data;
	return buf_room(text, more);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* One copy of each: a program's names may go before the plugin does. NULL: no memory. */
static const char *own_name(struct loaded *l, const char *name)
{
	void *found = name ? tfind(name, &l->names, compare_names) : NULL;
	char *copy;

	if (!name || found)
		return found ? *(const char **)found : NULL;
	copy = strdup(name);
	if (copy && !tsearch(copy, &l->names, compare_names)) {
		free(copy);
		return NULL;
	}
	return copy;
}

static char *indent(const struct tracecmd_plugin_call *call, char *p, const char *parent,
		    const char *func, size_t more)
{
	struct loaded *l = asked_of(call)->loaded;
	const char *own_parent = own_name(l, parent);
	size_t blanks = own_parent ? CALLS_INDENT *
		calls_level(&l->calls, call->cpu, own_parent, own_name(l, func)) : 0;

	p = make_room(call, p, blanks + more);
	return p ? put_fill(p, ' ', blanks) : NULL;
}

static char *put_time(const struct tracecmd_plugin_call *call, char *p, uint64_t ts)
{
	const struct asked *a = asked_of(call);
	struct tep_record record = *a->record;
	struct trace_seq s;

	record.ts = ts;
	trace_seq_init(&s);
	if (s.state != TRACE_SEQ__GOOD)
		return p;
	tep_print_event(a->event->tep, &s, &record,
			&tep_func_repeat_format ? tep_func_repeat_format : TIME_FORMAT, TEP_PRINT_TIME);
	trace_seq_terminate(&s);
	if (s.state == TRACE_SEQ__GOOD)
		p = put_bytes(p, s.buffer, strnlen(s.buffer, 40));
	trace_seq_destroy(&s);
	return p;
}

/* ---- handlers ---------------------------------------------------------------------------- */

static void tell_task(struct tep_event *event, const struct asked *a, const char *pid, const char *comm)
{
	struct tep_format_field *f = tep_find_any_field(event, comm);
	unsigned long long v;
	char name[64];

	if (!f || f->flags & TEP_FIELD_IS_DYNAMIC || f->offset < 0 || f->size <= 0 ||
	    (uint32_t)f->offset + f->size > a->call.len ||
	    tep_get_any_field_val(NULL, event, pid, a->record, &v, 0))
		return;
	snprintf(name, sizeof(name), "%.*s", f->size, (const char *)a->call.data + f->offset);
	tep_register_comm(event->tep, name, v);
}

/* libtraceevent keeps the first name that it is told. */
static void tell_tasks(struct tep_event *event, const struct asked *a)
{
	tell_task(event, a, "pid", "comm");
	tell_task(event, a, "prev_pid", "prev_comm");
	tell_task(event, a, "next_pid", "next_comm");
}

static void ask(struct shown *shown, struct tep_record *record, struct tep_event *event, struct asked *ret)
{
	*ret = (struct asked){
		.call = {
			.size = sizeof(ret->call), .len = record->size, .data = record->data,
			.fields = shown->at.fields, .ts = record->ts, .options = options_now(),
			.cpu = record->cpu, .long_size = tep_get_long_size(event->tep),
			.big_endian = tep_is_file_bigendian(event->tep), .symbol = find_symbol,
			.guest_symbol = find_guest_symbol, .room = make_room, .indent = indent,
			.time = put_time,
		},
		.loaded = shown->loaded, .event = event, .record = record,
	};
}

/* libtraceevent: not 0 has the print format's text follow. */
static int handle(struct trace_seq *s, struct tep_record *record, struct tep_event *event, void *context)
{
	struct shown *shown = context;
	struct loaded *l = shown->loaded;
	struct asked a;
	char *p;

	if (shown->event != event) {
		shown->bound = plugin_bind(shown->text, event, &shown->at);
		shown->event = event;
	}
	if (!shown->bound || record->size < 0 || (uint32_t)record->size < shown->at.end)
		return -1;
	ask(shown, record, event, &a);
	if (shown->text->options && !(shown->text->options & a.call.options))
		return -1;
	buf_clear(&l->text);
	p = buf_room(&l->text, shown->at.room + 1);
	p = p ? shown->text->text(&a.call, p) : NULL;
	if (p)
		trace_seq_printf(s, "%.*s", (int)(p - l->text.data), l->text.data);
	if (a.guest_name && tep_plugin_kvm_put_func)
		tep_plugin_kvm_put_func(a.guest_name);
	if (p && shown->text->tells_tasks)
		tell_tasks(event, &a);
	return p && !shown->text->prefix ? 0 : -1;
}

/* ---- functions of print formats ------------------------------------------------------------- */

/*
 * libtraceevent names no function when it calls one, so each of a table has an
 * entry of its own here. @s takes the text of those that give one.
 */
static unsigned long long call_function(unsigned nr, struct trace_seq *s, unsigned long long *args)
{
	const struct tracecmd_plugin_function *f = &table->functions[nr];
	uint64_t copy[8] = { 0 };
	char *text, *end;

	for (size_t i = 0; f->args[i] && i < ARRAY_SIZE(copy); i++)
		copy[i] = args[i];
	if (f->number)
		return f->number(copy);
	text = malloc(f->room + 1);
	if (!text)
		return 0;
	end = f->text(copy, text);
	trace_seq_printf(s, "%.*s", (int)(end - text), text);
	free(text);
	return 0;
}

#define FUNCTION(nr) \
static unsigned long long function_##nr(struct trace_seq *s, unsigned long long *args) \
{ \
	return call_function(nr, s, args); \
}
FUNCTION(0)
FUNCTION(1)
static const tep_func_handler entries[] = { function_0, function_1 };

static enum tep_func_arg_type arg_type(const char *args, unsigned nr)
{
	if (nr >= strlen(args))
		return TEP_FUNC_ARG_VOID;
	return args[nr] == 'i' ? TEP_FUNC_ARG_INT : args[nr] == 'l' ? TEP_FUNC_ARG_LONG : TEP_FUNC_ARG_PTR;
}

static void add_function(struct tep_handle *tep, unsigned nr)
{
	const struct tracecmd_plugin_function *f = &table->functions[nr];

	tep_register_print_function(tep, entries[nr], f->text ? TEP_FUNC_ARG_STRING : TEP_FUNC_ARG_LONG,
				    (char *)f->name, arg_type(f->args, 0), arg_type(f->args, 1),
				    arg_type(f->args, 2), TEP_FUNC_ARG_VOID);
}

/* ---- loading --------------------------------------------------------------------------------- */

static unsigned nr_texts(void)
{
	unsigned nr = 0;

	while (table->texts && table->texts[nr].system)
		nr++;
	return nr;
}

static void add_options(void)
{
	const struct tracecmd_plugin_option *o = table->options;

	if (!o || options[0].name)
		return;
	for (unsigned i = 0; o[i].name && i < TRACECMD_PLUGIN_OPTIONS; i++)
		options[i] = (struct tep_plugin_option){
			.name = (char *)o[i].name, .plugin_alias = (char *)table->name,
			.description = (char *)o[i].description, .set = o[i].on,
		};
	tep_plugin_add_options(table->name, options);
}

EXPORT int TEP_PLUGIN_LOADER(struct tep_handle *tep);
int TEP_PLUGIN_LOADER(struct tep_handle *tep)
{
	struct loaded *l = calloc(1, sizeof(*l));
	unsigned nr = nr_texts();

	if (!l)
		return -ENOMEM;
	l->shown = calloc(nr + 1, sizeof(*l->shown));
	if (!l->shown) {
		free(l);
		return -ENOMEM;
	}
	*l = (struct loaded){ .next = all, .tep = tep, .shown = l->shown };
	all = l;
	add_options();
	for (unsigned i = 0; i < nr; i++) {
		const struct tracecmd_plugin_text *t = &table->texts[i];

		l->shown[i] = (struct shown){ .loaded = l, .text = t };
		tep_register_event_handler(tep, -1, t->system, t->event, handle, &l->shown[i]);
	}
	for (unsigned i = 0; table->functions && table->functions[i].name; i++)
		add_function(tep, i);
	return 0;
}

static void release(struct loaded *l)
{
	tdestroy(l->names, free);
	calls_release(&l->calls);
	buf_release(&l->text);
	free(l->shown);
	free(l);
}

EXPORT int TEP_PLUGIN_UNLOADER(struct tep_handle *tep);
int TEP_PLUGIN_UNLOADER(struct tep_handle *tep)
{
	struct loaded **at = &all, *l;

	while (*at && (*at)->tep != tep)
		at = &(*at)->next;
	l = *at;
	if (!l)
		return 0;
	*at = l->next;
	for (unsigned i = 0; i < nr_texts(); i++)
		tep_unregister_event_handler(tep, -1, table->texts[i].system, table->texts[i].event,
					     handle, &l->shown[i]);
	for (unsigned i = 0; table->functions && table->functions[i].name; i++)
		tep_unregister_print_function(tep, entries[i], (char *)table->functions[i].name);
	release(l);
	if (!all && options[0].name) {
		tep_plugin_remove_options(options);
		options[0].name = NULL;
	}
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Texts that are tables of plugins/ make: those built in, equal to libtraceevent's plugins (1.7.1), and those of
 * shared objects that have tracecmd's entry beside libtraceevent's.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "event/builtin.h"
#include "event/fixups.h"

/* Of the program or libtracecmd, as libtraceevent's plugin_kvm asks for it. */
extern __typeof__(tep_plugin_kvm_get_func) tep_plugin_kvm_get_func __attribute__((weak));

static const struct ctx_asked *asked_of(const struct tracecmd_plugin_call *call)
{
	return (const struct ctx_asked *)call;
}

static bool find_symbol(const struct tracecmd_plugin_call *call, uint64_t addr,
			struct tracecmd_plugin_symbol *ret)
{
	const struct ctx_symbol *s = ctx_symbol(asked_of(call)->ctx, addr);

	if (!s->name)
		return false;
	ret->name = s->name;
	ret->len = s->len;
	ret->start = s->start;
	return true;
}

static bool find_guest_symbol(const struct tracecmd_plugin_call *call, uint64_t addr,
			      struct tracecmd_plugin_symbol *ret)
{
	struct tep_record record = { .data = (void *)call->data, .size = call->len, .record_size = call->len,
				     .ts = call->ts, .cpu = call->cpu, .ref_count = 1 };
	unsigned long long start = addr;
	const char *name = tep_plugin_kvm_get_func ?
		tep_plugin_kvm_get_func(asked_of(call)->slot->event, &record, &start) : NULL;

	if (!name)
		return false;
	*ret = (struct tracecmd_plugin_symbol){ .name = name, .len = strlen(name), .start = start };
	return true;
}

static char *make_room(const struct tracecmd_plugin_call *call, char *p, size_t more)
{
	struct buf *out = asked_of(call)->out;

	out->len = p - out->data;
	return buf_room(out, more);
}

static char *indent(const struct tracecmd_plugin_call *call, char *p, const char *parent,
		    const char *func, size_t more)
{
	const struct ctx_asked *a = asked_of(call);

	a->out->len = p - a->out->data;
	ctx_put_indent(a->ctx, call->cpu, parent, func, a->out);
	return buf_room(a->out, more);
}

static char *put_time(const struct tracecmd_plugin_call *call, char *p, uint64_t ts)
{
	return ctx_put_time(asked_of(call)->ctx, p, ts);
}

void plugin_text_prepare(struct event_ctx *ctx)
{
	ctx->asked = (struct ctx_asked){
		.call = {
			.size = sizeof(ctx->asked.call), .long_size = ctx->db->opts.long_size,
			.big_endian = ctx->db->opts.big_endian, .symbol = find_symbol,
			.guest_symbol = find_guest_symbol, .room = make_room, .indent = indent,
			.time = put_time,
		},
		.ctx = ctx,
	};
}

static const struct tracecmd_plugin_call *ask(struct event_ctx *ctx, const struct event_slot *slot,
					      const struct event_record *rec, struct buf *out)
{
	struct ctx_asked *a = &ctx->asked;

	if (a->slot != slot) {
		a->slot = slot;
		a->call.fields = slot->bound->at.fields;
		a->call.options = slot->bound->options;
	}
	a->out = out;
	a->call.data = rec->data;
	a->call.len = rec->len;
	a->call.cpu = rec->cpu;
	a->call.ts = rec->ts;
	return &a->call;
}

static enum event_builtin table_text(struct event_ctx *ctx, const struct event_slot *slot,
				     const struct event_record *rec, const struct event_next *next,
				     struct buf *out)
{
	const struct tracecmd_plugin_text *text = slot->bound->at.text;
	char *p = buf_room(out, slot->bound->at.room + 1);
	size_t start = out->len;

	(void)next;
	if (!p)
		return BUILTIN_DONE;
	p = text->text(ask(ctx, slot, rec, out), p);
	if (!p) {
		if (out->failed)
			return BUILTIN_DONE;
		out->len = start;
		return BUILTIN_NOT;
	}
	buf_wrote(out, p);
	if (text->tells_tasks)
		ctx_learn(ctx, slot, rec);
	return text->prefix ? BUILTIN_PART : BUILTIN_DONE;
}

/* Whether @plugin makes the event's text now. */
static bool use_text(struct event_slot *slot, const struct tracecmd_plugin_text *text, uint64_t options)
{
	struct event_bound *b;

	if (!text || (text->options && !(text->options & options)))
		return false;
	b = malloc(sizeof(*b));
	if (!b || !plugin_bind(text, slot->event, &b->at)) {
		free(b);
		return false;
	}
	b->options = options;
	slot->bound = b;
	/* behind a prefix the print format's text will follow */
	slot->text_end = text->prefix && slot->check.fixed_end > b->at.end ? slot->check.fixed_end : b->at.end;
	slot->text = table_text;
	return true;
}

void plugin_text_find(const struct event_db *db, struct event_slot *slot, bool asked)
{
	for (size_t i = 0; i < PLUGINS_NR; i++) {
		const struct tracecmd_plugin_text *text =
			plugin_find_text(plugins_all[i], slot->pub.system, slot->pub.name);

		if (text && (text->options || !asked) && use_text(slot, text, db->table_options[i]))
			return;
	}
}

void plugin_text_find_of(struct event_slot *slot, const char *file)
{
	tracecmd_plugin_entry_fn entry = plugin_entry(file);
	const struct tracecmd_plugin_text *text;
	const struct tracecmd_plugin *plugin;
	uint64_t options = 0;

	plugin = entry ? entry(&options) : NULL;
	if (!plugin || plugin->size < sizeof(*plugin))
		return;
	text = plugin_find_text(plugin, slot->pub.system, slot->pub.name);
	if (text && !use_text(slot, text, options))
		/* its handler has nothing to say either while no option asks for it */
		slot->plugin = !text->options || text->options & options;
}

tracecmd_plugin_entry_fn plugin_entry(const char *file)
{
	/* it is loaded, and stays it for as long as the db */
	void *lib = dlopen(file, RTLD_NOW | RTLD_NOLOAD);
	tracecmd_plugin_entry_fn entry = NULL;

	if (!lib)
		return NULL;
	entry = (tracecmd_plugin_entry_fn)dlsym(lib, TRACECMD_PLUGIN_ENTRY_NAME);
	dlclose(lib);
	return entry;
}

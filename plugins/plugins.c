// SPDX-License-Identifier: LGPL-2.1-or-later
/* The list of tables, and what all of them need. */
#include <sys/uio.h>
#include <unistd.h>

#include "plugins/plugins.h"

static bool is_number(const struct tep_format_field *f)
{
	return !(f->flags & TEP_FIELD_IS_ARRAY) &&
	       (f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8);
}

static bool is_kind(const struct tep_format_field *f, enum tracecmd_plugin_kind kind)
{
	const bool dynamic = f->flags & TEP_FIELD_IS_DYNAMIC;

	if (f->offset < 0 || f->size < 0)
		return false;
	switch (kind) {
	case TRACECMD_PLUGIN_NUMBER:
		return is_number(f);
	case TRACECMD_PLUGIN_BYTES:
	case TRACECMD_PLUGIN_STRING:
		return !dynamic && f->size > 0;
	case TRACECMD_PLUGIN_DYNAMIC:
		return dynamic && f->size == 4;
	case TRACECMD_PLUGIN_REST:
		return !dynamic;
	}
	return false;
}

/* libtraceevent's other half of a pair of names is looked for as its plugins do. */
static struct tep_format_field *find_field(struct tep_event *event, const struct tracecmd_plugin_want *want)
{
	struct tep_format_field *f = tep_find_any_field(event, want->name);

	return f || !want->other_name ? f : tep_find_any_field(event, want->other_name);
}

bool plugin_bind(const struct tracecmd_plugin_text *text, struct tep_event *event,
		 struct plugin_binding *ret)
{
	const struct tracecmd_plugin_want *want = text->fields;

	*ret = (struct plugin_binding){ .text = text, .room = text->room };
	for (unsigned i = 0; want && want[i].name; i++) {
		struct tep_format_field *f = find_field(event, &want[i]);
		struct tracecmd_plugin_field *at = &ret->fields[i];

		if (i == TRACECMD_PLUGIN_FIELDS)
			return false;
		if (!f && want[i].optional)
			continue;
		if (!f || !is_kind(f, want[i].kind))
			return false;
		at->offset = f->offset;
		at->size = want[i].kind == TRACECMD_PLUGIN_REST ? 0 : f->size;
		at->relative = f->flags & TEP_FIELD_IS_RELATIVE;
		if (at->offset + at->size > ret->end)
			ret->end = at->offset + at->size;
		if (want[i].kind == TRACECMD_PLUGIN_STRING)
			ret->room += at->size;
	}
	return true;
}

const struct tracecmd_plugin_text *plugin_find_text(const struct tracecmd_plugin *plugin,
						    const char *system, const char *event)
{
	const struct tracecmd_plugin_text *t = plugin->texts;

	for (; t && t->system; t++)
		if (!strcmp(t->event, event) && !strcmp(t->system, system))
			return t;
	return NULL;
}

uint64_t plugin_default_options(const struct tracecmd_plugin *plugin)
{
	const struct tracecmd_plugin_option *o = plugin->options;
	uint64_t on = 0;

	for (unsigned i = 0; o && o[i].name && i < TRACECMD_PLUGIN_OPTIONS; i++)
		on |= (uint64_t)o[i].on << i;
	return on;
}

static uint32_t args_nr(const struct plugin_args *args)
{
	if ((args->size != 4 && args->size != 8) || args->at > args->len)
		return 0;
	return (args->len - args->at) / args->size;
}

size_t plugin_args_room(const struct plugin_args *args)
{
	return args_nr(args) * (NUMBER_MAX + sizeof(", ")) + sizeof("()");
}

char *plugin_put_args(char *p, const struct plugin_args *args)
{
	const uint32_t nr = args_nr(args);

	for (uint32_t i = 0; i < nr; i++) {
		uint64_t v = 0;

		get_uint(args->data + args->at + i * args->size, args->size, args->big_endian, &v);
		p = put_0x(put_bytes(p, i ? ", " : "(", i ? 2 : 1), v);
	}
	if (nr)
		*p++ = ')';
	return p;
}

bool plugin_peek(uint64_t addr, void *ret, size_t len)
{
	struct iovec from = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };
	struct iovec to = { .iov_base = ret, .iov_len = len };

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)len;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "list_full.h"

#define NAME_COLUMN 10

/* ---- its state, place by place --------------------------------------------- */

/* The file of the event; false if there is none, as for the events of "ftrace". */
static bool read_file(const struct kernel_instance *in, const struct kernel_event *ev, const char *what, struct buf *ret)
{
	AUTO_BUF struct buf file = { 0 };

	buf_clear(ret);
	buf_printf(&file, "events/%s/%s/%s", ev->system, ev->name, what);
	return !file.failed && !kernel_read(in, file.data, ret) && ret->len;
}

struct told { const char *head, *place; };

/* A line of a control file behind what it is and where; of several each. */
static int print_state_line(void *ctx, const char *line)
{
	const struct told *t = ctx;

	/* an event without triggers lists those there could be, as a comment */
	if (*line && *line != '#')
		out_printf("  %-*s%s%s%s%s\n", NAME_COLUMN, t->head, line, *t->place ? "  (instance '" : "", t->place,
			   *t->place ? "')" : "");
	return 0;
}

static void print_state(const struct kernel_instance *in, const struct kernel_event *ev)
{
	const char *place = kernel_instance_name(in);
	AUTO_BUF struct buf text = { 0 };
	struct told enabled = { "enabled", place }, filter = { "filter", place }, trigger = { "trigger", place };

	if (!read_file(in, ev, "enable", &text))
		return;
	/* "0", "1", and a '*' if only a trigger has it on, softly */
	if (!*place || *text.data == '1')
		print_state_line(&enabled, *text.data == '1' ? "yes" : "no");
	if (read_file(in, ev, "filter", &text) && strcmp(text.data, "none\n"))
		kernel_each_line(text.data, print_state_line, &filter);
	if (read_file(in, ev, "trigger", &text))
		kernel_each_line(text.data, print_state_line, &trigger);
}

/* ---- its fields -------------------------------------------------------------- */

/* "\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;" */
struct field {
	const char *decl, *name;	/* the name ends where a letter, digit or '_' does not follow */
	size_t decl_len, name_len;
	unsigned offset, size;
	bool is_text, is_signed;
};

static bool read_field(const char *line, struct field *ret)
{
	const char *decl, *end, *at;

	if (strncmp(line, "\tfield:", 7))
		return false;
	decl = line + 7;
	end = strchr(decl, ';');
	if (!end || sscanf(end, ";\toffset:%u;\tsize:%u;", &ret->offset, &ret->size) != 2)
		return false;
	at = memchr(decl, '[', end - decl) && strncmp(decl, "__", 2) ? strchr(decl, '[') : end;
	ret->decl = decl;
	ret->decl_len = end - decl;
	ret->name = at;
	while (ret->name > decl && !strchr(" *", ret->name[-1]))
		ret->name--;
	ret->name_len = at - ret->name;
	ret->is_text = memmem(decl, end - decl, "char", 4) && memchr(decl, '[', end - decl);
	ret->is_signed = strstr(end, "signed:1") != NULL;
	return ret->name_len && strncmp(ret->name, "common_", 7);
}

/* The first one, to show how it is used. */
struct example { char field[64]; bool is_text; };

static int print_field(void *ctx, const char *line)
{
	struct example *ex = ctx;
	struct field f;

	if (!read_field(line, &f))
		return 0;
	if (!*ex->field && f.name_len < sizeof(ex->field) && strncmp(f.name, "__", 2)) {
		memcpy(ex->field, f.name, f.name_len);
		ex->is_text = f.is_text;
	}
	out_printf("  %-*s%.*s  (%u byte%s at %u%s)\n", NAME_COLUMN, "field", (int)f.decl_len, f.decl, f.size,
		   f.size == 1 ? "" : "s", f.offset, f.is_signed ? ", signed" : "");
	return 0;
}

static int print_how(void *ctx, const char *line)
{
	(void)ctx;
	if (!strncmp(line, "print fmt: ", 11))
		out_printf("  %-*s%s\n", NAME_COLUMN, "print", line + 11);
	return 0;
}

/* ---- what can be done with it -------------------------------------------------- */

static bool has_hists(const struct kernel_instance *in, const struct kernel_event *ev)
{
	AUTO_BUF struct buf file = { 0 };

	buf_printf(&file, "events/%s/%s/hist", ev->system, ev->name);
	return !file.failed && kernel_has(in, file.data);
}

static void print_examples(const struct kernel_event *ev, const struct example *ex, bool hists)
{
	out_printf("  %-*stracecmd record -e %s:%s", NAME_COLUMN, "examples", ev->system, ev->name);
	if (*ex->field)
		out_printf(" -f '%s %s'", ex->field, ex->is_text ? "~ \"*a*\"" : "> 0");
	out_printf(" sleep 1\n  %-*stracecmd count -a -e %s:%s sleep 1\n", NAME_COLUMN, "", ev->system, ev->name);
	if (*ex->field && hists)
		out_printf("  %-*stracecmd trigger add %s:%s 'hist:keys=%s'\n", NAME_COLUMN, "", ev->system, ev->name,
			   ex->field);
}

int list_event_full(struct kernel *k, const struct kernel_event *ev, const struct kernel_words *instances,
		    struct err *e)
{
	AUTO_BUF struct buf format = { 0 }, enable = { 0 };
	struct example example = { 0 };

	if (!read_file(kernel_top(k), ev, "format", &format)) {
		err_set(e, -ENOENT, "cannot list %s:%s: its format cannot be read", ev->system, ev->name);
		return EXIT_FAILED;
	}
	out_printf("%s:%s\n", ev->system, ev->name);
	print_state(kernel_top(k), ev);
	for (size_t i = 0; i < instances->nr; i++) {
		struct kernel_instance *in;

		/* one that has just been removed has no state */
		if (!kernel_instance_get(k, instances->v[i], false, &in, NULL))
			print_state(in, ev);
	}
	kernel_each_line(format.data, print_field, &example);
	kernel_each_line(format.data, print_how, NULL);
	if (read_file(kernel_top(k), ev, "enable", &enable))
		print_examples(ev, &example, has_hists(kernel_top(k), ev));
	out_printf("\n");
	return EXIT_OK;
}

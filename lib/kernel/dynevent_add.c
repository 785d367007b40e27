// SPDX-License-Identifier: LGPL-2.1-or-later
/* Fitting a definition to this kernel and its programs, and making the event. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/dyn_internal.h"

#define NAMES_TRIED 1000
#define RACES_LOST 16

/* ---- what this kernel has ------------------------------------------------- */

static bool in_readme(struct kernel *k, const char *word)
{
	AUTO_BUF struct buf text = { 0 };

	return !kernel_read(kernel_top(k), "README", &text) && strstr(text.data, word);
}

int kernel_dyn_has(struct kernel *k, unsigned type, struct err *e)
{
	static const struct {
		unsigned types;
		const char *file, *readme, *function;	/* one of which shows it */
		const char *what, *config;
	} kinds[] = {
		{ KERNEL_DYN_ALL, "dynamic_events", NULL, NULL, "dynamic events", "CONFIG_DYNAMIC_EVENTS, Linux 5.0" },
		{ KERNEL_DYN_KPROBE | KERNEL_DYN_KRETPROBE, "kprobe_events", NULL, NULL, "probes of its functions",
		  "CONFIG_KPROBE_EVENTS" },
		{ KERNEL_DYN_UPROBE | KERNEL_DYN_URETPROBE, "uprobe_events", NULL, NULL, "probes of programs",
		  "CONFIG_UPROBE_EVENTS" },
		{ KERNEL_DYN_SYNTH, "synthetic_events", NULL, NULL, "synthetic events", "CONFIG_SYNTH_EVENTS" },
		{ KERNEL_DYN_FPROBE, NULL, "f[:[", NULL, "function probes", "CONFIG_FPROBE_EVENTS, Linux 6.5" },
		{ KERNEL_DYN_TPROBE, NULL, "t[:[", NULL, "tracepoint probes", "CONFIG_FPROBE_EVENTS, Linux 6.5" },
		/* README has their syntax whether there are any or not */
		{ KERNEL_DYN_EPROBE, NULL, NULL, "eprobe_dyn_event_create", "event probes",
		  "CONFIG_EPROBE_EVENTS, before Linux 6.17 CONFIG_PROBE_EVENTS; Linux 5.15" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool has;

		if (!(kinds[i].types & type))
			continue;
		if (kinds[i].file)
			has = kernel_has(kernel_top(k), kinds[i].file);
		else
			has = kinds[i].readme ? in_readme(k, kinds[i].readme) : kallsyms_has(kinds[i].function);
		if (has)
			continue;
		err_set(e, -EOPNOTSUPP, "this kernel knows no %s", kinds[i].what);
		err_hint(e, "they need %s", kinds[i].config);
		return -EOPNOTSUPP;
	}
	return 0;
}

/* ---- programs ------------------------------------------------------------- */

/*
 * Puts "SYMBOL[+OFFSET]" into the file's terms. A probe amid an instruction makes another of it, which the program
 * then runs.
 */
static int symbol_offset(const struct kernel_dyn_def *d, const char *symbol, const char *plus, uint64_t *ret,
			 enum elf_begins *begins, struct err *e)
{
	uint64_t more = 0;
	int r;

	if (plus && parse_u64(plus + 1, &more))
		return dyn_refuse(e, d->text, d->place_at, "'%s' is no offset behind a symbol", plus + 1);
	if (more && d->head[0] == 'r')
		return dyn_refuse(e, d->text, d->place_at, "where '%s' returns is found at its beginning only: no offset belongs "
				  "here", symbol);
	r = elf_symbol_offset(d->path, symbol, more, ret, begins, e);
	if (!r && *begins == ELF_BEGINS_NONE) {
		r = dyn_refuse(e, d->text, d->place_at, "no instruction begins at %s+%s: a probe there would have the program "
			       "crash", symbol, plus + 1);
		err_hint(e, "'objdump -d' shows where they begin");
	}
	return r;
}

/* "FILE:LINE" */
static int line_offset(const struct kernel_dyn_def *d, const char *place, uint64_t *ret, struct err *e)
{
	const char *colon = strrchr(place, ':');
	AUTO_FREE char *file = strndup(place, colon - place);
	uint64_t line;

	if (!file)
		return err_errno(e, -ENOMEM, "cannot make a probe");
	if (parse_u64(colon + 1, &line) || !line)
		return dyn_refuse(e, d->text, d->place_at, "'%s' is no line of a source file", colon + 1);
	return dwarf_line_offset(d->path, file, line, ret, e);
}

static void tell_danger(struct kernel *k, const struct kernel_dyn_def *d, enum elf_begins begins)
{
	if (begins == ELF_BEGINS_NONE)
		notice(&k->notices, "DANGER: at '%s' of '%s' no instruction seems to begin: then the program crashes when it "
		       "gets there", d->place, d->path);
	else if (begins == ELF_BEGINS_UNKNOWN)
		notice(&k->notices, "whether an instruction begins at '%s' of '%s' is not known: if none does, the program "
		       "crashes when it gets there", d->place, d->path);
}

/*
 * "SYMBOL[+OFFSET]", "FILE:LINE" or "0xOFFSET", and behind it "%return" and "(0xREFCOUNT)" as the kernel
 * has them: the last stays, the first is told by the letter.
 */
static int place_in_program(struct kernel *k, struct kernel_dyn_def *d, uint64_t *ret, struct err *e)
{
	size_t len = strcspn(d->place, "%(");
	AUTO_FREE char *symbol = strndup(d->place, len);
	char *plus = symbol ? strchr(symbol, '+') : NULL, *place;
	const char *suffix = d->place + len;
	enum elf_begins begins = ELF_BEGINS;
	uint64_t offset;
	int r;

	if (!symbol)
		return err_errno(e, -ENOMEM, "cannot make a probe");
	if (!strncmp(suffix, "%return", 7)) {
		suffix += 7;
		d->head[0] = 'r';
	}
	if (*suffix && *suffix != '(')
		return dyn_refuse(e, d->text, d->place_at, "'%s' is no place in a program", d->place);
	if (plus)
		*plus = 0;
	if (strchr(symbol, ':')) {
		r = plus || *suffix || d->head[0] == 'r' ?
			dyn_refuse(e, d->text, d->place_at, "behind FILE:LINE nothing belongs: a line has no offset and no return") :
			line_offset(d, symbol, &offset, e);
	} else if (isdigit((unsigned char)*symbol)) {
		if (plus || parse_u64(symbol, &offset))
			return dyn_refuse(e, d->text, d->place_at, "'%s' is no offset in a program", d->place);
		r = elf_check_offset(d->path, offset, &begins, e);
	} else {
		r = symbol_offset(d, symbol, plus, &offset, &begins, e);
	}
	if (r && e && !strchr(e->text, '\n'))
		err_place(e, d->text, d->place_at);
	if (r)
		return r;
	tell_danger(k, d, begins);
	if (asprintf(&place, "0x%llx%s", (unsigned long long)offset, suffix) < 0)
		return err_errno(e, -ENOMEM, "cannot make a probe");
	free(d->place);
	d->place = place;
	*ret = offset;
	return 0;
}

/* ---- the name ------------------------------------------------------------- */

static bool is_taken(struct kernel *k, const char *group, const char *name)
{
	AUTO_BUF struct buf dir = { 0 };

	return !buf_printf(&dir, "events/%s/%s", group, name) && kernel_has(kernel_top(k), dir.data);
}

/* What is there by that name. */
static int explain_taken(struct kernel *k, const struct kernel_dyn_def *d, struct err *e)
{
	const char *at = strstr(d->text, d->name);
	struct kernel_dyn_events all = { 0 };
	int r = kernel_dyn_list(k, &all, e);

	if (r)
		return r;
	r = err_set(e, -EEXIST, "there is an event %s/%s already", d->group, d->name);
	for (size_t i = 0; i < all.nr; i++)
		if (!strcmp(all.v[i].group, d->group) && !strcmp(all.v[i].name, d->name))
			err_hint(e, "it is '%s'", all.v[i].definition);
	err_hint(e, "give another name: NAME=PLACE, or p:GROUP/NAME PLACE");
	if (at)
		err_place(e, d->text, at - d->text);
	kernel_dyn_events_release(&all);
	return r;
}

/* Letters of the place that a name may have: "module:do_x.isra.0+0x10" is do_x_isra_0_0x10. */
static int base_name(struct kernel_dyn_def *d, struct err *e)
{
	char ret[DYN_NAME_MAX - 8];
	size_t prefix = d->path || d->type == KERNEL_DYN_TPROBE ? 0 : strcspn(d->place, ":.");
	const char *from = d->place, *end;
	size_t len = 0;

	if (d->place[prefix] == ':' || (d->type == KERNEL_DYN_EPROBE && d->place[prefix]))
		from += prefix + 1;
	end = from + strcspn(from, "%(");
	if (isdigit((unsigned char)*from))
		ret[len++] = '_';
	for (; from < end && len + 1 < sizeof(ret); from++)
		ret[len++] = isalnum((unsigned char)*from) ? *from : '_';
	ret[len] = 0;
	if ((d->head[0] == 'r' || strstr(d->place, "%return")) && len + 5 < sizeof(ret))
		strcpy(ret + len, "_ret");
	d->base = strdup(ret);
	return d->base ? 0 : err_errno(e, -ENOMEM, "cannot make a probe");
}

/* The first that is free: base, base_1, base_2 ... */
static int choose_name(struct kernel *k, struct kernel_dyn_def *d, struct err *e)
{
	for (unsigned i = 0; i < NAMES_TRIED; i++) {
		char name[DYN_NAME_MAX + 1];

		if (i)
			snprintf(name, sizeof(name), "%.56s_%u", d->base, i);
		else
			snprintf(name, sizeof(name), "%s", d->base);
		if (is_taken(k, d->group, name))
			continue;
		free(d->name);
		d->name = strdup(name);
		return d->name ? 0 : err_errno(e, -ENOMEM, "cannot make a probe");
	}
	return err_set(e, -EEXIST, "%s has %u events of the name '%s' already", d->group, NAMES_TRIED, d->base);
}

/* The place, and what is fetched there. */
static int fit_place(struct kernel *k, struct kernel_dyn_def *def, bool plain, struct err *e)
{
	AUTO_BUF struct buf what = { 0 };
	uint64_t offset = 0;
	int r;

	if (def->marker)
		return dyn_fit_marker(k, def, plain, e);
	if (!def->path)
		return dyn_fit_arguments(k, def, NULL, 0, e);
	if (buf_printf(&what, "'%s' of '%s'", def->place, def->path))
		return err_errno(e, -ENOMEM, "cannot make a probe");
	r = place_in_program(k, def, &offset, e);
	return r ? r : dyn_fit_arguments(k, def, what.data, offset, e);
}

int dyn_fit(struct kernel *k, struct kernel_dyn_def *def, bool plain, struct err *e)
{
	int r = def->name ? 0 : base_name(def, e);

	if (!r)
		r = fit_place(k, def, plain, e);
	if (!r && !def->name)
		r = choose_name(k, def, e);
	else if (!r && is_taken(k, def->group, def->name))
		r = explain_taken(k, def, e);
	return r;
}

int kernel_dyn_prepare(struct kernel *k, struct kernel_dyn_def *def, struct err *e)
{
	int r = kernel_dyn_has(k, def->type, e);

	return r ? r : dyn_fit(k, def, false, e);
}

/* ---- making --------------------------------------------------------------- */

int kernel_dyn_text(const struct kernel_dyn_def *def, struct buf *ret)
{
	buf_printf(ret, "%s:%s/%s", def->head, def->group, def->name);
	if (def->path)
		buf_printf(ret, " %s:%s", def->path, def->place);
	else if (def->place)
		buf_printf(ret, " %s", def->place);
	for (size_t i = 0; i < def->args.nr; i++)
		buf_printf(ret, " %s", def->args.v[i]);
	if (def->tail)
		buf_printf(ret, " %s", def->tail);
	return ret->failed ? -ENOMEM : 0;
}

static int add_line(struct kernel *k, const struct buf *line, struct err *e)
{
	if (line->failed)
		return err_errno(e, -ENOMEM, "cannot make a probe");
	if (line->len > DYN_TEXT_MAX)
		return err_set(e, -EINVAL, "the definition takes %zu letters; the kernel reads %d of a line",
			       line->len, DYN_TEXT_MAX);
	return kernel_append(kernel_top(k), "dynamic_events", line->data, e);
}

/* All of the event's probes, or none. */
static int add_once(struct kernel *k, const struct kernel_dyn_def *def, struct err *e)
{
	AUTO_BUF struct buf line = { 0 };
	int r;

	kernel_dyn_text(def, &line);
	r = add_line(k, &line, e);
	for (size_t i = 0; !r && i < def->more.nr; i++) {
		buf_clear(&line);
		buf_printf(&line, "%s:%s/%s %s:%s", def->head, def->group, def->name, def->path, def->more.v[i]);
		r = add_line(k, &line, e);
		if (r) {
			buf_clear(&line);
			if (!buf_printf(&line, "-:%s/%s", def->group, def->name))
				kernel_append(kernel_top(k), "dynamic_events", line.data, NULL);
		}
	}
	return r;
}

int kernel_dyn_add(struct kernel *k, struct kernel_dyn_def *def, struct err *e)
{
	/* A chosen name may be somebody else's by now: then it is the next one. The kernel would
	 * join two probes with equal arguments under one name. */
	bool taken = is_taken(k, def->group, def->name);
	struct err why = { 0 };
	int r = -EEXIST;

	if (taken && !def->base)
		return explain_taken(k, def, e);
	for (unsigned i = 0; r == -EEXIST && i < RACES_LOST; i++) {
		if ((taken || i) && (!def->base || choose_name(k, def, &why)))
			break;
		why = (struct err){ 0 };
		r = add_once(k, def, &why);
	}
	if (r) {
		err_set(e, r, "%s", why.text);
		if (r == -EEXIST && !strstr(why.text, "the kernel says"))
			err_hint(e, "another event is at that place; 'tracecmd probe list' lists them");
		if (r == -EINVAL && def->path && !strstr(why.text, "the kernel says"))
			err_hint(e, "of a marker that counts its listeners all probes have to name the counter: "
				 "'tracecmd list --usdt %s' shows it", def->path);
		if (r != -EEXIST && r != -ENOMEM)
			dyn_hint_names(k, def, e);
		return r;
	}
	dyn_tell_absent(k, def);
	events_release(k);
	return 0;
}

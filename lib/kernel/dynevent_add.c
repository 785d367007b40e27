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
 * "SYMBOL[+OFFSET]" or "0xOFFSET", and behind it "%return" and "(0xREFCOUNT)" as the kernel
 * has them: the last stays, the first is told by the letter.
 */
static int place_in_program(struct kernel *k, struct kernel_dyn_def *d, struct err *e)
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
	if (isdigit((unsigned char)*symbol)) {
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
	return 0;
}

/* ---- parameters by name --------------------------------------------------- */

/* Arguments in registers, which is where the kernel looks for $argN (x86-64; others have more). */
#define IN_REGISTERS 6

struct naming {
	struct kernel_dyn_def *d;
	const char *function;
	struct dyn_arg arg;		/* whose fetch is a parameter's name; or "$arg*" */
	size_t arg_at;			/* in d->text */
	bool all, found;
	struct kernel_words *to;
	struct near near;
	const char *unclear;		/* why the numbers of those that follow are not known */
	struct err *e;
};

static const char *type_of(const struct btf_param *p, char *space, size_t size)
{
	if (p->is_pointer)
		snprintf(space, size, "x%zu", 8 * sizeof(long));
	else
		snprintf(space, size, "%c%u", p->is_signed ? 's' : 'u', 8 * p->size);
	return space;
}

static bool is_text_type(const char *type, size_t len)
{
	return (len >= 6 && !strncmp(type, "string", 6)) || (len >= 7 && !strncmp(type, "ustring", 7));
}

static int put_parameter(struct naming *n, const struct btf_param *p)
{
	char type[16];
	const struct dyn_arg *a = &n->arg;
	const char *name = a->name ? a->name : p->name, *as = a->type ? a->type : type_of(p, type, sizeof(type));
	int name_len = a->name ? (int)a->name_len : (int)strnlen(p->name, DYN_ARG_NAME_MAX);
	int as_len = a->type ? (int)a->type_len : (int)strlen(type);
	/* a text is where the parameter points to */
	bool points = p->is_pointer && a->type && is_text_type(a->type, a->type_len);
	AUTO_BUF struct buf arg = { 0 };

	buf_printf(&arg, "%.*s=%s$arg%u%s:%.*s", name_len, name, points ? "+0(" : "", p->index + 1,
		   points ? ")" : "", as_len, as);
	if (arg.failed || kernel_words_add(n->to, arg.data))
		return err_errno(n->e, -ENOMEM, "cannot make a probe");
	return 0;
}

static int try_parameter(void *ctx, const struct btf_param *p)
{
	struct naming *n = ctx;
	size_t len = n->arg.fetch_len;

	if (p->index >= IN_REGISTERS)
		n->unclear = "is not in a register";
	if (!p->size && !n->unclear)
		n->unclear = "is a structure, or stands behind one";
	near_try(&n->near, p->name);
	if (!*p->name || (!n->all && (strlen(p->name) != len || strncmp(p->name, n->arg.fetch, len))))
		return 0;
	if (n->unclear && n->all)
		return 0;
	if (n->unclear)
		return dyn_refuse(n->e, n->d->text, n->arg_at, "the parameter '%s' of %s %s: it cannot be fetched "
				  "by name", p->name, n->function, n->unclear);
	n->found = true;
	return put_parameter(n, p);
}

/* "vfs_read" of "module:vfs_read%return"; NULL where parameters are not at hand: not at the entry. */
static char *entry_function(const struct kernel_dyn_def *d, char **module)
{
	const char *colon, *function;

	*module = NULL;
	if (d->type != KERNEL_DYN_KPROBE)
		return NULL;
	colon = strchr(d->place, ':');
	function = colon ? colon + 1 : d->place;
	if (strpbrk(function, "+%") || isdigit((unsigned char)*function))
		return NULL;
	if (colon)
		*module = strndup(d->place, colon - d->place);
	return strdup(function);
}

static int no_parameter(struct naming *n)
{
	char word[DYN_NAME_MAX + 1];

	snprintf(word, sizeof(word), "%.*s", (int)n->arg.fetch_len, n->arg.fetch);
	dyn_refuse(n->e, n->d->text, n->arg_at, "%s has no parameter '%s'", n->function, word);
	near_hint(&n->near, n->e);
	err_hint(n->e, "'tracecmd list -f ^%s$ --proto' shows them", n->function);
	return -EINVAL;
}

static int name_parameter(struct naming *n, struct kernel_prototypes *p, const char *module)
{
	AUTO_FREE char *wanted = strndup(n->arg.fetch, n->arg.fetch_len);
	int r;

	if (!wanted)
		return err_errno(n->e, -ENOMEM, "cannot make a probe");
	near_init(&n->near, wanted);
	r = kernel_parameters(p, module, n->function, try_parameter, n, n->e);
	if (r < 0)
		return r;
	if (!r)
		return dyn_refuse(n->e, n->d->text, n->arg_at, "this kernel tells no parameters of '%s'; arguments "
				  "by number are $arg1, $arg2 ...", n->function);
	return n->found || n->all ? 0 : no_parameter(n);
}

/* Where the i-th argument stands in the definition's text; the place, should it not. */
static size_t arg_place(const struct kernel_dyn_def *d, size_t i)
{
	const char *p = d->text + d->place_at;

	for (size_t n = 0; n <= i; n++) {
		p = strstr(p + 1, d->args.v[n]);
		if (!p)
			return d->place_at;
	}
	return p - d->text;
}

/* Whether it names a parameter: "count", "c=count:u32"; or all of them, "$arg*". */
static bool by_name(const struct dyn_arg *a, bool *all)
{
	*all = !a->name && !a->type && a->fetch_len == 5 && !strncmp(a->fetch, "$arg*", 5);
	return *all || dyn_is_name(a->fetch, a->fetch_len);
}

static int name_parameters(struct kernel_dyn_def *d, const char *function, const char *module, struct err *e)
{
	struct kernel_prototypes *p = NULL;
	struct kernel_words to = { 0 };
	int r = 0;

	for (size_t i = 0; !r && i < d->args.nr; i++) {
		struct naming n = { .d = d, .function = function, .to = &to, .e = e };

		n.arg = dyn_arg_parts(d->args.v[i], strlen(d->args.v[i]));
		if (!by_name(&n.arg, &n.all)) {
			r = kernel_words_add(&to, d->args.v[i]) ? err_errno(e, -ENOMEM, "cannot make a probe") : 0;
			continue;
		}
		n.arg_at = arg_place(d, i);
		r = p ? 0 : kernel_prototypes_open(NULL, &(struct notices){ 0 }, &p, e);
		if (r)
			err_hint(e, "arguments by number are $arg1, $arg2 ...");
		else
			r = name_parameter(&n, p, module);
	}
	kernel_prototypes_close(p);
	if (!r) {
		kernel_words_release(&d->args);
		d->args = to;
		return 0;
	}
	kernel_words_release(&to);
	return r;
}

static int resolve_names(struct kernel_dyn_def *d, struct err *e)
{
	char *module, *function = entry_function(d, &module);
	bool all;
	int r = 0;

	if (function)
		r = name_parameters(d, function, module, e);
	for (size_t i = 0; !r && d->path && i < d->args.nr; i++) {
		struct dyn_arg a = dyn_arg_parts(d->args.v[i], strlen(d->args.v[i]));

		if (by_name(&a, &all))
			r = dyn_refuse(e, d->text, arg_place(d, i), "parameters of programs have no names here: their "
				       "registers are %%di, %%si, %%dx, %%cx, %%r8, %%r9 on x86-64");
	}
	free(function);
	free(module);
	return r;
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

int dyn_fit(struct kernel *k, struct kernel_dyn_def *def, struct err *e)
{
	int r = def->name ? 0 : base_name(def, e);

	if (!r && def->path)
		r = place_in_program(k, def, e);
	if (!r)
		r = resolve_names(def, e);
	if (!r && !def->name)
		r = choose_name(k, def, e);
	else if (!r && is_taken(k, def->group, def->name))
		r = explain_taken(k, def, e);
	return r;
}

int kernel_dyn_prepare(struct kernel *k, struct kernel_dyn_def *def, struct err *e)
{
	int r = kernel_dyn_has(k, def->type, e);

	return r ? r : dyn_fit(k, def, e);
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

static int add_once(struct kernel *k, const struct kernel_dyn_def *def, struct err *e)
{
	AUTO_BUF struct buf line = { 0 };

	if (kernel_dyn_text(def, &line))
		return err_errno(e, -ENOMEM, "cannot make a probe");
	if (line.len > DYN_TEXT_MAX)
		return err_set(e, -EINVAL, "the definition takes %zu letters; the kernel reads %d of a line",
			       line.len, DYN_TEXT_MAX);
	return kernel_append(kernel_top(k), "dynamic_events", line.data, e);
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
		if (r != -EEXIST && r != -ENOMEM)
			dyn_hint_names(k, def, e);
		return r;
	}
	dyn_tell_absent(k, def);
	events_release(k);
	return 0;
}

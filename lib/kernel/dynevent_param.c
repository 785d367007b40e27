// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Arguments of probes by name: parameters of the kernel's functions (by its type information) and of
 * programs' (by debug information), and what markers tell.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/dyn_internal.h"
#include "kernel/usdt.h"

/* Arguments in registers, which is where the kernel looks for $argN (x86-64; others have more). */
#define IN_REGISTERS 6

struct site {
	uint64_t offset, semaphore;
	char *args;
};
struct sites {
	struct site *v;
	size_t nr, cap;
};

/* Where names come from. */
struct source {
	const char *what;		/* whose they are, for messages */
	char *function, *module;	/* of the kernel; or NULL */
	struct kernel_prototypes *prototypes;
	const char *path;		/* of a program, or NULL */
	uint64_t offset;		/* in it */
	const struct sites *sites;	/* of a marker, or NULL */
	size_t site;			/* the one at hand */
};

/* One argument. */
struct naming {
	struct kernel *k;
	struct kernel_dyn_def *d;
	const struct source *from;
	struct dyn_arg arg;		/* whose fetch is a parameter's name; or "$arg*" */
	size_t arg_at;			/* in d->text */
	bool all, found;
	struct kernel_words *to;
	struct buf there;		/* names that there are */
	struct near near;
	struct err *e;
};

/* ---- the kernel's functions ----------------------------------------------------- */

struct of_kernel {
	dyn_param_fn fn;
	void *ctx;
	const char *unclear;		/* why the numbers of those that follow are not known */
};

static int tell_btf(void *ctx, const struct btf_param *from)
{
	struct of_kernel *k = ctx;
	char type[8] = "", fetch[16];
	struct dyn_param p = { .name = from->name, .fetch = fetch, .type = type, .points = from->is_pointer };

	if (from->index >= IN_REGISTERS)
		k->unclear = "is not in a register";
	if (!from->size && !k->unclear)
		k->unclear = "is a structure, or stands behind one";
	p.why = k->unclear;
	snprintf(fetch, sizeof(fetch), "$arg%u", from->index + 1);
	if (from->is_pointer)
		snprintf(type, sizeof(type), "x%zu", 8 * sizeof(long));
	else
		snprintf(type, sizeof(type), "%c%u", from->is_signed ? 's' : 'u', (8 * from->size) & 1023);
	return *p.name ? k->fn(k->ctx, &p) : 0;
}

static int each_of_kernel(struct source *s, dyn_param_fn fn, void *ctx, struct err *e)
{
	struct of_kernel k = { .fn = fn, .ctx = ctx };
	int r = s->prototypes ? 0 : kernel_prototypes_open(NULL, &(struct notices){ 0 }, &s->prototypes, e);

	if (r)
		return err_hint(e, "arguments by number are $arg1, $arg2 ...");
	r = kernel_parameters(s->prototypes, s->module, s->function, tell_btf, &k, e);
	if (r)
		return r < 0 ? r : 0;
	err_set(e, -ENODATA, "this kernel tells no parameters of '%s'", s->function);
	if (kallsyms_has(s->function))
		return err_hint(e, "arguments by number are $arg1, $arg2 ...");
	kallsyms_hint(s->function, e);
	return -ENODATA;
}

/* ---- programs and their markers ---------------------------------------------------- */

static int each_of_program(const struct source *s, dyn_param_fn fn, void *ctx, struct err *e)
{
	int r = dwarf_parameters(s->path, s->offset, fn, ctx, e);

	if (r == -ENODATA || r == -EOPNOTSUPP)
		err_hint(e, "arguments by register are %%di, %%si, %%dx, %%cx, %%r8, %%r9 on x86-64");
	return r;
}

/* The argument @nr of a place; false: it has fewer. */
static bool nth_arg(const char *text, unsigned nr, struct usdt_arg *ret)
{
	while (usdt_arg_next(&text, ret))
		if (!nr--)
			return true;
	return false;
}

/* All places are one event: what is an argument at one has to be one at each. */
static const char *why_not_everywhere(const struct sites *s, unsigned nr, const struct usdt_arg *here)
{
	for (size_t i = 0; i < s->nr; i++) {
		struct usdt_arg a;

		if (!nth_arg(s->v[i].args, nr, &a))
			return "is not there at all of the marker's places";
		if (a.why)
			return a.why;
		if (strcmp(a.type, here->type))
			return "is not of one type at all of the marker's places";
	}
	return NULL;
}

static int each_of_marker(const struct source *s, dyn_param_fn fn, void *ctx)
{
	const char *text = s->sites->v[s->site].args;
	struct usdt_arg a;
	int r = 0;

	for (unsigned nr = 0; !r && nr < DYN_ARGS_MAX && usdt_arg_next(&text, &a); nr++) {
		char name[16];
		struct dyn_param p = { .name = name, .fetch = a.fetch, .type = a.type, .points = a.points };

		snprintf(name, sizeof(name), "arg%u", nr + 1);
		p.why = why_not_everywhere(s->sites, nr, &a);
		r = fn(ctx, &p);
	}
	return r;
}

static int each_parameter(struct source *s, dyn_param_fn fn, void *ctx, struct err *e)
{
	if (s->sites)
		return each_of_marker(s, fn, ctx);
	return s->path ? each_of_program(s, fn, ctx, e) : each_of_kernel(s, fn, ctx, e);
}

/* ---- one argument ----------------------------------------------------------------- */

static bool is_text_type(const char *type, size_t len)
{
	return (len >= 6 && !strncmp(type, "string", 6)) || (len >= 7 && !strncmp(type, "ustring", 7));
}

static int put_parameter(struct naming *n, const struct dyn_param *p)
{
	const struct dyn_arg *a = &n->arg;
	const char *name = a->name ? a->name : p->name, *as = a->type ? a->type : p->type;
	int name_len = a->name ? (int)a->name_len : (int)strnlen(p->name, DYN_ARG_NAME_MAX);
	int as_len = a->type ? (int)a->type_len : (int)strlen(as);
	/* a text is where the parameter points to */
	bool points = p->points && a->type && is_text_type(a->type, a->type_len);
	AUTO_BUF struct buf arg = { 0 };

	buf_printf(&arg, "%.*s=%s%s%s:%.*s", name_len, name, points ? "+0(" : "", p->fetch, points ? ")" : "", as_len, as);
	if (arg.failed || kernel_words_add(n->to, arg.data))
		return err_errno(n->e, -ENOMEM, "cannot make a probe");
	return 0;
}

static int try_parameter(void *ctx, const struct dyn_param *p)
{
	struct naming *n = ctx;
	size_t len = n->arg.fetch_len;

	near_try(&n->near, p->name);
	buf_printf(&n->there, "%s%s", n->there.len ? ", " : "", p->name);
	if (!n->all && (strlen(p->name) != len || strncmp(p->name, n->arg.fetch, len)))
		return 0;
	if (p->why && n->all && !n->from->site)
		notice(&n->k->notices, "without '%s' of %s: it %s", p->name, n->from->what, p->why);
	if (p->why && n->all)
		return 0;
	if (p->why)
		return dyn_refuse(n->e, n->d->text, n->arg_at, "the parameter '%s' of %s %s: it cannot be fetched "
				  "by name", p->name, n->from->what, p->why);
	n->found = true;
	return put_parameter(n, p);
}

static int no_parameter(struct naming *n)
{
	char word[DYN_NAME_MAX + 1];

	snprintf(word, sizeof(word), "%.*s", (int)n->arg.fetch_len, n->arg.fetch);
	dyn_refuse(n->e, n->d->text, n->arg_at, "%s has no parameter '%s'", n->from->what, word);
	near_hint(&n->near, n->e);
	if (n->from->function)
		err_hint(n->e, "'tracecmd list -f ^%s$ --proto' shows them", n->from->function);
	else if (n->there.len)
		err_hint(n->e, "there are: %.200s", n->there.data);
	return -EINVAL;
}

static int name_parameter(struct naming *n, struct source *from)
{
	AUTO_FREE char *wanted = strndup(n->arg.fetch, n->arg.fetch_len);
	struct err why = { 0 };
	int r;

	if (!wanted)
		return err_errno(n->e, -ENOMEM, "cannot make a probe");
	near_init(&n->near, wanted);
	r = each_parameter(from, try_parameter, n, &why);
	/* what @try_parameter refused is in n->e */
	if (r && *why.text) {
		err_set(n->e, r, "%s", why.text);
		return err_place(n->e, n->d->text, n->arg_at), r;
	}
	return r || n->found || n->all ? r : no_parameter(n);
}

/* ---- all of them -------------------------------------------------------------------- */

/* Where a word stands behind the place in the definition's text; the place, should it not. */
static size_t word_place(const struct kernel_dyn_def *d, const char *word)
{
	const char *p = d->text + d->place_at;
	size_t len = strlen(word);

	for (p += strcspn(p, " \t"); *p; p += strcspn(p, " \t")) {
		p += strspn(p, " \t");
		if (strcspn(p, " \t") == len && !strncmp(p, word, len))
			return p - d->text;
	}
	return d->place_at;
}

/* Whether it names a parameter: "count", "c=count:u32"; or all of them, "$arg*". */
static bool by_name(const struct dyn_arg *a, bool *all)
{
	*all = !a->name && !a->type && a->fetch_len == 5 && !strncmp(a->fetch, "$arg*", 5);
	return *all || dyn_is_name(a->fetch, a->fetch_len);
}

/* Adds the arguments @args, with places for names, to @to. */
static int name_parameters(struct kernel *k, struct kernel_dyn_def *d, const struct kernel_words *args, struct source *from,
			   struct kernel_words *to, struct err *e)
{
	int r = 0;

	for (size_t i = 0; !r && i < args->nr; i++) {
		struct naming n = { .k = k, .d = d, .from = from, .to = to, .e = e };

		n.arg = dyn_arg_parts(args->v[i], strlen(args->v[i]));
		if (by_name(&n.arg, &n.all)) {
			n.arg_at = word_place(d, args->v[i]);
			r = name_parameter(&n, from);
			buf_release(&n.there);
		} else if (kernel_words_add(to, args->v[i])) {
			r = err_errno(e, -ENOMEM, "cannot make a probe");
		}
	}
	return r;
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

/* At a return registers hold other things. */
static int refuse_at_return(const struct kernel_dyn_def *d, struct err *e)
{
	bool all;

	for (size_t i = 0; i < d->args.nr; i++) {
		struct dyn_arg a = dyn_arg_parts(d->args.v[i], strlen(d->args.v[i]));

		if (by_name(&a, &all))
			return dyn_refuse(e, d->text, word_place(d, d->args.v[i]), "where a program's function returns its parameters "
					  "are gone: they are to be had at its beginning");
	}
	return 0;
}

int dyn_fit_arguments(struct kernel *k, struct kernel_dyn_def *d, const char *what, uint64_t offset, struct err *e)
{
	struct source from = { .what = what, .path = d->path, .offset = offset };
	struct kernel_words to = { 0 };
	int r;

	if (d->type == KERNEL_DYN_URETPROBE)
		return refuse_at_return(d, e);
	if (!d->path)
		from.function = entry_function(d, &from.module);
	if (!d->path && !from.function)
		return 0;
	if (!d->path)
		from.what = from.function;
	r = name_parameters(k, d, &d->args, &from, &to, e);
	if (!r) {
		kernel_words_release(&d->args);
		d->args = to;
		to = (struct kernel_words){ 0 };
	}
	kernel_words_release(&to);
	kernel_prototypes_close(from.prototypes);
	free(from.function);
	free(from.module);
	return r;
}

/* ---- markers --------------------------------------------------------------------------- */

struct marker_search {
	const char *wanted;		/* "PROVIDER:NAME" */
	struct sites sites;
	struct near near;
};

static int look_at_marker(void *ctx, const struct usdt_marker *m)
{
	struct marker_search *s = ctx;
	AUTO_BUF struct buf full = { 0 };
	struct site site = { .offset = m->offset, .semaphore = m->semaphore };

	if (buf_printf(&full, "%s:%s", m->provider, m->name))
		return -ENOMEM;
	if (strcmp(full.data, s->wanted)) {
		near_try(&s->near, full.data);
		return 0;
	}
	site.args = strdup(m->args);
	if (!site.args || vec_push(&s->sites, site)) {
		free(site.args);
		return -ENOMEM;
	}
	return 0;
}

static int put_place(const struct site *s, struct buf *ret)
{
	buf_printf(ret, "0x%llx", (unsigned long long)s->offset);
	if (s->semaphore)
		buf_printf(ret, "(0x%llx)", (unsigned long long)s->semaphore);
	return ret->failed ? -ENOMEM : 0;
}

/* The probe at a place: the definition's own is the first. */
static int fit_site(struct kernel *k, struct kernel_dyn_def *d, struct source *from, const struct kernel_words *asked,
		    struct err *e)
{
	AUTO_BUF struct buf line = { 0 };
	struct kernel_words args = { 0 };
	int r = put_place(&from->sites->v[from->site], &line);

	r = r ? err_errno(e, r, "cannot make a probe") : name_parameters(k, d, asked, from, &args, e);
	if (!r && !from->site) {
		free(d->place);
		d->place = strdup(line.data);
		kernel_words_release(&d->args);
		d->args = args;
		return d->place ? 0 : err_errno(e, -ENOMEM, "cannot make a probe");
	}
	for (size_t i = 0; !r && i < args.nr; i++)
		buf_printf(&line, " %s", args.v[i]);
	if (!r && (line.failed || kernel_words_add(&d->more, line.data)))
		r = err_errno(e, -ENOMEM, "cannot make a probe");
	kernel_words_release(&args);
	return r;
}

static int fit_sites(struct kernel *k, struct kernel_dyn_def *d, const struct sites *sites, bool plain, struct err *e)
{
	struct source from = { .what = d->marker, .path = d->path, .sites = sites };
	struct kernel_words asked = { 0 };
	int r = 0;

	for (size_t i = 0; !r && i < d->args.nr; i++)
		r = kernel_words_add(&asked, d->args.v[i]);
	if (!r && !d->args.nr && !plain)
		r = kernel_words_add(&asked, "$arg*");
	if (r)
		err_errno(e, r, "cannot make a probe");
	for (; !r && from.site < sites->nr; from.site++)
		r = fit_site(k, d, &from, &asked, e);
	kernel_words_release(&asked);
	return r;
}

static int no_marker(struct kernel_dyn_def *d, struct marker_search *s, struct err *e)
{
	err_set(e, -ENOENT, "'%s' has no marker '%s'", d->path, d->marker);
	near_hint(&s->near, e);
	err_hint(e, "'tracecmd list --usdt %s' lists them", d->path);
	return err_place(e, d->text, d->place_at);
}

int dyn_fit_marker(struct kernel *k, struct kernel_dyn_def *d, bool plain, struct err *e)
{
	struct marker_search s = { .wanted = d->marker };
	int r;

	near_init(&s.near, d->marker);
	r = usdt_each(d->path, look_at_marker, &s, e);
	if (r == -ENOMEM)
		err_errno(e, r, "cannot look for '%s' in '%s'", d->marker, d->path);
	else if (!r)
		r = s.sites.nr ? fit_sites(k, d, &s.sites, plain, e) : no_marker(d, &s, e);
	for (size_t i = 0; i < s.sites.nr; i++)
		free(s.sites.v[i].args);
	vec_release(&s.sites);
	return r;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Reading the definition of a dynamic event. What the kernel would cut, take for something
 * else or refuse without a place is refused here; its own refusals are better left to it.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/dyn_internal.h"

int dyn_refuse(struct err *e, const char *text, size_t at, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	err_set(e, -EINVAL, "wrong definition: %s", what);
	err_place(e, text, at);
	return -EINVAL;
}

bool dyn_is_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalpha((unsigned char)s[i]) && s[i] != '_' && (!i || !isdigit((unsigned char)s[i])))
			return false;
	return len > 0;
}

/* The text, word by word. */
struct words {
	const char *text;
	size_t at, len;			/* the word at hand; len 0: the end */
	struct err *e;
};

static void next_word(struct words *w)
{
	w->at += w->len;
	w->at += strspn(w->text + w->at, " \t");
	w->len = strcspn(w->text + w->at, " \t");
}

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot read the definition of a dynamic event");
}

static int copy(char **to, const char *s, size_t len, struct err *e)
{
	*to = strndup(s, len);
	return *to ? 0 : no_memory(e);
}

/* ---- the name ------------------------------------------------------------- */

static int take_one_name(const char *text, size_t at, size_t len, const char *what, char **to,
			 struct err *e)
{
	if (!dyn_is_name(text + at, len))
		return dyn_refuse(e, text, at, "%s is a letter or '_', then letters, digits and '_'", what);
	if (len > DYN_NAME_MAX)
		return dyn_refuse(e, text, at, "%s has %d letters at most", what, DYN_NAME_MAX);
	return copy(to, text + at, len, e);
}

/* "[GROUP/][NAME]"; the kernel takes '.' for '/' as well. */
static int take_name(struct kernel_dyn_def *d, const char *text, size_t at, size_t len, struct err *e)
{
	const char *slash = memchr(text + at, '/', len);
	size_t group;
	int ret;

	if (!slash)
		slash = memchr(text + at, '.', len);
	if (slash) {
		group = slash - (text + at);
		ret = take_one_name(text, at, group, "a group's name", &d->group, e);
		if (ret)
			return ret;
		at += group + 1;
		len -= group + 1;
		if (!len)
			return 0;
	}
	return take_one_name(text, at, len, "an event's name", &d->name, e);
}

/* ---- places --------------------------------------------------------------- */

static bool ends_in(const char *s, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && !memcmp(s + len - n, end, n);
}

/* The program's whole path: one without '/' is looked for in PATH. */
static int find_program(const char *name, char **ret, struct err *e)
{
	AUTO_FREE char *dirs = strdup(getenv("PATH") ? getenv("PATH") : "");
	char *rest = dirs, *dir;

	*ret = strchr(name, '/') ? realpath(name, NULL) : NULL;
	while (!*ret && dirs && !strchr(name, '/') && (dir = strsep(&rest, ":"))) {
		AUTO_BUF struct buf path = { 0 };

		if (!buf_printf(&path, "%s/%s", *dir ? dir : ".", name) && !access(path.data, X_OK))
			*ret = realpath(path.data, NULL);
	}
	if (*ret)
		return 0;
	if (!strchr(name, '/'))
		return err_set(e, -ENOENT, "there is no program '%s' in PATH; name it with its path", name);
	return err_errno(e, -errno, "cannot find '%s'", name);
}

/* "PATH:FILE:LINE", where a path that has a ':' itself goes first: the colon in front of FILE, or @colon. */
static const char *line_colon(const char *place, const char *colon, const char *end)
{
	const char *before = colon > place ? memrchr(place, ':', colon - place) : NULL;
	AUTO_FREE char *whole = strndup(place, colon - place);

	if (!before || before == place || before + 1 == colon || strspn(colon + 1, "0123456789") != (size_t)(end - colon - 1))
		return colon;
	return whole && !access(whole, F_OK) ? colon : before;
}

/* Letters that a marker's names have. */
static bool is_marker_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("_-.$", s[i]))
			return false;
	return len > 0;
}

#define MARKER "usdt:"
#define MARKER_LEN (sizeof(MARKER) - 1)

/* "PATH:PROVIDER:NAME": the first of both colons. NULL: it is not like that. */
static const char *marker_colon(const char *place, size_t len)
{
	const char *last = memrchr(place, ':', len), *first = last ? memrchr(place, ':', last - place) : NULL;

	return first && first > place && is_marker_name(first + 1, last - (first + 1)) &&
	       is_marker_name(last + 1, place + len - (last + 1)) ? first : NULL;
}

/* "PATH:WHAT". What the kernel cannot be given in a line is refused. */
static int take_program(struct kernel_dyn_def *d, struct words *w, bool marker)
{
	const char *place = w->text + w->at, *end = place + w->len, *colon = memrchr(place, ':', w->len);
	AUTO_FREE char *name = NULL;
	int ret;

	if (marker)
		colon = marker_colon(place, w->len);
	else if (colon && colon + 1 < end)
		colon = line_colon(place, colon, end);
	if (marker && !colon)
		return dyn_refuse(w->e, w->text, w->at, "a marker is PROGRAM:PROVIDER:NAME");
	if (!colon || colon == place)
		return dyn_refuse(w->e, w->text, w->at, "the place in a program is PROGRAM:SYMBOL, PROGRAM:FILE:LINE or PROGRAM:0xOFFSET");
	if (colon + 1 == end)
		return dyn_refuse(w->e, w->text, w->at + w->len - 1, "a symbol or an offset is missing behind ':'");
	if (memchr(colon, '/', end - colon) && !memchr(colon + 1, ':', end - (colon + 1)))
		return dyn_refuse(w->e, w->text, w->at, "this is no kind of event that would have a name behind ':', and a symbol has no "
				  "'/'");
	ret = copy(&name, place, colon - place, w->e);
	if (!ret) {
		ret = find_program(name, &d->path, w->e);
		if (ret)
			err_place(w->e, w->text, w->at);
	}
	if (!ret && strpbrk(d->path, " \t\n#"))
		return err_set(w->e, -EINVAL, "the kernel takes no path with blanks or '#': '%s'; a link with "
			       "another name to its folder will do", d->path);
	if (!ret && marker)
		ret = copy(&d->marker, colon + 1, end - (colon + 1), w->e);
	return ret ? ret : copy(&d->place, colon + 1, end - (colon + 1), w->e);
}

/* "[MODULE:]FUNCTION[+OFFSET][%return]" or an address. */
static int check_function(const char *text, size_t at, size_t len, struct err *e)
{
	size_t end = at + len, i = at;

	if (isdigit((unsigned char)text[at]))
		return 0;
	while (i < end && (isalnum((unsigned char)text[i]) || strchr("_.$:", text[i])))
		i++;
	if (i == at)
		return dyn_refuse(e, text, at, "the name of a function is missing here");
	if (i == end || text[i] == '%')
		return 0;
	if (text[i] != '+')
		return dyn_refuse(e, text, i, "'%c' is not part of a function's name", text[i]);
	if (!isdigit((unsigned char)text[i + 1]))
		return dyn_refuse(e, text, i + 1, "the offset in the function has to be a number");
	return 0;
}

/* "SYSTEM.EVENT", which may be written with '/'. */
static int check_event(const char *text, size_t at, size_t len, struct err *e)
{
	size_t system = 0;

	while (system < len && !strchr("./", text[at + system]))
		system++;
	if (system == len)
		return dyn_refuse(e, text, at, "the event that the probe hangs on is SYSTEM.EVENT");
	if (!dyn_is_name(text + at, system))
		return dyn_refuse(e, text, at, "the name of a system of events is missing here");
	if (!dyn_is_name(text + at + system + 1, len - system - 1))
		return dyn_refuse(e, text, at + system + 1, "the name of an event is missing here");
	return 0;
}

static int take_marker(struct kernel_dyn_def *d, struct words *w, bool is_return)
{
	if (w->len > MARKER_LEN && !strncmp(w->text + w->at, MARKER, MARKER_LEN)) {
		w->at += MARKER_LEN;
		w->len -= MARKER_LEN;
	}
	if (is_return)
		return dyn_refuse(w->e, w->text, w->at, "a marker is one instruction: nothing returns from it");
	d->type = KERNEL_DYN_UPROBE;
	return take_program(d, w, true);
}

static int take_place(struct kernel_dyn_def *d, struct words *w, enum kernel_dyn_where where)
{
	bool is_marker = where == KERNEL_DYN_AT_MARKER || (w->len > MARKER_LEN && !strncmp(w->text + w->at, MARKER, MARKER_LEN));
	bool is_return = d->head[0] == 'r' || ends_in(w->text + w->at, w->len, "%return");
	int ret = 0;

	if (!w->len)
		return dyn_refuse(w->e, w->text, w->at, "the place is missing: a function, PROGRAM:SYMBOL or an event");
	d->place_at = w->at;
	switch (d->head[0]) {
	case 'e':
		ret = check_event(w->text, w->at, w->len, w->e);
		break;
	case 't':
		if (!dyn_is_name(w->text + w->at, w->len))
			ret = dyn_refuse(w->e, w->text, w->at, "the name of a tracepoint is missing here");
		break;
	case 'p':
	case 'r':
		if (is_marker)
			return take_marker(d, w, is_return);
		if (where == KERNEL_DYN_IN_PROGRAM || memchr(w->text + w->at, '/', w->len)) {
			d->type = is_return ? KERNEL_DYN_URETPROBE : KERNEL_DYN_UPROBE;
			return take_program(d, w, false);
		}
		d->type = is_return ? KERNEL_DYN_KRETPROBE : KERNEL_DYN_KPROBE;
		/* fall through */
	default:
		ret = check_function(w->text, w->at, w->len, w->e);
	}
	return ret ? ret : copy(&d->place, w->text + w->at, w->len, w->e);
}

/* ---- arguments ------------------------------------------------------------ */

static int add_arg(struct kernel_dyn_def *d, struct words *w)
{
	AUTO_FREE char *arg = NULL;
	int ret = dyn_arg_check(w->text, w->at, w->len, w->e);

	if (ret)
		return ret;
	if (d->args.nr == DYN_ARGS_MAX)
		return dyn_refuse(w->e, w->text, w->at, "a probe has %d arguments at most", DYN_ARGS_MAX);
	ret = copy(&arg, w->text + w->at, w->len, w->e);
	if (!ret && kernel_words_add(&d->args, arg))
		ret = no_memory(w->e);
	return ret;
}

static int take_args(struct kernel_dyn_def *d, struct words *w)
{
	for (; w->len; next_word(w)) {
		int ret;

		if (d->type == KERNEL_DYN_EPROBE && w->len == 2 && !strncmp(w->text + w->at, "if", 2)) {
			next_word(w);
			if (!w->len)
				return dyn_refuse(w->e, w->text, w->at, "a filter is missing behind 'if'");
			d->tail = NULL;
			return asprintf(&d->tail, "if %s", w->text + w->at) < 0 ? no_memory(w->e) : 0;
		}
		ret = add_arg(d, w);
		if (ret)
			return ret;
	}
	return 0;
}

/* "TYPE FIELD; TYPE FIELD[4]; ...", which only the kernel knows the types of. */
static int take_fields(struct kernel_dyn_def *d, struct words *w)
{
	if (!w->len)
		return dyn_refuse(w->e, w->text, w->at, "a synthetic event needs a field: TYPE NAME; TYPE NAME ...");
	return copy(&d->tail, w->text + w->at, strlen(w->text + w->at), w->e);
}

/* ---- both forms ----------------------------------------------------------- */

static const struct {
	char letter;
	unsigned type;			/* unless the place says another */
	const char *group;		/* of the kernel's own choice */
	bool number;			/* digits may follow: maxactive */
} heads[] = {
	{ 'p', KERNEL_DYN_KPROBE, NULL, false }, { 'r', KERNEL_DYN_KRETPROBE, NULL, true },
	{ 'e', KERNEL_DYN_EPROBE, "eprobes", false }, { 's', KERNEL_DYN_SYNTH, "synthetic", false },
	{ 'f', KERNEL_DYN_FPROBE, "fprobes", true }, { 't', KERNEL_DYN_TPROBE, "tracepoints", false },
};

/* Whether the first word is one of the kernel's: "p", "r64:group/name"; the index in heads, or -1. */
static int find_head(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		size_t digits = heads[i].number && len ? strspn(word + 1, "0123456789") : 0;

		if (len && word[0] == heads[i].letter && (len == digits + 1 || word[digits + 1] == ':'))
			return i;
	}
	return -1;
}

static int take_kernel_form(struct kernel_dyn_def *d, struct words *w, int head, enum kernel_dyn_where where)
{
	const char *colon = memchr(w->text + w->at, ':', w->len);
	size_t len = colon ? (size_t)(colon - w->text) - w->at : w->len;
	int ret = copy(&d->head, w->text + w->at, len, w->e);

	d->type = heads[head].type;
	if (!ret && colon && len + 1 < w->len)
		ret = take_name(d, w->text, w->at + len + 1, w->len - len - 1, w->e);
	if (!ret && d->type == KERNEL_DYN_SYNTH && !d->name)
		ret = dyn_refuse(w->e, w->text, w->at + w->len, "a synthetic event needs a name: s:NAME");
	if (!ret && d->type == KERNEL_DYN_SYNTH && d->group && strcmp(d->group, "synthetic"))
		ret = dyn_refuse(w->e, w->text, w->at + len + 1, "the group of a synthetic event is 'synthetic'");
	next_word(w);
	if (!ret && d->type == KERNEL_DYN_SYNTH)
		return take_fields(d, w);
	if (!ret)
		ret = take_place(d, w, where);
	next_word(w);
	return ret ? ret : take_args(d, w);
}

/* "ret" behind the place of the short form. */
static int take_return(struct kernel_dyn_def *d, struct words *w)
{
	bool user = d->path;

	if (d->marker)
		return dyn_refuse(w->e, w->text, w->at, "a marker is one instruction: nothing returns from it");
	d->type = user ? KERNEL_DYN_URETPROBE : KERNEL_DYN_KRETPROBE;
	d->head[0] = 'r';
	next_word(w);
	return kernel_words_add(&d->args, "ret=$retval") ? no_memory(w->e) : 0;
}

static int take_short_form(struct kernel_dyn_def *d, struct words *w, enum kernel_dyn_where where)
{
	const char *equals = memchr(w->text + w->at, '=', w->len);
	const char *stop = memchr(w->text + w->at, ':', w->len);
	int ret = copy(&d->head, "p", 1, w->e);

	/* A path may hold '='; then what is in front of it is none. */
	if (!ret && equals && (!stop || equals < stop) && w->text[w->at] != '/') {
		size_t len = equals - (w->text + w->at);

		ret = take_name(d, w->text, w->at, len, w->e);
		w->at += len + 1;
		w->len -= len + 1;
	}
	if (!ret)
		ret = take_place(d, w, where);
	next_word(w);
	if (!ret && w->len == 3 && !strncmp(w->text + w->at, "ret", 3))
		ret = take_return(d, w);
	return ret ? ret : take_args(d, w);
}

/* "p10:GROUP/NAME": only returns have how many of them are kept track of. ("e1000:e1000_open" is of a module.) */
static int check_number(const char *word, size_t len, const char *text, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
		size_t digits = strspn(word + 1, "0123456789");

		if (!heads[i].number && word[0] == heads[i].letter && digits && digits + 1 < len && word[digits + 1] == ':')
			return dyn_refuse(e, text, word + 1 - text, "only the returns of functions (r, f) have a number behind the letter");
	}
	return 0;
}

/* What the kernel would take for the end of the line, or not take at all. */
static int check_text(const char *text, struct err *e)
{
	for (size_t i = 0; text[i]; i++) {
		if (text[i] == '#')
			return dyn_refuse(e, text, i, "the kernel takes '#' for the beginning of a remark");
		if ((unsigned char)text[i] < ' ' && text[i] != '\t')
			return err_set(e, -EINVAL, "the definition of a dynamic event is one line; it has the "
				       "control character \\x%02x at its byte %zu", text[i], i + 1);
		if (i >= DYN_TEXT_MAX)
			return err_set(e, -EINVAL, "a definition has %d letters at most", DYN_TEXT_MAX);
	}
	return 0;
}

static const char *default_group(const struct kernel_dyn_def *d)
{
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (heads[i].type == d->type && heads[i].group)
			return heads[i].group;
	return d->path ? "uprobes" : "kprobes";
}

int kernel_dyn_parse(const char *text, enum kernel_dyn_where where, struct kernel_dyn_def *ret, struct err *e)
{
	struct words w = { .text = text, .e = e };
	int head, r = check_text(text, e);

	*ret = (struct kernel_dyn_def){ 0 };
	if (r)
		return r;
	next_word(&w);
	if (!w.len)
		return err_set(e, -EINVAL, "the definition of a dynamic event is empty");
	if (text[w.at] == '-' || text[w.at] == '!')
		return dyn_refuse(e, text, w.at, "'%c' removes an event: that is 'tracecmd probe del'", text[w.at]);
	r = copy(&ret->text, text, strlen(text), e);
	if (!r && memchr(text + w.at, '/', w.len))
		r = check_number(text + w.at, w.len, text, e);
	head = find_head(text + w.at, w.len);
	if (!r)
		r = head >= 0 ? take_kernel_form(ret, &w, head, where) : take_short_form(ret, &w, where);
	if (!r && !ret->group)
		r = copy(&ret->group, default_group(ret), DYN_NAME_MAX, e);
	return r;
}

void kernel_dyn_def_release(struct kernel_dyn_def *def)
{
	free(def->text);
	free(def->head);
	free(def->group);
	free(def->name);
	free(def->base);
	free(def->path);
	free(def->place);
	free(def->marker);
	kernel_words_release(&def->args);
	kernel_words_release(&def->more);
	free(def->tail);
	*def = (struct kernel_dyn_def){ 0 };
}

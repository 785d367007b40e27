// SPDX-License-Identifier: LGPL-2.1-or-later
/* The kernel's dynamic events: which there are, and how often they were hit. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/dyn_internal.h"
#include "kernel/user_event.h"

static const struct {
	const char *name;
	unsigned bit;
} dyn_names[] = {
	{ "kprobe", KERNEL_DYN_KPROBE }, { "kretprobe", KERNEL_DYN_KRETPROBE },
	{ "uprobe", KERNEL_DYN_UPROBE }, { "uretprobe", KERNEL_DYN_URETPROBE },
	{ "eprobe", KERNEL_DYN_EPROBE }, { "synth", KERNEL_DYN_SYNTH },
	{ "fprobe", KERNEL_DYN_FPROBE }, { "tprobe", KERNEL_DYN_TPROBE },
	{ "user", KERNEL_DYN_USER }, { "all", KERNEL_DYN_ALL },
};

unsigned kernel_dyn_type_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(dyn_names); i++)
		if (!strcmp(dyn_names[i].name, name))
			return dyn_names[i].bit;
	return 0;
}

const char *kernel_dyn_type_name(unsigned type)
{
	for (size_t i = 0; i < ARRAY_SIZE(dyn_names); i++)
		if (dyn_names[i].bit == type)
			return dyn_names[i].name;
	return "other";
}

/* ---- the list ------------------------------------------------------------- */

/*
 * "p:kprobes/a vfs_read", "r64:...", "p:uprobes/b /bin/true:0x1000",
 * "e:eprobes/c sched.x ...", "s:synthetic/d	u64 lat". A uprobe is a probe
 * whose place is a path, or a file of the folder it was made in with an offset.
 */
static unsigned dyn_type(const char *line)
{
	size_t name = strcspn(line, " \t");
	const char *place = line + name + strspn(line + name, " \t");
	size_t len = strcspn(place, " \t");
	bool user = memchr(place, '/', len) || memmem(place, len, ":0x", 3);

	switch (line[0]) {
	case 'p':
		return user ? KERNEL_DYN_UPROBE : KERNEL_DYN_KPROBE;
	case 'r':
		return user ? KERNEL_DYN_URETPROBE : KERNEL_DYN_KRETPROBE;
	case 'e':
		return KERNEL_DYN_EPROBE;
	case 's':
		return KERNEL_DYN_SYNTH;
	case 'f':
		return KERNEL_DYN_FPROBE;
	case 't':
		return KERNEL_DYN_TPROBE;
	case 'u':
		return KERNEL_DYN_USER;
	default:
		return KERNEL_DYN_OTHER;
	}
}

static void dyn_event_release(struct kernel_dyn_event *ev)
{
	free(ev->group);
	free(ev->name);
	free(ev->definition);
}

/* A line without a group is a user event's, "u:NAME FIELDS". */
static int add_line(void *ctx, const char *line)
{
	struct kernel_dyn_events *evs = ctx;
	struct kernel_dyn_event ev = { .type = dyn_type(line) };
	size_t head = strcspn(line, ": \t");
	const char *full = line[head] == ':' ? line + head + 1 : line + head;
	size_t len = strcspn(full, " \t");
	const char *slash = memchr(full, '/', len);

	if (!*line)
		return 0;
	ev.group = slash ? strndup(full, slash - full) : strdup(ev.type == KERNEL_DYN_USER ? KERNEL_USER_SYSTEM : "");
	ev.name = slash ? strndup(slash + 1, len - (slash + 1 - full)) : strndup(full, len);
	ev.definition = strdup(line);
	if (!ev.group || !ev.name || !ev.definition || vec_push(evs, ev)) {
		dyn_event_release(&ev);
		return -ENOMEM;
	}
	return 0;
}

int kernel_dyn_list(struct kernel *k, struct kernel_dyn_events *ret, struct err *e)
{
	AUTO_BUF struct buf text = { 0 };
	int code = kernel_has(kernel_top(k), "dynamic_events") ?
		   kernel_read_named(kernel_top(k), "dynamic_events", &text, e) : 0;

	if (!code && text.data)
		code = kernel_each_line(text.data, add_line, ret);
	for (size_t i = 0; !code && i < ret->nr; i++)
		if (ret->v[i].type == KERNEL_DYN_USER) {
			code = user_events_name(k, ret);
			break;
		}
	if (code == -ENOMEM)
		code = err_errno(e, -ENOMEM, "cannot list the dynamic events");
	return code;
}

void kernel_dyn_events_release(struct kernel_dyn_events *evs)
{
	for (size_t i = 0; i < evs->nr; i++)
		dyn_event_release(&evs->v[i]);
	vec_release(evs);
}

/* Equal but for the number of blanks between words. */
static bool same_words(const char *a, const char *b)
{
	for (;;) {
		size_t x, y;

		a += strspn(a, " \t");
		b += strspn(b, " \t");
		x = strcspn(a, " \t");
		y = strcspn(b, " \t");
		if (x != y || strncmp(a, b, x))
			return false;
		if (!x)
			return true;
		a += x;
		b += y;
	}
}

bool kernel_dyn_matches(const struct kernel_dyn_event *ev, const char *what)
{
	size_t group = strcspn(what, "/:");
	AUTO_BUF struct buf pattern = { 0 };

	if (strpbrk(what, " \t"))
		return same_words(ev->definition, what);
	if (!what[group])
		return !fnmatch(what, ev->name, 0) || !fnmatch(what, ev->group, 0);
	return !buf_put(&pattern, what, group) && pattern.data &&
	       !fnmatch(pattern.data, ev->group, 0) && !fnmatch(what + group + 1, ev->name, 0);
}

/* ---- hits ----------------------------------------------------------------- */

/*
 * kprobe_profile has "  NAME HITS MISSED" and uprobe_profile "  PATH NAME HITS [MISSED]"
 * for each probe in the order of the list: names alone would not tell which group's they are.
 */
struct counting {
	const struct kernel_dyn_events *evs;
	struct kernel_dyn_count *ret;
	unsigned types;
	size_t next;
};

/* The last words of the line, the last one first. */
static size_t last_words(char *line, char **words, size_t max)
{
	size_t nr = 0, len = strlen(line);

	while (nr < max) {
		while (len && strchr(" \t", line[len - 1]))
			line[--len] = 0;
		if (!len)
			break;
		while (len && !strchr(" \t", line[len - 1]))
			len--;
		words[nr++] = line + len;
	}
	return nr;
}

/* Uprobes have one number up to Linux 6.12, then two. */
static bool parse_count(const char *line, const char *name, struct kernel_dyn_count *ret)
{
	AUTO_FREE char *copy = strdup(line);
	char *words[3];
	size_t nr = copy ? last_words(copy, words, ARRAY_SIZE(words)) : 0;

	if (nr == 3 && !strcmp(words[2], name) && !parse_u64(words[1], &ret->hits) &&
	    !parse_u64(words[0], &ret->missed))
		return true;
	ret->missed = 0;
	return nr >= 2 && !strcmp(words[1], name) && !parse_u64(words[0], &ret->hits);
}

static int count_line(void *ctx, const char *line)
{
	struct counting *c = ctx;

	for (size_t i = c->next; i < c->evs->nr; i++) {
		struct kernel_dyn_count count = { .known = true };

		if (!(c->evs->v[i].type & c->types) || !parse_count(line, c->evs->v[i].name, &count))
			continue;
		c->ret[i] = count;
		c->next = i + 1;
		break;
	}
	return 0;
}

int kernel_dyn_counts(struct kernel *k, const struct kernel_dyn_events *evs,
		      struct kernel_dyn_count *ret)
{
	static const struct {
		const char *file;
		unsigned types;
	} files[] = {
		{ "kprobe_profile", KERNEL_DYN_KPROBE | KERNEL_DYN_KRETPROBE },
		{ "uprobe_profile", KERNEL_DYN_UPROBE | KERNEL_DYN_URETPROBE },
	};
	int code = 0;

	for (size_t i = 0; i < evs->nr; i++)
		ret[i] = (struct kernel_dyn_count){ 0 };
	for (size_t i = 0; !code && i < ARRAY_SIZE(files); i++) {
		struct counting c = { .evs = evs, .ret = ret, .types = files[i].types };
		AUTO_BUF struct buf text = { 0 };

		if (!kernel_read(kernel_top(k), files[i].file, &text))
			code = kernel_each_line(text.data, count_line, &c);
	}
	return code;
}

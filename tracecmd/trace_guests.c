// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "guest_libvirt.h"
#include "trace_guests.h"

#define LABEL_MAX 64
#define LABEL_BAD "/\\ '\""		/* and control characters: it is part of a file's name */

static int no_memory(struct err *e)
{
	err_errno(e, -ENOMEM, "cannot read the options");
	return EXIT_FAILED;
}

static int bad(const char *text, struct err *e)
{
	return usage_error(e, "option -A: '%s' is no machine: [NAME]@CID[:PORT], CID[:PORT], ADDRESS[:PORT], "
			   "[ADDRESS]:PORT, or a guest's or machine's name", text);
}

static bool is_number(const char *s)
{
	return *s && !s[strspn(s, "0123456789")];
}

/* ---- where it is ---------------------------------------------------------------- */

/* Takes ":PORT" off @where. Colons of an address without brackets are no port's. 0, -EINVAL. */
static int take_port(char *where, uint64_t *port)
{
	char *colon = strrchr(where, ':'), *end = strchr(where, ']');

	*port = AGENT_PORT;
	if (!colon || (end && colon < end) || (!end && strchr(where, ':') != colon))
		return 0;
	*colon = 0;
	return parse_u64(colon + 1, port) || !*port || *port >= UINT32_MAX ? -EINVAL : 0;
}

static int set_cid(struct trace_guest *g, const char *text, uint64_t port)
{
	uint64_t cid;

	if (parse_u64(text, &cid) || cid >= UINT32_MAX)
		return -EINVAL;
	g->cid = cid;
	g->cid_port = port;
	return 0;
}

static int set_address(struct trace_guest *g, char *text, uint64_t port)
{
	size_t len = strlen(text);

	if (port > USHRT_MAX || !len)
		return -EINVAL;
	if (len > 2 && *text == '[' && text[len - 1] == ']') {
		text[len - 1] = 0;
		text++;
	}
	snprintf(g->port, sizeof(g->port), "%" PRIu64, port);
	g->address = strdup(text);
	return g->address ? 0 : -ENOMEM;
}

/* By libvirt if it knows a guest of that name, else by the machines' names. */
static int set_name(struct trace_guest *g, char *text, uint64_t port, struct err *e)
{
	int r = libvirt_cid(text, &g->cid, e);

	if (r < 0)
		return r;
	g->cid_port = port;
	return r ? 0 : set_address(g, text, port);
}

/* Sets the label, too, if there is a name. */
static int set_place(struct trace_guest *g, char *where, struct err *e)
{
	char *at = strchr(where, '@');
	uint64_t port;

	if (take_port(where, &port))
		return -EINVAL;
	if (at) {
		*at = 0;
		g->label = *where ? strdup(where) : NULL;
		return *where && !g->label ? -ENOMEM : set_cid(g, at + 1, port);
	}
	if (is_number(where))
		return set_cid(g, where, port);
	g->label = strdup(where);
	if (!g->label)
		return -ENOMEM;
	return strpbrk(where, ".:") ? set_address(g, where, port) : set_name(g, where, port, e);
}

int trace_guests_add(struct trace_guests *all, const char *text, struct err *e)
{
	AUTO_FREE char *where = strdup(text);
	struct trace_guest g = { 0 };
	struct err why = { 0 };
	int r = where ? set_place(&g, where, &why) : -ENOMEM;

	if (!r && !g.label && asprintf(&g.label, "unnamed-%zu", all->nr) < 0) {
		g.label = NULL;
		r = -ENOMEM;
	}
	if (!r && !vec_push(all, g))
		return EXIT_OK;
	free(g.label);
	free(g.address);
	if (r != -EINVAL && !why.code)
		return no_memory(e);
	if (why.code && e)
		*e = why;
	return why.code ? EXIT_FAILED : bad(text, e);
}

/* ---- what is asked of it --------------------------------------------------------- */

static struct trace_guest *last(struct trace_guests *g)
{
	return g->nr ? &g->v[g->nr - 1] : NULL;
}

int trace_guests_name(struct trace_guests *g, const char *label, struct err *e)
{
	char *copy;

	if (!g->nr)
		return usage_error(e, "option --name '%s' names the machine of the -A before it, and there is none", label);
	copy = strdup(label);
	if (!copy)
		return no_memory(e);
	free(last(g)->label);
	last(g)->label = copy;
	return EXIT_OK;
}

int trace_guests_option(struct trace_guests *g, size_t i, const char *option, const char *value)
{
	struct trace_guest *x = &g->v[i];

	x->has_clock |= !strcmp(option, "-C");
	x->argc += value ? 2 : 1;
	buf_str(&x->args, option);
	return value ? buf_str(&x->args, value) : x->args.failed ? -ENOMEM : 0;
}

static int check_label(const char *label, struct err *e)
{
	for (const char *s = label; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f || strchr(LABEL_BAD, *s))
			return usage_error(e, "the name '%s' of a machine cannot be part of a file's name (--name)", label);
	if (!*label || strlen(label) > LABEL_MAX)
		return usage_error(e, "the name '%s' of a machine does not have between 1 and %u bytes (--name)", label,
				   LABEL_MAX);
	return EXIT_OK;
}

int trace_guests_check(const struct trace_guests *g, struct err *e)
{
	int status = EXIT_OK;

	for (size_t i = 0; i < g->nr && !status; i++) {
		status = check_label(g->v[i].label, e);
		for (size_t k = 0; k < i && !status; k++)
			if (!strcmp(g->v[i].label, g->v[k].label))
				status = usage_error(e, "two machines would have the file of '%s': tell them apart (--name)",
						     g->v[i].label);
		if (!status && !g->v[i].argc)
			status = usage_error(e, "nothing to trace is named for '%s': give -e EVENT or -p TRACER behind its -A",
					     g->v[i].label);
	}
	return status;
}

void trace_guests_release(struct trace_guests *g)
{
	for (size_t i = 0; i < g->nr; i++) {
		free(g->v[i].label);
		free(g->v[i].address);
		buf_release(&g->v[i].args);
	}
	vec_release(g);
}

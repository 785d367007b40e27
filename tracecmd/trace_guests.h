/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record -A: which machines are recorded through their agents, and what is asked of each. */
#ifndef TRACECMD_TRACE_GUESTS_H
#define TRACECMD_TRACE_GUESTS_H

#include "command.h"

#define AGENT_PORT 823

struct trace_guest {
	char *label;			/* its file is BASE-LABEL.EXT */
	char *address;			/* over TCP; NULL: over vsock */
	char port[16];
	uint32_t cid, cid_port;
	struct buf args;		/* options behind -A, each with its NUL */
	uint32_t argc;
	bool has_clock;			/* -C is one of them */
};

struct trace_guests {
	struct trace_guest *v;
	size_t nr, cap;
	const char *key_file;		/* --key-file; NULL: none */
	bool key_optional;		/* --key-optional */
	bool unlimited;			/* --notimeout */
	bool no_fifos;			/* --nofifos */
	int64_t tsync_ms;		/* --tsync-interval: 0: at both ends; negative: never */
};

/*
 * Adds the machine @text of -A: [NAME]@CID[:PORT], CID[:PORT], ADDRESS[:PORT], [ADDRESS]:PORT, or a name: of a
 * guest of libvirt, else of a machine. EXIT_OK, EXIT_USAGE, EXIT_FAILED.
 */
int trace_guests_add(struct trace_guests *g, const char *text, struct err *e);
/* --name: of the last one. EXIT_OK, EXIT_USAGE, EXIT_FAILED. */
int trace_guests_name(struct trace_guests *g, const char *label, struct err *e);
/* An option of machine @i; @value: NULL: it has none. 0, -ENOMEM. */
int trace_guests_option(struct trace_guests *g, size_t i, const char *option, const char *value);
/* Labels that cannot be part of a file's name, or are given twice. EXIT_OK, EXIT_USAGE. */
int trace_guests_check(const struct trace_guests *g, struct err *e);
void trace_guests_release(struct trace_guests *g);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dump's parts, in the order they are printed. */
#ifndef TRACECMD_DUMP_H
#define TRACECMD_DUMP_H

#include "command.h"
#include "dat/dat.h"

/* What was asked for; a set of bits. */
enum dump_what {
	DUMP_SUMMARY = 1 << 0,		/* one line for each part */
	DUMP_HEAD_PAGE = 1 << 1,
	DUMP_HEAD_EVENT = 1 << 2,
	DUMP_FTRACE_EVENTS = 1 << 3,
	DUMP_SYSTEMS = 1 << 4,
	DUMP_EVENTS = 1 << 5,
	DUMP_KALLSYMS = 1 << 6,
	DUMP_PRINTK = 1 << 7,
	DUMP_CMD_LINES = 1 << 8,
	DUMP_OPTIONS = 1 << 9,
	DUMP_FLYRECORD = 1 << 10,
	DUMP_CLOCK = 1 << 11,
	DUMP_STRINGS = 1 << 12,
	DUMP_SECTIONS = 1 << 13,
	DUMP_MODULES = 1 << 14,
	DUMP_SYNC = 1 << 15,
	DUMP_ALL = (1 << 16) - 1,
};

struct dump {
	struct dat_reader *r;
	unsigned what;
};

/* "[Section 16 @ 37: "headers", flags 0x1, 261 bytes]"; nothing in version 6. */
void dump_section_line(struct dump *d, const struct dat_section *s);
/* The section at @offset, NULL if there is none. */
const struct dat_section *dump_section_at(struct dump *d, uint64_t offset);

/* dump_options.c */
void dump_options(struct dump *d);
/* One option in full. */
void dump_option(struct dump *d, const struct dat_option *o);

/* dump_loss.c: nothing if nothing was lost. */
void dump_losses(struct dump *d);

#endif

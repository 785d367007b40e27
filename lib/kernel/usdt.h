/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Markers that programs carry for tracers (USDT: <sys/sdt.h>): an instruction that does nothing, and a
 * note that tells where it is, what it is called and where its arguments are.
 *
 * Sources of facts: the page "UserSpaceProbeImplementation" of SystemTap. Section .note.stapsdt holds notes:
 *
 *	0	u32	length of the owner's name: 8
 *	4	u32	length of what follows that name
 *	8	u32	type: 3
 *	12		"stapsdt" and its end
 *	20	long	address of the instruction
 *		long	address of the section .stapsdt.base when that was written
 *		long	address of a 16-bit counter of those who listen, or 0
 *			three texts with their ends: provider, name, arguments
 *
 * each padded to 4 bytes. If the program was laid out anew since (prelink), .stapsdt.base moved as far as the
 * addresses did. Arguments are as in assembler: "4@%edi -8@$5 8@-24(%rbp)", SIZE@OPERAND, negative if signed.
 */
#ifndef TRACECMD_KERNEL_USDT_H
#define TRACECMD_KERNEL_USDT_H

#include "base/base.h"

/* A note's texts are those of the section. */
struct usdt_note {
	uint64_t address, base, semaphore;
	const char *provider, *name, *args;
};
/*
 * The next marker's note of a section; others are passed over. 1; 0: at the end; -EBADMSG: one does not fit
 * into what is left, or its texts have no end.
 */
int usdt_note_next(struct cur *c, bool is_64, struct usdt_note *ret, struct err *e);

/* An argument as probes have it. */
struct usdt_arg {
	char fetch[48], type[8];	/* "%di", "u32" */
	bool points;			/* it may be the address of a text */
	const char *why;		/* it cannot be fetched: "is a floating-point number"; NULL: it can */
};
/* The argument at *text, which moves on. False: there is none any more. */
bool usdt_arg_next(const char **text, struct usdt_arg *ret);

/* A place of a marker in its file. */
struct usdt_marker {
	const char *provider, *name, *args;	/* live for the call */
	uint64_t offset;		/* of the instruction in the file */
	uint64_t semaphore;		/* offset of the counter; 0: it has none */
};
/* Calls @fn for each, in the file's order, until it returns non-zero. 0, what @fn returned, -EBADMSG, -errno. */
int usdt_each(const char *path, int (*fn)(void *ctx, const struct usdt_marker *m), void *ctx, struct err *e);

#endif

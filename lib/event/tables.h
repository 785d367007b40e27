/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Three look-up tables made from the kernel's texts: symbols (kallsyms),
 * printk formats and task names. Each takes text of any content: a line that
 * does not have the expected shape is left out. Between additions they do not
 * change: look-ups by several threads are fine. Formats and names beyond the
 * largest tables that kernels have are left out, so that no text of short lines
 * takes many times its size: the functions that add them return 1 then.
 */
#ifndef TRACECMD_EVENT_TABLES_H
#define TRACECMD_EVENT_TABLES_H

#include <stdatomic.h>

#include "base/base.h"

struct texts { char **v; size_t nr, cap; };	/* owned strings */

/* ---- symbols (symbols.c) -------------------------------------------------------- */

struct symbol { uint64_t addr; const char *name, *module; };

/*
 * Of each line of the text there is only where its name lies; the name becomes a
 * string when it is asked for.
 */
struct symbol_place { uint64_t addr; uint32_t at; };
struct symbol_name { const char *module; char name[]; };
struct symbols_text { const char *text; uint32_t len, start; char *owned; };
struct symbols {
	VEC(struct symbol_place) v;	/* sorted */
	VEC(struct symbols_text) texts;	/* places count on from one to the next */
	uint32_t size;			/* of all of them */
	struct symbol_name *_Atomic *names;	/* by number in v, or NULL */
	VEC(struct symbol_name *) old_names;	/* of before v grew */
};
/*
 * Adds the lines "ADDRESS TYPE NAME[\t[MODULE]]" of @text, which must live as long
 * as the table unless it is to be copied. Names that start with '$' (ARM's mapping
 * symbols) and absolute ones (types A and a) are no functions. 0, -ENOMEM, or
 * -EFBIG if it is 4 GB with those before.
 */
int symbols_add(struct symbols *s, const char *text, size_t len, bool copy);
/*
 * The symbol at or below @addr; false if there is none, or only the last symbol
 * (whose end is not known) lies below. Among symbols of one address it is the
 * one that a binary search over (address; later added first) meets first: what
 * libtraceevent picks. Its strings live as long as the table.
 */
bool symbols_find(const struct symbols *s, uint64_t addr, struct symbol *ret);
bool symbols_nth(const struct symbols *s, size_t i, struct symbol *ret);
void symbols_release(struct symbols *s);

/* ---- printk formats ---------------------------------------------------------- */

#define PRINTKS_MAX (1u << 18)

struct printk { uint64_t addr; const char *fmt; };
struct printks {
	VEC(struct printk) v;
	struct texts texts;		/* copies, formats point into them */
};
/* Lines '0xADDRESS : "FORMAT"'. The quotes and a last \n are taken off. 0, 1 or -ENOMEM. */
int printks_add(struct printks *p, const char *text, size_t len);
const struct printk *printks_find(const struct printks *p, uint64_t addr);	/* NULL: unknown */
const struct printk *printks_nth(const struct printks *p, size_t i);
void printks_release(struct printks *p);

/* ---- task names --------------------------------------------------------------- */

#define COMMS_MAX (1u << 18)		/* a kernel keeps 32768 names at most */

struct comm { int pid; const char *name; };
struct comms {
	VEC(struct comm) v;
	struct texts texts;		/* copies, names point into them */
};
/* Lines "PID NAME"; of one pid's names the last counts. 0, 1 or -ENOMEM. */
int comms_add(struct comms *c, const char *text, size_t len);
/*
 * The same of what a kernel tells from time to time: names that the table has are not added again, and when
 * it has many it begins anew. 1: there were new ones; 0, -ENOMEM.
 */
int comms_renew(struct comms *c, const char *text, size_t len);
const char *comms_find(const struct comms *c, int pid);	/* NULL: unknown */
const struct comm *comms_nth(const struct comms *c, size_t i);
void comms_release(struct comms *c);

#endif

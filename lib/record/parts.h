/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * parts: the names of files that a recording makes while it goes on. Of "trace.dat" they
 * are "trace.1.dat", "trace.2.dat" and so on, in the order of time; a name without an
 * end like ".dat" has the number behind it. They are never renamed, and numbers go on
 * behind the highest that is there: nobody else's file is touched.
 */
#ifndef TRACECMD_PARTS_H
#define TRACECMD_PARTS_H

#include "base/base.h"

struct parts {
	char *stem, *end;		/* a part is STEM.NUMBER END */
	uint64_t first, next;		/* numbers: of the first one, of the next one */
	VEC(char *) made;		/* those to be removed some day, the oldest first */
};

/* Looks which there are. Release in every case. 0, -ENOMEM. */
int parts_init(struct parts *p, const char *output, struct err *e);
void parts_release(struct parts *p);
/* The name of the next one; NULL: no memory. The caller's to free. */
char *parts_next(struct parts *p);
/* @path, taken over, was made: removes the oldest so that @keep (0: all) remain. 0, -ENOMEM. */
int parts_made(struct parts *p, char *path, uint64_t keep);

#endif

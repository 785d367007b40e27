/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One host that an agent serves, in a process of its own. */
#ifndef TRACECMD_AGENT_SESSION_H
#define TRACECMD_AGENT_SESSION_H

#include "command.h"
#include "remote/remote.h"

/* What no host may have more of. */
struct agent_limits {
	uint64_t memory;		/* bytes of buffers; 0: an eighth of the machine's */
	uint64_t max_time_s;		/* of a recording; 0: no end */
	bool unlimited;			/* it may be slow (--notimeout) */
	uint64_t outage_s;		/* connections may be broken for so long; 0: not at all */
};

/*
 * Records for the host on @fd, which is taken over, until it wants no more, vanishes, or a signal
 * ends it. @name: "ADDRESS:PORT", for what is logged. 0, -errno: it got nothing, or not
 * all, and knows if it can be told.
 */
int agent_session(int fd, const char *name, const struct remote_key *key,
		  const struct agent_limits *limits, const struct notices *log, struct err *e);

#endif

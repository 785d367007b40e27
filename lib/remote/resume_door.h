/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * resume_door: the agent's door for connections that a host makes in place of broken ones, and its thread; for this
 * room only.
 */
#ifndef TRACECMD_RESUME_DOOR_H
#define TRACECMD_RESUME_DOOR_H

#include "remote/keeper.h"
#include "remote/net.h"
#include "remote/standing.h"
#include "remote/wire_agent.h"

struct resume_door_opts {
	int listen_fd;			/* taken over */
	const struct net_addr *peer;	/* no other host comes in */
	const uint8_t *token;		/* WIRE_TOKEN bytes, which it has to know */
	struct keeper *keeper;
	struct standing *control;
};

struct resume_door;

/* What @o points to has to stay. 0, -errno; listen_fd is taken over also then. */
int resume_door_start(const struct resume_door_opts *o, struct resume_door **ret);
void resume_door_stop(struct resume_door *d);	/* NULL is fine */

#endif

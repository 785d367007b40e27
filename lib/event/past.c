// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "event/past.h"

/* ---- task names --------------------------------------------------------------- */

/* Where a pid is, or the free place for it. */
static size_t place_of(const struct past_comm *comms, size_t cap, int pid)
{
	size_t i = (uint32_t)pid * 2654435769u & (cap - 1);

	while (comms[i].name && comms[i].pid != pid)
		i = (i + 1) & (cap - 1);
	return i;
}

static int grow(struct event_past *past)
{
	size_t cap = past->cap_comms ? 2 * past->cap_comms : 256;
	struct past_comm *comms = calloc(cap, sizeof(*comms));

	if (!comms)
		return -ENOMEM;
	for (size_t i = 0; i < past->cap_comms; i++)
		if (past->comms[i].name)
			comms[place_of(comms, cap, past->comms[i].pid)] = past->comms[i];
	free(past->comms);
	past->comms = comms;
	past->cap_comms = cap;
	return 0;
}

/* A copy of the name: *ret is its place in the blocks' bytes, plus 1. */
static int keep_name(struct event_past *past, const char *name, size_t len, uint32_t *ret)
{
	char *at;

	if (len >= PAST_BLOCK)
		return -ENOSPC;
	if (!past->blocks.nr || len >= PAST_BLOCK - past->used) {
		char *block = past->blocks.nr < PAST_BLOCKS_MAX ? malloc(PAST_BLOCK) : NULL;

		if (!block || vec_push(&past->blocks, block)) {
			free(block);
			return past->blocks.nr < PAST_BLOCKS_MAX ? -ENOMEM : -ENOSPC;
		}
		past->used = 0;
	}
	at = past->blocks.v[past->blocks.nr - 1] + past->used;
	*ret = (past->blocks.nr - 1) * PAST_BLOCK + past->used + 1;
	*put_bytes(at, name, len) = 0;
	past->used += len + 1;
	return 0;
}

int past_learn(struct event_past *past, int pid, const char *name, size_t len)
{
	uint32_t kept;
	int rc = 0;

	if (past_comm(past, pid))
		return 0;
	if (past->nr_comms == PAST_COMMS_MAX)
		return -ENOSPC;
	if (2 * past->nr_comms >= past->cap_comms)
		rc = grow(past);
	if (!rc)
		rc = keep_name(past, name, len, &kept);
	if (rc)
		return rc;
	past->comms[place_of(past->comms, past->cap_comms, pid)] =
		(struct past_comm){ .pid = pid, .name = kept };
	past->nr_comms++;
	return 0;
}

const char *past_comm(const struct event_past *past, int pid)
{
	uint32_t at = past->nr_comms ?
		past->comms[place_of(past->comms, past->cap_comms, pid)].name : 0;

	return at ? past->blocks.v[(at - 1) / PAST_BLOCK] + (at - 1) % PAST_BLOCK : NULL;
}

void past_release(struct event_past *past)
{
	for (size_t i = 0; i < past->blocks.nr; i++)
		free(past->blocks.v[i]);
	vec_release(&past->blocks);
	free(past->comms);
	calls_release(&past->calls);
}

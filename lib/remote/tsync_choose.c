// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which protocol two machines speak: the one with the smallest error that both can. */
#include <errno.h>

#include "remote/tsync.h"

#define ROLES_ALL (TSYNC_HOST | TSYNC_GUEST | TSYNC_CLIENT | TSYNC_SERVER)

static const struct protocol {
	const char *name;
	unsigned error;			/* less is better; trace-cmd's own numbers, and one between */
	unsigned roles;
	bool counter;			/* a host's knowledge of a guest's counter is what it is about */
} protocols[] = {
	{ TSYNC_KVM, 0, TSYNC_GUEST, true },
	{ TSYNC_OWN, 3000, ROLES_ALL, false },
	{ TSYNC_PTP, 6000, ROLES_ALL, false },
};

/* trace-cmd knows clocks by the first of these that they begin with. */
static const char *clock_kind(const char *clock)
{
	static const char *const names[] = {
		"local", "global", "counter", "uptime", "perf", "mono", "boot", "x86-tsc",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(clock, names[i], strlen(names[i])))
			return names[i];
	return "";
}

static bool can(const struct protocol *p, unsigned roles, const char *clock, bool kvm)
{
	const char *kind = clock_kind(clock);
	bool hosts = p->counter && kvm;

	if (!((p->roles | (hosts ? TSYNC_HOST : 0)) & roles))
		return false;
	return !hosts || !*kind || !strcmp(kind, "x86-tsc");
}

bool tsync_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (!strcmp(name, protocols[i].name))
			return true;
	return false;
}

int tsync_offer(struct buf *ret, unsigned roles, const char *clock, bool kvm)
{
	size_t before = ret->len;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (can(&protocols[i], roles, clock, kvm))
			buf_str(ret, protocols[i].name);
	if (ret->len > before)
		buf_u8(ret, 0);		/* trace-cmd passes over what stands last */
	return ret->failed ? -ENOMEM : 0;
}

int tsync_choose(const void *offers, size_t len, unsigned roles, const char *clock, bool kvm,
		 char ret[TSYNC_NAME_SIZE], struct err *e)
{
	const char *name = offers, *end = name + len;
	const struct protocol *best = NULL;

	if (!len || end[-1])
		return err_set(e, -EPROTO, "the names of protocols for comparing clocks do not end with a NUL");
	for (; name < end && *name; name += strlen(name) + 1) {
		if (strlen(name) >= TSYNC_NAME_SIZE)
			return err_set(e, -EPROTO, "'%.32s' is too long to be a protocol for comparing clocks", name);
		for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
			const struct protocol *p = &protocols[i];

			if (!strcmp(name, p->name) && can(p, roles, clock, kvm) && (!best || p->error < best->error))
				best = p;
		}
	}
	memset(ret, 0, TSYNC_NAME_SIZE);
	if (!best)
		return 0;
	memcpy(ret, best->name, strlen(best->name));
	return 1;
}

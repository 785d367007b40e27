// SPDX-License-Identifier: LGPL-2.1-or-later
/* Who leaves a CPU, who takes it, who is woken. */
#include "plugins/plugins.h"

/* "COMM:", its room aside. */
static char *put_comm(const struct tracecmd_plugin_call *c, char *p, unsigned nr)
{
	const char *comm = (const char *)c->data + c->fields[nr].offset;

	p = put_bytes(p, comm, strnlen(comm, c->fields[nr].size));
	*p++ = ':';
	return p;
}

static char *put_prio(char *p, int64_t prio)
{
	*p++ = '[';
	p = put_signed(p, prio);
	*p++ = ']';
	return p;
}

/* Task states as they were called before 4.14. */
static char *put_state(char *p, uint64_t state)
{
	static const char letters[] = "SDTtZXxW";

	state &= (1u << (sizeof(letters) - 1)) - 1;
	if (!state)
		*p++ = 'R';
	while (state) {
		*p++ = letters[__builtin_ctzll(state)];
		state &= state - 1;
		if (state)
			*p++ = '|';
	}
	return p;
}

enum { PREV_COMM, PREV_PID, PREV_PRIO, PREV_STATE, NEXT_COMM, NEXT_PID, NEXT_PRIO };
static const struct tracecmd_plugin_want switch_fields[] = {
	{ .name = "prev_comm", .kind = TRACECMD_PLUGIN_STRING }, { .name = "prev_pid" },
	{ .name = "prev_prio" }, { .name = "prev_state" },
	{ .name = "next_comm", .kind = TRACECMD_PLUGIN_STRING }, { .name = "next_pid" },
	{ .name = "next_prio" }, { 0 },
};

static char *switch_text(const struct tracecmd_plugin_call *c, char *p)
{
	p = put_comm(c, p, PREV_COMM);
	p = put_dec(p, tracecmd_plugin_number(c, PREV_PID));
	*p++ = ' ';
	p = put_prio(p, (int32_t)tracecmd_plugin_number(c, PREV_PRIO));
	*p++ = ' ';
	p = put_state(p, tracecmd_plugin_number(c, PREV_STATE));
	p = put_bytes(p, " ==> ", 5);
	p = put_comm(c, p, NEXT_COMM);
	p = put_dec(p, tracecmd_plugin_number(c, NEXT_PID));
	*p++ = ' ';
	return put_prio(p, (int32_t)tracecmd_plugin_number(c, NEXT_PRIO));
}

/* Kernels before 4.3 tell of success, too. */
enum { WAKE_COMM, WAKE_PID, WAKE_PRIO, WAKE_CPU, WAKE_SUCCESS };
static const struct tracecmd_plugin_want wakeup_fields[] = {
	{ .name = "comm", .kind = TRACECMD_PLUGIN_STRING }, { .name = "pid" }, { .name = "prio" },
	{ .name = "target_cpu" }, { .name = "success", .optional = true }, { 0 },
};

static char *wakeup_text(const struct tracecmd_plugin_call *c, char *p)
{
	p = put_comm(c, p, WAKE_COMM);
	p = put_dec(p, tracecmd_plugin_number(c, WAKE_PID));
	*p++ = ' ';
	p = put_prio(p, tracecmd_plugin_number(c, WAKE_PRIO));
	if (c->fields[WAKE_SUCCESS].size) {
		p = put_bytes(p, " success=", 9);
		p = put_dec(p, tracecmd_plugin_number(c, WAKE_SUCCESS));
	}
	p = put_bytes(p, " CPU:", 5);
	return put_dec_to(p, tracecmd_plugin_number(c, WAKE_CPU), 3, '0');
}

#define WAKEUP(name) { .system = "sched", .event = name, .fields = wakeup_fields, \
		       .text = wakeup_text, .room = 4 * NUMBER_MAX + 32, .tells_tasks = true }
static const struct tracecmd_plugin_text texts[] = {
	{ .system = "sched", .event = "sched_switch", .fields = switch_fields, .text = switch_text,
	  .room = 4 * NUMBER_MAX + 64, .tells_tasks = true },
	WAKEUP("sched_wakeup"), WAKEUP("sched_wakeup_new"), { 0 },
};

const struct tracecmd_plugin plugin_sched_switch = {
	.size = sizeof(plugin_sched_switch), .name = "sched_switch", .texts = texts,
};

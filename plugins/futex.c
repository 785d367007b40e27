// SPDX-License-Identifier: LGPL-2.1-or-later
/* futex(2): the operation's name, and only those arguments that it has. */
#include "plugins/plugins.h"

enum { UADDR, OP, VAL, UTIME, UADDR2, VAL3 };
static const struct tracecmd_plugin_want fields[] = {
	{ .name = "uaddr" }, { .name = "op" }, { .name = "val" }, { .name = "utime" },
	{ .name = "uaddr2" }, { .name = "val3" }, { 0 },
};

/* linux/futex.h: the operation, and flags beside it */
#define PRIVATE_FLAG 128
#define CLOCK_REALTIME_FLAG 256

/* What is told of an argument: a value to be compared with, a number of tasks; @utime is a number in some. */
enum { HAS_COMPARED = 1, HAS_NUMBER = 2, HAS_TIME = 4, HAS_NUMBER2 = 8, HAS_UADDR2 = 16, HAS_VAL3 = 32 };
#define REQUEUE (HAS_NUMBER | HAS_NUMBER2 | HAS_UADDR2)
static const struct { const char *name; unsigned has; } ops[] = {
	{ "FUTEX_WAIT", HAS_COMPARED | HAS_TIME },
	{ "FUTEX_WAKE", HAS_NUMBER },
	{ "FUTEX_FD", HAS_NUMBER },
	{ "FUTEX_REQUEUE", REQUEUE },
	{ "FUTEX_CMP_REQUEUE", REQUEUE | HAS_VAL3 },
	{ "FUTEX_WAKE_OP", REQUEUE | HAS_VAL3 },
	{ "FUTEX_LOCK_PI", HAS_TIME },
	{ "FUTEX_UNLOCK_PI", 0 },
	{ "FUTEX_TRYLOCK_PI", 0 },
	{ "FUTEX_WAIT_BITSET", HAS_COMPARED | HAS_TIME | HAS_VAL3 },
	{ "FUTEX_WAKE_BITSET", HAS_NUMBER | HAS_VAL3 },
	{ "FUTEX_WAIT_REQUEUE_PI", HAS_COMPARED | HAS_TIME | HAS_UADDR2 | HAS_VAL3 },
	{ "FUTEX_CMP_REQUEUE_PI", REQUEUE | HAS_VAL3 },
};

static char *put_hex_argument(const struct tracecmd_plugin_call *c, char *p, const char *name, unsigned nr)
{
	return plugin_put_0x(plugin_put(p, name), tracecmd_plugin_number(c, nr), 8);
}

static char *put_number(const struct tracecmd_plugin_call *c, char *p, const char *name, unsigned nr)
{
	return put_dec(plugin_put(p, name), tracecmd_plugin_number(c, nr));
}

static char *futex_text(const struct tracecmd_plugin_call *c, char *p)
{
	uint64_t op = tracecmd_plugin_number(c, OP);
	uint64_t command = op & ~(uint64_t)(PRIVATE_FLAG | CLOCK_REALTIME_FLAG);
	unsigned has;

	if (command >= ARRAY_SIZE(ops))
		return NULL;
	has = ops[command].has;
	p = plugin_put(plugin_put(p, "op="), ops[command].name);
	if (op & PRIVATE_FLAG)
		p = plugin_put(p, "|FUTEX_PRIVATE_FLAG");
	if (op & CLOCK_REALTIME_FLAG)
		p = plugin_put(p, "|FUTEX_CLOCK_REALTIME");
	p = put_hex_argument(c, p, " uaddr=", UADDR);
	if (has & HAS_COMPARED)
		p = put_hex_argument(c, p, " val=", VAL);
	if (has & HAS_NUMBER)
		p = put_number(c, p, " val=", VAL);
	if (has & HAS_TIME)
		p = put_hex_argument(c, p, " utime=", UTIME);
	if (has & HAS_NUMBER2)
		p = put_number(c, p, " val2=", UTIME);
	if (has & HAS_UADDR2)
		p = put_hex_argument(c, p, " uaddr2=", UADDR2);
	if (has & HAS_VAL3)
		p = put_hex_argument(c, p, " val3=", VAL3);
	return p;
}

static const struct tracecmd_plugin_text texts[] = {
	{ .system = "syscalls", .event = "sys_enter_futex", .fields = fields, .text = futex_text,
	  .room = 320 },
	{ 0 },
};

const struct tracecmd_plugin plugin_futex = {
	.size = sizeof(plugin_futex), .name = "futex", .texts = texts,
};

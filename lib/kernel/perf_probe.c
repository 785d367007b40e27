// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Probes that perf makes by itself (/sys/bus/event_source/devices/{kprobe,uprobe}), without tracefs:
 * kernel/trace/trace_event_perf.c and Documentation/ABI/testing/sysfs-bus-event_source-devices-format.
 * They have no arguments, no name and no format there. Their records are those of dynamic events
 * without arguments, with 0 as common_type.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/dyn_internal.h"
#include "kernel/perf_internal.h"

#define DEVICES "/sys/bus/event_source/devices/"
#define RETURNS 1			/* config, bit 0; bits 32 to 63: the place of a reference counter */
#define COMMON_FIELDS "events/ftrace/kernel_stack/format"	/* an event that all kernels have */

static const char *device_of(const struct kernel_dyn_def *def)
{
	return def->path ? "uprobe" : "kprobe";
}

static int device_type(const struct kernel_dyn_def *def, uint32_t *ret, struct err *e)
{
	AUTO_BUF struct buf text = { 0 };
	char path[128];
	uint64_t type;
	int r;

	snprintf(path, sizeof(path), DEVICES "%s/type", device_of(def));
	r = path_read_all(path, &text, 64);
	if (r == -ENOENT) {
		err_set(e, -EOPNOTSUPP, "this kernel's perf makes no probes of %s",
			def->path ? "programs" : "the kernel's functions");
		err_hint(e, "they need %s, Linux 4.17",
			 def->path ? "CONFIG_UPROBE_EVENTS" : "CONFIG_KPROBE_EVENTS");
		return -EOPNOTSUPP;
	}
	if (!r) {
		text.data[strcspn(text.data, "\n")] = 0;
		r = parse_u64(text.data, &type);
	}
	if (r)
		return err_errno(e, r, "cannot read '%s'", path);
	*ret = type;
	return 0;
}

int perf_probe_fit(struct kernel *k, struct kernel_dyn_def *def, struct err *e)
{
	const unsigned can = KERNEL_DYN_KPROBE | KERNEL_DYN_KRETPROBE | KERNEL_DYN_UPROBE | KERNEL_DYN_URETPROBE;
	uint32_t type;
	int r;

	if (!(def->type & can))
		return err_set(e, -EOPNOTSUPP, "perf makes no events of type %s: probes of functions and "
			       "programs, and their returns", kernel_dyn_type_name(def->type));
	if (def->args.nr) {
		err_set(e, -EOPNOTSUPP, "a probe that perf makes has no arguments ('%s')", def->args.v[0]);
		return err_hint(e, "'r:NAME PLACE' is a return without its value; record without --perf has arguments");
	}
	r = device_type(def, &type, e);
	if (!r)
		r = dyn_fit(k, def, true, e);
	if (!r && def->more.nr) {
		err_set(e, -EOPNOTSUPP, "a probe that perf makes is at one place; the marker %s has %zu", def->marker, def->more.nr + 1);
		err_hint(e, "'tracecmd list --usdt %s' shows their offsets; the probe is at one of them with %s:0xOFFSET", def->path, def->path);
		r = -EOPNOTSUPP;
	}
	return r;
}

/* ---- the format -------------------------------------------------------------- */

struct common {
	struct buf *to;
	uint64_t end;			/* of the fields so far */
	bool over;
};

/* "	field:TYPE NAME;	offset:8;	size:4;	signed:1;": the fields that all events have come first. */
static int copy_common(void *ctx, const char *line)
{
	struct common *c = ctx;
	const char *offset = strstr(line, "offset:"), *size = strstr(line, "size:");
	uint64_t end;

	if (c->over || !offset || !size || !strstr(line, " common_")) {
		c->over |= c->end > 0;
		return 0;
	}
	end = strtoull(offset + strlen("offset:"), NULL, 10) + strtoull(size + strlen("size:"), NULL, 10);
	if (c->end < end)
		c->end = end;
	return buf_printf(c->to, "%s\n", line);
}

int perf_probe_format(struct kernel *k, const struct kernel_event_ask *ask, struct buf *ret)
{
	static const char field[] = "\tfield:unsigned long %s;\toffset:%zu;\tsize:%zu;\tsigned:0;\n";
	bool returns = ask->probe->type & (KERNEL_DYN_KRETPROBE | KERNEL_DYN_URETPROBE);
	const size_t word = sizeof(long);
	AUTO_BUF struct buf stack = { 0 };
	struct common c = { .to = ret };
	size_t at;
	int r = kernel_read(kernel_top(k), COMMON_FIELDS, &stack);

	if (r)
		return r;
	buf_printf(ret, "name: %s\nID: %u\nformat:\n", ask->probe->name, ask->perf_type);
	r = kernel_each_line(stack.data, copy_common, &c);
	if (r)
		return r;
	at = (c.end + word - 1) / word * word;
	buf_puts(ret, "\n");
	buf_printf(ret, field, returns ? "__probe_func" : "__probe_ip", at, word);
	if (returns)
		buf_printf(ret, field, "__probe_ret_ip", at + word, word);
	return buf_puts(ret, returns ? "\nprint fmt: \"(%lx <- %lx)\", REC->__probe_func, REC->__probe_ret_ip\n" :
			"\nprint fmt: \"(%lx)\", REC->__probe_ip\n");
}

/* ---- making it ------------------------------------------------------------------ */

/* "0xOFFSET[(0xREFERENCE_COUNTER)]" */
static void place_in_program(const struct kernel_dyn_def *def, struct perf_event_attr *attr)
{
	char *end;

	attr->config1 = (uintptr_t)def->path;
	attr->config2 = strtoull(def->place, &end, 0);
	if (*end == '(')
		attr->config |= strtoull(end + 1, NULL, 0) << 32;
}

/* "[MODULE:]FUNCTION[+OFFSET][%return]", or an address */
static int place_in_kernel(const struct kernel_dyn_def *def, struct perf_event_attr *attr, char **owned)
{
	const char *plus = strchr(def->place, '+');

	if (isdigit((unsigned char)*def->place)) {
		attr->config2 = strtoull(def->place, NULL, 0);
		return 0;
	}
	*owned = strndup(def->place, strcspn(def->place, "+%"));
	if (!*owned)
		return -ENOMEM;
	attr->config1 = (uintptr_t)*owned;
	attr->config2 = plus ? strtoull(plus + 1, NULL, 0) : 0;
	return 0;
}

int perf_probe_attr(const struct kernel_dyn_def *def, struct perf_event_attr *attr, char **owned, struct err *e)
{
	int r = device_type(def, &attr->type, e);

	if (r)
		return r;
	attr->config = def->type & (KERNEL_DYN_KRETPROBE | KERNEL_DYN_URETPROBE) ? RETURNS : 0;
	if (def->path)
		place_in_program(def, attr);
	else if (place_in_kernel(def, attr, owned))
		return err_errno(e, -ENOMEM, "cannot make a probe");
	return 0;
}

int perf_told_probe(struct kernel *k, const struct kernel_dyn_def *def, int code, struct err *e)
{
	err_errno(e, code, "cannot make the probe '%s'", def->text);
	dyn_hint_names(k, def, e);
	return code;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Names of Xen's hypercalls (xen/interface/xen.h), a function of print formats. */
#include "plugins/plugins.h"

static const char *const names[] = {
	"set_trap_table", "mmu_update", "set_gdt", "stack_switch", "set_callbacks", "fpu_taskswitch",
	"sched_op_compat", "dom0_op", "set_debugreg", "get_debugreg", "update_descriptor", NULL,
	"memory_op", "multicall", "update_va_mapping", "set_timer_op", "event_channel_op_compat",
	"xen_version", "console_io", "physdev_op_compat", "grant_table_op", "vm_assist",
	"update_va_mapping_otherdomain", "iret", "vcpu_op", "set_segment_base", "mmuext_op", "acm_op",
	"nmi_op", "sched_op", "callback_op", "xenoprof_op", "event_channel_op", "physdev_op", "hvm_op",
	[48] = "arch_0", "arch_1", "arch_2", "arch_3", "arch_4", "arch_5", "arch_6", "arch_7",
};

static char *hypercall_name(const uint64_t *args, char *p)
{
	const char *name = args[0] < ARRAY_SIZE(names) ? names[args[0]] : NULL;

	if (!name)
		return p;
	*p++ = '(';
	p = plugin_put(p, name);
	*p++ = ')';
	return p;
}

static const struct tracecmd_plugin_function functions[] = {
	{ .name = "xen_hypercall_name", .args = "i", .text = hypercall_name, .room = 64 },
	{ 0 },
};

const struct tracecmd_plugin plugin_xen = {
	.size = sizeof(plugin_xen), .name = "xen", .functions = functions,
};

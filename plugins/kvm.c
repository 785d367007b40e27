// SPDX-License-Identifier: LGPL-2.1-or-later
/* Virtual machines: exits and entries, instructions that are emulated, shadow pages. */
#include "plugins/kvm_reasons.h"

/* isa of an event: whose reasons it tells (linux/kvm_host.h). */
enum { ISA_VMX = 1, ISA_SVM = 2 };

static char *put_reason(char *p, uint64_t reason, uint64_t isa)
{
	const char *name = NULL;

	p = put_bytes(p, "reason ", 7);
	if (isa == ISA_VMX) {
		name = kvm_vmx_reason(reason);
	} else if (isa == ISA_SVM) {
		name = kvm_svm_reason(reason);
		if (name)
			p = put_bytes(p, "EXIT_", 5);
	} else {
		return plugin_put(p, "UNKNOWN-ISA");
	}
	if (name)
		return plugin_put(p, name);
	p = put_bytes(p, "UNKNOWN (", 9);
	p = put_dec(p, reason);
	*p++ = ')';
	return p;
}

/* " SYMBOL" or " SYMBOL+0x1f" of the guest, nothing if it is not known. With room for @more behind it. */
static char *put_guest(const struct tracecmd_plugin_call *c, char *p, uint64_t rip, size_t more)
{
	struct tracecmd_plugin_symbol s = { 0 };
	bool known = c->guest_symbol && c->guest_symbol(c, rip, &s);

	p = c->room(c, p, s.len + 2 * NUMBER_MAX + more);
	if (!p || !known)
		return p;
	*p++ = ' ';
	p = put_bytes(p, s.name, s.len);
	if (rip == s.start)
		return p;
	*p++ = '+';
	return put_0x(p, rip - s.start);
}

static char *put_rip(const struct tracecmd_plugin_call *c, char *p, uint64_t rip, size_t more)
{
	p = put_bytes(p, " rip ", 5);
	return put_guest(c, put_0x(p, rip), rip, more);
}

enum { EXIT_REASON, EXIT_RIP, EXIT_ISA, EXIT_INFO1, EXIT_INFO2 };
static const struct tracecmd_plugin_want exit_fields[] = {
	{ .name = "exit_reason" }, { .name = "guest_rip" }, { .name = "isa", .optional = true },
	{ .name = "info1", .optional = true }, { .name = "info2", .optional = true }, { 0 },
};

/* Kernels that told no isa had Intel's only. */
static uint64_t isa_of(const struct tracecmd_plugin_call *c, unsigned nr)
{
	return c->fields[nr].size ? tracecmd_plugin_number(c, nr) : ISA_VMX;
}

static char *exit_text(const struct tracecmd_plugin_call *c, char *p)
{
	p = put_reason(p, tracecmd_plugin_number(c, EXIT_REASON), isa_of(c, EXIT_ISA));
	p = put_rip(c, p, tracecmd_plugin_number(c, EXIT_RIP), 64);
	if (!p || !c->fields[EXIT_INFO1].size || !c->fields[EXIT_INFO2].size)
		return p;
	p = put_bytes(p, " info ", 6);
	p = put_hex(p, tracecmd_plugin_number(c, EXIT_INFO1));
	*p++ = ' ';
	return put_hex(p, tracecmd_plugin_number(c, EXIT_INFO2));
}

enum { ENTRY_VCPU, ENTRY_RIP };
static const struct tracecmd_plugin_want entry_fields[] = {
	{ .name = "vcpu_id" }, { .name = "rip" }, { 0 },
};

static char *entry_text(const struct tracecmd_plugin_call *c, char *p)
{
	p = put_bytes(p, " vcpu ", 6);
	p = put_dec(p, (uint32_t)tracecmd_plugin_number(c, ENTRY_VCPU));
	return put_rip(c, p, tracecmd_plugin_number(c, ENTRY_RIP), 0);
}

enum { EMULATE_RIP, EMULATE_BASE, EMULATE_LEN, EMULATE_FLAGS, EMULATE_FAILED, EMULATE_INSN };
static const struct tracecmd_plugin_want emulate_fields[] = {
	{ .name = "rip" }, { .name = "csbase" }, { .name = "len" }, { .name = "flags" },
	{ .name = "failed" }, { .name = "insn", .kind = TRACECMD_PLUGIN_BYTES }, { 0 },
};

static char *emulate_text(const struct tracecmd_plugin_call *c, char *p)
{
	const struct tracecmd_plugin_field *insn = &c->fields[EMULATE_INSN];
	uint64_t len = tracecmd_plugin_number(c, EMULATE_LEN);

	/* more bytes than there are: whose are they? */
	if (len > insn->size)
		return NULL;
	p = put_hex(p, tracecmd_plugin_number(c, EMULATE_BASE));
	*p++ = ':';
	p = put_hex(p, tracecmd_plugin_number(c, EMULATE_RIP));
	p = put_guest(c, p, tracecmd_plugin_number(c, EMULATE_RIP), 3 * len + 16);
	if (p)
		p = put_bytes(p, ": ", 2);
	for (uint64_t i = 0; p && i < len; i++) {
		if (i)
			*p++ = ' ';
		p = put_hex_digits(p, c->data[insn->offset + i], 2);
	}
	if (p && tracecmd_plugin_number(c, EMULATE_FAILED))
		p = put_bytes(p, " FAIL", 5);
	return p;
}

enum { NESTED_REASON, NESTED_ISA, NESTED_INFO1, NESTED_INFO2, NESTED_INT, NESTED_INT_ERR, NESTED_RIP };
#define NESTED { .name = "exit_code" }, { .name = "isa", .optional = true }, { .name = "exit_info1" }, \
	{ .name = "exit_info2" }, { .name = "exit_int_info" }, { .name = "exit_int_info_err" }
static const struct tracecmd_plugin_want inject_fields[] = { NESTED, { 0 } };
static const struct tracecmd_plugin_want nested_fields[] = { NESTED, { .name = "rip" }, { 0 } };

static char *inject_text(const struct tracecmd_plugin_call *c, char *p)
{
	p = put_reason(p, tracecmd_plugin_number(c, NESTED_REASON), isa_of(c, NESTED_ISA));
	p = put_bytes(p, " info1 ", 7);
	p = put_hex(p, tracecmd_plugin_number(c, NESTED_INFO1));
	p = put_bytes(p, " info2 ", 7);
	p = put_hex(p, tracecmd_plugin_number(c, NESTED_INFO2));
	p = put_bytes(p, " int_info ", 10);
	p = put_hex(p, tracecmd_plugin_number(c, NESTED_INT));
	p = put_bytes(p, " int_info_err ", 14);
	return put_hex(p, tracecmd_plugin_number(c, NESTED_INT_ERR));
}

static char *nested_text(const struct tracecmd_plugin_call *c, char *p)
{
	/* no blank between the two: so has libtraceevent's plugin it */
	p = put_bytes(p, " rip ", 5);
	p = put_hex(p, tracecmd_plugin_number(c, NESTED_RIP));
	p = put_guest(c, p, tracecmd_plugin_number(c, NESTED_RIP), 256);
	return p ? inject_text(c, p) : NULL;
}

/* ---- shadow pages ------------------------------------------------------------------ */

enum { MMU_ROLE, MMU_ROOTS, MMU_UNSYNC, MMU_GFN, MMU_CREATED };
#define MMU { .name = "role" }, { .name = "root_count" }, { .name = "unsync" }
static const struct tracecmd_plugin_want mmu_fields[] = { MMU, { 0 } };
static const struct tracecmd_plugin_want mmu_get_fields[] = {
	MMU, { .name = "gfn" }, { .name = "created" }, { 0 },
};

/* union kvm_mmu_page_role of 4.x on x86, where libtraceevent's plugin stopped. */
static char *put_role(char *p, uint32_t role)
{
	static const char access[][4] = { "---", "--x", "w--", "w-x", "-u-", "-ux", "wu-", "wux" };

	p = put_dec(p, role & 15);
	p = put_bytes(p, " q", 2);
	p = put_dec(p, role >> 5 & 3);
	if (role & 1 << 7)
		p = plugin_put(p, " direct");
	*p++ = ' ';
	p = put_bytes(p, access[role >> 8 & 7], 3);
	if (role & 1 << 11)
		p = plugin_put(p, " invalid");
	p = plugin_put(p, role & 1 << 4 ? " pae" : " !pae");
	p = plugin_put(p, role & 1 << 12 ? " nxe" : " !nxe");
	p = plugin_put(p, role & 1 << 13 ? " wp" : " !wp");
	if (role & 1 << 14)
		p = plugin_put(p, " smep");
	if (role & 1 << 15)
		p = plugin_put(p, " smap");
	return role >> 24 ? plugin_put(p, " smm") : p;
}

static char *mmu_text(const struct tracecmd_plugin_call *c, char *p)
{
	uint32_t role = tracecmd_plugin_number(c, MMU_ROLE);

	/* bit fields lie the other way round there */
	if (c->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		p = put_hex_digits(put_bytes(p, "WORD: ", 6), role, 8);
	else
		p = put_role(p, role);
	p = put_bytes(p, " root ", 6);
	p = put_dec(p, (uint32_t)tracecmd_plugin_number(c, MMU_ROOTS));
	return plugin_put(p, tracecmd_plugin_number(c, MMU_UNSYNC) ? " unsync" : " sync");
}

static char *mmu_get_text(const struct tracecmd_plugin_call *c, char *p)
{
	p = plugin_put(p, tracecmd_plugin_number(c, MMU_CREATED) ? "new" : "existing");
	p = put_bytes(p, " sp gfn ", 8);
	p = put_hex(p, tracecmd_plugin_number(c, MMU_GFN));
	*p++ = ' ';
	return mmu_text(c, p);
}

/* ---- the table ------------------------------------------------------------------------ */

static uint64_t is_writable_pte(const uint64_t *args)
{
	return args[0] & 2;		/* x86's _PAGE_RW */
}

#define TEXT(where, name, list, fn) { .system = where, .event = name, .fields = list, .text = fn, .room = 256 }
static const struct tracecmd_plugin_text texts[] = {
	TEXT("kvm", "kvm_exit", exit_fields, exit_text),
	TEXT("kvm", "kvm_entry", entry_fields, entry_text),
	TEXT("kvm", "kvm_emulate_insn", emulate_fields, emulate_text),
	TEXT("kvm", "kvm_nested_vmexit", nested_fields, nested_text),
	TEXT("kvm", "kvm_nested_vmexit_inject", inject_fields, inject_text),
	TEXT("kvmmmu", "kvm_mmu_get_page", mmu_get_fields, mmu_get_text),
	TEXT("kvmmmu", "kvm_mmu_sync_page", mmu_fields, mmu_text),
	TEXT("kvmmmu", "kvm_mmu_unsync_page", mmu_fields, mmu_text),
	TEXT("kvmmmu", "kvm_mmu_zap_page", mmu_fields, mmu_text),
	TEXT("kvmmmu", "kvm_mmu_prepare_zap_page", mmu_fields, mmu_text),
	{ 0 },
};

static const struct tracecmd_plugin_function functions[] = {
	{ .name = "is_writable_pte", .args = "l", .number = is_writable_pte }, { 0 },
};

const struct tracecmd_plugin plugin_kvm = {
	.size = sizeof(plugin_kvm), .name = "kvm", .texts = texts, .functions = functions,
};

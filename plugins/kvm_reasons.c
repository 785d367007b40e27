// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Why a guest left its CPU: names of Intel's VMX (basic exit reasons) and AMD's SVM
 * (exit codes), as libtraceevent 1.7.1 knows them.
 */
#include "plugins/kvm_reasons.h"

static const char *const vmx[] = {
	"EXCEPTION_NMI", "EXTERNAL_INTERRUPT", "TRIPLE_FAULT", [7] = "PENDING_INTERRUPT",
	"NMI_WINDOW", "TASK_SWITCH", "CPUID", [12] = "HLT", "INVD", "INVLPG", "RDPMC", "RDTSC",
	[18] = "VMCALL", "VMCLEAR", "VMLAUNCH", "VMPTRLD", "VMPTRST", "VMREAD", "VMRESUME",
	"VMWRITE", "VMOFF", "VMON", "CR_ACCESS", "DR_ACCESS", "IO_INSTRUCTION", "MSR_READ",
	"MSR_WRITE", [36] = "MWAIT_INSTRUCTION", [39] = "MONITOR_INSTRUCTION", "PAUSE_INSTRUCTION",
	"MCE_DURING_VMENTRY", [43] = "TPR_BELOW_THRESHOLD", "APIC_ACCESS", "EOI_INDUCED",
	[48] = "EPT_VIOLATION", "EPT_MISCONFIG", "INVEPT", [52] = "PREEMPTION_TIMER",
	[54] = "WBINVD", "XSETBV", "APIC_WRITE", [58] = "INVPCID", [62] = "PML_FULL", "XSAVES",
	"XRSTORS",
};

/* Behind "EXIT_". */
static const char *const svm[] = {
	"READ_CR0", [3] = "READ_CR3", "READ_CR4", [8] = "READ_CR8", [16] = "WRITE_CR0",
	[19] = "WRITE_CR3", "WRITE_CR4", [24] = "WRITE_CR8", [32] = "READ_DR0", "READ_DR1",
	"READ_DR2", "READ_DR3", "READ_DR4", "READ_DR5", "READ_DR6", "READ_DR7", [48] = "WRITE_DR0",
	"WRITE_DR1", "WRITE_DR2", "WRITE_DR3", "WRITE_DR4", "WRITE_DR5", "WRITE_DR6", "WRITE_DR7",
	[64] = "EXCP_DE", "EXCP_DB", [67] = "EXCP_BP", "EXCP_OF", "EXCP_BR", "EXCP_UD", "EXCP_NM",
	"EXCP_DF", [74] = "EXCP_TS", "EXCP_NP", "EXCP_SS", "EXCP_GP", "EXCP_PF", [80] = "EXCP_MF",
	"EXCP_AC", "EXCP_MC", "EXCP_XF", [96] = "INTR", "NMI", "SMI", "INIT", "VINTR",
	"CR0_SEL_WRITE", "IDTR_READ", "GDTR_READ", "LDTR_READ", "TR_READ", "IDTR_WRITE",
	"GDTR_WRITE", "LDTR_WRITE", "TR_WRITE", "RDTSC", "RDPMC", "PUSHF", "POPF", "CPUID", "RSM",
	"IRET", "SWINT", "INVD", "PAUSE", "HLT", "INVLPG", "INVLPGA", "IOIO", "MSR", "TASK_SWITCH",
	"FERR_FREEZE", "SHUTDOWN", "VMRUN", "VMMCALL", "VMLOAD", "VMSAVE", "STGI", "CLGI", "SKINIT",
	"RDTSCP", "ICEBP", "WBINVD", "MONITOR", "MWAIT", "MWAIT_COND", "XSETBV",
};
#define SVM_NESTED_PAGING 0x400
#define SVM_INVALID UINT32_MAX
static const char *const svm_paging[] = { "NPF", "AVIC_INCOMPLETE_IPI", "AVIC_UNACCELERATED_ACCESS" };

const char *kvm_vmx_reason(uint64_t reason)
{
	return reason < ARRAY_SIZE(vmx) ? vmx[reason] : NULL;
}

const char *kvm_svm_reason(uint64_t reason)
{
	if (reason < ARRAY_SIZE(svm))
		return svm[reason];
	if (reason == SVM_INVALID)
		return "ERR";
	return reason - SVM_NESTED_PAGING < ARRAY_SIZE(svm_paging) ?
		svm_paging[reason - SVM_NESTED_PAGING] : NULL;
}

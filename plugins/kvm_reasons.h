/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TRACECMD_PLUGINS_KVM_REASONS_H
#define TRACECMD_PLUGINS_KVM_REASONS_H

#include "plugins/plugins.h"

/* NULL: unknown. That of SVM lacks its "EXIT_". */
const char *kvm_vmx_reason(uint64_t reason);
const char *kvm_svm_reason(uint64_t reason);

#endif

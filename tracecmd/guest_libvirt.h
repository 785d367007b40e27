/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of virtual machines: libvirt's words, and QEMU's threads. */
#ifndef TRACECMD_GUEST_LIBVIRT_H
#define TRACECMD_GUEST_LIBVIRT_H

#include "command.h"

/* The CID of vsock of the guest @name, as virsh tells it. 1; 0: it knows none of that name, or is not there;
 * -ENODEV, told: that guest has no vsock; -errno. */
int libvirt_cid(const char *name, uint32_t *ret, struct err *e);
/* How many CPUs it can have at most. 0, -errno. */
int libvirt_vcpus(const char *name, uint32_t *ret, struct err *e);
/* Gives it the device @xml from its next start on. 0, -errno. */
int libvirt_attach(const char *name, const char *xml, struct err *e);
/* In what virsh dumpxml tells. False: there is none. */
bool libvirt_cid_of_xml(const char *xml, uint32_t *ret);

#endif

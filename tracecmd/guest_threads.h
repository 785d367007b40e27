/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which thread of this machine is which virtual CPU of a guest. */
#ifndef TRACECMD_GUEST_THREADS_H
#define TRACECMD_GUEST_THREADS_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Fills in @pids, by virtual CPU, for the guest with that @cid where it is QEMU's, whose process tells the CID
 * (guest-cid=N) and whose threads have names (debug-threads=on, as libvirt has it: "CPU 0/KVM"). What is not
 * found stays as it is.
 */
void guest_threads(uint32_t cid, int32_t *pids, uint32_t nr);

/* "CPU 3/KVM\n", "CPU 0/TCG": 3, 0; -1: another name. */
int guest_thread_cpu(const char *comm);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * FIFOs between a host and its guest, as trace-cmd has them: on the host a FIFO for each CPU, of which QEMU holds the
 * writing end, in the guest a port of virtio-serial.
 */
#ifndef TRACECMD_FIFO_H
#define TRACECMD_FIFO_H

#include "base/base.h"

#define FIFO_HOST_DIR "/var/lib/trace-cmd/virt"	/* /GUEST/trace-pipe-cpuN.out, .in */
#define FIFO_GUEST_DIR "/dev/virtio-ports"	/* /trace-pipe-cpuN */
#define FIFO_NAME "trace-pipe-cpu"
#define FIFO_CPUS_MAX 4096u

/* Whether the name of a guest may be part of a path, and of XML. */
bool fifo_guest_named(const char *guest);
/*
 * The host's ends for guest @guest, CPU 0 first, up to the first that there is not; what an earlier session has left in
 * them is gone. They do not block. *ret_nr of them (0: none); *ret is the caller's, and to be closed. 0, -ENOMEM.
 */
int fifo_open_host(const char *guest, int **ret, uint32_t *ret_nr);
/* The guest's ends, of all @nr CPUs or (-errno) of none. They do not block. */
int fifo_open_guest(int *fds, uint32_t nr);
/* Writes all. -ETIMEDOUT: the host has taken nothing for @timeout_ms; -errno. */
int fifo_write_full(int fd, const void *data, size_t len, unsigned timeout_ms);

#endif

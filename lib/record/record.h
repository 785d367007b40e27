/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record: from a kernel's buffers to a file. One reader thread per CPU and
 * buffer hands whole sub-buffers to a small compression pool, which appends
 * self-describing chunks to per-CPU spools; finishing moves the chunks into a
 * trace.dat.
 */
#ifndef TRACECMD_RECORD_H
#define TRACECMD_RECORD_H

#include "base/base.h"
#include "dat/codec.h"
#include "dat/dat.h"
#include "kernel/kernel.h"

#endif

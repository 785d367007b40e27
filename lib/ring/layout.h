/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers of the sub-buffer layout that decoder and encoder share. */
#ifndef TRACECMD_RING_LAYOUT_H
#define TRACECMD_RING_LAYOUT_H

#include <stdint.h>

#define COMMIT_BYTES 0x7ffffffu			/* bits 0-26 of the commit word */
#define COMMIT_LOST_STORED (UINT64_C(1) << 30)
#define COMMIT_LOST (UINT64_C(1) << 31)
/* In a commit word of 8 bytes that has flags: the kernel adds them as a signed int. */
#define COMMIT_FLAGS_SIGN (UINT64_C(0xffffffff) << 32)

#define DELTA_BITS 27
#define DELTA_MAX 0x7ffffffu
#define STAMP_MSB (UINT64_C(0xf8) << 56)	/* what 59 bits of a stamp leave out */

#define TYPE_LEN_DATA_MAX 28
#define TYPE_LEN_PADDING 29
#define TYPE_LEN_EXTEND 30
#define TYPE_LEN_STAMP 31

#endif

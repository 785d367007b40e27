/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What reader and writer both know of the layout. */
#ifndef TRACECMD_DAT_FORMAT_H
#define TRACECMD_DAT_FORMAT_H

#define DAT_SECTION_HEADER 16		/* v7: id, flags, description, size */
#define DAT_DONE_SIZE 8			/* v7: payload of DONE */
#define DAT_CHUNK_HEADER 8		/* csize, usize; also of compressed bodies */
/* v6: what follows the CPU count; each ends in its NUL */
#define DAT_TAG_LEN 10
#define DAT_TAG_OPTIONS "options  "
#define DAT_TAG_LATENCY "latency  "
#define DAT_TAG_FLYRECORD "flyrecord"
#define DAT_V6_CPU_ENTRY 16		/* offset, size */
#define DAT_V7_CPU_ENTRY 20		/* cpu, offset, size */

#endif

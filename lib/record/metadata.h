/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * metadata: what a file must say of the kernel its sub-buffers come from, as
 * block bodies of a trace.dat (section 3 of Documentation/tracecmd.dat.5).
 */
#ifndef TRACECMD_METADATA_H
#define TRACECMD_METADATA_H

#include "base/base.h"
#include "dat/dat.h"
#include "kernel/setup.h"

struct metadata {
	struct buf header_info, ftrace_events, event_formats, kallsyms, btf;	/* stable */
	struct buf printk, cmdlines;	/* grow while the kernel runs */
	/* Of instances whose buffers may be of a boot before this one. */
	VEC(char *) last_boots;		/* LAST_BOOT_INFO options */
	struct buf modules;		/* those of this boot, with the former */
};

/*
 * Reads the stable part from the kernel. @setup: whose events' formats are wanted,
 * NULL: all. @kallsyms_path: NULL for /proc/kallsyms, which is given its
 * addresses for the moment if kptr_restrict hides them. What is denied or
 * missing, but not needed to read events, becomes empty with a notice. BTF is taken
 * where the setup says so or has functions' arguments traced. @m is
 * { 0 } or has other parts. Release in every case. 0, -errno.
 */
int metadata_collect_stable(struct metadata *m, struct kernel *k, const struct kernel_setup *setup,
			    const char *kallsyms_path, const struct notices *notices,
			    struct err *e);
/*
 * The last_boot_info of @setup's instances that have one, and then the modules.
 * They are there once kernel_setup_apply or kernel_instance_get has found them; without
 * a setup there are none. 0, -ENOMEM.
 */
int metadata_collect_boots(struct metadata *m, const struct kernel_setup *setup, struct err *e);
/* The same for the other part. */
int metadata_collect_growing(struct metadata *m, struct kernel *k, const struct notices *notices,
			     struct err *e);
/* Instead of the other part: no printk formats, and these names of tasks. 0, -ENOMEM. */
int metadata_put_names(struct metadata *m, const struct buf *names, struct err *e);
/* All three. */
int metadata_collect(struct metadata *m, struct kernel *k, const struct kernel_setup *setup,
		     const char *kallsyms_path, const struct notices *notices, struct err *e);
void metadata_release(struct metadata *m);
/* Whether that block was collected. */
bool metadata_has(const struct metadata *m, enum dat_id id);
/* Gives the blocks that were collected to a writer. 0, -errno. */
int metadata_write(const struct metadata *m, struct dat_writer *w, struct err *e);

/* Bytes of the commit word in this kernel's sub-buffers: 4 or 8. 0, -errno. */
int metadata_kernel_long(struct kernel *k, unsigned *ret, struct err *e);

#endif

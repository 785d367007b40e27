/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The prototypes of the kernel's functions, from its type information.
 *
 * Layout (Documentation/bpf/btf.rst of the kernel): a header; records of 12
 * bytes, some with more behind them, numbered from 1 in their order; strings.
 * A module's numbers and string offsets go on where those of vmlinux end.
 * All of it is checked before it is used: it may come from a file.
 */
#ifndef TRACECMD_KERNEL_BTF_H
#define TRACECMD_KERNEL_BTF_H

#include "base/base.h"

struct btf;

/*
 * Takes the bytes over (also when it fails); @base: of vmlinux, for a module,
 * has to outlive it; else NULL. Reads what there is but resolves nothing. 0,
 * -EBADMSG with what is wrong at which offset, -ENOMEM.
 */
int btf_new(struct buf *bytes, const struct btf *base, struct btf **ret, struct err *e);
void btf_free(struct btf *b);
/*
 * Appends the C prototype of a function, without a semicolon. Of several of
 * one name it is the first. 1; 0: no such function; -EBADMSG: its types are
 * broken, or nested or long beyond all measure; -ENOMEM. Unless it is 1,
 * nothing is appended.
 */
int btf_prototype(const struct btf *b, const char *function, struct buf *out, struct err *e);

/* A parameter of a function: what fetching its value takes. */
struct btf_param {
	const char *name;		/* "" if it has none */
	unsigned index;			/* from 0 */
	uint32_t size;			/* bytes; 0 if it is no number and no pointer */
	bool is_signed, is_pointer;
};
/*
 * Calls @fn for each parameter in their order, until it returns non-zero. 1; 0: no such
 * function, and nothing was called; what @fn returned if that is negative; -EBADMSG.
 */
int btf_parameters(const struct btf *b, const char *function,
		   int (*fn)(void *ctx, const struct btf_param *p), void *ctx, struct err *e);

/* The files of a running kernel, each read when first asked for. */
struct kernel_prototypes;

/* @dir: NULL for /sys/kernel/btf. Fails if it has no "vmlinux". 0, -errno. */
int kernel_prototypes_open(const char *dir, const struct notices *notices,
			   struct kernel_prototypes **ret, struct err *e);
void kernel_prototypes_close(struct kernel_prototypes *p);
/*
 * btf_prototype for a function of a module, of the kernel itself if @module is
 * NULL. A module whose file is missing or wrong is told as a notice, once, and
 * none of its functions has a prototype.
 */
int kernel_prototype(struct kernel_prototypes *p, const char *module, const char *function,
		     struct buf *out, struct err *e);
/* btf_parameters likewise. */
int kernel_parameters(struct kernel_prototypes *p, const char *module, const char *function,
		      int (*fn)(void *ctx, const struct btf_param *p), void *ctx, struct err *e);

#endif

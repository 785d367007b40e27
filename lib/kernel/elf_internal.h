/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files that read programs share: elf.c (symbols), dwarf.c (debug information), usdt.c (markers). */
#ifndef TRACECMD_KERNEL_ELF_INTERNAL_H
#define TRACECMD_KERNEL_ELF_INTERNAL_H

#include <gelf.h>

#include "base/base.h"

struct elf_object {
	const char *path;
	int fd;
	Elf *elf;
};
/* @path must live longer. 0; -EINVAL: it is no program or library; -errno. */
int elf_object_open(struct elf_object *o, const char *path, struct err *e);
void elf_object_close(struct elf_object *o);

#define ELF_NOWHERE UINT64_MAX
/*
 * The segment with all of these flags (PF_X: code) that has the file's offset @offset in it, or with
 * ELF_NOWHERE there the address @address. False: none has.
 */
bool elf_segment(const struct elf_object *o, uint32_t flags, uint64_t offset, uint64_t address, GElf_Phdr *ret);
/* The path of the separate file of its symbols and debug information, by its build id. False: it has none. */
bool elf_debug_path(const struct elf_object *o, struct buf *ret);

#endif

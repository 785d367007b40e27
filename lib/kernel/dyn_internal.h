/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files about dynamic events share with each other only. */
#ifndef TRACECMD_KERNEL_DYN_INTERNAL_H
#define TRACECMD_KERNEL_DYN_INTERNAL_H

#include "kernel/btf.h"
#include "kernel/dynevent.h"
#include "kernel/internal.h"

/* Of the kernel (kernel/trace/trace.h, trace_probe.h): longer ones it refuses or cuts. */
#define DYN_NAME_MAX 63
#define DYN_ARG_NAME_MAX 31
#define DYN_ARGS_MAX 128
#define DYN_TEXT_MAX 4094

/* ---- dynevent_def.c */
/*
 * A refusal as the kernel shows its own: what is wrong, the text, and a caret under the
 * place (of a long text only what is around it). Returns -EINVAL.
 */
int dyn_refuse(struct err *e, const char *text, size_t at, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* A word the kernel takes as a name: letter or '_', then digits too. */
bool dyn_is_name(const char *s, size_t len);

/* ---- dynevent_add.c */
/* kernel_dyn_prepare, whatever the kernel lists among its dynamic events. @plain: with no arguments but those that were asked for. */
int dyn_fit(struct kernel *k, struct kernel_dyn_def *def, bool plain, struct err *e);

/* ---- dynevent_param.c */
/* Gives arguments by name, of parameters, their places. Of a program @what says whose they are, @offset the place. 0, -errno. */
int dyn_fit_arguments(struct kernel *k, struct kernel_dyn_def *def, const char *what, uint64_t offset, struct err *e);
/*
 * Gives the probe of a marker its place and arguments; of a marker that has several places those behind the first are
 * put into def->more. Without arguments in the definition all that can be fetched, unless @plain. 0, -errno.
 */
int dyn_fit_marker(struct kernel *k, struct kernel_dyn_def *def, bool plain, struct err *e);

/* A parameter of a function, or an argument of a marker, as probes fetch it. */
struct dyn_param {
	const char *name;
	const char *fetch, *type;	/* "$arg1", "u32" */
	bool points;			/* to what a type of texts means */
	const char *why;		/* it cannot be fetched: "is not in a register"; NULL: it can */
};
typedef int (*dyn_param_fn)(void *ctx, const struct dyn_param *p);

/* ---- dwarf.c */
/*
 * Calls @fn for each parameter of the function that begins at the file's offset @offset, in their order, until it returns
 * non-zero. 0, what @fn returned; -ENODATA: there is no debug information, or not of that; -EOPNOTSUPP: not for
 * x86-64; -errno.
 */
int dwarf_parameters(const char *path, uint64_t offset, dyn_param_fn fn, void *ctx, struct err *e);
/*
 * The offset in the file of the first instruction of a source line. @file: the path's end. -ENOENT with near matches or
 * the next line that has code; -ENOTUNIQ: several functions have it; -ENODATA: no debug information; -errno.
 */
int dwarf_line_offset(const char *path, const char *file, uint64_t line, uint64_t *ret, struct err *e);

/* ---- dynevent_arg.c */
/*
 * Whether the @len bytes at @text + @at can be an argument; what only some kernels or places take is
 * left to the kernel. 0, -EINVAL with the place.
 */
int dyn_arg_check(const char *text, size_t at, size_t len, struct err *e);
/*
 * The parts of an argument that passed: [NAME=]FETCH[:TYPE]; lengths 0 where there is none.
 */
struct dyn_arg {
	const char *name, *fetch, *type;
	size_t name_len, fetch_len, type_len;
};
struct dyn_arg dyn_arg_parts(const char *arg, size_t len);

/* ---- dynevent_hint.c */
/* Adds to @e what of the definition's names this kernel has not, with what is near. */
void dyn_hint_names(struct kernel *k, const struct kernel_dyn_def *def, struct err *e);
/* A notice if what an event is at is not there: the kernel takes it, and waits for a module. */
void dyn_tell_absent(struct kernel *k, const struct kernel_dyn_def *def);

/* ---- elf.c */
/* Whether an instruction begins at a place of a program. */
enum elf_begins { ELF_BEGINS_UNKNOWN, ELF_BEGINS, ELF_BEGINS_NONE };
/*
 * The offset in the file @path of the place @more bytes behind the beginning of a function, for a probe. Of a stripped
 * file the symbols are looked for in its separate one under /usr/lib/debug. -ENOENT with near matches, -ENOTUNIQ with
 * all its places, -EINVAL (no ELF file, not code, behind the function's end), -errno.
 */
int elf_symbol_offset(const char *path, const char *symbol, uint64_t more, uint64_t *ret, enum elf_begins *begins,
		      struct err *e);
/*
 * Whether the offset lies in what the program runs. *@begins: what is in no function that has a name is taken to be
 * right. 0; -EINVAL, -errno.
 */
int elf_check_offset(const char *path, uint64_t offset, enum elf_begins *begins, struct err *e);

/* ---- x86_insn.c */
#define X86_INSN_MAX 15
/* Bytes of the instruction of x86-64 at @code; 0: that is none, it is longer than @len, or it is not known. */
size_t x86_insn_length(const uint8_t *code, size_t len);

/* ---- user_event_list.c */
/* Gives those of programs their system and name, of which the kernel lists what was registered. 0, -ENOMEM. */
int user_events_name(struct kernel *k, struct kernel_dyn_events *defs);

/* ---- kallsyms.c */
/*
 * Looks for "[MODULE:]FUNCTION" among the kernel's symbols, with little memory however many
 * there are; if it is not there, adds near matches to @e.
 */
void kallsyms_hint(const char *name, struct err *e);
/* Whether the kernel itself or a module has that function. 1, 0; -1: it tells no functions. */
int kallsyms_has(const char *function);
/* Whether there is a tracepoint of that name, whose own is tried against @near otherwise. 1, 0; -1: it tells none. */
int kallsyms_tracepoint(const char *name, struct near *near);

#endif

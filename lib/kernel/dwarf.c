// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the compiler left about a program (DWARF): where a source line's code begins, and where a
 * function's parameters are when it begins. Sources of facts: the DWARF 5 standard, and for the
 * places of arguments the System V ABI for AMD64, 3.2.3.
 *
 * A probe at a function's beginning sees registers and the stack as its caller left them. Optimised
 * code has lists of places, and what the list says of the first instruction holds there. Other code
 * (-O0) has one place for all of the function, in its own frame, to which the parameter has yet to be
 * brought; before that it is where the calling convention puts it, if nothing in front of it is
 * passed in more complicated ways.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/dyn_internal.h"
#include "kernel/elf_internal.h"

struct debug {
	struct elf_object program, separate;
	struct buf path;		/* of the separate one */
	Dwarf *dwarf;
};

static void debug_close(struct debug *d)
{
	if (d->dwarf)
		dwarf_end(d->dwarf);
	if (d->separate.elf)
		elf_object_close(&d->separate);
	elf_object_close(&d->program);
	buf_release(&d->path);
}

/* 1; 0: there is none; -errno. Close only after 1. */
static int debug_open(struct debug *d, const char *path, struct err *e)
{
	int r;

	*d = (struct debug){ 0 };
	r = elf_object_open(&d->program, path, e);
	if (r)
		return r;
	d->dwarf = dwarf_begin_elf(d->program.elf, DWARF_C_READ, NULL);
	if (!d->dwarf && elf_debug_path(&d->program, &d->path) && !elf_object_open(&d->separate, d->path.data, NULL))
		d->dwarf = dwarf_begin_elf(d->separate.elf, DWARF_C_READ, NULL);
	if (d->dwarf)
		return 1;
	debug_close(d);
	return 0;
}

static int no_debug_information(const char *path, const char *what, struct err *e)
{
	err_set(e, -ENODATA, "'%s' has no debug information, which would tell %s", path, what);
	return err_hint(e, "it is there if the program is compiled with -g, or with its package of symbols (NAME-dbgsym)");
}

/* ---- functions ---------------------------------------------------------------- */

/* The function that begins at an address, or has it. */
struct function_at {
	Dwarf_Addr address;
	bool inside;
	bool found;
	Dwarf_Die die;
	Dwarf_Addr entry;
};

static int is_function(Dwarf_Die *die, void *ctx)
{
	struct function_at *f = ctx;
	Dwarf_Addr entry;

	if (dwarf_entrypc(die, &entry) || (f->inside ? dwarf_haspc(die, f->address) <= 0 : entry != f->address))
		return DWARF_CB_OK;
	f->found = true;
	f->die = *die;
	f->entry = entry;
	return DWARF_CB_ABORT;
}

static bool find_function(Dwarf *dwarf, struct function_at *f)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;

	while (!f->found && !dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &die, NULL))
		if (dwarf_haspc(&die, f->address) != 0)
			dwarf_getfuncs(&die, is_function, f, 0);
	return f->found;
}

/* ---- types ---------------------------------------------------------------------- */

enum passed { IN_GENERAL, IN_FLOAT, OTHERWISE };

struct type {
	enum passed passed;
	char name[8];			/* as probes have it */
	bool points;
};

static enum passed base_type(Dwarf_Die *die, uint64_t size, struct type *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Word encoding = 0;

	dwarf_formudata(dwarf_attr_integrate(die, DW_AT_encoding, &attr), &encoding);
	if (encoding == DW_ATE_float)
		return size <= 8 ? IN_FLOAT : OTHERWISE;
	if (encoding == DW_ATE_complex_float || encoding == DW_ATE_imaginary_float || encoding == DW_ATE_decimal_float)
		return OTHERWISE;
	if (size != 1 && size != 2 && size != 4 && size != 8)
		return OTHERWISE;
	snprintf(ret->name, sizeof(ret->name), "%c%u",
		 encoding == DW_ATE_signed || encoding == DW_ATE_signed_char ? 's' : 'u', 8 * (unsigned)size);
	return IN_GENERAL;
}

/* The type of what @die describes, without its names and qualifiers. False: it has none. */
static bool type_die(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attr;

	return dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attr), ret) && !dwarf_peel_type(ret, ret);
}

static struct type type_of(Dwarf_Die *param)
{
	struct type ret = { .passed = OTHERWISE };
	Dwarf_Die die, under;
	Dwarf_Word size = 0;

	if (!type_die(param, &die))
		return ret;
	switch (dwarf_tag(&die)) {
	case DW_TAG_pointer_type:
		ret.points = true;
		/* fall through */
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		strcpy(ret.name, "x64");
		ret.passed = IN_GENERAL;
		break;
	case DW_TAG_enumeration_type:
		if (dwarf_aggregate_size(&die, &size) || size > 8)
			break;
		ret.passed = base_type(type_die(&die, &under) ? &under : &die, size, &ret);
		break;
	case DW_TAG_base_type:
		if (!dwarf_aggregate_size(&die, &size) && size <= 16)
			ret.passed = base_type(&die, size, &ret);
		break;
	}
	return ret;
}

/* ---- places ---------------------------------------------------------------------- */

/* x86-64: the kernel's names of DWARF's registers; and those of arguments, in order. */
static const char *const registers[] = {
	"ax", "dx", "cx", "bx", "si", "di", "bp", "sp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
};
static const uint8_t argument_registers[] = { 5, 4, 1, 2, 8, 9 };

#define REG_BP 6
#define REG_SP 7
#define CFA_AT_ENTRY 8			/* from the stack pointer: the address to return to is below it */
#define CFA_FROM_BP 16			/* once the frame pointer is set */
#define FLOAT_ARGUMENTS 8
#define FETCH_MAX 32

/* What the calling convention says, parameter by parameter. */
struct convention {
	const char *unclear;		/* why the places of those that follow are not known */
	unsigned general, floats, stack;	/* so many were given away */
};

static bool is_argument_register(unsigned reg)
{
	for (size_t i = 0; i < ARRAY_SIZE(argument_registers); i++)
		if (argument_registers[i] == reg)
			return true;
	return false;
}

static void put_register(unsigned reg, char *ret)
{
	snprintf(ret, FETCH_MAX, "%%%s", registers[reg]);
}

static void put_stack(int64_t offset, char *ret)
{
	snprintf(ret, FETCH_MAX, "%+lld(%%sp)", (long long)offset);
}

/* Where the next parameter is by the convention. NULL, and @ret is set; or why not. */
static const char *by_convention(struct convention *c, const struct type *type, char *ret)
{
	*ret = 0;
	if (c->unclear)
		return c->unclear;
	if (type->passed == OTHERWISE || (type->passed == IN_FLOAT && c->floats++ == FLOAT_ARGUMENTS)) {
		c->unclear = "stands behind one that is passed in more than a register";
		return "is passed in more than a register";
	}
	if (type->passed == IN_FLOAT)
		return "is in a floating-point register, which probes cannot read";
	if (c->general < ARRAY_SIZE(argument_registers))
		put_register(argument_registers[c->general++], ret);
	else
		put_stack(CFA_AT_ENTRY + 8 * c->stack++, ret);
	return NULL;
}

/* The register of an operation "the value is in it". */
static bool op_register(const Dwarf_Op *op, uint64_t *ret)
{
	bool short_form = op->atom >= DW_OP_reg0 && op->atom <= DW_OP_reg31;

	*ret = short_form ? (uint64_t)(op->atom - DW_OP_reg0) : op->number;
	return short_form || op->atom == DW_OP_regx;
}

/*
 * The place in memory, from the stack pointer as it is at the function's beginning; false: it is
 * not told by registers that are set by then.
 */
static bool op_memory(Dwarf_Die *function, Dwarf_Addr entry, const Dwarf_Op *op, int64_t *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Op *base;
	size_t len;
	uint64_t reg;

	*ret = op->number;
	if (op->atom == DW_OP_breg0 + REG_SP)
		return true;
	if (op->atom != DW_OP_fbreg || *ret < -INT32_MAX || *ret > INT32_MAX ||
	    dwarf_getlocation_addr(dwarf_attr_integrate(function, DW_AT_frame_base, &attr), entry, &base, &len, 1) != 1 ||
	    len != 1)
		return false;
	if (base->atom == DW_OP_call_frame_cfa)
		*ret += CFA_AT_ENTRY;
	else if (op_register(base, &reg) && reg == REG_BP)
		*ret += CFA_AT_ENTRY - CFA_FROM_BP;
	else if (base->atom == DW_OP_breg0 + REG_SP && base->number < INT32_MAX)
		*ret += base->number;
	else
		return false;
	return true;
}

/* Whether places change in the course of the function. */
static bool is_list(Dwarf_Attribute *attr)
{
	switch (dwarf_whatform(attr)) {
	case DW_FORM_sec_offset:
	case DW_FORM_loclistx:
	case DW_FORM_data4:
	case DW_FORM_data8:
		return true;
	}
	return false;
}

/* Where a parameter is at the beginning: NULL and @ret is set, or why it cannot be had. @rule: by convention, or "". */
static const char *find_place(Dwarf_Die *function, Dwarf_Addr entry, Dwarf_Die *param, const char *rule,
			      const char *why_no_rule, char *ret)
{
	Dwarf_Attribute attr;
	Dwarf_Op *op;
	size_t len;
	uint64_t reg;
	int64_t at;

	if (!dwarf_attr(param, DW_AT_location, &attr) || dwarf_getlocation_addr(&attr, entry, &op, &len, 1) != 1 || !len)
		return "is not there when the function begins: the compiler had no use for it";
	if (len == 1 && op_register(op, &reg)) {
		if (reg >= ARRAY_SIZE(registers))
			return "is in a floating-point register, which probes cannot read";
		/* one that others have to save: it is brought there */
		if (is_list(&attr) || is_argument_register(reg)) {
			put_register(reg, ret);
			return NULL;
		}
	} else if (len == 1 && op_memory(function, entry, op, &at) && at >= CFA_AT_ENTRY) {
		put_stack(at, ret);
		return NULL;
	}
	if (is_list(&attr))
		return "is neither in a register nor on the stack when the function begins";
	if (!*rule)
		return why_no_rule;
	snprintf(ret, FETCH_MAX, "%s", rule);
	return NULL;
}

/* ---- parameters ------------------------------------------------------------------- */

static struct convention convention_of(Dwarf_Die *function)
{
	struct convention ret = { 0 };
	Dwarf_Attribute attr;
	Dwarf_Word how;
	Dwarf_Die type;

	if (!dwarf_formudata(dwarf_attr_integrate(function, DW_AT_calling_convention, &attr), &how) && how != DW_CC_normal)
		ret.unclear = "is passed in a way of the function's own";
	else if (type_die(function, &type) && type_of(function).passed == OTHERWISE)
		ret.unclear = "cannot be found: the function returns more than a register holds";
	return ret;
}

static int tell_parameters(struct function_at *f, dyn_param_fn fn, void *ctx)
{
	struct convention c = convention_of(&f->die);
	Dwarf_Die die;
	int r = 0;

	if (dwarf_child(&f->die, &die))
		return 0;
	do {
		char rule[FETCH_MAX], fetch[FETCH_MAX] = "";
		struct dyn_param p = { .name = dwarf_diename(&die), .fetch = fetch };
		struct type type;
		const char *no_rule;

		if (dwarf_tag(&die) != DW_TAG_formal_parameter)
			continue;
		type = type_of(&die);
		no_rule = by_convention(&c, &type, rule);
		p.why = type.passed == IN_GENERAL ? find_place(&f->die, f->entry, &die, rule, no_rule, fetch) : no_rule;
		p.type = type.name;
		p.points = type.points;
		/* then it is another one than the source says */
		if (!p.why && *rule && strcmp(rule, fetch))
			c.unclear = "is passed in a way of the function's own";
		r = p.name ? fn(ctx, &p) : 0;
	} while (!r && !dwarf_siblingof(&die, &die));
	return r;
}

static bool is_x86_64(const struct elf_object *o)
{
	GElf_Ehdr head;

	return gelf_getehdr(o->elf, &head) && head.e_machine == EM_X86_64 && head.e_ident[EI_CLASS] == ELFCLASS64;
}

int dwarf_parameters(const char *path, uint64_t offset, dyn_param_fn fn, void *ctx, struct err *e)
{
	struct function_at f = { 0 };
	GElf_Phdr code;
	struct debug d;
	int r = debug_open(&d, path, e);

	if (r <= 0)
		return r ? r : no_debug_information(path, "its functions' parameters", e);
	if (!is_x86_64(&d.program)) {
		r = err_set(e, -EOPNOTSUPP, "'%s': places of parameters are known of programs for x86-64 only", path);
	} else if (elf_segment(&d.program, PF_X, offset, 0, &code)) {
		f.address = offset - code.p_offset + code.p_vaddr;
		r = find_function(d.dwarf, &f) ? tell_parameters(&f, fn, ctx) :
			err_set(e, -ENODATA, "no function that the debug information of '%s' tells of begins there: parameters are to be "
				"had at a function's beginning", path);
	}
	debug_close(&d);
	return r > 0 ? 0 : r;
}

/* ---- source lines -------------------------------------------------------------------- */

struct line_search {
	const char *file;
	uint64_t line, next;		/* wanted; the first behind it that has code */
	struct line_site { Dwarf_Addr function, address; } *v;
	size_t nr, cap;
	bool file_found;
	struct near near;
};

/* "src/a.c" is meant by "a.c" and "src/a.c". */
static bool is_file(const char *path, const char *wanted)
{
	size_t len = strlen(path), n = strlen(wanted);

	return len >= n && !strcmp(path + len - n, wanted) && (len == n || *wanted == '/' || path[len - n - 1] == '/');
}

/* Of each function the first place. */
static int add_site(struct line_search *s, Dwarf_Die *cu, Dwarf_Addr address)
{
	struct function_at f = { .address = address, .inside = true };

	dwarf_getfuncs(cu, is_function, &f, 0);
	for (size_t i = 0; i < s->nr; i++)
		if (s->v[i].function == f.entry) {
			if (address < s->v[i].address)
				s->v[i].address = address;
			return 0;
		}
	return vec_push(s, ((struct line_site){ f.entry, address })) ? -ENOMEM : 0;
}

static int look_at_line(struct line_search *s, Dwarf_Die *cu, Dwarf_Line *line)
{
	const char *source = dwarf_linesrc(line, NULL, NULL), *name;
	bool begins = false, ends = true;
	Dwarf_Addr address;
	int number;

	if (!source || dwarf_lineno(line, &number) || number <= 0 || dwarf_lineaddr(line, &address))
		return 0;
	if (!is_file(source, s->file)) {
		name = strrchr(source, '/');
		near_try(&s->near, name ? name + 1 : source);
		return 0;
	}
	s->file_found = true;
	if (dwarf_linebeginstatement(line, &begins) || !begins || dwarf_lineendsequence(line, &ends) || ends)
		return 0;
	if ((uint64_t)number > s->line && (!s->next || (uint64_t)number < s->next))
		s->next = number;
	return (uint64_t)number == s->line ? add_site(s, cu, address) : 0;
}

static int search_lines(struct line_search *s, Dwarf *dwarf)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	int r = 0;

	while (!r && !dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &die, NULL)) {
		Dwarf_Lines *lines;
		size_t nr;

		if (dwarf_getsrclines(&die, &lines, &nr))
			continue;
		for (size_t i = 0; !r && i < nr; i++)
			r = look_at_line(s, &die, dwarf_onesrcline(lines, i));
	}
	return r;
}

static int to_offset(const struct elf_object *o, Dwarf_Addr address, uint64_t *ret)
{
	GElf_Phdr code;

	if (!elf_segment(o, PF_X, ELF_NOWHERE, address, &code))
		return -EINVAL;
	*ret = address - code.p_vaddr + code.p_offset;
	return 0;
}

static int several_sites(const struct line_search *s, const struct elf_object *o, struct err *e)
{
	AUTO_BUF struct buf list = { 0 };
	uint64_t offset;

	for (size_t i = 0; i < s->nr && i < 8; i++)
		if (!to_offset(o, s->v[i].address, &offset))
			buf_printf(&list, "%s0x%llx", list.len ? ", " : "", (unsigned long long)offset);
	return err_set(e, -ENOTUNIQ, "line %llu of '%s' is in %zu functions of '%s': give more of the file's path, or one's offset "
		       "(%s)", (unsigned long long)s->line, s->file, s->nr, o->path, list.data ? list.data : "");
}

static int judge_line(const struct line_search *s, const struct elf_object *o, uint64_t *ret, struct err *e)
{
	if (s->nr > 1)
		return several_sites(s, o, e);
	if (s->nr)
		return to_offset(o, s->v[0].address, ret) ?
			err_set(e, -EINVAL, "line %llu of '%s' is nothing that '%s' runs", (unsigned long long)s->line, s->file,
				o->path) : 0;
	if (!s->file_found) {
		err_set(e, -ENOENT, "'%s' is not made of a source file '%s'", o->path, s->file);
		near_hint(&s->near, e);
		return -ENOENT;
	}
	err_set(e, -ENOENT, "line %llu of '%s' has no code", (unsigned long long)s->line, s->file);
	if (s->next)
		err_hint(e, "the next that has is %llu", (unsigned long long)s->next);
	return -ENOENT;
}

int dwarf_line_offset(const char *path, const char *file, uint64_t line, uint64_t *ret, struct err *e)
{
	struct line_search s = { .file = file, .line = line };
	struct debug d;
	int r = debug_open(&d, path, e);

	if (r <= 0)
		return r ? r : no_debug_information(path, "where its source lines are", e);
	near_init(&s.near, file);
	r = search_lines(&s, d.dwarf);
	r = r ? err_errno(e, r, "cannot look for line %llu in '%s'", (unsigned long long)line, path) :
		judge_line(&s, &d.program, ret, e);
	free(s.v);
	debug_close(&d);
	return r;
}

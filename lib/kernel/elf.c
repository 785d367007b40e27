// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Symbols of programs and libraries, and where a probe on them is in the file: its offset,
 * as uprobes count (Documentation/trace/uprobetracer.rst).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/dyn_internal.h"
#include "kernel/elf_internal.h"

#define DEBUG_DIR "/usr/lib/debug/.build-id"
#define BUILD_ID_MAX 64

/* A function that is looked for, and what was found. */
struct lookup {
	const char *symbol;		/* NULL: that with @address in it */
	uint64_t address;
	struct function { uint64_t address, size; } *v;	/* all different addresses; size 0: not known */
	size_t nr, cap;
	bool indirect;			/* chosen when the program starts */
	struct near near;
};

static int elf_failed(const struct elf_object *o, struct err *e)
{
	return err_set(e, -EINVAL, "cannot read '%s' as a program: %s", o->path, elf_errmsg(-1));
}

void elf_object_close(struct elf_object *o)
{
	if (o->elf)
		elf_end(o->elf);
	cleanup_close(&o->fd);
}

int elf_object_open(struct elf_object *o, const char *path, struct err *e)
{
	struct stat st;

	/* Not to wait for anybody, should it be a pipe. */
	*o = (struct elf_object){ .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
	if (o->fd < 0)
		return err_errno(e, -errno, "cannot open '%s'", path);
	if (!fstat(o->fd, &st) && S_ISDIR(st.st_mode)) {
		elf_object_close(o);
		return err_set(e, -EINVAL, "'%s' is a folder: the place in a program is PROGRAM:SYMBOL", path);
	}
	elf_version(EV_CURRENT);
	o->elf = elf_begin(o->fd, ELF_C_READ, NULL);
	if (!o->elf || elf_kind(o->elf) != ELF_K_ELF) {
		int r = o->elf ? err_set(e, -EINVAL, "'%s' is no program or library (no ELF file)", path) :
				 elf_failed(o, e);

		elf_object_close(o);
		return r;
	}
	return 0;
}

/* ---- addresses ------------------------------------------------------------ */

bool elf_segment(const struct elf_object *o, uint32_t flags, uint64_t offset, uint64_t address, GElf_Phdr *ret)
{
	size_t nr;

	if (elf_getphdrnum(o->elf, &nr))
		return false;
	for (size_t i = 0; i < nr; i++) {
		uint64_t at, start;

		if (!gelf_getphdr(o->elf, i, ret) || ret->p_type != PT_LOAD || (ret->p_flags & flags) != flags)
			continue;
		at = offset != ELF_NOWHERE ? offset : address;
		start = offset != ELF_NOWHERE ? ret->p_offset : ret->p_vaddr;
		if (at >= start && at - start < ret->p_filesz)
			return true;
	}
	return false;
}

/* ---- symbols -------------------------------------------------------------- */

static int add_function(struct lookup *l, const GElf_Sym *sym)
{
	for (size_t i = 0; i < l->nr; i++)
		if (l->v[i].address == sym->st_value) {
			if (l->v[i].size < sym->st_size)
				l->v[i].size = sym->st_size;
			return 0;
		}
	if (vec_grow((void **)&l->v, &l->cap, l->nr + 1, sizeof(*l->v)))
		return -ENOMEM;
	l->v[l->nr++] = (struct function){ sym->st_value, sym->st_size };
	return 0;
}

/* The name is without the version behind '@', which some tables have. */
static int look_at_symbol(struct lookup *l, const char *name, const GElf_Sym *sym)
{
	unsigned type = GELF_ST_TYPE(sym->st_info);
	size_t len = strcspn(name, "@");
	char word[256];

	if (sym->st_shndx == SHN_UNDEF || (type != STT_FUNC && type != STT_GNU_IFUNC) || len >= sizeof(word))
		return 0;
	if (!l->symbol)
		return l->address >= sym->st_value && l->address - sym->st_value < sym->st_size ? add_function(l, sym) : 0;
	memcpy(word, name, len);
	word[len] = 0;
	if (strcmp(word, l->symbol)) {
		near_try(&l->near, word);
		return 0;
	}
	l->indirect |= type == STT_GNU_IFUNC;
	return add_function(l, sym);
}

static int look_in_table(struct lookup *l, const struct elf_object *o, Elf_Scn *section, const GElf_Shdr *head)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t nr = data && head->sh_entsize ? data->d_size / head->sh_entsize : 0;
	int r = 0;

	for (size_t i = 0; !r && i < nr; i++) {
		const char *name;
		GElf_Sym sym;

		if (!gelf_getsym(data, i, &sym))
			break;
		name = elf_strptr(o->elf, head->sh_link, sym.st_name);
		if (name)
			r = look_at_symbol(l, name, &sym);
	}
	return r;
}

static int look_in(struct lookup *l, const struct elf_object *o)
{
	Elf_Scn *section = NULL;
	int r = 0;

	while (!r && (section = elf_nextscn(o->elf, section))) {
		GElf_Shdr head;

		if (gelf_getshdr(section, &head) &&
		    (head.sh_type == SHT_SYMTAB || head.sh_type == SHT_DYNSYM))
			r = look_in_table(l, o, section, &head);
	}
	return r;
}

/* The path of its separate file of symbols, by its build id. */
bool elf_debug_path(const struct elf_object *o, struct buf *ret)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(o->elf, section))) {
		GElf_Shdr head;
		GElf_Nhdr note;
		Elf_Data *data;
		size_t name, desc, at = 0;

		if (!gelf_getshdr(section, &head) || head.sh_type != SHT_NOTE ||
		    !(data = elf_getdata(section, NULL)))
			continue;
		while ((at = gelf_getnote(data, at, &note, &name, &desc))) {
			const uint8_t *id = (const uint8_t *)data->d_buf + desc;

			if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
			    memcmp((const char *)data->d_buf + name, "GNU", 4) || note.n_descsz < 2 ||
			    note.n_descsz > BUILD_ID_MAX)
				continue;
			buf_printf(ret, DEBUG_DIR "/%02x/", id[0]);
			for (size_t i = 1; i < note.n_descsz; i++)
				buf_printf(ret, "%02x", id[i]);
			return !buf_puts(ret, ".debug");
		}
	}
	return false;
}

static int look_in_debug_file(struct lookup *l, const struct elf_object *o)
{
	AUTO_BUF struct buf path = { 0 };
	struct elf_object debug;
	int r;

	if (!elf_debug_path(o, &path) || elf_object_open(&debug, path.data, NULL))
		return 0;
	r = look_in(l, &debug);
	elf_object_close(&debug);
	return r;
}

static int to_offset(const struct elf_object *o, const struct lookup *l, uint64_t address, uint64_t *ret,
		     struct err *e)
{
	GElf_Phdr code;

	if (!elf_segment(o, PF_X, ELF_NOWHERE, address, &code))
		return err_set(e, -EINVAL, "'%s' of '%s' is nothing that is run", l->symbol, o->path);
	*ret = address - code.p_vaddr + code.p_offset;
	return 0;
}

static int several_places(const struct elf_object *o, const struct lookup *l, struct err *e)
{
	AUTO_BUF struct buf list = { 0 };

	for (size_t i = 0; i < l->nr && i < 8; i++) {
		uint64_t offset = 0;

		if (!to_offset(o, l, l->v[i].address, &offset, NULL))
			buf_printf(&list, "%s0x%llx", list.len ? ", " : "", (unsigned long long)offset);
	}
	return err_set(e, -ENOTUNIQ, "'%s' has %zu functions of the name '%s': give one's offset (%s)", o->path,
		       l->nr, l->symbol, list.data ? list.data : "");
}

/* ---- instructions ----------------------------------------------------------- */

#define FUNCTION_MAX (1u << 20)		/* longer ones are not looked through */

/* Whether one begins @more bytes behind @offset, where one does. */
static enum elf_begins find_instruction(const struct elf_object *o, uint64_t offset, uint64_t more)
{
	AUTO_BUF struct buf code = { 0 };
	uint64_t at = 0;
	GElf_Ehdr head;

	if (!more)
		return ELF_BEGINS;
	if (!gelf_getehdr(o->elf, &head) || more > FUNCTION_MAX)
		return ELF_BEGINS_UNKNOWN;
	if (head.e_machine == EM_AARCH64)
		return more % 4 ? ELF_BEGINS_NONE : ELF_BEGINS;
	if (head.e_machine != EM_X86_64 || buf_reserve(&code, more) || pread_full(o->fd, code.data, more, offset))
		return ELF_BEGINS_UNKNOWN;
	while (at < more) {
		size_t len = x86_insn_length((const uint8_t *)code.data + at, more - at);

		/* the last one may reach beyond what was read */
		if (!len)
			return more - at < X86_INSN_MAX ? ELF_BEGINS_NONE : ELF_BEGINS_UNKNOWN;
		at += len;
	}
	return at == more ? ELF_BEGINS : ELF_BEGINS_NONE;
}

/* ---- places ----------------------------------------------------------------- */

static int look_everywhere(struct lookup *l, const struct elf_object *o)
{
	int r = look_in(l, o);

	return r || l->nr ? r : look_in_debug_file(l, o);
}

static enum elf_begins find_begins(const struct elf_object *o, uint64_t offset, const GElf_Phdr *code)
{
	struct lookup l = { .address = offset - code->p_offset + code->p_vaddr };
	const struct function *last = NULL;
	enum elf_begins ret = ELF_BEGINS;

	/* functions may overlap: the one that begins last */
	if (!look_everywhere(&l, o))
		for (size_t i = 0; i < l.nr; i++)
			if (!last || l.v[i].address > last->address)
				last = &l.v[i];
	if (last)
		ret = find_instruction(o, offset - (l.address - last->address), l.address - last->address);
	free(l.v);
	return ret;
}

int elf_check_offset(const char *path, uint64_t offset, enum elf_begins *begins, struct err *e)
{
	struct elf_object o;
	GElf_Phdr code;
	int r = elf_object_open(&o, path, e);

	if (r)
		return r;
	if (offset == ELF_NOWHERE || !elf_segment(&o, PF_X, offset, 0, &code))
		r = err_set(e, -EINVAL, "at the offset 0x%llx of '%s' there is nothing that is run",
			    (unsigned long long)offset, path);
	else
		*begins = find_begins(&o, offset, &code);
	elf_object_close(&o);
	return r;
}

static int place_in_function(const struct elf_object *o, const struct lookup *l, uint64_t more, uint64_t *ret,
			     enum elf_begins *begins, struct err *e)
{
	const struct function *f = &l->v[0];
	uint64_t start = 0;
	int r;

	if (more && more >= (f->size ? f->size : UINT64_MAX - f->address))
		return err_set(e, -EINVAL, "'%s' of '%s' has %llu bytes: +%llu is behind its end", l->symbol, o->path,
			       (unsigned long long)f->size, (unsigned long long)more);
	r = to_offset(o, l, f->address, &start, e);
	if (!r)
		r = to_offset(o, l, f->address + more, ret, e);
	if (!r)
		*begins = find_instruction(o, start, more);
	return r;
}

static int judge(const struct elf_object *o, const struct lookup *l, uint64_t more, uint64_t *ret, enum elf_begins *begins,
		 struct err *e)
{
	if (!l->nr) {
		err_set(e, -ENOENT, "'%s' has no function '%s'", o->path, l->symbol);
		near_hint(&l->near, e);
		return -ENOENT;
	}
	if (l->indirect)
		return err_set(e, -EINVAL, "which function '%s' of '%s' is the program decides when it starts: "
			       "give one of those it decides between", l->symbol, o->path);
	return l->nr > 1 ? several_places(o, l, e) : place_in_function(o, l, more, ret, begins, e);
}

int elf_symbol_offset(const char *path, const char *symbol, uint64_t more, uint64_t *ret, enum elf_begins *begins,
		      struct err *e)
{
	struct lookup l = { .symbol = symbol };
	struct elf_object o;
	int r = elf_object_open(&o, path, e);

	if (r)
		return r;
	near_init(&l.near, symbol);
	r = look_everywhere(&l, &o);
	r = r ? err_errno(e, r, "cannot look for '%s' in '%s'", symbol, path) : judge(&o, &l, more, ret, begins, e);
	free(l.v);
	elf_object_close(&o);
	return r;
}

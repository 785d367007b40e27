// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Symbols of programs and libraries, and where a probe on them is in the file: its offset,
 * as uprobes count (Documentation/trace/uprobetracer.rst).
 */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/dyn_internal.h"

#define DEBUG_DIR "/usr/lib/debug/.build-id"
#define BUILD_ID_MAX 64

struct object {
	const char *path;
	int fd;
	Elf *elf;
};

/* A symbol that is looked for, and what was found. */
struct lookup {
	const char *symbol;
	uint64_t *addresses;		/* all different ones */
	size_t nr, cap;
	bool indirect;			/* chosen when the program starts */
	struct near near;
};

static int elf_failed(const struct object *o, struct err *e)
{
	return err_set(e, -EINVAL, "cannot read '%s' as a program: %s", o->path, elf_errmsg(-1));
}

static void object_close(struct object *o)
{
	if (o->elf)
		elf_end(o->elf);
	cleanup_close(&o->fd);
}

static int object_open(struct object *o, const char *path, struct err *e)
{
	/* Not to wait for anybody, should it be a pipe. */
	*o = (struct object){ .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
	if (o->fd < 0)
		return err_errno(e, -errno, "cannot open '%s'", path);
	elf_version(EV_CURRENT);
	o->elf = elf_begin(o->fd, ELF_C_READ, NULL);
	if (!o->elf || elf_kind(o->elf) != ELF_K_ELF) {
		int r = o->elf ? err_set(e, -EINVAL, "'%s' is no program or library (no ELF file)", path) :
				 elf_failed(o, e);

		object_close(o);
		return r;
	}
	return 0;
}

/* ---- addresses ------------------------------------------------------------ */

/* The segment of code with the offset @offset, or (offset UINT64_MAX) with the address. */
static bool find_code(const struct object *o, uint64_t offset, uint64_t address, GElf_Phdr *ret)
{
	size_t nr;

	if (elf_getphdrnum(o->elf, &nr))
		return false;
	for (size_t i = 0; i < nr; i++) {
		uint64_t at, start;

		if (!gelf_getphdr(o->elf, i, ret) || ret->p_type != PT_LOAD || !(ret->p_flags & PF_X))
			continue;
		at = offset != UINT64_MAX ? offset : address;
		start = offset != UINT64_MAX ? ret->p_offset : ret->p_vaddr;
		if (at >= start && at - start < ret->p_filesz)
			return true;
	}
	return false;
}

int elf_check_offset(const char *path, uint64_t offset, struct err *e)
{
	struct object o;
	GElf_Phdr code;
	int r = object_open(&o, path, e);

	if (r)
		return r;
	if (offset == UINT64_MAX || !find_code(&o, offset, 0, &code))
		r = err_set(e, -EINVAL, "at the offset 0x%llx of '%s' there is nothing that is run",
			    (unsigned long long)offset, path);
	object_close(&o);
	return r;
}

/* ---- symbols -------------------------------------------------------------- */

static int add_address(struct lookup *l, uint64_t address)
{
	for (size_t i = 0; i < l->nr; i++)
		if (l->addresses[i] == address)
			return 0;
	if (vec_grow((void **)&l->addresses, &l->cap, l->nr + 1, sizeof(*l->addresses)))
		return -ENOMEM;
	l->addresses[l->nr++] = address;
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
	memcpy(word, name, len);
	word[len] = 0;
	if (strcmp(word, l->symbol)) {
		near_try(&l->near, word);
		return 0;
	}
	l->indirect |= type == STT_GNU_IFUNC;
	return add_address(l, sym->st_value);
}

static int look_in_table(struct lookup *l, const struct object *o, Elf_Scn *section, const GElf_Shdr *head)
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

static int look_in(struct lookup *l, const struct object *o)
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
static bool debug_path(const struct object *o, struct buf *ret)
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

static int look_in_debug_file(struct lookup *l, const struct object *o)
{
	AUTO_BUF struct buf path = { 0 };
	struct object debug;
	int r;

	if (!debug_path(o, &path) || object_open(&debug, path.data, NULL))
		return 0;
	r = look_in(l, &debug);
	object_close(&debug);
	return r;
}

static int to_offset(const struct object *o, const struct lookup *l, uint64_t address, uint64_t *ret,
		     struct err *e)
{
	GElf_Phdr code;

	if (!find_code(o, UINT64_MAX, address, &code))
		return err_set(e, -EINVAL, "'%s' of '%s' is nothing that is run", l->symbol, o->path);
	*ret = address - code.p_vaddr + code.p_offset;
	return 0;
}

static int several_places(const struct object *o, const struct lookup *l, struct err *e)
{
	AUTO_BUF struct buf list = { 0 };

	for (size_t i = 0; i < l->nr && i < 8; i++) {
		uint64_t offset = 0;

		if (!to_offset(o, l, l->addresses[i], &offset, NULL))
			buf_printf(&list, "%s0x%llx", list.len ? ", " : "", (unsigned long long)offset);
	}
	return err_set(e, -ENOTUNIQ, "'%s' has %zu functions of the name '%s': give one's offset (%s)", o->path,
		       l->nr, l->symbol, list.data ? list.data : "");
}

static int judge(const struct object *o, const struct lookup *l, uint64_t *ret, struct err *e)
{
	if (!l->nr) {
		err_set(e, -ENOENT, "'%s' has no function '%s'", o->path, l->symbol);
		near_hint(&l->near, e);
		return -ENOENT;
	}
	if (l->indirect)
		return err_set(e, -EINVAL, "which function '%s' of '%s' is the program decides when it starts: "
			       "give one of those it decides between", l->symbol, o->path);
	return l->nr > 1 ? several_places(o, l, e) : to_offset(o, l, l->addresses[0], ret, e);
}

int elf_symbol_offset(const char *path, const char *symbol, uint64_t *ret, struct err *e)
{
	struct lookup l = { .symbol = symbol };
	struct object o;
	int r = object_open(&o, path, e);

	if (r)
		return r;
	near_init(&l.near, symbol);
	r = look_in(&l, &o);
	if (!r && !l.nr)
		r = look_in_debug_file(&l, &o);
	r = r ? err_errno(e, r, "cannot look for '%s' in '%s'", symbol, path) : judge(&o, &l, ret, e);
	free(l.addresses);
	object_close(&o);
	return r;
}

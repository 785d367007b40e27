// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/elf_internal.h"
#include "kernel/usdt.h"

#define NOTE_OWNER "stapsdt"
#define NOTE_TYPE 3
#define TEXT_MAX 4096

/* ---- notes ---------------------------------------------------------------------- */

static bool get_long(struct cur *c, bool is_64, uint64_t *ret)
{
	uint32_t v;

	if (is_64)
		return cur_u64(c, ret);
	if (!cur_u32(c, &v))
		return false;
	*ret = v;
	return true;
}

static bool get_note(struct cur *c, bool is_64, struct usdt_note *ret)
{
	return get_long(c, is_64, &ret->address) && get_long(c, is_64, &ret->base) && get_long(c, is_64, &ret->semaphore) &&
	       cur_str(c, TEXT_MAX, &ret->provider) && cur_str(c, TEXT_MAX, &ret->name) && cur_str(c, TEXT_MAX, &ret->args);
}

/* The last one of a section need not be padded. */
static void skip_padding(struct cur *c)
{
	uint64_t pad = -c->pos & 3;

	cur_skip(c, pad < cur_left(c) ? pad : cur_left(c));
}

int usdt_note_next(struct cur *c, bool is_64, struct usdt_note *ret, struct err *e)
{
	while (cur_left(c)) {
		uint64_t at = cur_offset(c);
		uint32_t owner_len, len, type;
		const uint8_t *owner;
		struct cur desc;

		if (!cur_u32(c, &owner_len) || !cur_u32(c, &len) || !cur_u32(c, &type) || !cur_bytes(c, owner_len, &owner))
			return err_set(e, -EBADMSG, "the note at 0x%" PRIx64 " of the markers reaches beyond their end", at);
		skip_padding(c);
		if (!cur_sub(c, len, &desc))
			return err_set(e, -EBADMSG, "the note at 0x%" PRIx64 " of the markers claims %u bytes, %" PRIu64 " are left",
				       at, len, cur_left(c));
		skip_padding(c);
		if (type != NOTE_TYPE || owner_len != sizeof(NOTE_OWNER) || memcmp(owner, NOTE_OWNER, sizeof(NOTE_OWNER)))
			continue;
		if (!get_note(&desc, is_64, ret))
			return err_set(e, -EBADMSG, "the note at 0x%" PRIx64 " of the markers is too short, or one of its texts has no end",
				       at);
		return 1;
	}
	return 0;
}

/* ---- arguments -------------------------------------------------------------------- */

/* "rax", "eax", "ax", "al" are %ax to the kernel. False: it has no such register. */
static bool kernel_register(const char *name, size_t len, char *ret, size_t size)
{
	static const char *const lettered[] = { "ax", "bx", "cx", "dx", "si", "di", "bp", "sp" };
	static const char *const ends[] = { "", "d", "w", "b" };

	for (size_t i = 0; i < ARRAY_SIZE(lettered); i++) {
		const char *l = lettered[i];
		char forms[4][5];

		snprintf(forms[0], sizeof(forms[0]), "r%s", l);
		snprintf(forms[1], sizeof(forms[1]), "e%s", l);
		snprintf(forms[2], sizeof(forms[2]), "%s", l);
		snprintf(forms[3], sizeof(forms[3]), l[1] == 'x' ? "%.1sl" : "%sl", l);
		for (size_t j = 0; j < ARRAY_SIZE(forms); j++)
			if (strlen(forms[j]) == len && !memcmp(forms[j], name, len))
				return snprintf(ret, size, "%%%s", l) > 0;
	}
	for (unsigned n = 8; n < 16; n++)
		for (size_t j = 0; j < ARRAY_SIZE(ends); j++) {
			char form[8];

			snprintf(form, sizeof(form), "r%u%s", n, ends[j]);
			if (strlen(form) == len && !memcmp(form, name, len))
				return snprintf(ret, size, "%%r%u", n) > 0;
		}
	return false;
}

/* A number as the assembler writes it, all of @len. */
static bool get_number(const char *text, size_t len, long long *ret)
{
	char digits[24], *end;

	if (!len || len >= sizeof(digits) || !strchr("+-0123456789", text[0]))
		return false;
	memcpy(digits, text, len);
	digits[len] = 0;
	errno = 0;
	*ret = strtoll(digits, &end, 0);
	return !*end && !errno;
}

/* "$5", "%edi", "-24(%rbp)", "(%rax)" */
static bool get_operand(const char *op, size_t len, struct usdt_arg *ret)
{
	const char *open = memchr(op, '(', len);
	char reg[8];
	long long n = 0;

	if (op[0] == '$' && get_number(op + 1, len - 1, &n))
		return snprintf(ret->fetch, sizeof(ret->fetch), "\\%lld", n) > 0;
	if (op[0] == '%')
		return kernel_register(op + 1, len - 1, ret->fetch, sizeof(ret->fetch));
	if (!open || (open > op && !get_number(op, open - op, &n)))
		return false;
	len -= open + 1 - op;
	/* whole registers only: others would be an address's lower half */
	if (len < 4 || open[1] != '%' || open[2] != 'r' || open[len] != ')' || !kernel_register(open + 2, len - 2, reg, sizeof(reg)) ||
	    strchr("dwb", open[len - 1]))
		return false;
	return snprintf(ret->fetch, sizeof(ret->fetch), "%+lld(%s)", n, reg) > 0;
}

bool usdt_arg_next(const char **text, struct usdt_arg *ret)
{
	const char *p = *text + strspn(*text, " \t"), *at;
	size_t len = strcspn(p, " \t"), digits;
	bool is_signed = *p == '-', known;
	long long size = 0;

	*ret = (struct usdt_arg){ 0 };
	*text = p + len;
	if (!len)
		return false;
	at = memchr(p, '@', len);
	digits = at ? strspn(p + is_signed, "0123456789") : 0;
	known = digits && get_number(p + is_signed, digits, &size) && (size == 1 || size == 2 || size == 4 || size == 8);
	if (at && p[is_signed + digits] == 'f')
		ret->why = "is a floating-point number, which probes cannot read";
	else if (!known || p + is_signed + digits != at)
		ret->why = "has no size that probes know";
	else if (at + 1 == p + len || !get_operand(at + 1, p + len - (at + 1), ret))
		ret->why = "is at a place that probes cannot name";
	snprintf(ret->type, sizeof(ret->type), "%c%lld", is_signed ? 's' : 'u', known ? 8 * size : 0);
	ret->points = size == 8;
	return true;
}

/* ---- programs ------------------------------------------------------------------------ */

struct reading {
	const struct elf_object *o;
	int (*fn)(void *ctx, const struct usdt_marker *m);
	void *ctx;
	uint64_t base;			/* of .stapsdt.base now; 0: there is none */
	bool is_64, big_endian;
	struct err *e;
};

/* The next section of that name. */
static Elf_Scn *find_section(const struct elf_object *o, Elf_Scn *from, const char *name, GElf_Shdr *head)
{
	size_t names;

	if (elf_getshdrstrndx(o->elf, &names))
		return NULL;
	while ((from = elf_nextscn(o->elf, from))) {
		const char *got = gelf_getshdr(from, head) ? elf_strptr(o->elf, names, head->sh_name) : NULL;

		if (got && !strcmp(got, name))
			return from;
	}
	return NULL;
}

static bool to_offset(const struct reading *r, uint32_t flags, uint64_t address, uint64_t *ret)
{
	GElf_Phdr segment;

	if (!elf_segment(r->o, flags, ELF_NOWHERE, address, &segment))
		return false;
	*ret = address - segment.p_vaddr + segment.p_offset;
	return true;
}

static int tell_note(struct reading *r, const struct usdt_note *note)
{
	struct usdt_marker m = { .provider = note->provider, .name = note->name, .args = note->args };
	uint64_t moved = r->base && note->base ? r->base - note->base : 0;

	if (!to_offset(r, PF_X, note->address + moved, &m.offset))
		return err_set(r->e, -EBADMSG, "the marker %s:%s of '%s' is at nothing that is run", m.provider, m.name, r->o->path);
	if (note->semaphore && !to_offset(r, PF_W, note->semaphore + moved, &m.semaphore))
		return err_set(r->e, -EBADMSG, "the counter of the marker %s:%s of '%s' is at nothing that is written", m.provider,
			       m.name, r->o->path);
	return r->fn(r->ctx, &m);
}

static int read_section(struct reading *r, Elf_Scn *section)
{
	Elf_Data *data = elf_rawdata(section, NULL);
	struct usdt_note note;
	struct cur c;
	int got = 0, ret = 0;

	if (!data)
		return err_set(r->e, -EBADMSG, "cannot read the markers of '%s': %s", r->o->path, elf_errmsg(-1));
	c = (struct cur){ .data = data->d_buf, .len = data->d_buf ? data->d_size : 0, .big_endian = r->big_endian };
	while (!ret && (got = usdt_note_next(&c, r->is_64, &note, r->e)) > 0)
		ret = tell_note(r, &note);
	if (got < 0)
		err_wrap(r->e, "'%s'", r->o->path);
	return ret ? ret : got;
}

int usdt_each(const char *path, int (*fn)(void *ctx, const struct usdt_marker *m), void *ctx, struct err *e)
{
	struct elf_object o;
	struct reading r = { .o = &o, .fn = fn, .ctx = ctx, .e = e };
	Elf_Scn *section = NULL;
	GElf_Shdr head;
	GElf_Ehdr elf;
	int ret = elf_object_open(&o, path, e);

	if (ret)
		return ret;
	if (gelf_getehdr(o.elf, &elf)) {
		r.is_64 = elf.e_ident[EI_CLASS] == ELFCLASS64;
		r.big_endian = elf.e_ident[EI_DATA] == ELFDATA2MSB;
	}
	if (find_section(&o, NULL, ".stapsdt.base", &head))
		r.base = head.sh_addr;
	while (!ret && (section = find_section(&o, section, ".note.stapsdt", &head)))
		if (head.sh_type == SHT_NOTE)
			ret = read_section(&r, section);
	elf_object_close(&o);
	return ret;
}

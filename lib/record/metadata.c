// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "record/metadata.h"

#define TEXT_MAX (1u << 30)
#define BTF "/sys/kernel/btf/vmlinux"
#define MODULES "/proc/modules"
#define KALLSYMS "/proc/kallsyms"
#define KPTR_RESTRICT "/proc/sys/kernel/kptr_restrict"

void metadata_release(struct metadata *m)
{
	buf_release(&m->header_info);
	buf_release(&m->ftrace_events);
	buf_release(&m->event_formats);
	buf_release(&m->kallsyms);
	buf_release(&m->btf);
	buf_release(&m->printk);
	buf_release(&m->cmdlines);
	buf_release(&m->modules);
	for (size_t i = 0; i < m->last_boots.nr; i++)
		free(m->last_boots.v[i]);
	vec_release(&m->last_boots);
}

static int collect_header(struct metadata *m, struct kernel *k, struct err *e)
{
	struct buf page AUTO_BUF = { 0 }, event AUTO_BUF = { 0 };
	int r = kernel_read(kernel_top(k), "events/header_page", &page);

	if (r)
		return err_errno(e, r, "cannot read '%s/events/header_page'", kernel_root(k));
	r = kernel_read(kernel_top(k), "events/header_event", &event);
	if (r)
		return err_errno(e, r, "cannot read '%s/events/header_event'", kernel_root(k));
	if (dat_put_header_info(&m->header_info, page.data, page.len, event.data, event.len))
		return err_errno(e, -ENOMEM, "cannot collect event formats");
	return 0;
}

/* Formats on their way into the two blocks; counts come in front of lists. */
struct formats {
	struct metadata *m;
	uint32_t nr_ftrace, nr_systems, nr_events;
	char *system;			/* the one being collected; NULL: none yet */
	struct buf ftrace, systems, events;
};

/* Closes the list of the system at hand. */
static int system_end(struct formats *f)
{
	if (!f->system)
		return 0;
	buf_str(&f->systems, f->system);
	buf_u32(&f->systems, f->nr_events);
	buf_put(&f->systems, f->events.data, f->events.len);
	f->nr_systems++;
	f->nr_events = 0;
	buf_clear(&f->events);
	free(f->system);
	f->system = NULL;
	return f->systems.failed ? -ENOMEM : 0;
}

static int add_format(void *ctx, const char *system, const char *event, const char *format,
		      size_t len)
{
	struct formats *f = ctx;
	struct buf *b = &f->ftrace;

	(void)event;
	if (!strcmp(system, "ftrace")) {
		f->nr_ftrace++;
	} else {
		if (f->system && strcmp(f->system, system) && system_end(f))
			return -ENOMEM;
		if (!f->system && !(f->system = strdup(system)))
			return -ENOMEM;
		f->nr_events++;
		b = &f->events;
	}
	buf_u64(b, len);
	return buf_put(b, format, len);
}

static int collect_formats(struct metadata *m, struct kernel *k, const struct kernel_setup *setup,
			   struct err *e)
{
	struct formats f = { .m = m };
	int r;

	f.ftrace.big_endian = f.systems.big_endian = f.events.big_endian =
		m->header_info.big_endian;
	r = kernel_formats(k, setup, add_format, &f, e);
	if (!r)
		r = system_end(&f);
	if (!r) {
		buf_u32(&m->ftrace_events, f.nr_ftrace);
		buf_put(&m->ftrace_events, f.ftrace.data, f.ftrace.len);
		buf_u32(&m->event_formats, f.nr_systems);
		buf_put(&m->event_formats, f.systems.data, f.systems.len);
		if (m->ftrace_events.failed || m->event_formats.failed)
			r = -ENOMEM;
	}
	free(f.system);
	buf_release(&f.ftrace);
	buf_release(&f.systems);
	buf_release(&f.events);
	if (r == -ENOMEM)
		err_errno(e, r, "cannot collect event formats");
	return r;
}

/* Whether every address of the text is zero: hidden by the kernel. (Those of CPUs' own data may begin at 0.) */
static bool addresses_hidden(const struct buf *b)
{
	size_t lines = 0;

	for (const char *line = b->data ? b->data : ""; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t digits = strspn(line, "0");

		if (digits < 8 || line[digits] != ' ')
			return false;
		lines++;
	}
	return lines > 0;
}

/* 1 hides nothing from those who have CAP_SYSLOG (kernel/kallsyms.c). */
static int read_kallsyms(struct kernel *k, struct buf *text)
{
	struct buf restricted AUTO_BUF = { 0 };
	int r = path_read_all(KALLSYMS, text, TEXT_MAX);

	if (r || !addresses_hidden(text) || path_read_all(KPTR_RESTRICT, &restricted, 64))
		return r;
	restricted.data[strcspn(restricted.data, "\n")] = 0;
	if (strcmp(restricted.data, "2") || kernel_write_path(k, KPTR_RESTRICT, "1", NULL))
		return 0;
	buf_clear(text);
	r = path_read_all(KALLSYMS, text, TEXT_MAX);
	kernel_write_path(k, KPTR_RESTRICT, restricted.data, NULL);
	return r;
}

static int collect_symbols(struct metadata *m, struct kernel *k, const char *kallsyms_path,
			   const struct notices *notices, struct err *e)
{
	struct buf syms AUTO_BUF = { 0 };
	int r;

	if (kallsyms_path) {
		r = path_read_all(kallsyms_path, &syms, TEXT_MAX);
		if (r)
			return err_errno(e, r, "cannot read symbols from '%s'", kallsyms_path);
	} else {
		r = read_kallsyms(k, &syms);
		if (!r && addresses_hidden(&syms))
			r = -EACCES;
		if (r)
			notice(notices, "cannot read " KALLSYMS ": %s; functions will be shown as "
			       "addresses", strerror(-r));
		if (r)
			buf_clear(&syms);
	}
	if (dat_put_text(&m->kallsyms, DAT_KALLSYMS, syms.data, syms.len))
		return err_errno(e, -ENOMEM, "cannot collect symbols");
	return 0;
}

/* Functions' arguments are told apart and named by BTF alone. */
static bool wants_btf(const struct kernel_setup *setup)
{
	for (size_t i = 0; setup && i < setup->instances.nr; i++) {
		const struct kernel_words *options = &setup->instances.v[i].options;

		for (size_t j = 0; j < options->nr; j++)
			if (!strcmp(options->v[j], "func-args") ||
			    !strcmp(options->v[j], "funcgraph-args"))
				return true;
	}
	return setup && setup->btf;
}

/* A kernel may have been built without. */
static void collect_btf(struct metadata *m, const struct kernel_setup *setup,
			const struct notices *notices)
{
	int r = wants_btf(setup) ? path_read_all(BTF, &m->btf, TEXT_MAX) : 0;

	if (r && r != -ENOENT)
		notice(notices, "cannot read " BTF ": %s; the file is without the kernel's types",
		       strerror(-r));
	if (r)
		buf_clear(&m->btf);
}

int metadata_collect_boots(struct metadata *m, const struct kernel_setup *setup, struct err *e)
{
	for (size_t i = 0; setup && i < setup->instances.nr; i++) {
		const struct kernel_instance_setup *is = &setup->instances.v[i];
		struct buf text AUTO_BUF = { 0 };
		char *option;

		if (!is->in || kernel_read(is->in, "last_boot_info", &text))
			continue;
		if (asprintf(&option, "%s:%s", is->name, text.data) < 0)
			return err_errno(e, -ENOMEM, "cannot collect what is known of the last boot");
		if (vec_push(&m->last_boots, option)) {
			free(option);
			return err_errno(e, -ENOMEM, "cannot collect what is known of the last boot");
		}
	}
	if (m->last_boots.nr && path_read_all(MODULES, &m->modules, TEXT_MAX))
		buf_clear(&m->modules);	/* a kernel without modules */
	return 0;
}

static int put_growing(struct metadata *m, const struct buf *printk, const struct buf *names, struct err *e)
{
	m->printk.big_endian = m->cmdlines.big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	if (dat_put_text(&m->printk, DAT_PRINTK, printk->data, printk->len) ||
	    dat_put_text(&m->cmdlines, DAT_CMDLINES, names->data, names->len))
		return err_errno(e, -ENOMEM, "cannot collect task names");
	return 0;
}

int metadata_put_names(struct metadata *m, const struct buf *names, struct err *e)
{
	return put_growing(m, &(struct buf){ 0 }, names, e);
}

int metadata_collect_growing(struct metadata *m, struct kernel *k, const struct notices *notices,
			     struct err *e)
{
	struct buf printk AUTO_BUF = { 0 }, names AUTO_BUF = { 0 };
	struct err why = { 0 };
	int r;

	r = kernel_read_named(kernel_top(k), "printk_formats", &printk, &why);
	if (r && r != -ENOENT)
		notice(notices, "%s; trace_printk texts will be missing", why.text);
	r = kernel_read_named(kernel_top(k), "saved_cmdlines", &names, &why);
	if (r && r != -ENOENT)
		notice(notices, "%s; task names will be missing", why.text);
	return put_growing(m, &printk, &names, e);
}

int metadata_collect_stable(struct metadata *m, struct kernel *k, const struct kernel_setup *setup,
			    const char *kallsyms_path, const struct notices *notices,
			    struct err *e)
{
	bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	int r;

	m->header_info.big_endian = m->ftrace_events.big_endian = big;
	m->event_formats.big_endian = m->kallsyms.big_endian = big;
	r = collect_header(m, k, e);
	if (!r)
		r = collect_formats(m, k, setup, e);
	if (!r)
		r = collect_symbols(m, k, kallsyms_path, notices, e);
	if (!r)
		collect_btf(m, setup, notices);
	return r;
}

int metadata_collect(struct metadata *m, struct kernel *k, const struct kernel_setup *setup,
		     const char *kallsyms_path, const struct notices *notices, struct err *e)
{
	int r;

	*m = (struct metadata){ 0 };
	r = metadata_collect_stable(m, k, setup, kallsyms_path, notices, e);
	if (!r)
		r = metadata_collect_boots(m, setup, e);
	return r ? r : metadata_collect_growing(m, k, notices, e);
}

static const struct { enum dat_id id; size_t at; } blocks[] = {
	{ DAT_HEADER_INFO, offsetof(struct metadata, header_info) },
	{ DAT_FTRACE_EVENTS, offsetof(struct metadata, ftrace_events) },
	{ DAT_EVENT_FORMATS, offsetof(struct metadata, event_formats) },
	{ DAT_KALLSYMS, offsetof(struct metadata, kallsyms) },
	{ DAT_PRINTK, offsetof(struct metadata, printk) },
	{ DAT_CMDLINES, offsetof(struct metadata, cmdlines) },
	{ DAT_MODULES_FILE, offsetof(struct metadata, modules) },
	{ DAT_BTF_FILE, offsetof(struct metadata, btf) },
};

static const struct buf *body_of(const struct metadata *m, size_t i)
{
	return (const struct buf *)((const char *)m + blocks[i].at);
}

bool metadata_has(const struct metadata *m, enum dat_id id)
{
	for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++)
		if (blocks[i].id == id)
			return body_of(m, i)->len;
	return false;
}

int metadata_write(const struct metadata *m, struct dat_writer *w, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(blocks) && !r; i++) {
		const struct buf *body = body_of(m, i);

		if (body->len)
			r = dat_writer_block(w, blocks[i].id, body->data, body->len, e);
	}
	return r;
}

int metadata_kernel_long(struct kernel *k, unsigned *ret, struct err *e)
{
	struct buf page AUTO_BUF = { 0 };
	int r = kernel_read(kernel_top(k), "events/header_page", &page);
	const char *at;
	unsigned size;

	if (r)
		return err_errno(e, r, "cannot read '%s/events/header_page'", kernel_root(k));
	at = strstr(page.data, " commit;");
	at = at ? strstr(at, "size:") : NULL;
	if (!at || sscanf(at, "size:%u", &size) != 1 || (size != 4 && size != 8))
		return err_set(e, -EBADMSG, "'%s/events/header_page' does not tell the size of "
			       "commit", kernel_root(k));
	*ret = size;
	return 0;
}

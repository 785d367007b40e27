// SPDX-License-Identifier: LGPL-2.1-or-later
/* The type information of a running kernel and its modules (see btf.h). */
#include <stdlib.h>

#include "internal.h"
#include "kernel/btf.h"

#define BTF_DIR "/sys/kernel/btf"

struct module {
	char *name;
	struct btf *btf;		/* NULL: cannot be had, which was told */
};

struct kernel_prototypes {
	char *dir;
	struct notices notices;
	struct btf *vmlinux;
	VEC(struct module) modules;
};

static int read_file(const struct kernel_prototypes *p, const char *name, struct btf **ret, struct err *e)
{
	AUTO_BUF struct buf path = { 0 }, bytes = { 0 };
	int r;

	if (buf_printf(&path, "%s/%s", p->dir, name))
		return err_errno(e, -ENOMEM, "cannot read the types of %s", name);
	r = path_read_all(path.data, &bytes, KERNEL_TEXT_MAX);
	if (r)
		return err_errno(e, r, "cannot read '%s'", path.data);
	r = btf_new(&bytes, p->vmlinux, ret, e);
	if (r)
		err_wrap(e, "cannot read '%s'", path.data);
	return r;
}

int kernel_prototypes_open(const char *dir, const struct notices *notices,
			   struct kernel_prototypes **ret, struct err *e)
{
	struct kernel_prototypes *p = calloc(1, sizeof(*p));
	int r = -ENOMEM;

	if (p)
		p->dir = strdup(dir ? dir : BTF_DIR);
	if (p && p->dir) {
		p->notices = *notices;
		r = read_file(p, "vmlinux", &p->vmlinux, e);
		if (r == -ENOENT)
			err_hint(e, "this kernel was built without CONFIG_DEBUG_INFO_BTF");
	} else {
		err_errno(e, r, "cannot read the types of the kernel");
	}
	if (r)
		kernel_prototypes_close(p);
	else
		*ret = p;
	return r;
}

void kernel_prototypes_close(struct kernel_prototypes *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->modules.nr; i++) {
		btf_free(p->modules.v[i].btf);
		free(p->modules.v[i].name);
	}
	vec_release(&p->modules);
	btf_free(p->vmlinux);
	free(p->dir);
	free(p);
}

static int find_module(struct kernel_prototypes *p, const char *name, const struct btf **ret, struct err *e)
{
	struct module m = { 0 };
	struct err why = { 0 };

	for (size_t i = p->modules.nr; i-- > 0;)	/* functions come module by module */
		if (!strcmp(p->modules.v[i].name, name)) {
			*ret = p->modules.v[i].btf;
			return 0;
		}
	if (strchr(name, '/'))
		return err_set(e, -EINVAL, "'%s' is no name of a module", name);
	m.name = strdup(name);
	if (!m.name || vec_push(&p->modules, m)) {
		free(m.name);
		return err_errno(e, -ENOMEM, "cannot read the types of %s", name);
	}
	if (read_file(p, name, &m.btf, &why))
		notice(&p->notices, "no prototypes of the functions of %s: %s", name, why.text);
	p->modules.v[p->modules.nr - 1].btf = m.btf;
	*ret = m.btf;
	return 0;
}

int kernel_prototype(struct kernel_prototypes *p, const char *module, const char *function,
		     struct buf *out, struct err *e)
{
	const struct btf *b = p->vmlinux;
	int r = module ? find_module(p, module, &b, e) : 0;

	return r || !b ? r : btf_prototype(b, function, out, e);
}

int kernel_parameters(struct kernel_prototypes *p, const char *module, const char *function,
		      int (*fn)(void *ctx, const struct btf_param *p), void *ctx, struct err *e)
{
	const struct btf *b = p->vmlinux;
	int r = module ? find_module(p, module, &b, e) : 0;

	return r || !b ? r : btf_parameters(b, function, fn, ctx, e);
}

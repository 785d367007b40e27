// SPDX-License-Identifier: LGPL-2.1-or-later
/* The recorder's own threads in the lists of processes that are not traced. */
#include <errno.h>
#include <stdlib.h>

#include "kernel/internal.h"

static const char *const lists[] = { "set_event_notrace_pid", "set_ftrace_notrace_pid" };

int list_hidden(struct kernel_instance *in, enum hidden_from from, const struct kernel_pids *tids, struct err *e)
{
	AUTO_BUF struct buf text = { 0 };
	struct err why = { 0 };
	int r;

	for (size_t i = 0; i < tids->nr; i++)
		buf_printf(&text, "%d\n", (int)tids->v[i]);
	if (text.failed)
		return err_errno(e, -ENOMEM, "cannot hide the recorder from its trace");
	r = kernel_append(in, lists[from], text.data, &why);
	if (!r || !is_unavailable(r))
		return r ? err_set(e, r, "%s", why.text) : 0;
	buf_clear(&text);
	if (!buf_printf(&text, "%s/%s", in->dir, lists[from]))
		tell_unavailable(in->k, text.data, r);
	return 0;
}

struct others {
	const struct kernel_pids *tids;
	struct buf text;		/* what else is in the list */
	bool found;
};

static int add_other(void *ctx, const char *line)
{
	struct others *o = ctx;
	uint64_t tid;

	if (parse_u64(line, &tid))
		return 0;		/* a remark: there is none */
	for (size_t i = 0; i < o->tids->nr; i++)
		if ((uint64_t)o->tids->v[i] == tid) {
			o->found = true;
			return 0;
		}
	return buf_printf(&o->text, "%s\n", line);
}

static int clean_list(struct kernel_instance *in, const char *file, const struct kernel_pids *tids, struct err *e)
{
	struct others o = { .tids = tids };
	AUTO_BUF struct buf text = { 0 };
	int r = buf_puts(&o.text, "");

	if (!r && !kernel_read(in, file, &text) && text.data)
		r = kernel_each_line(text.data, add_other, &o);
	if (r)
		err_errno(e, r, "cannot clean %s/%s", in->dir, file);
	else if (o.found)
		r = kernel_write(in, file, o.text.data, e);
	buf_release(&o.text);
	return r;
}

int kernel_setup_unhide(struct kernel_setup *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < s->instances.nr && s->hidden.nr; i++)
		for (size_t j = 0; j < ARRAY_SIZE(lists) && s->instances.v[i].in; j++) {
			int one = clean_list(s->instances.v[i].in, lists[j], &s->hidden, r ? NULL : e);

			r = r ? r : one;
		}
	return r;
}

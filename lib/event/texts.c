// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the source's texts tell: task names, printk formats, symbols. */
#include <errno.h>
#include <stdlib.h>

#include "event/db.h"

typedef int (*text_source)(void *ctx, const char **text, size_t *len, struct err *e);

/* A text that cannot be had stays empty. */
static void ask(struct event_db *db, text_source fn, const char **text, size_t *len, struct err *why)
{
	*text = NULL;
	*len = 0;
	if (fn && fn(db->src.ctx, text, len, why) < 0)
		*len = 0;
}

/* @r: of adding to a table. */
static void note_full(int r, const char *what, struct err *why)
{
	if (r > 0)
		err_set(why, -EFBIG, "the file has more %s than any kernel: the rest is left out", what);
}

/* Fills a table once, by whichever thread comes first. */
static void fill_once(struct event_db *db, atomic_bool *have, void (*fill)(struct event_db *db))
{
	if (atomic_load_explicit(have, memory_order_acquire))
		return;
	event_lock();
	if (!*have)
		fill(db);
	atomic_store_explicit(have, true, memory_order_release);
	event_unlock();
}

static void tell_need(const struct event_db *db, const struct err *why)
{
	if (why->code && db->tell_needs)
		db->tell_needs(db->tell_needs_ctx, why->text);
}

/* Where nobody hears of each need. */
static void tell_once(struct event_db *db, const struct err *why)
{
	if (!why->code || db->tell_needs)
		return;
	event_db_tell(db, "%s", why->text);
	db->damage++;
}

void event_db_tell_needs(struct event_db *db, void (*tell)(void *ctx, const char *text), void *ctx)
{
	db->tell_needs = tell;
	db->tell_needs_ctx = ctx;
}

static void fill_comms(struct event_db *db)
{
	const char *text;
	size_t len;

	ask(db, db->src.cmdlines, &text, &len, &db->comms_why);
	note_full(comms_add(&db->comms, text, len), "names of tasks", &db->comms_why);
	tell_once(db, &db->comms_why);
}

static void fill_printks(struct event_db *db)
{
	const char *text;
	size_t len;

	ask(db, db->src.printk, &text, &len, &db->printks_why);
	note_full(printks_add(&db->printks, text, len), "printk formats", &db->printks_why);
	tell_once(db, &db->printks_why);
}

static void fill_symbols(struct event_db *db)
{
	const char *text;
	size_t len;

	ask(db, db->src.kallsyms, &text, &len, &db->symbols_why);
	tell_once(db, &db->symbols_why);
	symbols_add(&db->symbols, text, len, false);
}

static void need_comms(struct event_db *db)
{
	fill_once(db, &db->have_comms, fill_comms);
	tell_need(db, &db->comms_why);
}

static void need_printks(struct event_db *db)
{
	fill_once(db, &db->have_printks, fill_printks);
	tell_need(db, &db->printks_why);
}

static void need_symbols(struct event_db *db)
{
	fill_once(db, &db->have_symbols, fill_symbols);
	tell_need(db, &db->symbols_why);
}

static void tell_tep(struct event_db *db)
{
	const struct printk *p;
	const struct comm *c;

	for (size_t i = 0; (c = comms_nth(&db->comms, i)); i++)
		tep_register_comm(db->tep, c->name, c->pid);
	/* libtraceevent 1.7 looks three bytes back from the end of the string, whose quote it leaves out */
	for (size_t i = 0; (p = printks_nth(&db->printks, i)); i++)
		if (strlen(p->fmt) >= (*p->fmt == '"' ? 4 : 3))
			tep_register_print_string(db->tep, p->fmt, p->addr);
}

void event_db_need_texts(struct event_db *db)
{
	need_comms(db);
	need_printks(db);
	fill_once(db, &db->have_tep_texts, tell_tep);
}

/* ---- task names --------------------------------------------------------------- */

const char *event_db_known_comm(struct event_db *db, int pid)
{
	if (!pid)
		return "<idle>";
	need_comms(db);
	return comms_find(&db->comms, pid);
}

const char *event_db_comm(struct event_db *db, int pid)
{
	const char *name = event_db_known_comm(db, pid);

	return name ? name : "<...>";
}

int event_db_renew_comms(struct event_db *db, const char *text, size_t len)
{
	need_comms(db);
	return comms_renew(&db->comms, text, len);
}

int event_db_each_comm(struct event_db *db, int (*fn)(void *ctx, int pid, const char *comm),
		       void *ctx)
{
	const struct comm *c;
	int r = 0;

	need_comms(db);
	for (size_t i = 0; !r && (c = comms_nth(&db->comms, i)); i++)
		r = fn(ctx, c->pid, c->name);
	return r;
}

/* ---- symbols ------------------------------------------------------------------ */

const char *event_db_symbol(struct event_db *db, uint64_t addr, uint64_t *start, const char **module)
{
	struct symbol s;

	need_symbols(db);
	if (!symbols_find(&db->symbols, addr, &s))
		return NULL;
	if (start)
		*start = s.addr;
	if (module)
		*module = s.module;
	return s.name;
}

int event_db_add_kallsyms(struct event_db *db, const char *text, size_t len)
{
	need_symbols(db);
	return symbols_add(&db->symbols, text, len, true);
}

bool event_db_nth_symbol(struct event_db *db, size_t i, struct event_symbol *ret)
{
	struct symbol s;

	need_symbols(db);
	if (!symbols_nth(&db->symbols, i, &s))
		return false;
	*ret = (struct event_symbol){ .addr = s.addr, .name = s.name, .module = s.module };
	return true;
}

/* ---- printk formats ------------------------------------------------------------- */

const char *event_db_printk(struct event_db *db, uint64_t addr)
{
	const struct printk *p;

	need_printks(db);
	p = printks_find(&db->printks, addr);
	return p ? p->fmt : NULL;
}

bool event_db_nth_printk(struct event_db *db, size_t i, uint64_t *addr, const char **fmt)
{
	const struct printk *p;

	need_printks(db);
	p = printks_nth(&db->printks, i);
	if (!p)
		return false;
	*addr = p->addr;
	*fmt = p->fmt;
	return true;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/builtin.h"
#include "event/fixups.h"
#include "event/format_text.h"

#define NOTICES_MAX 1000

/* ---- one thread at a time ----------------------------------------------------- */

/*
 * One lock for all tables: what is done under it is rare, and libtraceevent and
 * its plugins keep state for the whole process. They call back, so it counts.
 */
static pthread_mutex_t process_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

void event_lock(void)
{
	pthread_mutex_lock(&process_lock);
}

void event_unlock(void)
{
	pthread_mutex_unlock(&process_lock);
}

static const char endless[] = "more is wrong with the event formats; that is not told any more";

void event_db_tell(struct event_db *db, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	event_lock();
	if (db->told <= NOTICES_MAX) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		notice(db->opts.notices, "%s", db->told++ < NOTICES_MAX ? text :
		       endless);
	}
	event_unlock();
}

/* What stands where no event can be had: no format, or none that can be understood. */
static const struct event_slot no_event;
#define NO_SLOT ((struct event_slot *)&no_event)

/* ---- birth and death -------------------------------------------------------- */

/* libtraceevent asks for the name of an address. */
static char *resolve(void *priv, unsigned long long *addr, char **module)
{
	const char *mod, *name;
	uint64_t start;

	name = event_db_symbol(priv, *addr, &start, &mod);
	if (!name)
		return NULL;
	*addr = start;
	*module = (char *)mod;
	return (char *)name;
}

int event_db_new(const struct event_db_opts *opts, struct event_db **ret, struct err *e)
{
	struct event_db *db = calloc(1, sizeof(*db));

	if (!db)
		return err_set(e, -ENOMEM, "out of memory");
	db->opts = *opts;
	plugin_options_begin(db);
	/* untouched, its pages take no memory */
	db->slots = calloc(EVENT_ID_MAX + 1, sizeof(*db->slots));
	db->tep = tep_alloc();
	if (!db->slots || !db->tep || tep_set_function_resolver(db->tep, resolve, db)) {
		event_db_free(db);
		return err_set(e, -ENOMEM, "out of memory");
	}
	tep_set_local_bigendian(db->tep, tep_is_bigendian());
	tep_set_file_bigendian(db->tep, opts->big_endian ? TEP_BIG_ENDIAN : TEP_LITTLE_ENDIAN);
	tep_set_long_size(db->tep, opts->long_size);
	tep_set_page_size(db->tep, opts->page_size);
	tep_set_cpus(db->tep, opts->cpus);
	*ret = db;
	return 0;
}

static void free_slot(struct event_slot *slot)
{
	prog_free(slot->prog);
	prog_free(slot->kernel_prog);
	format_check_release(&slot->check);
	free(slot->bound);
	free(slot->heading);
	free(slot->own_why);
	free(slot);
}

static void free_slots(struct event_db *db)
{
	for (size_t i = 0; i < db->names.nr; i++) {
		struct event_name *name = &db->names.v[i];
		struct event_slot *slot = name->id <= EVENT_ID_MAX ? db->slots[name->id] : NULL;

		if (slot && slot != NO_SLOT) {
			db->slots[name->id] = NULL;
			free_slot(slot);
		}
		free((char *)name->system);
		free((char *)name->name);
	}
	vec_release(&db->names);
	free(db->slots);
}

void event_db_free(struct event_db *db)
{
	if (!db)
		return;
	event_lock();
	if (db->plugins.list)
		tep_unload_plugins(db->plugins.list, db->tep);
	leave_tep(db);
	tep_free(db->tep);
	event_unlock();
	for (size_t i = 0; i < db->styles.nr; i++)
		regfree(&db->styles.v[i].regex);
	free_slots(db);
	for (size_t i = 0; i < db->plugin_options.nr; i++)
		free(db->plugin_options.v[i]);
	vec_release(&db->plugin_options);
	vec_release(&db->styles);
	free(db->by_id);
	symbols_release(&db->symbols);
	printks_release(&db->printks);
	comms_release(&db->comms);
	past_release(&db->past);
	past_release(&db->noted);
	free(db);
}

void event_db_set_source(struct event_db *db, const struct event_db_source *src)
{
	db->src = *src;
}

void event_db_set_compat_31(struct event_db *db, bool compat)
{
	db->compat_31 = compat;
	if (compat)
		plugin_options_compat_31(db);
}

void event_db_set_texts(struct event_db *db, enum event_texts texts)
{
	db->texts = texts;
}

struct tep_handle *event_db_tep(struct event_db *db)
{
	return db->tep;
}

/* ---- the index of formats ----------------------------------------------------- */

/* Takes name and id out of a format's first lines. */
static bool read_heading(const char *text, size_t len, const char **name, size_t *name_len, int *id)
{
	const char *digits;
	size_t nr;
	long v = 0;

	if (!format_line(text, len, "name: ", name, name_len) ||
	    !format_line(text, len, "ID: ", &digits, &nr))
		return false;
	for (size_t i = 0; i < nr; i++) {
		/* to libtraceevent a zero in front means octal */
		if (digits[i] < '0' || digits[i] > '9' || (!v && i))
			return false;
		v = v * 10 + (digits[i] - '0');
		if (v > INT_MAX)
			return false;
	}
	*id = v;
	return !memchr(*name, 0, *name_len);
}

static int index_id(struct event_db *db, int id, size_t name)
{
	if (id > EVENT_ID_MAX)
		return 0;
	if ((size_t)id >= db->nr_by_id) {
		size_t n = (size_t)id + 256;
		uint32_t *p = realloc(db->by_id, n * sizeof(*p));

		if (!p)
			return -ENOMEM;
		memset(p + db->nr_by_id, 0, (n - db->nr_by_id) * sizeof(*p));
		db->by_id = p;
		db->nr_by_id = n;
	}
	db->by_id[id] = name + 1;
	/* it may have been looked for before */
	db->slots[id] = NULL;
	return 0;
}

static int add_format(struct event_db *db, const char *system, const char *text, size_t len,
		      struct err *e)
{
	struct event_name name = { .format = text, .format_len = len };
	const char *word;
	size_t word_len;

	if (!read_heading(text, len, &word, &word_len, &name.id)) {
		event_db_tell(db, "an event format of system '%s' has no name or id: left out",
			      system);
		db->left_out++;
		db->damage++;
		return 0;
	}
	if ((size_t)name.id < db->nr_by_id && db->by_id[name.id]) {
		struct event_name *first = &db->names.v[db->by_id[name.id] - 1];

		event_db_tell(db, "event %s:%.*s has the id %d of %s:%s: left out", system,
			      (int)word_len, word, name.id, first->system, first->name);
		return 0;
	}
	name.system = strdup(system);
	name.name = strndup(word, word_len);
	if (!name.system || !name.name || index_id(db, name.id, db->names.nr) ||
	    vec_push(&db->names, name)) {
		if ((size_t)name.id < db->nr_by_id)
			db->by_id[name.id] = 0;
		free((char *)name.system);
		free((char *)name.name);
		return err_set(e, -ENOMEM, "out of memory");
	}
	return 0;
}

int event_db_add_format(struct event_db *db, const char *system, const char *text, size_t len,
			struct err *e)
{
	int r;

	event_lock();
	r = add_format(db, system, text, len, e);
	event_unlock();
	return r;
}

int event_db_need_formats(struct event_db *db, struct err *e)
{
	if (!atomic_load_explicit(&db->have_formats, memory_order_acquire)) {
		event_lock();
		if (!db->formats_asked && db->src.formats) {
			db->formats_asked = true;
			if (db->src.formats(db->src.ctx, db, &db->formats_why) < 0)
				db->damage++;
		}
		atomic_store_explicit(&db->have_formats, true, memory_order_release);
		event_unlock();
	}
	if (db->formats_why.code)
		return err_set(e, db->formats_why.code, "%s", db->formats_why.text);
	return 0;
}

/* The same where those that could be had will do; what is missing is told once. */
static void use_formats(struct event_db *db)
{
	struct err why = { 0 };

	if (!event_db_need_formats(db, &why))
		return;
	event_lock();
	if (!db->formats_told)
		event_db_tell(db, "%s; events without a format are shown as bytes", why.text);
	db->formats_told = true;
	event_unlock();
}

unsigned event_db_damage(const struct event_db *db)
{
	return db->damage;
}

int event_db_names(struct event_db *db, const struct event_name **ret, size_t *nr, struct err *e)
{
	int r = event_db_need_formats(db, e);

	if (r < 0)
		return r;
	*ret = db->names.v;
	*nr = db->names.nr;
	return 0;
}

const struct event_name *event_db_name(struct event_db *db, int id)
{
	use_formats(db);
	if (id < 0 || (size_t)id >= db->nr_by_id || !db->by_id[id])
		return NULL;
	return &db->names.v[db->by_id[id] - 1];
}

/* ---- styles -------------------------------------------------------------------- */

int event_db_set_style(struct event_db *db, enum event_style style, const char *regex,
		       struct err *e)
{
	struct event_style_rule rule = { .style = style };
	int r = regex_compile_whole(&rule.regex, regex, strlen(regex), e);

	if (r < 0)
		return r;
	if (vec_push(&db->styles, rule)) {
		regfree(&rule.regex);
		return err_set(e, -ENOMEM, "out of memory");
	}
	return 0;
}

static void apply_styles(struct event_db *db, struct event_slot *slot)
{
	for (size_t i = 0; i < db->styles.nr; i++) {
		struct event_style_rule *rule = &db->styles.v[i];

		if (regexec(&rule->regex, slot->pub.name, 0, NULL, 0) &&
		    regexec(&rule->regex, slot->pub.system, 0, NULL, 0))
			continue;
		if (rule->style == EVENT_STYLE_FIELDS) {
			slot->fields = true;
			slot->event->flags |= TEP_EVENT_FL_PRINTRAW;
		} else {
			slot->no_handler = true;
			slot->event->flags |= TEP_EVENT_FL_NOHANDLE;
		}
	}
}

/* ---- common fields -------------------------------------------------------------------- */

static void place_of(struct tep_event *event, const char *name, struct event_place *ret)
{
	struct tep_format_field *f = tep_find_common_field(event, name);

	if (!f || f->offset < 0 || (f->size != 1 && f->size != 2 && f->size != 4 && f->size != 8))
		return;
	ret->offset = f->offset;
	ret->size = f->size;
}

static bool is_at(struct event_place p, uint32_t offset, uint32_t size)
{
	return p.offset == offset && p.size == size;
}

/*
 * All formats of a kernel begin with the same fields, so those of the first
 * format that can be parsed serve for all: for unknown events too.
 */
static void find_common(struct event_db *db, struct tep_event *event)
{
	if (db->common.known)
		return;
	place_of(event, "common_pid", &db->common.pid);
	place_of(event, "common_flags", &db->common.flags);
	place_of(event, "common_preempt_count", &db->common.preempt);
	place_of(event, "common_migrate_disable", &db->common.migrate);
	place_of(event, "common_lock_depth", &db->common.lock);
	db->common.usual = is_at(db->common.pid, 4, 4) && is_at(db->common.flags, 2, 1) &&
			   is_at(db->common.preempt, 3, 1) && !db->common.migrate.size &&
			   !db->common.lock.size && !db->opts.big_endian;
	atomic_store_explicit(&db->common.known, true, memory_order_release);
}

/* ---- parsing ---------------------------------------------------------------------- */

/* The event's name as it is, where format_text() changed it. */
static bool take_name(struct tep_event *event, const struct event_name *name)
{
	char *own = format_name_is_odd(name->name) ? strdup(name->name) : NULL;

	if (own) {
		free(event->name);
		event->name = own;
	}
	return !strcmp(event->name, name->name);
}

/* Parses the first @head bytes with an empty print format in place of their own. */
static void parse_head(struct event_db *db, struct event_slot *slot, const char *format, size_t head)
{
	AUTO_BUF struct buf text = { 0 };

	buf_put(&text, format, head);
	buf_puts(&text, "\nprint fmt: \"\"\n");
	if (!text.failed)
		tep_parse_event(db->tep, text.data, text.len, slot->pub.system);
	slot->check.bad_print = true;
}

/*
 * Behind the words for flags and symbols libtraceevent 1.7 waits for a field to note that at, across
 * formats, and does not survive if the next one is missing: here it gets two. False: no memory.
 */
static bool give_fields(void)
{
	static const char text[] = "name: none\nID: 1\nformat:\n\tfield:unsigned short common_type;"
		"\toffset:0;\tsize:2;\tsigned:0;\n\n\tfield:int a;\toffset:8;\tsize:4;\tsigned:1;\n\n"
		"print fmt: \"%d %d\", REC->a, REC->a\n";
	struct tep_handle *tep = tep_alloc();
	bool done = tep && !tep_parse_event(tep, text, strlen(text), "none");

	tep_free(tep);
	return done;
}

#define NAME_WIDTH 20

/* What stands between time and text of a line. */
static bool make_heading(struct event_slot *slot)
{
	size_t len = strlen(slot->pub.name);
	char *p = malloc(len + NAME_WIDTH + HEADING_MIN);

	if (!p)
		return false;
	slot->heading = p;
	*p++ = ' ';
	p = put_bytes(p, slot->pub.name, len);
	p = put_bytes(p, ": ", 2);
	if (len < NAME_WIDTH)
		p = put_fill(p, ' ', NAME_WIDTH - len);
	slot->heading_len = p - slot->heading;
	put_fill(p, ' ', HEADING_MIN - 3);
	return true;
}

/* Why the slot has no event: @why; NULL: that it cannot be understood. */
static bool not_parsed(struct event_db *db, struct event_slot *slot, const char *why)
{
	AUTO_BUF struct buf text = { 0 };

	buf_printf(&text, "format of event %s:%s (id %d)%s %s", slot->pub.system, slot->pub.name,
		   slot->pub.id, why ? ":" : "", why ? why : "cannot be understood");
	if (db->not_parsed++ < NOTICES_MAX && !text.failed)
		slot->why = slot->own_why = strdup(text.data);
	else
		slot->why = endless;
	if (slot->why && !db->tell_needs)
		event_db_tell(db, "%s", slot->why);
	return false;
}

void event_db_tell_slot(struct event_db *db, const struct event_slot *slot)
{
	if (slot->why && db->tell_needs)
		db->tell_needs(db->tell_needs_ctx, slot->why);
}

static bool parse_slot(struct event_db *db, struct event_slot *slot)
{
	const struct event_name *name = &slot->pub;
	AUTO_BUF struct buf copy = { 0 };
	struct tep_event *event;
	struct err why = { 0 };
	const char *format, *no_prog;
	size_t head, len;
	bool differs;
	int r;

	format = format_text(name, !db->compat_31, db->texts == EVENT_TEXTS_KERNEL, &copy, &len);
	if (!format)
		return not_parsed(db, slot, "out of memory");
	r = format_check_text(format, len, &head, &why);
	if (r < 0)
		return not_parsed(db, slot, why.text);
	slot->plugin = plugins_for_format(db, name);
	if (r == 2 && !give_fields())
		r = 0;
	/* its warnings end with what errno says */
	errno = 0;
	if (r)
		tep_parse_event(db->tep, format, len, name->system);
	else
		parse_head(db, slot, format, head);
	event = tep_find_event(db->tep, name->id);
	if (!event || event->id != name->id || !take_name(event, name))
		return not_parsed(db, slot, NULL);
	if (!make_heading(slot))
		return false;
	slot->event = event;
	slot->plugin = slot->plugin || event->handler;
	format_check_event(event, &slot->check);
	ctx_find_teaches(slot);
	apply_styles(db, slot);
	builtin_find(db, slot);
	slot->plugin = slot->plugin && !slot->no_handler;
	slot->prog = prog_compile(event, &slot->check, db->texts == EVENT_TEXTS_KERNEL, &differs, &slot->no_prog);
	if (differs && db->texts == EVENT_TEXTS_COMPARE)
		slot->kernel_prog = prog_compile(event, &slot->check, true, &differs, &no_prog);
	slot->plain = !slot->text && !slot->plugin && !slot->fields && !slot->check.bad_fields && !slot->kernel_prog;
	return true;
}

/* Under the lock: no other thread has made it meanwhile. */
static struct event_slot *make_slot(struct event_db *db, int id)
{
	struct event_slot *slot;

	if ((size_t)id >= db->nr_by_id || !db->by_id[id])
		return NO_SLOT;
	slot = calloc(1, sizeof(*slot));
	if (!slot)
		return NO_SLOT;
	slot->pub = db->names.v[db->by_id[id] - 1];
	if (parse_slot(db, slot) || slot->why)
		return slot;
	free_slot(slot);
	return NO_SLOT;
}

struct event_slot *event_db_make_slot(struct event_db *db, int id)
{
	struct event_slot *slot;

	use_formats(db);
	event_lock();
	slot = db->slots[id];
	if (!slot) {
		slot = make_slot(db, id);
		if (slot->event)
			find_common(db, slot->event);
		atomic_store_explicit(&db->slots[id], slot, memory_order_release);
	}
	event_unlock();
	return slot;
}

struct tep_event *event_db_event(struct event_db *db, int id)
{
	struct event_slot *slot = event_db_slot(db, id);

	return slot ? slot->event : NULL;
}

struct tep_event *event_db_event_by_name(struct event_db *db, const char *system, const char *name)
{
	use_formats(db);
	for (size_t i = 0; i < db->names.nr; i++) {
		const struct event_name *n = &db->names.v[i];

		if (!strcmp(n->name, name) && (!system || !strcmp(n->system, system)))
			return event_db_event(db, n->id);
	}
	return NULL;
}

/*
 * Why an event's text will be "[FAILED TO PARSE]": in every kernel there are
 * some, so it is told on request only. False if it will not.
 */
static bool tell_failure(struct event_db *db, struct event_slot *slot)
{
	struct err why = { 0 };
	size_t head;

	if (!(slot->event->flags & TEP_EVENT_FL_FAILED) && !slot->check.bad_print)
		return false;
	if (format_check_text(slot->pub.format, slot->pub.format_len, &head, &why) > 0)
		err_set(&why, -EBADMSG, "cannot be understood");
	event_db_tell(db, "print format of event %s:%s (id %d): %s", slot->pub.system,
	       slot->pub.name, slot->pub.id, why.text);
	return true;
}

#define ODD_TEXTS_NAMED 3

unsigned event_db_odd_texts(struct event_db *db, struct buf *out)
{
	unsigned nr = 0;

	for (size_t i = 0; i < db->names.nr; i++) {
		const struct event_name *n = &db->names.v[i];
		const struct event_slot *slot = n->id <= EVENT_ID_MAX ? atomic_load(&db->slots[n->id]) : NULL;

		if (!slot || !atomic_load(&slot->texts_differ))
			continue;
		if (nr < ODD_TEXTS_NAMED)
			buf_printf(out, "%s%s:%s", nr ? ", " : "", n->system, n->name);
		else if (nr == ODD_TEXTS_NAMED)
			buf_puts(out, ", ...");
		nr++;
	}
	return nr;
}

void event_db_parse_formats(struct event_db *db)
{
	/* libtraceevent looks for an event's place from the lowest id on */
	for (int id = EVENT_ID_MAX; id >= 0; id--)
		event_db_slot(db, id);
}

int event_db_parse_all(struct event_db *db, struct err *e)
{
	int failed, r = event_db_need_formats(db, e);

	if (r < 0)
		return r;
	failed = db->left_out;
	event_db_parse_formats(db);
	for (size_t i = 0; i < db->names.nr; i++) {
		struct event_slot *slot = event_db_slot(db, db->names.v[i].id);

		if (!slot || tell_failure(db, slot))
			failed++;
	}
	return failed;
}

/* ---- what every record has --------------------------------------------------------- */

const struct event_common *event_db_common(struct event_db *db, int id)
{
	if (atomic_load_explicit(&db->common.known, memory_order_acquire))
		return &db->common;
	if (!event_db_slot(db, id)) {
		use_formats(db);
		/* of the file's others nothing is wanted */
		for (size_t i = 0; i < db->names.nr && !db->common.known; i++)
			if (db->names.v[i].id <= EVENT_ID_MAX)
				event_db_make_slot(db, db->names.v[i].id);
	}
	return &db->common;
}

bool event_db_number(const struct event_db *db, const struct event_place *p, const void *data,
		     size_t len, uint64_t *ret)
{
	if (!p->size || p->offset > len || p->size > len - p->offset)
		return false;
	return get_uint((const uint8_t *)data + p->offset, p->size, db->opts.big_endian, ret);
}

int event_db_record_id(struct event_db *db, const void *data, size_t len)
{
	return len < 2 ? -1 : get_u16(data, db->opts.big_endian);
}

int event_db_record_pid(struct event_db *db, const void *data, size_t len)
{
	int id = event_db_record_id(db, data, len);
	uint64_t v;

	if (id < 0 || !event_db_number(db, &event_db_common(db, id)->pid, data, len, &v))
		return -1;
	return (int)v;
}

unsigned event_db_record_flags(struct event_db *db, const void *data, size_t len)
{
	int id = event_db_record_id(db, data, len);
	uint64_t v;

	if (id < 0 || !event_db_number(db, &event_db_common(db, id)->flags, data, len, &v))
		return 0;
	return v;
}

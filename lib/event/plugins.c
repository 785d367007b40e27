// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which plugins are loaded, and when. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "event/builtin.h"

/* ---- libtraceevent's own plugins ---------------------------------------------- */

/* The plugins of libtraceevent 1.7, and what of theirs this room relies on. */
static const char *const system_plugins[] = {
	"plugin_cfg80211.so", "plugin_function.so", "plugin_futex.so", "plugin_hrtimer.so",
	"plugin_jbd2.so", "plugin_kmem.so", "plugin_kvm.so", "plugin_mac80211.so",
	"plugin_sched_switch.so", "plugin_scsi.so", "plugin_tlb.so", "plugin_xen.so",
};

/* Events they print; name NULL: some of a system. */
static const struct { const char *system, *name; } handled[] = {
	{ "ftrace", "function" }, { "ftrace", "kernel_stack" }, { "ftrace", "raw_data" },
	{ "ftrace", "func_repeats" }, { "kmem", "kmalloc" }, { "kmem", "kmalloc_node" },
	{ "kmem", "kfree" }, { "kmem", "kmem_cache_alloc" }, { "kmem", "kmem_cache_alloc_node" },
	{ "kmem", "kmem_cache_free" }, { "kvm", NULL }, { "kvmmmu", NULL }, { "mac80211", NULL },
	{ "sched", "sched_switch" }, { "sched", "sched_wakeup" }, { "sched", "sched_wakeup_new" },
	{ "syscalls", "sys_enter_futex" }, { "timer", "hrtimer_expire_entry" },
	{ "timer", "hrtimer_start" }, { "tlb", "tlb_flush" },
};

/* Functions they add to the language of print formats. */
static const char *const functions[] = {
	"__le16_to_cpup", "is_writable_pte", "jbd2_dev_to_name", "jiffies_to_msecs",
	"scsi_trace_parse_cdb", "xen_hypercall_name",
};

/* Where libtraceevent looks for them: beside itself. */
static bool system_dir(char *ret, size_t size)
{
	Dl_info lib;
	const char *slash;

	if (!dladdr((void *)tep_load_plugins, &lib) || !lib.dli_fname)
		return false;
	slash = strrchr(lib.dli_fname, '/');
	return slash && snprintf(ret, size, "%.*s/traceevent/plugins", (int)(slash - lib.dli_fname),
				 lib.dli_fname) < (int)size;
}

/* Whether a directory holds all system plugins and no other. */
static bool holds_the_known(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	size_t nr = 0, other = 0;

	while (dir && (entry = readdir(dir))) {
		bool known = entry->d_name[0] == '.';

		for (size_t i = 0; i < ARRAY_SIZE(system_plugins) && !known; i++)
			if (!strcmp(entry->d_name, system_plugins[i])) {
				known = true;
				nr++;
			}
		other += !known;
	}
	if (dir)
		closedir(dir);
	return nr == ARRAY_SIZE(system_plugins) && !other;
}

/* Whether users have plugins of their own, as far as libtraceevent looks for them. */
static bool users_may_have_some(void)
{
	const char *home = getenv("HOME");
	char path[PATH_MAX];

	if (getenv("TRACEEVENT_PLUGIN_DIR"))
		return true;
	return home && (snprintf(path, sizeof(path), "%s/.local/lib/traceevent/plugins", home) >=
			(int)sizeof(path) || !access(path, F_OK));
}

static bool can_wait(const struct event_db *db)
{
	char path[PATH_MAX];

	return !db->plugin_options.nr && !users_may_have_some() &&
	       system_dir(path, sizeof(path)) && holds_the_known(path);
}

/* Whether a file lies in the system's folder, by whatever names. */
static bool is_of_system(const char *file)
{
	AUTO_FREE char *dir = NULL, *real = NULL;
	char path[PATH_MAX];

	if (!system_dir(path, sizeof(path)))
		return false;
	dir = realpath(path, NULL);
	real = realpath(file, NULL);
	return dir && real && !strncmp(real, dir, strlen(dir)) && real[strlen(dir)] == '/';
}

bool plugins_are_known(const struct event_db *db, const struct tep_event *event)
{
	Dl_info handler;

	if (db->plugins.known)
		return true;
	/* ftrace's graph has no handler there, and is known all the same */
	if (!event->handler)
		return !strcmp(event->system, "ftrace");
	/* options change their texts */
	return !db->plugin_options.nr && dladdr((void *)event->handler, &handler) && handler.dli_fname &&
	       is_of_system(handler.dli_fname);
}

bool event_db_in_order(const struct event_db *db)
{
	return db->plugins.loaded && !db->plugins.known && db->plugins.in_order;
}

/*
 * Plugins take libtraceevent's functions from the program; Debian's do not name the library. Where it
 * came along with a library that was loaded for itself (dlopen's RTLD_LOCAL, as in Python), they would find none.
 */
static void show_libtraceevent(void)
{
	Dl_info lib;

	/* it is loaded already: this makes it global, and is never to be undone */
	if (dladdr((void *)tep_load_plugins, &lib) && lib.dli_fname)
		(void)!dlopen(lib.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
}

/*
 * Whether each loaded plugin is one of the system's, or has tracecmd's entry: then what it
 * prints does not hang on what it printed before. libtraceevent tells the files as text.
 */
static bool all_keep_nothing(const struct event_db *db)
{
	struct trace_seq s;
	char dir[PATH_MAX], *save = NULL;
	bool ret = !db->plugin_options.nr && system_dir(dir, sizeof(dir)) && holds_the_known(dir);

	trace_seq_init(&s);
	tep_print_plugins(&s, "", "\n", db->plugins.list);
	trace_seq_terminate(&s);
	if (s.state != TRACE_SEQ__GOOD)
		return false;
	for (char *file = strtok_r(s.buffer, "\n", &save); file && ret; file = strtok_r(NULL, "\n", &save))
		ret = is_of_system(file) || plugin_entry(file);
	trace_seq_destroy(&s);
	return ret;
}

static void load(struct event_db *db)
{
	if (!db->plugins.loaded) {
		show_libtraceevent();
		db->plugins.list = tep_load_plugins(db->tep);
		db->plugins.in_order = db->plugins.list && !all_keep_nothing(db);
	}
	db->plugins.loaded = true;
}

void plugins_need(struct event_db *db)
{
	if (db->plugins.known)
		load(db);
}

bool plugins_for_format(struct event_db *db, const struct event_name *name)
{
	if (!db->plugins.known || db->plugins.loaded)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(handled); i++) {
		if (strcmp(name->system, handled[i].system))
			continue;
		if (!handled[i].name)
			load(db);
		else if (!strcmp(name->name, handled[i].name))
			return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (memmem(name->format, name->format_len, functions[i], strlen(functions[i])))
			load(db);
	return false;
}

int event_db_load_plugins(struct event_db *db, bool no_system, bool no_plugins, struct err *e)
{
	if (db->plugins.known || db->plugins.loaded)
		return err_set(e, -EBUSY, "plugins are loaded already");
	/* as trace-cmd: without its system's plugins it has no graph lines either */
	db->no_builtins = no_system || no_plugins;
	if (no_plugins)
		return 0;
	db->plugins.known = !no_system && can_wait(db);
	if (db->plugins.known)
		return 0;
	if (no_system)
		tep_set_flag(db->tep, TEP_DISABLE_SYS_PLUGINS);
	load(db);
	return plugin_options_check(db, e);
}

int event_db_put_plugins(const struct event_db *db, struct buf *b)
{
	char dir[PATH_MAX];
	struct trace_seq s;

	buf_puts(b, db->no_builtins ? "no built-in ones" : "built-in ones");
	if (db->plugins.known && system_dir(dir, sizeof(dir)))
		buf_printf(b, ", those of %s when an event needs one", dir);
	if (!db->plugins.known && db->plugins.list) {
		trace_seq_init(&s);
		tep_print_plugins(&s, ", ", "", db->plugins.list);
		buf_put(b, s.buffer, s.state == TRACE_SEQ__GOOD ? s.len : 0);
		trace_seq_destroy(&s);
	}
	return b->failed ? -ENOMEM : 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The door to a kernel's tracing: finding tracefs, instances, reading files. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/internal.h"

/* By the rights in force: who has capabilities alone is not root to access(2). */
static bool may(const char *path, int how)
{
	return !faccessat(AT_FDCWD, path, how, AT_EACCESS);
}

/* ---- words --------------------------------------------------------------- */

int kernel_words_add(struct kernel_words *w, const char *word)
{
	char *copy = strdup(word);

	if (!copy || vec_push(w, copy)) {
		free(copy);
		return -ENOMEM;
	}
	return 0;
}

void kernel_words_release(struct kernel_words *w)
{
	for (size_t i = 0; i < w->nr; i++)
		free(w->v[i]);
	vec_release(w);
}

int kernel_each_line(const char *text, int (*fn)(void *ctx, const char *line), void *ctx)
{
	AUTO_BUF struct buf line = { 0 };

	while (*text) {
		size_t len = strcspn(text, "\n");
		int ret;

		buf_clear(&line);
		if (buf_put(&line, text, len))
			return -ENOMEM;
		ret = fn(ctx, line.data ? line.data : "");
		if (ret)
			return ret;
		text += len + (text[len] == '\n');
	}
	return 0;
}

void kernel_chosen_word(const char *text, char *ret, size_t size)
{
	const char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

	if (!close)
		*ret = 0;
	else
		snprintf(ret, size, "%.*s", (int)(close - open - 1), open + 1);
}

/* ---- finding tracefs ----------------------------------------------------- */

static int find_root(char *ret, size_t size, struct err *e)
{
	int code = find_tracefs(ret, size);

	if (!code)
		return 0;
	if (code != -ENOENT || access(TRACEFS_DIR, F_OK))
		return no_tracefs(code, e);
	if (mount("nodev", TRACEFS_DIR, "tracefs", 0, NULL)) {
		code = -errno;
		err_errno(e, code, "tracefs is not mounted, and mounting it at " TRACEFS_DIR " fails");
		err_hint(e, geteuid() ? "run as root, or let root 'mount -t tracefs nodev "
			 TRACEFS_DIR "'" : "'mount -t tracefs nodev " TRACEFS_DIR "' must work here first");
		return code;
	}
	snprintf(ret, size, "%s", TRACEFS_DIR);
	return 0;
}

/* ---- the handle ---------------------------------------------------------- */

static void instance_free(struct kernel_instance *in)
{
	if (!in)
		return;
	free(in->name);
	free(in->dir);
	free(in);
}

static struct kernel_instance *instance_add(struct kernel *k, const char *name)
{
	struct kernel_instance *in = calloc(1, sizeof(*in));
	AUTO_BUF struct buf dir = { 0 };

	if (!in)
		return NULL;
	in->k = k;
	if (*name)
		buf_printf(&dir, "%s/instances/%s", k->root, name);
	else
		buf_puts(&dir, k->root);
	in->name = strdup(name);
	in->dir = dir.failed ? NULL : strdup(dir.data);
	if (!in->name || !in->dir ||
	    vec_grow((void **)&k->instances, &k->cap_instances, k->nr_instances + 1,
		     sizeof(*k->instances))) {
		instance_free(in);
		return NULL;
	}
	k->instances[k->nr_instances++] = in;
	return in;
}

int err_denied(struct err *e, int code, const char *what, const char *path)
{
	err_errno(e, code, "%s %s", what, path);
	if ((code == -EPERM || code == -EACCES) && geteuid())
		err_hint(e, "run as root");
	else if (code == -EPERM || code == -EACCES)
		err_hint(e, "this kernel's security settings deny it, even to root");
	return code;
}

static int check_root(const char *root, struct err *e)
{
	AUTO_BUF struct buf path = { 0 }, header = { 0 };
	int code = 0;

	if (buf_printf(&path, "%s/tracing_on", root) || buf_printf(&header, "%s/events/header_page", root))
		return err_errno(e, -ENOMEM, "cannot use tracefs");
	if (!may(path.data, R_OK))
		code = -errno;
	if (code == -ENOENT && may(header.data, R_OK))
		return 0;		/* somebody's copy, for restore */
	if (code == -ENOENT)
		return err_set(e, code, "'%s' is not a tracefs (there is no tracing_on in it)", root);
	if (code)
		return err_denied(e, code, "cannot use tracefs: cannot read", path.data);
	return 0;
}

int kernel_open(const char *root, const struct notices *notices, struct kernel **ret, struct err *e)
{
	char found[KERNEL_PATH_MAX];
	struct kernel *k;
	int code;

	if (!root) {
		code = find_root(found, sizeof(found), e);
		if (code)
			return code;
		root = found;
	}
	code = check_root(root, e);
	if (code)
		return code;
	k = calloc(1, sizeof(*k));
	if (k)
		pthread_mutex_init(&k->log.lock, NULL);
	if (!k)
		return err_errno(e, -ENOMEM, "cannot use tracefs");
	if (notices)
		k->notices = *notices;
	k->root = strdup(root);
	if (!k->root || !instance_add(k, "")) {
		kernel_close(k);
		return err_errno(e, -ENOMEM, "cannot use tracefs");
	}
	*ret = k;
	return 0;
}

void kernel_close(struct kernel *k)
{
	if (!k)
		return;
	kernel_unlock(k);
	for (size_t i = 0; i < k->nr_instances; i++)
		instance_free(k->instances[i]);
	free(k->instances);
	undo_log_release(&k->log);
	pthread_mutex_destroy(&k->log.lock);
	kernel_words_release(&k->told);
	events_release(k);
	functions_free(k->functions);
	free(k->root);
	free(k);
}

const char *kernel_root(const struct kernel *k)
{
	return k->root;
}

/* ---- instances ----------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_dir(DIR *d, const struct dirent *de)
{
	struct stat st;

	if (de->d_type != DT_UNKNOWN)
		return de->d_type == DT_DIR;
	return !fstatat(dirfd(d), de->d_name, &st, 0) && S_ISDIR(st.st_mode);
}

/* What a directory holds, or only the directories there, sorted. 0, -errno. */
static int list_names(const char *dir, bool only_dirs, struct kernel_words *ret)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	int code = 0;

	if (!d)
		return -errno;
	while (!code && (errno = 0, de = readdir(d)))
		if (de->d_name[0] != '.' && (!only_dirs || is_dir(d, de)))
			code = kernel_words_add(ret, de->d_name);
	if (!code && errno)
		code = -errno;
	closedir(d);
	if (ret->nr)
		qsort(ret->v, ret->nr, sizeof(*ret->v), by_name);
	return code;
}

int list_dirs(const char *dir, struct kernel_words *ret)
{
	return list_names(dir, true, ret);
}

int kernel_instance_names(struct kernel *k, struct kernel_words *ret, struct err *e)
{
	AUTO_BUF struct buf dir = { 0 };
	int code;

	if (buf_printf(&dir, "%s/instances", k->root))
		return err_errno(e, -ENOMEM, "cannot list the instances");
	code = list_dirs(dir.data, ret);
	if (code && code != -ENOENT)
		return err_denied(e, code, "cannot list the instances in", dir.data);
	return 0;
}

bool instance_exists(struct kernel *k, const char *name)
{
	char path[KERNEL_PATH_MAX];
	int len;

	/* Not a name but a way out of the directory. */
	if (!*name || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	len = snprintf(path, sizeof(path), "%s/instances/%s", k->root, name);
	return len > 0 && (size_t)len < sizeof(path) && may(path, F_OK);
}

static int no_instance(struct kernel *k, const char *name, struct err *e)
{
	struct kernel_words names = { 0 };
	struct near near;
	int code = kernel_instance_names(k, &names, e);

	if (!code) {
		code = err_set(e, -ENOENT, "there is no instance '%s'", name);
		near_init(&near, name);
		for (size_t i = 0; i < names.nr; i++)
			near_try(&near, names.v[i]);
		near_hint(&near, e);
		if (!names.nr)
			err_hint(e, "this kernel has no instances now");
	}
	kernel_words_release(&names);
	return code;
}

/*
 * Logged before it is made: making an instance takes the kernel a tenth of a
 * second and more, and who is killed meanwhile logs nothing afterwards.
 */
static int instance_make(struct kernel *k, struct kernel_instance *in, struct err *e)
{
	int code;

	if (may(in->dir, F_OK))
		return 0;
	if (undo_log_add(k, UNDO_RMDIR, in->dir, ""))
		return err_errno(e, -ENOMEM, "cannot make the instance %s", in->dir);
	if (mkdir(in->dir, 0750)) {
		code = -errno;
		undo_log_drop(k, UNDO_RMDIR, in->dir);
		if (code == -EEXIST)
			return err_set(e, code, "cannot make the instance %s: another program has "
				       "made it just now; try again", in->dir);
		return err_denied(e, code, "cannot make the instance", in->dir);
	}
	in->created = true;
	in->locked = false;		/* if it was, that was another of its name */
	return 0;
}

static struct kernel_instance *instance_find(const struct kernel *k, const char *name)
{
	for (size_t i = 0; i < k->nr_instances; i++)
		if (!strcmp(k->instances[i]->name, name))
			return k->instances[i];
	return NULL;
}

static void instance_drop(struct kernel *k, struct kernel_instance *in)
{
	for (size_t i = 0; i < k->nr_instances; i++)
		if (k->instances[i] == in) {
			memmove(&k->instances[i], &k->instances[i + 1],
				(k->nr_instances - i - 1) * sizeof(*k->instances));
			k->nr_instances--;
			break;
		}
	instance_free(in);
}

int kernel_instance_get(struct kernel *k, const char *name, bool create,
			struct kernel_instance **ret, struct err *e)
{
	bool exists = !*name || instance_exists(k, name), known;
	struct kernel_instance *in;
	int code = 0;

	if (!exists && (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..")))
		return err_set(e, -EINVAL, "'%s' cannot be the name of an instance", name);
	if (!exists && !create)
		return no_instance(k, name, e);
	in = instance_find(k, name);
	known = in;
	if (!in)
		in = instance_add(k, name);
	if (!in)
		return err_errno(e, -ENOMEM, "cannot use the instance '%s'", name);
	if (!exists)
		code = instance_make(k, in, e);
	if (code && !known)
		instance_drop(k, in);
	if (!code)
		*ret = in;
	return code;
}

int kernel_instance_remove(struct kernel *k, struct kernel_instance *in, struct err *e)
{
	if (!*in->name)
		return err_set(e, -EINVAL, "the top level cannot be removed");
	if (rmdir(in->dir)) {
		int code = -errno;

		err_denied(e, code, "cannot remove the instance", in->dir);
		if (code == -EBUSY)
			err_hint(e, "somebody reads from it or has it mapped");
		return code;
	}
	instance_drop(k, in);
	return 0;
}

struct kernel_instance *kernel_top(struct kernel *k)
{
	return k->instances[0];
}

const char *kernel_instance_name(const struct kernel_instance *in)
{
	return in->name;
}

int kernel_instance_path(const struct kernel_instance *in, const char *file, char *path, size_t size)
{
	int n = snprintf(path, size, "%s/%s", in->dir, file);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* ---- reading ------------------------------------------------------------- */

int kernel_read(const struct kernel_instance *in, const char *file, struct buf *out)
{
	char path[KERNEL_PATH_MAX];
	int ret = kernel_instance_path(in, file, path, sizeof(path));

	if (!ret)
		ret = control_file_read(path, out, KERNEL_TEXT_MAX);
	if (!ret && buf_puts(out, ""))		/* a NUL behind nothing, too */
		ret = -ENOMEM;
	return ret;
}

int kernel_read_named(const struct kernel_instance *in, const char *file, struct buf *out,
		      struct err *e)
{
	char path[KERNEL_PATH_MAX];
	int ret = kernel_read(in, file, out);

	if (!ret)
		return 0;
	if (kernel_instance_path(in, file, path, sizeof(path)))
		snprintf(path, sizeof(path), "%s", file);
	return err_denied(e, ret, "cannot read", path);
}

int kernel_try(const struct kernel_instance *in, const char *file, bool write)
{
	char path[KERNEL_PATH_MAX];
	int code = kernel_instance_path(in, file, path, sizeof(path));
	int fd AUTO_CLOSE = code ? code : control_file_open(path, (write ? O_WRONLY : O_RDONLY) | O_NONBLOCK);
	struct stat st;

	if (fd == -EMEDIUMTYPE && !stat(path, &st) && S_ISDIR(st.st_mode))
		return may(path, X_OK | (write ? W_OK : R_OK)) ? 0 : -errno;
	return fd < 0 ? fd : 0;
}

bool kernel_has(const struct kernel_instance *in, const char *file)
{
	char path[KERNEL_PATH_MAX];

	return !kernel_instance_path(in, file, path, sizeof(path)) && may(path, F_OK);
}

int kernel_read_word(const struct kernel_instance *in, const char *file, char *ret, size_t size)
{
	AUTO_BUF struct buf b = { 0 };
	const char *start;
	size_t len;
	int code = kernel_read(in, file, &b);

	if (code)
		return code;
	start = b.data;
	while (isspace((unsigned char)*start))
		start++;
	len = strcspn(start, "\n");
	while (len && isspace((unsigned char)start[len - 1]))
		len--;
	if (len >= size)
		return -ERANGE;
	memcpy(ret, start, len);
	ret[len] = 0;
	return 0;
}

/* ---- trace options ------------------------------------------------------- */

int kernel_options(const struct kernel_instance *in, struct kernel_words *ret, struct err *e)
{
	struct kernel_words names = { 0 };
	char path[KERNEL_PATH_MAX];
	int code = kernel_instance_path(in, "options", path, sizeof(path));

	if (!code)
		code = list_names(path, false, &names);
	for (size_t i = 0; !code && i < names.nr; i++) {
		char file[300], value[8], word[300];

		snprintf(file, sizeof(file), "options/%.256s", names.v[i]);
		code = kernel_read_word(in, file, value, sizeof(value));
		snprintf(word, sizeof(word), "%s%.256s", strcmp(value, "0") ? "" : "no", names.v[i]);
		if (!code)
			code = kernel_words_add(ret, word);
	}
	kernel_words_release(&names);
	return code ? err_denied(e, code, "cannot list the trace options in", path) : 0;
}

int kernel_option_find(const struct kernel_instance *in, const char *word, char *file, size_t size,
		       const char **value)
{
	/* A "no" may be the beginning of a name. */
	snprintf(file, size, "options/%s", word);
	*value = "1";
	if (*word && !strchr(word, '/') && kernel_has(in, file))
		return 1;
	snprintf(file, size, "options/%s", word + 2 * !strncmp(word, "no", 2));
	*value = "0";
	return !strncmp(word, "no", 2) && word[2] && !strchr(word, '/') && kernel_has(in, file);
}

/* ---- what is not there --------------------------------------------------- */

bool is_unavailable(int code)
{
	return code == -ENOENT || code == -EPERM || code == -EACCES || code == -EROFS ||
	       code == -ENODEV || code == -EOPNOTSUPP;
}

/* The files of function tracing are told as one: they are denied together. */
static bool is_function_file(const char *file)
{
	return !strncmp(file, "set_ftrace_", 11) || !strncmp(file, "set_graph_", 10);
}

void tell_unavailable(struct kernel *k, const char *path, int code)
{
	const char *file = strrchr(path, '/');
	bool functions;
	const char *what;
	struct err e = { 0 };

	file = file ? file + 1 : path;
	functions = is_function_file(file);
	what = functions ? "function filters" : file;
	for (size_t i = 0; i < k->told.nr; i++)
		if (!strcmp(k->told.v[i], what))
			return;
	if (kernel_words_add(&k->told, what))
		return;
	if (code == -ENOENT) {
		notice(&k->notices, "this kernel has no %s: going on without", what);
		return;
	}
	err_errno(&e, code, "%s", path);
	notice(&k->notices, "this kernel denies %s (%s): going on without", what, e.text);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"
#define SHELL "/bin/sh"

/* 0 if @path is a program, else why not. */
static int program_check(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return access(path, X_OK) < 0 ? -errno : 0;
}

/* Looks for @name in PATH. The first reason other than "not there" counts. */
static int path_search(const char *name, char **ret)
{
	const char *dir = getenv("PATH");
	int why = -ENOENT;

	if (!dir)
		dir = DEFAULT_PATH;
	for (;;) {
		size_t len = strcspn(dir, ":");
		char *path;
		int r;

		if (asprintf(&path, "%.*s%s%s", (int)len, dir, len ? "/" : "./", name) < 0)
			return -ENOMEM;
		r = program_check(path);
		if (!r) {
			*ret = path;
			return 0;
		}
		free(path);
		if (r != -ENOENT && r != -ENOTDIR && r != -EISDIR && why == -ENOENT)
			why = r;
		if (!dir[len])
			return why;
		dir += len + 1;
	}
}

static int find_program(struct child_plan *plan, struct err *e)
{
	const char *name = plan->argv[0];
	int r;

	if (!*name)
		return err_set(e, -ENOENT, "cannot run a command with an empty name");
	if (!strchr(name, '/')) {
		r = path_search(name, &plan->path);
		if (r == -ENOENT)
			return err_set(e, r, "there is no command '%s' in PATH", name);
		return r ? err_errno(e, r, "cannot run '%s'", name) : 0;
	}
	r = program_check(name);
	if (r)
		return err_errno(e, r, "cannot run '%s'", name);
	plan->path = strdup(name);
	return plan->path ? 0 : err_errno(e, -ENOMEM, "cannot run '%s'", name);
}

static int find_user(struct child_plan *plan, struct err *e)
{
	const struct passwd *pw;

	if (!plan->user)
		return 0;
	errno = 0;
	pw = getpwnam(plan->user);
	if (!pw && errno && errno != ENOENT && errno != ESRCH)
		return err_errno(e, -errno, "cannot look up user '%s'", plan->user);
	if (!pw)
		return err_set(e, -ENOENT, "there is no user '%s'", plan->user);
	plan->uid = pw->pw_uid;
	plan->gid = pw->pw_gid;
	plan->home = strdup(pw->pw_dir);
	if (!plan->home)
		return err_errno(e, -ENOMEM, "cannot look up user '%s'", plan->user);
	if (geteuid() && geteuid() != plan->uid)
		return err_set(e, -EPERM, "cannot run a command as user '%s': that takes root",
			       plan->user);
	return 0;
}

int child_plan_make(struct child_plan *plan, char **argv, const char *user, struct err *e)
{
	int r;

	*plan = (struct child_plan){ .argv = argv, .user = user };
	if (getrlimit(RLIMIT_NOFILE, &plan->files) < 0)
		return err_errno(e, -errno, "cannot ask how many files may be open");
	r = find_program(plan, e);
	return r ? r : find_user(plan, e);
}

void child_plan_release(struct child_plan *plan)
{
	free(plan->path);
	free(plan->home);
	plan->path = plan->home = NULL;
}

/* Groups and environment of the user; the uid comes last, after tracing is on. */
static int become_group(const struct child_plan *plan, struct err *e)
{
	if (!plan->user)
		return 0;
	if (initgroups(plan->user, plan->gid) < 0 || setgid(plan->gid) < 0)
		return err_errno(e, -errno, "cannot take the groups of user '%s'", plan->user);
	if (setenv("HOME", plan->home, 1) || setenv("USER", plan->user, 1) ||
	    setenv("LOGNAME", plan->user, 1))
		return err_errno(e, -ENOMEM, "cannot become user '%s'", plan->user);
	return 0;
}

/* A script without "#!" is for the shell, as execvp has it. */
static void exec_script(const struct child_plan *plan)
{
	size_t nr = 0;
	char **argv;

	while (plan->argv[nr])
		nr++;
	argv = calloc(nr + 2, sizeof(*argv));
	if (!argv)
		return;
	argv[0] = plan->argv[0];
	argv[1] = plan->path;
	for (size_t i = 1; i < nr; i++)
		argv[i + 1] = plan->argv[i];
	execv(SHELL, argv);
	free(argv);
}

static int become_command(const struct child_plan *plan, child_ready_fn ready, void *ctx,
			  struct err *e)
{
	int r = become_group(plan, e);

	if (!r && plan->out_to_stderr && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		r = err_errno(e, -errno, "cannot send the command's standard output to standard error");
	if (!r && ready)
		r = ready(ctx, e);
	if (r)
		return r;
	if (setrlimit(RLIMIT_NOFILE, &plan->files) < 0)
		return err_errno(e, -errno, "cannot give the command its limit of open files");
	if (plan->user && setuid(plan->uid) < 0)
		return err_errno(e, -errno, "cannot become user '%s'", plan->user);
	execv(plan->path, plan->argv);
	if (errno == ENOEXEC)
		exec_script(plan);
	return err_errno(e, -errno, "cannot run '%s'", plan->argv[0]);
}

static _Noreturn void child_main(int go, int failure, const struct child_plan *plan,
				 const sigset_t *mask, child_ready_fn ready, void *ctx)
{
	struct err e = { 0 };
	char byte;
	ssize_t n;

	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	do
		n = read(go, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		become_command(plan, ready, ctx, &e);
	else if (n < 0)
		err_errno(&e, -errno, "cannot start '%s'", plan->argv[0]);
	if (e.code)
		write_full(failure, &e, sizeof(e));
	_exit(127);
}

int child_fork(struct child *c, const struct child_plan *plan, const sigset_t *mask,
	       child_ready_fn ready, void *ctx, struct err *e)
{
	int go[2] = { -1, -1 }, failure[2] = { -1, -1 };
	int r;

	*c = CHILD_NONE;
	if (pipe2(go, O_CLOEXEC) < 0 || pipe2(failure, O_CLOEXEC) < 0)
		goto fail;
	out_flush();
	c->pid = fork();
	if (c->pid < 0) {
		c->pid = 0;
		goto fail;
	}
	if (!c->pid) {
		close(go[1]);
		close(failure[0]);
		child_main(go[0], failure[1], plan, mask, ready, ctx);
	}
	close(go[0]);
	close(failure[1]);
	c->go = go[1];
	c->failure = failure[0];
	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd < 0) {
		r = err_errno(e, -errno, "cannot watch the command's process");
		child_release(c);
		return r;
	}
	return 0;
fail:
	r = err_errno(e, -errno, "cannot start '%s'", plan->argv[0]);
	for (int i = 0; i < 2; i++) {
		cleanup_close(&go[i]);
		cleanup_close(&failure[i]);
	}
	return r;
}

int child_go(struct child *c, struct err *e)
{
	struct err why;
	size_t len = 0;
	ssize_t n = 1;
	int r = write_full(c->go, "", 1);

	if (r) {
		cleanup_close(&c->go);	/* it ends, whatever kept it from going */
		c->go = -1;
	}
	while (len < sizeof(why) && n) {
		n = read(c->failure, (char *)&why + len, sizeof(why) - len);
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			len += n;
	}
	if (len < sizeof(why))
		return r ? err_errno(e, r, "cannot start the command") : 0;
	if (e)
		*e = why;
	return why.code;
}

int child_wait(struct child *c)
{
	int status;
	pid_t pid;

	do
		pid = waitpid(c->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	c->pid = 0;
	if (pid < 0)
		return EXIT_FAILED;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void child_detach(struct child *c)
{
	c->pid = 0;
}

void child_release(struct child *c)
{
	cleanup_close(&c->go);		/* a child that still waits ends by that */
	c->go = -1;
	if (c->pid)
		child_wait(c);
	cleanup_close(&c->pidfd);
	cleanup_close(&c->failure);
	*c = CHILD_NONE;
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "record_wait.h"

#define SIGNALS_MAX 3			/* the last of them ends all */
#define LOOK_MS 200			/* for threads, which have no descriptor to poll */

struct pollfds {
	struct pollfd *v;
	size_t nr, cap;
};

static int watched_add(struct watched *w, pid_t pid, struct err *e)
{
	struct watched_pid p = { .pid = pid, .fd = pidfd_open(pid, 0) };
	int code = -errno;

	if (p.fd < 0 && kill(pid, 0) < 0 && errno == ESRCH)
		return err_set(e, -ESRCH, "there is no process %d", pid);
	if (p.fd < 0 && code != -EINVAL && code != -ENOSYS)
		return err_errno(e, code, "cannot watch process %d", pid);
	if (vec_push(&w->v, p)) {
		cleanup_close(&p.fd);
		return err_errno(e, -ENOMEM, "cannot watch process %d", pid);
	}
	return 0;
}

int watched_open(struct watched *w, const struct kernel_setup *setup, struct err *e)
{
	int r = 0;

	*w = (struct watched){ 0 };
	for (size_t i = 0; i < setup->instances.nr; i++) {
		const struct kernel_pids *pids = &setup->instances.v[i].pids;

		for (size_t j = 0; j < pids->nr && !r; j++)
			r = watched_add(w, pids->v[j], e);
	}
	return r;
}

void watched_close(struct watched *w)
{
	for (size_t i = 0; i < w->v.nr; i++)
		cleanup_close(&w->v.v[i].fd);
	vec_release(&w->v);
}

/* Takes those that ended off the list. */
static void watched_prune(struct watched *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->v.nr; i++) {
		struct watched_pid p = w->v.v[i];
		struct pollfd pfd = { .fd = p.fd, .events = POLLIN };

		if (p.fd < 0 ? kill(p.pid, 0) < 0 && errno == ESRCH : poll(&pfd, 1, 0) > 0)
			cleanup_close(&p.fd);
		else
			w->v.v[kept++] = p;
	}
	w->v.nr = kept;
}

/* Whether all of them have a descriptor that tells their end. */
static bool watched_pollable(const struct watched *w)
{
	for (size_t i = 0; i < w->v.nr; i++)
		if (w->v.v[i].fd < 0)
			return false;
	return true;
}

void threads_left_out_tell(struct kernel_setup *s, const struct notices *to)
{
	unsigned long long nr = kernel_setup_begun(s);

	if (nr)
		notice(to, "%llu %s that began meanwhile in what %s traced %s left out, as the kernel lists threads "
		       "one by one; with -c all are traced, and children too", nr, nr > 1 ? "threads" : "thread",
		       s->only_command ? "-F" : "-P", nr > 1 ? "are" : "is");
}

/* What nohup and the like ignore stays ignored. */
static void add_unless_ignored(sigset_t *set, int sig)
{
	struct sigaction old;

	if (sigaction(sig, NULL, &old) < 0 || old.sa_handler != SIG_IGN)
		sigaddset(set, sig);
}

int stop_signals_take(sigset_t *ret_mask, struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	/* A shell ignores INT in what it runs in the background: kill -INT still counts. */
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	add_unless_ignored(&set, SIGHUP);
	add_unless_ignored(&set, SIGQUIT);
	if (sigprocmask(SIG_BLOCK, &set, ret_mask) < 0)
		return err_errno(e, -errno, "cannot take signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_errno(e, -errno, "cannot take signals");
	signal(SIGPIPE, SIG_IGN);
	return fd;
}

/* Signals to end that have arrived since the last call; others are obeyed. */
static unsigned signals_read(int fd, const struct record_watch *watch)
{
	struct signalfd_siginfo info;
	unsigned nr = 0;

	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGUSR1 && info.ssi_signo != SIGUSR2)
			nr++;
		else if (watch && info.ssi_signo == SIGUSR1)
			watch->flush(watch->ctx);
		else if (watch)
			watch->save(watch->ctx);
	}
	return nr;
}

static volatile sig_atomic_t signals_left;	/* until we leave at once */

static void leave(int sig)
{
	static const char text[] = "tracecmd: left without finishing; 'tracecmd report' and 'tracecmd "
				   "restore' read what there is\n";

	if (--signals_left > 0)
		return;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(EXIT_FAILED);
	_exit(128 + sig);
}

void stop_signals_last(int fd, unsigned seen)
{
	struct sigaction act = { .sa_handler = leave, .sa_flags = SA_RESTART };
	sigset_t set;

	seen += signals_read(fd, NULL);
	signals_left = 1;
	if (seen >= SIGNALS_MAX)
		leave(SIGTERM);
	signals_left = SIGNALS_MAX - seen;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

unsigned stop_signals_seen(void)
{
	return SIGNALS_MAX - signals_left;
}

enum { POLL_SIGNAL, POLL_ALARM, POLL_COMMAND, POLL_CONTROL, POLL_TRIGGER, POLL_LISTENER, POLL_LIVE, POLL_READER, POLL_KERNEL, POLL_LATENCY, POLL_BEGUN, POLL_FIXED };

/* Waits for something to happen. NULL: it cannot (@e); lives until the next call. */
static const struct pollfd *wait_event(struct pollfds *fds, const struct child *child,
				       const struct watched *w, int signal_fd, int alarm_fd,
				       const struct record_watch *watch, struct err *e)
{
	static const char failed[] = "recording ended, as its end would not be noticed";
	int timeout = watch && watch->tick_ms ? (int)watch->tick_ms : -1;
	int trigger_ms = watch && watch->trigger ? record_trigger_wait_ms(watch->trigger) : -1;

	if (trigger_ms >= 0 && (timeout < 0 || timeout > trigger_ms))
		timeout = trigger_ms;
	if (!watched_pollable(w) && (timeout < 0 || timeout > LOOK_MS))
		timeout = LOOK_MS;

	if (vec_reserve(fds, POLL_FIXED + w->v.nr)) {
		err_errno(e, -ENOMEM, failed);
		return NULL;
	}
	fds->v[POLL_SIGNAL] = (struct pollfd){ .fd = signal_fd, .events = POLLIN };
	fds->v[POLL_ALARM] = (struct pollfd){ .fd = alarm_fd, .events = POLLIN };
	fds->v[POLL_COMMAND] = (struct pollfd){ .fd = child->pidfd, .events = POLLIN };
	fds->v[POLL_CONTROL] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (watch && watch->control)
		fds->v[POLL_CONTROL].fd = control_fd(watch->control);
	fds->v[POLL_TRIGGER] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (watch && watch->trigger)
		fds->v[POLL_TRIGGER].fd = record_trigger_fd(watch->trigger);
	fds->v[POLL_LISTENER] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (watch && watch->listener)
		fds->v[POLL_LISTENER].fd = sender_fd(watch->listener);
	fds->v[POLL_LIVE] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (watch && watch->live)
		fds->v[POLL_LIVE].fd = record_live_fd(watch->live);
	/* Errors alone: who would read the lines is gone, though there may be none to find that out by. */
	fds->v[POLL_READER] = (struct pollfd){ .fd = watch && watch->live ? STDOUT_FILENO : -1 };
	fds->v[POLL_KERNEL] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (watch && watch->kernel)
		fds->v[POLL_KERNEL].fd = kernel_watch_fd(watch->kernel);
	fds->v[POLL_LATENCY] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (watch && watch->latencies)
		fds->v[POLL_LATENCY].fd = recording_latency_fd(watch->latencies);
	fds->v[POLL_BEGUN] = (struct pollfd){ .fd = -1, .events = POLLIN };
	if (watch && watch->setup)
		fds->v[POLL_BEGUN].fd = kernel_setup_begun_fd(watch->setup);
	for (size_t i = 0; i < w->v.nr; i++)
		fds->v[POLL_FIXED + i] = (struct pollfd){ .fd = w->v.v[i].fd, .events = POLLIN };
	while (poll(fds->v, POLL_FIXED + w->v.nr, timeout) < 0)
		if (errno != EINTR) {
			err_errno(e, -errno, failed);
			return NULL;
		}
	return fds->v;
}

enum record_end record_wait(const struct child *child, struct watched *watched, int signal_fd,
			    int alarm_fd, const struct record_watch *watch, unsigned *seen,
			    struct err *e)
{
	struct watched none = { 0 }, *w = child->pid ? &none : watched;
	bool has_pids = w->v.nr, told = *seen;
	enum record_end end = RECORD_END_BLIND;
	const struct pollfd *p;
	struct pollfds fds = { 0 };
	int heard;

	while ((p = wait_event(&fds, child, w, signal_fd, alarm_fd, watch, e))) {
		unsigned nr = signals_read(signal_fd, watch);
		bool second = nr && (told || nr > 1);

		*seen += nr;
		/* also when it ends for another reason now: the command is to end as well */
		if (nr && child->pid && !told)
			kill(child->pid, SIGTERM);
		told |= nr;
		if (p[POLL_ALARM].revents) {
			end = RECORD_END_ALARM;
			break;
		}
		if (p[POLL_LISTENER].revents && (heard = sender_heard(watch->listener, NULL))) {
			end = heard < 0 ? RECORD_END_ALARM : RECORD_END_HOST;
			break;
		}
		if (p[POLL_LIVE].revents || p[POLL_READER].revents & (POLLERR | POLLHUP)) {
			end = RECORD_END_UNREAD;
			break;
		}
		if (child->pid && p[POLL_COMMAND].revents) {
			end = RECORD_END_COMMAND;
			break;
		}
		if (nr && (!child->pid || second)) {
			end = RECORD_END_SIGNAL;
			break;
		}
		if (p[POLL_KERNEL].revents && kernel_watch_look(watch->kernel) == KERNEL_RESIZED) {
			end = RECORD_END_RESIZED;
			break;
		}
		if (p[POLL_LATENCY].revents)
			recording_latency(watch->latencies);
		if (p[POLL_BEGUN].revents)
			kernel_setup_begun(watch->setup);
		if (p[POLL_CONTROL].revents)
			control_serve(watch->control);
		if (watch && watch->trigger && record_trigger_serve(watch->trigger)) {
			end = RECORD_END_TRIGGER;
			break;
		}
		if (watch && watch->tick_ms && watch->tick(watch->ctx)) {
			end = RECORD_END_LIMIT;
			break;
		}
		watched_prune(w);
		if (has_pids && !w->v.nr) {
			end = RECORD_END_PIDS;
			break;
		}
	}
	vec_release(&fds);
	return end;
}

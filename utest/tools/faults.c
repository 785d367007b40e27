// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that fail on demand, linked into tracecmd by the linker's --wrap (see
 * utest.mk). A call's site is the chain of functions that led to it, so that
 * each can be failed on its own, whatever the threads do beside.
 *
 *   TRACECMD_FAULT_LOG=FILE	adds a line for each site as it is first met:
 *				"FUNCTION SITE ADDRESS...", addresses as in the program
 *   TRACECMD_FAULT="FUNCTION SITE FIRST LAST HOW"
 *				the calls number FIRST (from 1) to LAST of this site fail
 *				with errno HOW; HOW 0: they are done in part; HOW below
 *				0: the process has that signal before each of them
 *   TRACECMD_FAULT_HITS=FILE	a byte is added for each call that was failed
 *
 * Processes forked by the program count on for themselves; what it executes is
 * left alone.
 */
#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FRAMES 16
#define OWN_FRAMES 2			/* fault() and the wrapper */
#define SITES 16384			/* a power of two, far more than there are */

static struct {
	char function[32];
	uint64_t site;
	unsigned first, last;
	int how;
	const char *log, *hits;
	uintptr_t base, end;		/* of the program */
	bool on;
} plan;

static atomic_uint_fast64_t met[SITES];
static atomic_uint calls;		/* of the site to fail */
static _Thread_local bool inside;	/* backtrace asks for memory at its first use */

static int find_program(struct dl_phdr_info *info, size_t size, void *unused)
{
	(void)size;
	(void)unused;
	plan.base = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD)
			plan.end = plan.base + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
	return 1;			/* the first one is the program itself */
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("TRACECMD_FAULT");
	void *frame[1];

	plan.log = getenv("TRACECMD_FAULT_LOG");
	plan.hits = getenv("TRACECMD_FAULT_HITS");
	plan.on = plan.log || text;
	if (text && sscanf(text, "%31s %lx %u %u %d", plan.function, &plan.site, &plan.first, &plan.last,
			   &plan.how) != 5)
		abort();
	dl_iterate_phdr(find_program, NULL);
	inside = true;
	backtrace(frame, 1);
	inside = false;
}

static void add_line(const char *path, const char *line, size_t len)
{
	int fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || syscall(SYS_write, fd, line, len) != (long)len)
		abort();
	syscall(SYS_close, fd);
}

/* Whether the site is new. */
static bool remember(uint64_t site)
{
	for (unsigned i = site % SITES; ; i = (i + 1) % SITES) {
		uint_fast64_t there = 0;

		if (atomic_compare_exchange_strong(&met[i], &there, site))
			return true;
		if (there == site)
			return false;
	}
}

static void log_site(const char *function, uint64_t site, void *const *frames, int nr)
{
	char line[64 + FRAMES * 20];
	int len = snprintf(line, sizeof(line), "%s %lx", function, site);

	for (int i = 0; i < nr; i++)
		len += snprintf(line + len, sizeof(line) - len, " %lx", (uintptr_t)frames[i] - plan.base);
	line[len++] = '\n';
	add_line(plan.log, line, len);
}

/* 0: the call is to be made, -1: in part, else the errno to fail with. */
static __attribute__((noinline)) int fault(const char *function)
{
	void *frames[FRAMES];
	uint64_t site = 14695981039346656037u;
	int error = errno, nr, kept = 0, r = 0;

	if (!plan.on || inside || (!plan.log && strcmp(function, plan.function)))
		return 0;
	inside = true;
	nr = backtrace(frames, FRAMES);
	for (int i = OWN_FRAMES; i < nr; i++) {
		uintptr_t at = (uintptr_t)frames[i];

		if (at < plan.base || at >= plan.end)
			continue;
		frames[kept++] = frames[i];
		site = (site ^ (at - plan.base)) * 1099511628211u;
	}
	for (const char *s = function; *s; s++)
		site = (site ^ (unsigned char)*s) * 1099511628211u;
	if (plan.log && remember(site))
		log_site(function, site, frames, kept);
	if (!strcmp(function, plan.function) && site == plan.site) {
		unsigned call = atomic_fetch_add(&calls, 1) + 1;

		if (call >= plan.first && call <= plan.last) {
			if (plan.hits)
				add_line(plan.hits, "x", 1);
			if (plan.how < 0)
				syscall(SYS_kill, getpid(), -plan.how);
			else
				r = plan.how ? plan.how : -1;
		}
	}
	inside = false;
	errno = error;
	return r;
}

/*
 * RETURN NAME(PARAMETERS), called with ARGUMENTS; FAILURE is what it returns
 * where it fails.
 */
#define WRAP(RETURN, NAME, FAILURE, PARAMETERS, ARGUMENTS) \
	RETURN __real_##NAME PARAMETERS; \
	RETURN __wrap_##NAME PARAMETERS; \
	RETURN __wrap_##NAME PARAMETERS \
	{ \
		int error = fault(#NAME); \
		if (error > 0) { \
			errno = error; \
			return FAILURE; \
		} \
		return __real_##NAME ARGUMENTS; \
	}

/* The same for what can be done in part: of SIZE, a half in whole units. */
#define WRAP_SOME(NAME, PARAMETERS, ARGUMENTS, SIZE, UNIT) \
	ssize_t __real_##NAME PARAMETERS; \
	ssize_t __wrap_##NAME PARAMETERS; \
	ssize_t __wrap_##NAME PARAMETERS \
	{ \
		int error = fault(#NAME); \
		if (error > 0) { \
			errno = error; \
			return -1; \
		} \
		if (error < 0 && SIZE > UNIT) \
			SIZE = SIZE / 2 / UNIT * UNIT; \
		return __real_##NAME ARGUMENTS; \
	}

/* The same where the error is returned. */
#define WRAP_CODE(NAME, PARAMETERS, ARGUMENTS) \
	int __real_##NAME PARAMETERS; \
	int __wrap_##NAME PARAMETERS; \
	int __wrap_##NAME PARAMETERS \
	{ \
		int error = fault(#NAME); \
		return error > 0 ? error : __real_##NAME ARGUMENTS; \
	}

WRAP(void *, malloc, NULL, (size_t size), (size))
WRAP(void *, calloc, NULL, (size_t nr, size_t size), (nr, size))
WRAP(void *, realloc, NULL, (void *p, size_t size), (p, size))
WRAP(char *, strdup, NULL, (const char *s), (s))
WRAP(char *, strndup, NULL, (const char *s, size_t len), (s, len))
WRAP(char *, realpath, NULL, (const char *path, char *to), (path, to))
WRAP(DIR *, opendir, NULL, (const char *path), (path))
WRAP(int, access, -1, (const char *path, int mode), (path, mode))
WRAP(int, stat64, -1, (const char *path, void *st), (path, st))
WRAP(int, fstat64, -1, (int fd, void *st), (fd, st))
WRAP(int, pipe2, -1, (int *fds, int flags), (fds, flags))
WRAP(int, socketpair, -1, (int domain, int type, int protocol, int *fds), (domain, type, protocol, fds))
WRAP(int, socket, -1, (int domain, int type, int protocol), (domain, type, protocol))
WRAP(int, bind, -1, (int fd, const void *address, unsigned len), (fd, address, len))
WRAP(int, listen, -1, (int fd, int backlog), (fd, backlog))
WRAP(int, epoll_create1, -1, (int flags), (flags))
WRAP(int, epoll_ctl, -1, (int fd, int op, int of, void *event), (fd, op, of, event))
WRAP(int, epoll_wait, -1, (int fd, void *events, int nr, int timeout), (fd, events, nr, timeout))
WRAP(int, eventfd, -1, (unsigned value, int flags), (value, flags))
WRAP(int, memfd_create, -1, (const char *name, unsigned flags), (name, flags))
WRAP(int, signalfd, -1, (int fd, const void *set, int flags), (fd, set, flags))
WRAP(int, pidfd_open, -1, (pid_t pid, unsigned flags), (pid, flags))
WRAP(int, mkostemp64, -1, (char *path, int flags), (path, flags))
WRAP(int, mkdir, -1, (const char *path, unsigned mode), (path, mode))
WRAP(int, fork, -1, (void), ())
WRAP(int, flock, -1, (int fd, int how), (fd, how))
WRAP(int, dup2, -1, (int from, int to), (from, to))
WRAP(int, poll, -1, (struct pollfd *fds, nfds_t nr, int timeout), (fds, nr, timeout))
WRAP(int, ppoll, -1, (struct pollfd *fds, nfds_t nr, const struct timespec *t, const sigset_t *set), (fds, nr, t, set))
WRAP(int, ftruncate64, -1, (int fd, off_t len), (fd, len))
WRAP(int, fallocate64, -1, (int fd, int mode, off_t at, off_t len), (fd, mode, at, len))
WRAP(int, fsync, -1, (int fd), (fd))
WRAP(int, fdatasync, -1, (int fd), (fd))
WRAP(int, fchmod, -1, (int fd, unsigned mode), (fd, mode))
WRAP(int, linkat, -1, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags))
WRAP(int, rename, -1, (const char *from, const char *to), (from, to))
WRAP(int, rmdir, -1, (const char *path), (path))
WRAP(int, execv, -1, (const char *path, char *const *argv), (path, argv))
WRAP(void *, mmap64, MAP_FAILED, (void *at, size_t len, int prot, int flags, int fd, off_t off), (at, len, prot, flags, fd, off))
WRAP(off_t, lseek64, -1, (int fd, off_t at, int whence), (fd, at, whence))
WRAP(pid_t, waitpid, -1, (pid_t pid, int *status, int flags), (pid, status, flags))
WRAP_SOME(read, (int fd, void *buf, size_t len), (fd, buf, len), len, 1)
WRAP_SOME(write, (int fd, const void *buf, size_t len), (fd, buf, len), len, 1)
WRAP_SOME(pread64, (int fd, void *buf, size_t len, off_t at), (fd, buf, len, at), len, 1)
WRAP_SOME(pwrite64, (int fd, const void *buf, size_t len, off_t at), (fd, buf, len, at), len, 1)
WRAP_SOME(writev, (int fd, const struct iovec *iov, int nr), (fd, iov, nr), nr, 1)
WRAP_SOME(getrandom, (void *buf, size_t len, unsigned flags), (buf, len, flags), len, 1)
WRAP_SOME(splice, (int from, off_t *at, int to, off_t *to_at, size_t len, unsigned flags),
	  (from, at, to, to_at, len, flags), len, 4096)
WRAP_SOME(copy_file_range, (int from, off_t *at, int to, off_t *to_at, size_t len, unsigned flags),
	  (from, at, to, to_at, len, flags), len, 1)
WRAP_CODE(pthread_create, (pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg),
	  (t, attr, fn, arg))

/* Those with a mode or an argument that is not always there. */
int __real_open64(const char *path, int flags, unsigned mode);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
	int error = fault("open64");
	va_list ap;
	unsigned mode;

	va_start(ap, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, unsigned) : 0;
	va_end(ap);
	if (error <= 0)
		return __real_open64(path, flags, mode);
	errno = error;
	return -1;
}

int __real_fcntl64(int fd, int command, long arg);
int __wrap_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...)
{
	int error = fault("fcntl64");
	va_list ap;
	long arg;

	va_start(ap, command);
	arg = va_arg(ap, long);
	va_end(ap);
	if (error <= 0)
		return __real_fcntl64(fd, command, arg);
	errno = error;
	return -1;
}

int __wrap_asprintf(char **ret, const char *fmt, ...);
int __wrap_asprintf(char **ret, const char *fmt, ...)
{
	int error = fault("asprintf"), len;
	va_list ap;

	if (error > 0) {
		errno = error;
		return -1;
	}
	va_start(ap, fmt);
	len = vasprintf(ret, fmt, ap);
	va_end(ap);
	return len;
}

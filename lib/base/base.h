/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * base: bytes, strings, errors, vectors, files. Knows nothing of tracing.
 *
 * Conventions of the whole library
 *  - A function that can fail returns 0 (or a count) or a negative errno and
 *    says why in the struct err its caller gave. The library never prints,
 *    exits or aborts.
 *  - Expected answers are not failures: iterators return 1 for "here it is"
 *    and 0 for "end".
 *  - open pairs with close, init with release, new with free. close, release
 *    and free accept NULL and half-built objects.
 *  - Outputs are written last, and only on success.
 */
#ifndef TRACECMD_BASE_H
#define TRACECMD_BASE_H

#include <pthread.h>
#include <errno.h>
#include <regex.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "base/number.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* ---- errors ------------------------------------------------------------- */

#define ERR_TEXT_MAX 1024

/*
 * One failure, told from the outside in: "cannot report 'trace.dat': CPU 3:
 * chunk 17 at offset 0x1a000: claims 9437184 bytes, the section holds 2048".
 * Lives on the caller's stack; { 0 } is "no error". All functions accept a
 * NULL struct err (the words are lost, the code is not).
 */
struct err {
	int code;		/* negative errno, 0: none */
	char text[ERR_TEXT_MAX];
};

/* Starts a chain: the fact, where it is known. Returns @code (negative). */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* As err_set, with ": " and the errno's text behind. */
int err_errno(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Puts what was being attempted in front ("TEXT: old text"). Returns e->code. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Adds a remark behind ("old text; TEXT"; of several lines on its own): what to do. Returns e->code. */
int err_hint(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
/*
 * Adds the line of @text where @at is (of a long one what is around it) and a caret under that place.
 * Returns e->code.
 */
int err_place(struct err *e, const char *text, size_t at);

/*
 * Things worth telling that do not stop the work (a damaged page, a denied
 * control file). Given by the program to whoever may have something to say.
 */
struct notices {
	void (*fn)(void *ctx, const char *text);	/* NULL: drop them */
	void *ctx;
};
void notice(const struct notices *n, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- scope cleanup for locals -------------------------------------------- */

void cleanup_free(void *pp);		/* of a pointer variable */
void cleanup_close(int *fd);		/* closes if >= 0 */
#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
#define AUTO_CLOSE __attribute__((cleanup(cleanup_close)))

/* ---- threads (thread.c) ---------------------------------------------------- */

/* One that takes no signals: they are for those who wait for them. 0, -errno. */
int thread_start(pthread_t *ret, void *(*fn)(void *), void *arg);
/* A condition that is waited for by the clock of monotonic_ns. */
void cond_init(pthread_cond_t *c);

/* ---- large memory (large.c) ------------------------------------------------ */

/* As malloc, for what will be filled at once: to be freed with free. NULL: no memory. */
void *large_alloc(size_t len);
/* The same for memory that was allocated and not used before. */
void large_touch(void *p, size_t len);

/* ---- growing arrays ------------------------------------------------------ */

/*
 * VEC(T) declares { T *v; size_t nr, cap; }; { 0 } is empty.
 * vec_push(&vec, value) returns 0 or -ENOMEM.
 */
#define VEC(T) struct { T *v; size_t nr, cap; }
int vec_grow(void **v, size_t *cap, size_t need, size_t size);
#define vec_reserve(p, n) \
	((p)->nr + (n) <= (p)->cap ? 0 : \
	 vec_grow((void **)&(p)->v, &(p)->cap, (p)->nr + (n), sizeof(*(p)->v)))
#define vec_push(p, x) \
	(vec_reserve(p, 1) ? -ENOMEM : ((p)->v[(p)->nr++] = (x), 0))
#define vec_release(p) \
	(free((p)->v), (p)->v = NULL, (p)->nr = (p)->cap = 0)

/* ---- tables by key --------------------------------------------------------- */

/*
 * Numbers by a key of two numbers, whatever the keys are: what is looked up
 * comes from files. { 0 } is empty. Constant time each.
 */
struct map {
	struct map_place *places;
	size_t size, nr;
	uint64_t seed;
};
/* False: no such key, *ret unchanged. */
bool map_get(const struct map *m, uint64_t a, uint64_t b, uint32_t *ret);
int map_set(struct map *m, uint64_t a, uint64_t b, uint32_t value);	/* 0, -ENOMEM */
void map_remove(struct map *m, uint64_t a, uint64_t b);
void map_release(struct map *m);

/* ---- growing bytes ------------------------------------------------------- */

/*
 * Bytes that grow; data is always followed by a NUL that len does not count.
 * The put functions return 0 or -ENOMEM and, once one has failed, go on
 * failing (failed is sticky), so a run of puts is checked once at its end.
 */
struct buf {
	char *data;
	size_t len, cap;
	bool big_endian;	/* order of buf_u16/32/64 */
	bool failed;
};
void buf_release(struct buf *b);
void buf_clear(struct buf *b);		/* len = 0, memory kept */
int buf_reserve(struct buf *b, size_t more);
/*
 * Room for @more bytes behind what is there, for several puts with one check:
 * where to write, or NULL (failed). buf_wrote counts what was written up to @end.
 */
static inline char *buf_room(struct buf *b, size_t more)
{
	if (__builtin_expect((b->failed || more >= b->cap - b->len) && buf_reserve(b, more), 0))
		return NULL;
	return b->data + b->len;
}
static inline void buf_wrote(struct buf *b, char *end)
{
	b->len = end - b->data;
	*end = 0;
}
static inline int buf_put(struct buf *b, const void *data, size_t len)
{
	char *p = buf_room(b, len);

	if (!p)
		return -ENOMEM;
	if (len)
		memcpy(p, data, len);
	buf_wrote(b, p + len);
	return 0;
}
/* without its NUL */
static inline int buf_puts(struct buf *b, const char *s) { return buf_put(b, s, strlen(s)); }
int buf_str(struct buf *b, const char *s);		/* with its NUL */
int buf_fill(struct buf *b, int byte, size_t count);
int buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
int buf_vprintf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
/* Numbers as %llu, %lld, %llx and 0x%llx have them, without printf. */
int buf_dec(struct buf *b, uint64_t v);
int buf_signed(struct buf *b, int64_t v);
int buf_hex(struct buf *b, uint64_t v);
int buf_0x(struct buf *b, uint64_t v);
int buf_u8(struct buf *b, uint8_t v);
int buf_u16(struct buf *b, uint16_t v);
int buf_u32(struct buf *b, uint32_t v);
int buf_u64(struct buf *b, uint64_t v);
#define AUTO_BUF __attribute__((cleanup(buf_release)))

/* ---- the one gate to foreign bytes --------------------------------------- */

/*
 * A cursor over bytes of a file or message. A read either succeeds whole and
 * advances, or returns false and changes nothing. base is the position of
 * data[0] in its file, for messages.
 */
struct cur {
	const uint8_t *data;
	uint64_t len, pos;
	uint64_t base;
	bool big_endian;
};
static inline uint64_t cur_left(const struct cur *c) { return c->len - c->pos; }
/* File position of the next byte. */
static inline uint64_t cur_offset(const struct cur *c) { return c->base + c->pos; }
bool cur_u8(struct cur *c, uint8_t *ret);
bool cur_u16(struct cur *c, uint16_t *ret);
bool cur_u32(struct cur *c, uint32_t *ret);
bool cur_u64(struct cur *c, uint64_t *ret);
bool cur_s32(struct cur *c, int32_t *ret);
bool cur_s64(struct cur *c, int64_t *ret);
bool cur_skip(struct cur *c, uint64_t n);
/* View of the next @n bytes; lives as long as the cursor's data. */
bool cur_bytes(struct cur *c, uint64_t n, const uint8_t **ret);
/* A NUL-terminated string of at most @max bytes, NUL not counted. */
bool cur_str(struct cur *c, size_t max, const char **ret);
/* A cursor over the next @n bytes, same byte order. */
bool cur_sub(struct cur *c, uint64_t n, struct cur *ret);

/* Integers at unaligned places, in either order. */
static inline uint16_t get_u16(const void *p, bool big)
{
	uint16_t v;
	memcpy(&v, p, 2);
	return (big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)) ? __builtin_bswap16(v) : v;
}
static inline uint32_t get_u32(const void *p, bool big)
{
	uint32_t v;
	memcpy(&v, p, 4);
	return (big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)) ? __builtin_bswap32(v) : v;
}
static inline uint64_t get_u64(const void *p, bool big)
{
	uint64_t v;
	memcpy(&v, p, 8);
	return (big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)) ? __builtin_bswap64(v) : v;
}
/* One of 1, 2, 4 or 8 bytes; false, and *ret unchanged: another size. */
static inline bool get_uint(const void *p, size_t size, bool big, uint64_t *ret)
{
	switch (size) {
	case 1: *ret = *(const uint8_t *)p; return true;
	case 2: *ret = get_u16(p, big); return true;
	case 4: *ret = get_u32(p, big); return true;
	case 8: *ret = get_u64(p, big); return true;
	}
	return false;
}
static inline void put_u32(void *p, uint32_t v, bool big)
{
	if (big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		v = __builtin_bswap32(v);
	memcpy(p, &v, 4);
}
static inline void put_u64(void *p, uint64_t v, bool big)
{
	if (big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		v = __builtin_bswap64(v);
	memcpy(p, &v, 8);
}

/* ---- files --------------------------------------------------------------- */

/* Whole transfers; retry on EINTR and short counts. 0 or -errno;
 * pread_full gives -ENODATA where the file ends early. */
int write_full(int fd, const void *data, size_t len);
int pwrite_full(int fd, const void *data, size_t len, off_t off);
int pread_full(int fd, void *data, size_t len, off_t off);
/* Appends everything @fd gives until end of file (no seeking: proc and
 * tracefs files too), at most @max bytes (-EFBIG past that). 0 or -errno. */
int fd_read_all(int fd, struct buf *out, size_t max);
/* Has the directory that @path is in on the disk, with the names in it. Best effort. */
void path_sync_dir(const char *path);
/* Opens, reads all, closes. 0 or -errno. */
int path_read_all(const char *path, struct buf *out, size_t max);
/*
 * Opens a control file of the kernel's with @flags and O_CLOEXEC. All of tracefs, proc and sysfs are
 * regular files; in somebody's copy a FIFO or a device may have the name, which must neither be
 * waited for nor touched: -EMEDIUMTYPE, and a folder is that, too. A descriptor, or -errno.
 */
int control_file_open(const char *path, int flags);
/* path_read_all of such a file. */
int control_file_read(const char *path, struct buf *out, size_t max);
/*
 * Opens @path for reading and writing, as it is; a file that is not there is made, with *@made.
 * What is no regular file is not touched, and symbolic links are not followed. A
 * descriptor; -EEXIST, told: something else is there; -errno.
 */
int file_take(const char *path, bool *made, struct err *e);
/* Calls @fn for each thread of a process, or with 0 for each process, until it returns non-zero. That, or 0. */
int task_each(pid_t process, int (*fn)(void *ctx, pid_t id), void *ctx);
/* The process of a thread; 0: there is none (any more). */
pid_t task_process(pid_t tid);

/* CLOCK_MONOTONIC, in nanoseconds, in milliseconds, and as what is so many milliseconds from now (pthread_cond_timedwait). */
uint64_t monotonic_ns(void);
uint64_t monotonic_ms(void);
struct timespec deadline_in_ms(uint64_t ms);

/*
 * Has the process allowed @nr open files, if it is not yet: up to the hard limit, and beyond
 * where it may raise that. Programs it runs inherit that. 0; -EMFILE, which tells both numbers.
 */
int fd_limit_raise(uint64_t nr, struct err *e);

/*
 * A file that appears under its name only when it is complete: written under
 * a temporary name in the same directory and renamed at the end. What stood
 * there before stays until then; its owner and mode are kept. A path that is
 * there and no regular file (/dev/null) is written directly.
 */
struct new_file {
	char *path;			/* as given, for messages */
	char *target;			/* symbolic links followed */
	char *temp;			/* NULL: written directly */
	bool nameless;			/* temp is not in use yet */
	char *unfinished;		/* what new_file_link will call it; NULL: not chosen */
	int fd;				/* open for reading and writing; -1: none */
};
/* Creates it: fails here if the directory is missing or cannot be written. */
int new_file_open(struct new_file *f, const char *path, struct err *e);
/* For what is not written front to back: 0; -ESPIPE, told, if it is a pipe or a terminal. */
int new_file_seekable(const struct new_file *f, struct err *e);
/*
 * Renames and closes; after a failure it is still there, to be discarded or abandoned. A file that
 * can be written but not replaced, as one that is mounted there, is filled.
 */
int new_file_commit(struct new_file *f, struct err *e);
/* Closes and removes what was not committed; fine after new_file_commit. */
void new_file_discard(struct new_file *f);
/*
 * For a file that is of use to others before it is complete: chooses a name that is free,
 * "PATH.unfinished" beside it, with a number behind if that is not. Nothing has it before
 * new_file_link. NULL: written directly, or no memory. The file's.
 */
const char *new_file_unfinished(struct new_file *f);
/* Gives it that name until it is committed. 0, -errno: all is as before. */
int new_file_link(struct new_file *f);
/* Closes what was not committed; under the name of new_file_link it stays. */
void new_file_abandon(struct new_file *f);

/* ---- words --------------------------------------------------------------- */

/* Strict decimal/hex/octal (C syntax) of the whole string; 0, -EINVAL, -ERANGE. */
int parse_u64(const char *s, uint64_t *ret);
int parse_s64(const char *s, int64_t *ret);

/*
 * regcomp() for what a user wrote; @flags are its flags. Refused is what makes
 * regcomp run out of stack or memory: more than 8192 bytes, or counts in braces
 * that multiply to more than 10000. 0, -EINVAL ("'TEXT' is no regular
 * expression: why") or -ENOMEM; regfree() is the caller's.
 */
int regex_compile(regex_t *ret, const char *text, int flags, struct err *e);
/* A basic one of @len bytes that has to match words as a whole, ignoring case. */
int regex_compile_whole(regex_t *ret, const char *text, size_t len, struct err *e);

/*
 * The candidates nearest to a misspelt @word (edit distance, prefix, glob
 * with '*' stripped). Feed candidates one by one, then append
 * "did you mean 'a' or 'b'?" to @e with near_hint; nothing when none is near.
 */
#define NEAR_MAX 3
struct near {
	const char *word;
	struct { char name[96]; unsigned score; } best[NEAR_MAX];
	unsigned nr;
};
void near_init(struct near *n, const char *word);
void near_try(struct near *n, const char *candidate);
void near_hint(const struct near *n, struct err *e);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replaying files made for a test. */
#ifndef TRACECMD_TEST_MADE_REPLAY_H
#define TRACECMD_TEST_MADE_REPLAY_H

#include "made.h"
#include "replay/replay.h"

struct heard { char text[4096]; unsigned nr; };

static inline void hear(void *ctx, const char *text)
{
	struct heard *h = ctx;
	size_t len = strlen(h->text);

	h->nr++;
	snprintf(h->text + len, sizeof(h->text) - len, "%s\n", text);
}

static inline struct replay *replay_of(const struct replay_opts *opts)
{
	struct replay *rp;

	made_ok(replay_new(opts, &rp, e));
	return rp;
}

static inline void add_fd(struct replay *rp, int fd, const struct replay_file_opts *opts)
{
	struct dat_reader *r;

	made_ok(dat_reader_open_fd(fd, "made.dat", NULL, &r, e));
	made_ok(replay_add_file(rp, r, opts, NULL, e));
}

/* One finished file, ready to give its first record. */
static inline struct replay *replay_fd(int fd, const struct replay_opts *opts)
{
	struct replay *rp = replay_of(opts);

	add_fd(rp, fd, NULL);
	made_ok(replay_start(rp, e));
	return rp;
}

static struct replay_record next(struct replay *rp)
{
	struct replay_record rec;
	struct err e = { 0 };
	int rc = replay_next(rp, &rec, &e);

	if (rc != 1)
		fail_msg("no record: %d %s", rc, e.text);
	return rec;
}

static inline void expect_end(struct replay *rp)
{
	struct replay_record rec;
	struct err e = { 0 };

	for (int i = 0; i < 2; i++)
		assert_int_equal(replay_next(rp, &rec, &e), 0);
}

static inline void expect_serials(struct replay *rp, const uint32_t *serials, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		assert_int_equal(made_serial(next(rp).data), serials[i]);
	expect_end(rp);
}
#define EXPECT_SERIALS(rp, ...) do { \
	static const uint32_t serials_[] = { __VA_ARGS__ }; \
	expect_serials(rp, serials_, ARRAY_SIZE(serials_)); } while (0)

#endif

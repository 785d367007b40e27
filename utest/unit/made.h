/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trace files made for a test, in memory: an event is its time and a serial
 * number. Any failure fails the test.
 */
#ifndef TRACECMD_TEST_MADE_H
#define TRACECMD_TEST_MADE_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "dat/dat.h"
#include "ring/ring.h"

#define MADE_ID 7			/* common_type of events, unless told */
#define MADE_EVENT_BYTES 12		/* id, serial, and two bytes of nothing each */

struct made {
	int fd;
	struct dat_writer *w;
	struct ring_abi abi;
	uint32_t page_size;
	uint8_t *page;
	struct ring_encoder enc;
	bool in_page, in_cpu, in_buffer;
	uint32_t serial;		/* of the next event */
};

#define made_ok(call) \
	do { struct err made_err = { 0 }; struct err *e = &made_err; (void)e; \
	     if ((call) < 0) fail_msg("%s: %s", #call, made_err.text); } while (0)

/* @told_size: the sub-buffer size that the header_page text tells; else as
 * made_begin. */
static inline void made_begin_told(struct made *m, const char *codec, uint32_t page_size,
				   uint32_t told_size)
{
	struct dat_writer_opts opts = {
		.version = codec ? 7 : 6, .page_size = page_size, .long_size = 8,
	};
	char page_text[512];
	AUTO_BUF struct buf b = { 0 };

	*m = (struct made) { .abi = { false, 8 }, .page_size = page_size };
	m->fd = memfd_create("made.dat", 0);
	assert_true(m->fd >= 0);
	m->page = malloc(page_size);
	assert_non_null(m->page);
	if (codec)
		made_ok(codec_choose(codec, &opts.codec, e));
	made_ok(dat_writer_new(m->fd, "made.dat", &opts, &m->w, e));
	snprintf(page_text, sizeof(page_text),
		 "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
		 "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
		 "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
		 "\tfield: char data;\toffset:16;\tsize:%u;\tsigned:1;\n", told_size - 16);
	made_ok(dat_put_header_info(&b, page_text, strlen(page_text), "", 0));
	made_ok(dat_writer_block(m->w, DAT_HEADER_INFO, b.data, b.len, e));
	if (!codec) {
		made_ok(dat_writer_cpu_count(m->w, 4, e));
		made_ok(dat_writer_plan_buffer(m->w, "", e));
	}
}

/* @codec: of a version 7 file; NULL makes one of version 6 with four CPUs and
 * no instances. */
static inline void made_begin(struct made *m, const char *codec, uint32_t page_size)
{
	made_begin_told(m, codec, page_size, page_size);
}

/* The page so far is done; the next event begins another. */
static inline void made_page_end(struct made *m)
{
	if (!m->in_page)
		return;
	ring_encoder_finish(&m->enc);
	made_ok(dat_writer_cpu_pages(m->w, m->page, m->page_size, e));
	m->in_page = false;
}

static inline void made_page(struct made *m, uint64_t lost)
{
	made_page_end(m);
	ring_encoder_init(&m->enc, &m->abi, m->page, m->page_size);
	ring_encoder_lost(&m->enc, lost);
	m->in_page = true;
}

static inline void made_cpu_end(struct made *m)
{
	made_page_end(m);
	if (m->in_cpu)
		made_ok(dat_writer_cpu_end(m->w, e));
	m->in_cpu = false;
}

static inline void made_cpu(struct made *m, uint32_t cpu)
{
	made_cpu_end(m);
	made_ok(dat_writer_cpu_begin(m->w, cpu, e));
	m->in_cpu = true;
}

static inline void made_buffer(struct made *m, const char *name)
{
	made_cpu_end(m);
	if (m->in_buffer)
		made_ok(dat_writer_buffer_end(m->w, e));
	made_ok(dat_writer_buffer_begin(m->w, name, "local", m->page_size, e));
	m->in_buffer = true;
}

static inline void made_event_of(struct made *m, uint64_t ts, uint8_t id)
{
	uint8_t data[MADE_EVENT_BYTES] = { id };

	put_u32(data + 4, m->serial++, false);
	if (!m->in_page)
		made_page(m, 0);
	if (!ring_encoder_put(&m->enc, ts, data, sizeof(data))) {
		made_page(m, 0);
		assert_int_equal(ring_encoder_put(&m->enc, ts, data, sizeof(data)), 1);
	}
}

static inline void made_event(struct made *m, uint64_t ts)
{
	made_event_of(m, ts, MADE_ID);
}

static inline uint32_t made_serial(const void *data)
{
	assert_int_equal(get_u16(data, false), MADE_ID);
	return get_u32((const uint8_t *)data + 4, false);
}

/* Completes the file; the descriptor is the caller's. */
static inline int made_finish(struct made *m)
{
	made_cpu_end(m);
	if (m->in_buffer)
		made_ok(dat_writer_buffer_end(m->w, e));
	made_ok(dat_writer_finish(m->w, e));
	dat_writer_free(m->w);
	free(m->page);
	return m->fd;
}

#endif

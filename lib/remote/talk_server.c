// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "remote/talk.h"

#define METADATA_MAX (UINT64_C(256) << 20)
#define UNEXPECTED_MAX 100u		/* messages; a peer that goes on is no recorder */
#define V1_OPTION_MAX 4096u
#define V1_OPTION_TCP "TCP"

int talk_server_init(struct talk_server *s, const struct talk_server_fns *fns, void *ctx,
		     const struct notices *notices)
{
	*s = (struct talk_server){
		.fns = fns, .ctx = ctx, .notices = notices, .metadata_max = METADATA_MAX,
		.state = TALK_FIRST,
	};
	return buf_puts(&s->out, TALK_BANNER);
}

void talk_server_release(struct talk_server *s)
{
	buf_release(&s->in);
	buf_release(&s->out);
	free(s->before);
	s->before = NULL;
}

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot answer");
}

/* Choosing ports answers what was asked for. */
static int open_ports(struct talk_server *s, struct err *e)
{
	AUTO_FREE uint32_t *ports = calloc(s->init.cpus, sizeof(*ports));
	int r = ports ? s->fns->open(s->ctx, &s->init, ports, e) : no_memory(e);

	if (r)
		return r;
	if (s->state == TALK_TINIT) {
		r = wire_ports_put(&s->out, &s->init, ports);
		if (r == -EMSGSIZE)
			return err_set(e, r, "the ports of %" PRIu32 " CPUs do not fit into a message", s->init.cpus);
		s->state = TALK_METADATA;
		return r ? no_memory(e) : 0;
	}
	for (uint32_t i = 0; i < s->init.cpus; i++) {
		if (i)
			buf_puts(&s->out, ",");
		buf_dec(&s->out, ports[i]);
	}
	s->state = TALK_V1_METADATA;
	return buf_u8(&s->out, 0) ? no_memory(e) : 0;
}

static int take_metadata(struct talk_server *s, const void *data, size_t len, struct err *e)
{
	if (len > s->metadata_max - s->metadata)
		return err_set(e, -EFBIG, "more than %" PRIu64 " bytes of metadata", s->metadata_max);
	s->metadata += len;
	return s->fns->metadata(s->ctx, data, len, e);
}

static int end_metadata(struct talk_server *s, struct err *e)
{
	s->metadata = 0;
	s->state = TALK_DATA;
	return s->fns->metadata_end(s->ctx, e);
}

/* ---- version 1 ----------------------------------------------------------------- */

static int v1_options_end(struct talk_server *s, struct err *e)
{
	int r = wire_init_check(&s->init, e);

	return r ? r : open_ports(s, e);
}

/* The first string, which is no word for another version: a number of CPUs. */
static int v1_begin(struct talk_server *s, const char *text, struct err *e)
{
	s->state = TALK_V1_PAGE;
	return wire_number(text, WIRE_CPUS_MAX, "a number of CPUs", &s->init.cpus, e);
}

static int v1_string(struct talk_server *s, const char *text, struct err *e)
{
	int r;

	if (s->state == TALK_V1_PAGE) {
		s->state = TALK_V1_OPTIONS;
		return wire_number(text, WIRE_PAGE_MAX, "a sub-buffer's size", &s->init.page_size, e);
	}
	if (s->state == TALK_V1_OPTIONS) {
		r = wire_number(text, WIRE_OPTIONS_MAX, "a number of options", &s->options, e);
		s->state = TALK_V1_LENGTH;
	} else {
		r = wire_number(text, V1_OPTION_MAX, "an option's length", &s->length, e);
		if (!r && !s->length)
			r = err_set(e, -EPROTO, "an option of no bytes");
		s->state = TALK_V1_OPTION;
	}
	if (r)
		return r;
	return s->options ? 0 : v1_options_end(s, e);
}

/* 1: it was there; 0: more has to come. */
static int v1_option(struct talk_server *s, size_t *pos, struct err *e)
{
	const char *text = s->in.data + *pos;

	if (s->in.len - *pos < s->length)
		return 0;
	if (text[s->length - 1])
		return err_set(e, -EPROTO, "an option of %" PRIu32 " bytes does not end with a NUL", s->length);
	if (strcmp(text, V1_OPTION_TCP))
		return err_set(e, -EPROTO, "the option '%.64s' is not known, '" V1_OPTION_TCP "' was expected", text);
	s->init.tcp = true;
	*pos += s->length;
	s->state = TALK_V1_LENGTH;
	if (--s->options)
		return 1;
	return v1_options_end(s, e) ? -EPROTO : 1;
}

/* ---- the first string ------------------------------------------------------------ */

/* "-1V3", or another version's: that is told ours, once. */
static int choose_version(struct talk_server *s, const char *text, struct err *e)
{
	bool ours = !strcmp(text, "-1V3");

	if (strncmp(text, "-1V", 3))
		return err_set(e, -EPROTO, "'%.32s' is neither a number of CPUs nor a version", text);
	if (s->before && !strcmp(text, s->before))
		return err_set(e, -EPROTO, "it speaks but '%.32s', which is not known here", text);
	free(s->before);
	s->before = ours ? NULL : strdup(text);
	if (buf_str(&s->out, "V3") || (!ours && !s->before))
		return no_memory(e);
	s->state = ours ? TALK_MAGIC : TALK_FIRST;
	return 0;
}

static int take_string(struct talk_server *s, const char *text, struct err *e)
{
	if (s->state != TALK_FIRST)
		return v1_string(s, text, e);
	return *text == '-' || s->before ? choose_version(s, text, e) : v1_begin(s, text, e);
}

/* ---- version 3 ------------------------------------------------------------------- */

static int take_magic(struct talk_server *s, const char *data, struct err *e)
{
	if (memcmp(data, TALK_V3_MAGIC, TALK_V3_MAGIC_LEN))
		return err_set(e, -EPROTO, "what follows 'V3' is not the number that was expected");
	s->state = TALK_TINIT;
	return buf_puts(&s->out, "OK") ? no_memory(e) : 0;
}

/* What was not expected is answered, but for an answer of that kind. */
static int not_expected(struct talk_server *s, const struct wire_msg *m, struct err *e)
{
	if (++s->unexpected > UNEXPECTED_MAX)
		return err_set(e, -EPROTO, "%u messages that were not expected, the last one %s", s->unexpected,
			       wire_id_name(m->id));
	if (m->id != WIRE_NOT_SUPP && wire_msg_put(&s->out, WIRE_NOT_SUPP, NULL, 0, NULL, 0))
		return no_memory(e);
	return 0;
}

static int take_tinit(struct talk_server *s, const struct wire_msg *m, struct err *e)
{
	int r;

	if (m->id != WIRE_TINIT) {
		r = not_expected(s, m, e);
		return r ? r : err_set(e, -EPROTO, "the first message is %s, TINIT was expected", wire_id_name(m->id));
	}
	r = wire_init_parse(m, s->notices, &s->init, e);
	return r ? r : open_ports(s, e);
}

/* Messages that carry the file's front; another one ends them as FIN_DATA does. */
static int take_metadata_msg(struct talk_server *s, const struct wire_msg *m, struct err *e)
{
	int r;

	if (m->id == WIRE_SEND_DATA)
		return take_metadata(s, m->payload, m->payload_len, e);
	if (m->id == WIRE_FIN_DATA)
		return end_metadata(s, e);
	notice(s->notices, "%s came among the metadata, which end there", wire_id_name(m->id));
	r = not_expected(s, m, e);
	return r ? r : end_metadata(s, e);
}

static int take_message(struct talk_server *s, const struct wire_msg *m, struct err *e)
{
	if (s->state == TALK_TINIT)
		return take_tinit(s, m, e);
	if (s->state == TALK_METADATA || s->state == TALK_LATE)
		return take_metadata_msg(s, m, e);
	if (m->id == WIRE_CLOSE) {
		s->state = TALK_OVER;
		return 1;
	}
	if (m->id == WIRE_SEND_DATA && s->init.late) {
		s->state = TALK_LATE;
		return take_metadata_msg(s, m, e);
	}
	if (!s->unexpected)
		notice(s->notices, "%s came where CLOSE was expected", wire_id_name(m->id));
	return not_expected(s, m, e);
}

/* ---- all together ------------------------------------------------------------------ */

/* Takes what is at *pos. 1: something was taken; 0: more has to come; 2: the end; -errno. */
static int step(struct talk_server *s, size_t *pos, struct err *e)
{
	const char *at = s->in.data + *pos;
	size_t left = s->in.len - *pos, text;
	struct wire_msg m;
	uint32_t size;
	int r;

	switch (s->state) {
	case TALK_V1_METADATA:
		*pos += left;
		return left ? take_metadata(s, at, left, e) : 0;
	case TALK_V1_OPTION:
		return v1_option(s, pos, e);
	case TALK_MAGIC:
		if (left < TALK_V3_MAGIC_LEN)
			return 0;
		*pos += TALK_V3_MAGIC_LEN;
		r = take_magic(s, at, e);
		return r ? r : 1;
	case TALK_FIRST: case TALK_V1_PAGE: case TALK_V1_OPTIONS: case TALK_V1_LENGTH:
		text = strnlen(at, left);
		if (text > TALK_TEXT_MAX)
			return err_set(e, -EPROTO, "a string of more than %u bytes", TALK_TEXT_MAX);
		if (text == left)
			return 0;
		*pos += text + 1;
		r = take_string(s, at, e);
		return r ? r : 1;
	case TALK_OVER:
		return 2;
	default:
		r = wire_msg_parse(at, left, &m, &size, e);
		if (r <= 0)
			return r;
		*pos += size;
		r = take_message(s, &m, e);
		return r < 0 ? r : r + 1;
	}
}

int talk_server_feed(struct talk_server *s, const void *data, size_t len, struct err *e)
{
	size_t pos = 0;
	int r;

	if (buf_put(&s->in, data, len))
		return no_memory(e);
	do {
		r = step(s, &pos, e);
	} while (r == 1);
	if (pos) {
		memmove(s->in.data, s->in.data + pos, s->in.len - pos);
		s->in.len -= pos;
	}
	return r == 2 ? 1 : r;
}

int talk_server_eof(struct talk_server *s, struct err *e)
{
	if (s->state == TALK_OVER)
		return 1;
	if (s->state == TALK_V1_METADATA) {
		int r = end_metadata(s, e);

		return r ? r : 1;
	}
	return err_set(e, -ECONNRESET, "it closed the connection %s", s->state >= TALK_DATA ?
		       "without a farewell" : "before it had said what it has to");
}

const char *talk_server_waits(const struct talk_server *s)
{
	switch (s->state) {
	case TALK_V1_METADATA: case TALK_DATA: case TALK_OVER: return NULL;
	case TALK_METADATA: case TALK_LATE: return "for its metadata";
	case TALK_TINIT: return "for its first message";
	default: return "for its first words";
	}
}

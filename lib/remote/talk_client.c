// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "remote/talk.h"

#define BANNER_LEN (sizeof(TALK_BANNER) - 1)
#define V1_PORT_MAX 65535u
#define V1_PORT_TEXT 6u			/* bytes of one, and a comma or NUL */

void talk_client_init(struct talk_client *c, unsigned version)
{
	*c = (struct talk_client){ .version = version };
}

void talk_client_release(struct talk_client *c)
{
	buf_release(&c->in);
	buf_release(&c->out);
	free(c->ports);
	c->ports = NULL;
}

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "cannot talk to the listener");
}

/* Nothing of our own can be asked for. */
static int v1_begin(struct talk_client *c)
{
	c->init.late = c->init.packed = false;
	buf_dec(&c->out, c->init.cpus);
	buf_u8(&c->out, 0);
	buf_dec(&c->out, c->init.page_size);
	buf_u8(&c->out, 0);
	buf_str(&c->out, c->init.tcp ? "1" : "0");
	if (c->init.tcp) {
		buf_str(&c->out, "4");
		buf_str(&c->out, "TCP");
	}
	c->state = TALK_V1_PORTS;
	return c->out.failed ? -ENOMEM : 0;
}

int talk_client_begin(struct talk_client *c, const struct wire_init *init, struct err *e)
{
	int r = wire_init_check(init, e);

	if (r)
		return r;
	c->init = *init;
	free(c->ports);
	c->ports = calloc(init->cpus, sizeof(*c->ports));
	if (!c->ports)
		return no_memory(e);
	if (c->version == 1)
		return v1_begin(c) ? no_memory(e) : 0;
	c->state = TALK_VERSION;
	return buf_str(&c->out, "-1V3") ? no_memory(e) : 0;
}

static int old_listener(struct err *e)
{
	return err_set(e, -EPROTONOSUPPORT, "the listener speaks version 1 of the protocol only");
}

/* The ports of version 1: "1500,1501". 1, 0: more has to come, -EPROTO. */
static int v1_ports(struct talk_client *c, struct err *e)
{
	size_t len = strnlen(c->in.data, c->in.len);
	char *save, *word = c->in.data;
	int r;

	if (len == c->in.len)
		return len < V1_PORT_TEXT * c->init.cpus ? 0 :
			err_set(e, -EPROTO, "a list of %" PRIu32 " ports has more than %zu bytes", c->init.cpus, len);
	for (uint32_t i = 0; i < c->init.cpus; i++) {
		word = strtok_r(i ? NULL : c->in.data, ",", &save);
		if (!word)
			return err_set(e, -EPROTO, "%" PRIu32 " ports, %" PRIu32 " were expected", i, c->init.cpus);
		r = wire_number(word, V1_PORT_MAX, "a port", &c->ports[i], e);
		if (r)
			return r;
	}
	c->state = TALK_READY;
	return 1;
}

static int v3_ports(struct talk_client *c, struct err *e)
{
	struct wire_msg m;
	uint32_t size;
	int r = wire_msg_parse(c->in.data, c->in.len, &m, &size, e);

	if (r <= 0)
		return r;
	if (m.id != WIRE_RINIT)
		return err_set(e, -EPROTO, "the answer is %s, RINIT was expected", wire_id_name(m.id));
	r = wire_ports_parse(&m, &c->init, c->ports, e);
	if (r)
		return r;
	c->state = TALK_READY;
	return 1;
}

/* @want at the beginning of what came. 1, 0: more has to come, -EPROTO. */
static int expect(struct talk_client *c, const char *want, size_t len, const char *what, struct err *e)
{
	if (memcmp(c->in.data, want, c->in.len < len ? c->in.len : len))
		return err_set(e, -EPROTO, "it does not say %s: it is no listener", what);
	if (c->in.len < len)
		return 0;
	memmove(c->in.data, c->in.data + len, c->in.len - len);
	c->in.len -= len;
	return 1;
}

/* 1: something was taken; 0: more has to come; 2: greeted, or ready; -errno. */
static int step(struct talk_client *c, struct err *e)
{
	int r;

	if (!c->in.len)
		return 0;
	switch (c->state) {
	case TALK_BANNER_COMES:
		r = expect(c, TALK_BANNER, BANNER_LEN, "'" TALK_BANNER "'", e);
		if (r > 0)
			c->state = TALK_GREETED;
		return r > 0 ? 2 : r;
	case TALK_VERSION:
		if (!c->in.data[0])
			return old_listener(e);
		r = expect(c, "V3", sizeof("V3"), "'V3'", e);
		if (r <= 0)
			return r;
		c->state = TALK_OK;
		return buf_put(&c->out, TALK_V3_MAGIC, TALK_V3_MAGIC_LEN) ? no_memory(e) : 1;
	case TALK_OK:
		r = expect(c, "OK", 2, "'OK'", e);
		if (r <= 0)
			return r;
		c->state = TALK_PORTS;
		return wire_init_put(&c->out, &c->init) ? no_memory(e) : 1;
	case TALK_PORTS:
		r = v3_ports(c, e);
		return r > 0 ? 2 : r;
	case TALK_V1_PORTS:
		r = v1_ports(c, e);
		return r > 0 ? 2 : r;
	default:
		return err_set(e, -EPROTO, "it says something where nothing was expected");
	}
}

int talk_client_feed(struct talk_client *c, const void *data, size_t len, struct err *e)
{
	int r;

	if (len > WIRE_MSG_MAX || c->in.len > WIRE_CPUS_MAX * V1_PORT_TEXT)
		return err_set(e, -EPROTO, "it says more than was expected");
	if (buf_put(&c->in, data, len))
		return no_memory(e);
	do {
		r = step(c, e);
	} while (r == 1);
	return r == 2 ? 1 : r;
}

int talk_client_eof(struct talk_client *c, struct err *e)
{
	if (c->state == TALK_VERSION)
		return old_listener(e);
	return err_set(e, -ECONNRESET, "the listener closed the connection");
}

int talk_client_metadata(struct talk_client *c, const void *data, size_t len, bool end)
{
	return c->version == 1 ? buf_put(&c->out, data, len) : wire_metadata_put(&c->out, data, len, end);
}

int talk_client_close(struct talk_client *c)
{
	return c->version == 1 ? 0 : wire_msg_put(&c->out, WIRE_CLOSE, NULL, 0, NULL, 0);
}

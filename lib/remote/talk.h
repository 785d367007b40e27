/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * talk: what is said on the control connection between a recorder and a listener, versions
 * 1 and 3 of the protocol. Bytes in, bytes out: both sides are fed what came from the other one and
 * leave in @out what is to be sent, so that they need no sockets to be tested.
 * Times, connections and files are their users'.
 */
#ifndef TRACECMD_TALK_H
#define TRACECMD_TALK_H

#include "remote/wire.h"

#define TALK_BANNER "tracecmd"		/* without its NUL */
#define TALK_V3_MAGIC "766679\0"	/* with its NUL */
#define TALK_V3_MAGIC_LEN 8u
#define TALK_TEXT_MAX 8191u		/* bytes of a string before its NUL */

/* ---- the listener's side ------------------------------------------------ */

/* What the session is told. 0, or -errno with @e: it ends there. */
struct talk_server_fns {
	/* The recorder's wishes, which are sensible: chooses a port for each CPU. Chunks need not be granted. */
	int (*open)(void *ctx, struct wire_init *init, uint32_t *ports, struct err *e);
	/* The next bytes of the file's front. */
	int (*metadata)(void *ctx, const void *data, size_t len, struct err *e);
	/* They are complete. With a late run once more for that, which replaces the first. */
	int (*metadata_end)(void *ctx, struct err *e);
};

enum talk_server_state {
	TALK_FIRST,			/* the string that tells the version */
	TALK_V1_PAGE, TALK_V1_OPTIONS, TALK_V1_LENGTH, TALK_V1_OPTION,
	TALK_V1_METADATA,		/* up to the connection's end */
	TALK_MAGIC, TALK_TINIT, TALK_METADATA,
	TALK_DATA,			/* nothing is expected but CLOSE, or metadata again */
	TALK_LATE,
	TALK_OVER
};

struct talk_server {
	const struct talk_server_fns *fns;
	void *ctx;
	const struct notices *notices;
	uint64_t metadata_max;		/* bytes of one run */
	enum talk_server_state state;
	struct buf in, out;
	/* private */
	struct wire_init init;
	uint64_t metadata;
	uint32_t options, length;	/* version 1: left; of the next one */
	char *before;			/* the string of another version */
	unsigned unexpected;		/* messages so far */
};

/* Puts the banner. Release in every case. 0, -ENOMEM. */
int talk_server_init(struct talk_server *s, const struct talk_server_fns *fns, void *ctx,
		     const struct notices *notices);
void talk_server_release(struct talk_server *s);
/* 0; 1: CLOSE came, all is said; -errno: the peer does not keep to the protocol, or what a function
 * returned. What is in s->out is to be sent also then. */
int talk_server_feed(struct talk_server *s, const void *data, size_t len, struct err *e);
/* The peer has closed. 1: that was the end it may have; -ECONNRESET, told: it was not. */
int talk_server_eof(struct talk_server *s, struct err *e);
/* The peer is slow to say what it has to; for a message: "for its metadata". NULL: it need not say anything. */
const char *talk_server_waits(const struct talk_server *s);

/* ---- the recorder's side ------------------------------------------------- */

enum talk_client_state {
	TALK_BANNER_COMES,
	TALK_GREETED,			/* it is a listener; talk_client_begin is next */
	TALK_VERSION, TALK_OK, TALK_PORTS, TALK_V1_PORTS,
	TALK_READY			/* ports and what is granted are known: metadata, then data */
};

struct talk_client {
	enum talk_client_state state;
	unsigned version;		/* 3, or 1: asked of an old listener */
	struct wire_init init;
	uint32_t *ports;		/* of init.cpus */
	struct buf in, out;
};

/* @version: 3; 1 once that was refused. Release in every case. */
void talk_client_init(struct talk_client *c, unsigned version);
void talk_client_release(struct talk_client *c);
/* Once greeted. 0, -EINVAL, -ENOMEM. */
int talk_client_begin(struct talk_client *c, const struct wire_init *init, struct err *e);
/* 0: more has to come; 1: greeted, or ready; -EPROTO, -ENOMEM; -EPROTONOSUPPORT: a listener of version
 * 1, to be asked again by a new connection. */
int talk_client_feed(struct talk_client *c, const void *data, size_t len, struct err *e);
/* The peer has closed. -EPROTONOSUPPORT as above, -ECONNRESET. */
int talk_client_eof(struct talk_client *c, struct err *e);
/* Appends metadata as messages, or as they are in version 1; with @end the run is over. 0, -ENOMEM. */
int talk_client_metadata(struct talk_client *c, const void *data, size_t len, bool end);
/* Appends the farewell: in version 1 closing is that. 0, -ENOMEM. */
int talk_client_close(struct talk_client *c);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket of a recording, control.PID in the folder of notes (notes.h): lines of commands in, for
 * each one line of answer out, "ok[ TEXT]" or "error TEXT". For root and the recorder's
 * own user alone. Nothing here waits for a client: one that does not take its answer
 * is dropped, so are lines too long and more than a few clients.
 */
#ifndef TRACECMD_CONTROL_SERVER_H
#define TRACECMD_CONTROL_SERVER_H

#include "command.h"

#define CONTROL_NAME "control."			/* the recorder's process id follows */
#define CONTROL_PATH_MAX 108			/* of a socket's address */
#define CONTROL_LINE_MAX 1024u			/* with its line end */
#define CONTROL_ANSWER_MAX 4096u
#define CONTROL_FULL "too many clients: end one of them"	/* the error that is told before any question */

/* What a command's function returns besides 0 (done) and -errno. */
enum {
	CONTROL_LATER = 1,		/* ask @done again when the watched descriptor stirs */
	CONTROL_AT_END,			/* the end of the recording is the answer */
};

struct control_command {
	const char *name;
	bool takes_args;		/* @args may be other than "" */
	/*
	 * @args: what follows the name. @answer: text for the client, without line ends.
	 * @ticket: for @done. Must not wait.
	 */
	int (*run)(void *ctx, const char *args, uint64_t *ticket, struct buf *answer, struct err *e);
	/* Whether that is done: 0, CONTROL_LATER or -errno. NULL if @run never says so. */
	int (*done)(void *ctx, uint64_t ticket, struct buf *answer, struct err *e);
	bool ends;			/* the end is what it asks for */
};

struct control;

/*
 * Makes the socket; what dead recorders left of theirs is removed. @table ends in a
 * nameless entry and, like @ctx, lives as long as the result. @watch: an eventfd that is
 * written when something pending may be done; -1: none. 0, -errno.
 */
int control_open(struct control **ret, const struct control_command *table, void *ctx, int watch,
		 struct err *e);
/* Readable when control_serve has something to do. */
int control_fd(const struct control *c);
void control_serve(struct control *c);
/* Answers all that wait (@why NULL: ok), closes, removes the socket. NULL is fine. */
void control_close(struct control *c, const char *why);
/* Removes the socket of recorder @pid, which was killed. */
void control_remove(pid_t pid);
/* Removes those of all recorders that are gone. */
void control_remove_dead(void);
/* The address of that one's socket. */
void control_path(pid_t pid, char path[CONTROL_PATH_MAX]);
/* Calls @fn for each recorder that has a socket, until that returns non-zero, which is returned. */
int control_each(int (*fn)(void *ctx, pid_t pid), void *ctx);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --key-file: the secret that host and agent share. */
#ifndef TRACECMD_KEY_H
#define TRACECMD_KEY_H

#include "remote/remote.h"

/*
 * Reads @path: all its bytes, but for a line end behind them, are the key, @bytes keeps them. A file
 * that others may read is refused. 0, -errno.
 */
int key_read(const char *path, struct buf *bytes, struct remote_key *key, struct err *e);

#endif

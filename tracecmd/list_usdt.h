/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The markers of a program, for list. */
#ifndef TRACECMD_LIST_USDT_H
#define TRACECMD_LIST_USDT_H

#include "command.h"

/* Prints; EXIT_OK, or EXIT_FAILED with @e. */
int list_usdt(const char *path, struct err *e);

#endif

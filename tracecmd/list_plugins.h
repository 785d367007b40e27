/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event plugins of libtraceevent and their options, for list. */
#ifndef TRACECMD_LIST_PLUGINS_H
#define TRACECMD_LIST_PLUGINS_H

#include "command.h"

/* Print; EXIT_OK, or EXIT_FAILED with @e. */
int list_plugins(struct err *e);
int list_plugin_options(struct err *e);

#endif

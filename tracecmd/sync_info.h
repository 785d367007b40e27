/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the clock of a recording's machine was compared with its host's, in words. */
#ifndef TRACECMD_SYNC_INFO_H
#define TRACECMD_SYNC_INFO_H

#include "dat/dat.h"

/* A line for each sample, between one that tells with whom and one that tells how good they are. */
void sync_info_print(const struct dat_info *info);

#endif

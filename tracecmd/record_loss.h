/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a recording lost: where, when, why, and what to do about it. */
#ifndef TRACECMD_RECORD_LOSS_H
#define TRACECMD_RECORD_LOSS_H

#include "record/record.h"

/* Whether anything was lost, of a recording that was stopped. */
bool record_loss_any(const struct recording *rec);
/* Tells it on standard error: a line for each CPU that lost events, then the reasons. @stored: it
 * was compressed, and went to a disk, here. */
void record_loss_tell(const struct recording *rec, bool stored);

#endif

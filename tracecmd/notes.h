/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notes: what a command has changed in the kernel and will put back, in a file of
 * NOTES_DIR. It is locked as long as the command or its supervisor live, so one
 * that is not was left by a kill of both, and 'reset --recover' obeys it.
 *
 * A note is a line about its recorder, then the lines of kernel_undo_watch.
 */
#ifndef TRACECMD_NOTES_H
#define TRACECMD_NOTES_H

#include "command.h"

#define NOTES_DIR "/run/tracecmd"

/* Has that folder be there. False: it cannot be made. */
bool notes_folder(void);
/*
 * A new note, locked, with its first line; empty otherwise. *ret_path is to be freed;
 * NULL if there is no place for notes (*ret_why: -errno): then it is in memory only. A
 * descriptor or -errno.
 */
int note_new(char **ret_path, int *ret_why);
/*
 * Undoes what a note tells, but for what another process uses now (kernel_undo_lines; @held, @nr: locks we
 * hold). At @path (NULL: nowhere) it then tells of what is left. 1: something was to be undone, 0: nothing, -errno.
 */
int note_undo(int fd, const char *path, const int *held, size_t nr, struct err *e);
/* Says that a command was killed and left settings in the kernel, if so. */
void notes_tell(void);
/* Puts back what all of those left. 0, -errno. */
int notes_recover(struct err *e);

#endif

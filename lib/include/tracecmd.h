/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libtracecmd: public interface.
 */
#ifndef TRACECMD_H
#define TRACECMD_H

#ifdef __cplusplus
extern "C" {
#endif

/* Version of the library, "MAJOR.MINOR.PATCH"; a constant string. */
const char *tracecmd_version(void);

#ifdef __cplusplus
}
#endif

#endif

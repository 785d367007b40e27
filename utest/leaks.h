/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libtraceevent loses is no leak of ours: told to LeakSanitizer once per program. */
#ifndef UTEST_LEAKS_H
#define UTEST_LEAKS_H

/* @text: "leak:FUNCTION\n" for each function in a leak's call stack. */
#define KNOWN_LEAKS(text)							\
	__attribute__((visibility("default")))					\
	const char *__lsan_default_suppressions(void);				\
	__attribute__((visibility("default")))					\
	const char *__lsan_default_suppressions(void) { return text; }		\
	_Static_assert(1, "")

#endif

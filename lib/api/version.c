// SPDX-License-Identifier: LGPL-2.1-or-later
#include "include/tracecmd.h"

__attribute__((visibility("default")))
const char *tracecmd_version(void)
{
	return TRACECMD_VERSION;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "api/api.h"

API const char *tracecmd_version(void)
{
	return TRACECMD_VERSION;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "plugins/plugins.h"

#define PLUGIN(name) extern const struct tracecmd_plugin plugin_##name;
#include "plugins/list.h"
#undef PLUGIN

const struct tracecmd_plugin *const plugins_all[PLUGINS_NR] = {
#define PLUGIN(name) &plugin_##name,
#include "plugins/list.h"
#undef PLUGIN
};

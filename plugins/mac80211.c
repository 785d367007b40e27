// SPDX-License-Identifier: LGPL-2.1-or-later
/* drv_bss_info_changed, as kernels before 6.1 have it: four lines of settings. */
#include "plugins/plugins.h"

#define MARGIN 65

enum { WIPHY, VIF, VIF_TYPE, SETTINGS };
static const struct tracecmd_plugin_want fields[] = {
	{ .name = "wiphy_name", .kind = TRACECMD_PLUGIN_STRING },
	{ .name = "vif_name", .kind = TRACECMD_PLUGIN_DYNAMIC },
	{ .name = "vif_type" },
	{ .name = "assoc", .optional = true }, { .name = "aid", .optional = true },
	{ .name = "cts", .optional = true }, { .name = "shortpre", .optional = true },
	{ .name = "shortslot", .optional = true }, { .name = "dtimper", .optional = true },
	{ .name = "bcnint", .optional = true }, { .name = "assoc_cap", .optional = true },
	{ .name = "basic_rates", .optional = true }, { .name = "enable_beacon", .optional = true },
	{ .name = "ht_operation_mode", .optional = true }, { 0 },
};

static bool starts_line(unsigned nr)
{
	return !strcmp(fields[nr].name, "assoc") || !strcmp(fields[nr].name, "bcnint") ||
	       !strcmp(fields[nr].name, "ht_operation_mode");
}

static bool is_mask(unsigned nr)
{
	return !strcmp(fields[nr].name, "assoc_cap") || !strcmp(fields[nr].name, "basic_rates");
}

/* As libtraceevent's plugin leaves it: a blank behind dtimper, and in place of what is not there. */
static char *put_setting(const struct tracecmd_plugin_call *c, char *p, unsigned nr)
{
	uint64_t v = tracecmd_plugin_number(c, nr);

	if (starts_line(nr)) {
		*p++ = '\n';
		p = put_fill(p, ' ', MARGIN);
	}
	if (c->fields[nr].size) {
		p = plugin_put(p, fields[nr].name);
		*p++ = ':';
		p = is_mask(nr) && v ? put_0x(p, v) : put_dec(p, v);
	}
	if (fields[nr + 1].name && (!starts_line(nr + 1) || !strcmp(fields[nr].name, "dtimper")))
		*p++ = ' ';
	return p;
}

static char *info_text(const struct tracecmd_plugin_call *c, char *p)
{
	const char *wiphy = (const char *)c->data + c->fields[WIPHY].offset;
	uint32_t len;
	const char *vif = (const char *)tracecmd_plugin_dynamic(c, VIF, &len);

	if (!vif)
		return NULL;
	p = put_bytes(p, wiphy, strnlen(wiphy, c->fields[WIPHY].size));
	p = put_bytes(p, " vif:", 5);
	p = c->room(c, p, len + 1024);
	if (!p)
		return NULL;
	p = put_bytes(p, vif, strnlen(vif, len));
	*p++ = '(';
	p = put_signed(p, (int32_t)tracecmd_plugin_number(c, VIF_TYPE));
	*p++ = ')';
	for (unsigned i = SETTINGS; fields[i].name; i++)
		p = put_setting(c, p, i);
	return p;
}

static const struct tracecmd_plugin_text texts[] = {
	{ .system = "mac80211", .event = "drv_bss_info_changed", .fields = fields, .text = info_text,
	  .room = 16 },
	{ 0 },
};

const struct tracecmd_plugin plugin_mac80211 = {
	.size = sizeof(plugin_mac80211), .name = "mac80211", .texts = texts,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as messages: what is taken can be said again, and says the same then. */
#include <stdlib.h>

#include "remote/wire.h"

#define CPUS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static void look_at_init(const struct wire_msg *m)
{
	struct wire_init i, again;
	struct buf b AUTO_BUF = { 0 };
	struct wire_msg back;
	struct err e = { 0 };
	uint32_t size;

	if (wire_init_parse(m, NULL, &i, &e)) {
		must(*e.text);
		return;
	}
	must(!wire_init_put(&b, &i));
	must(wire_msg_parse(b.data, b.len, &back, &size, NULL) == 1 && size == b.len);
	must(!wire_init_parse(&back, NULL, &again, NULL));
	must(again.cpus == i.cpus && again.page_size == i.page_size && again.tcp == i.tcp &&
	     again.late == i.late && again.packed == i.packed);
}

static void look_at_ports(const struct wire_msg *m)
{
	struct wire_init asked = { .cpus = wire_fixed_u32(m, 0) };
	uint32_t ports[CPUS_MAX];
	struct err e = { 0 };

	if (asked.cpus > CPUS_MAX)
		asked.cpus = CPUS_MAX;
	if (wire_ports_parse(m, &asked, ports, &e)) {
		must(*e.text);
		return;
	}
	must(!asked.late && !asked.packed);
	for (uint32_t i = 0; i < asked.cpus; i++)
		must(ports[i] && ports[i] <= 65535);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	struct wire_msg m;
	uint32_t len;
	int r = 0;

	while (size && (r = wire_msg_parse(data, size, &m, &len, &e)) == 1) {
		must(len >= WIRE_HEADER && len <= size);
		look_at_init(&m);
		look_at_ports(&m);
		data += len;
		size -= len;
	}
	must(r >= 0 || *e.text);
	return 0;
}

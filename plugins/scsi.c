// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What is in a SCSI command's descriptor block: the function
 * scsi_trace_parse_cdb of print formats. Layouts: SBC-3, opcodes scsi/scsi_proto.h.
 */
#include "plugins/plugins.h"

/* Where a command has its numbers: places and sizes in the block. */
struct layout {
	uint8_t opcode;
	uint8_t len;			/* of the block */
	uint8_t lba, lba_size, count, count_size;
	uint8_t protect;		/* 0: it has none */
	bool unmap;			/* it has that bit */
};
static const struct layout layouts[] = {
	{ .opcode = 0x08, .len = 6, .lba = 1, .lba_size = 3, .count = 4, .count_size = 1 },	/* READ_6 */
	{ .opcode = 0x0a, .len = 6, .lba = 1, .lba_size = 3, .count = 4, .count_size = 1 },
#define TEN(code, has_unmap) { .opcode = code, .len = 10, .lba = 2, .lba_size = 4, .count = 7, \
			       .count_size = 2, .protect = 1, .unmap = has_unmap }
	TEN(0x28, false), TEN(0x2a, false), TEN(0x2f, false), TEN(0x41, true),	/* .., WRITE_SAME */
#define TWELVE(code) { .opcode = code, .len = 12, .lba = 2, .lba_size = 4, .count = 6, .count_size = 4, \
		       .protect = 1 }
	TWELVE(0xa8), TWELVE(0xaa), TWELVE(0xaf),
#define SIXTEEN(code, has_unmap) { .opcode = code, .len = 16, .lba = 2, .lba_size = 8, .count = 10, \
				   .count_size = 4, .protect = 1, .unmap = has_unmap }
	SIXTEEN(0x88, false), SIXTEEN(0x8a, false), SIXTEEN(0x8f, false), SIXTEEN(0x93, true),
};

#define BLOCK_MAX 32
#define OP_UNMAP 0x42
#define OP_SERVICE_ACTION_IN_16 0x9e
#define OP_VARIABLE_LENGTH 0x7f

static uint64_t number_at(const uint8_t *cdb, unsigned at, unsigned size)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v = v << 8 | cdb[at + i];
	return v;
}

static char *put_number(char *p, const char *name, uint64_t v)
{
	return put_dec(plugin_put(p, name), v);
}

static char *put_read_write(const struct layout *l, const uint8_t *cdb, char *p)
{
	uint64_t lba = number_at(cdb, l->lba, l->lba_size);

	if (l->lba_size == 3)
		lba &= 0x1fffff;	/* three bits before it are a unit's number */
	p = put_number(p, "lba=", lba);
	p = put_number(p, " txlen=", number_at(cdb, l->count, l->count_size));
	if (l->protect)
		p = put_number(p, " protect=", cdb[l->protect] >> 5);
	if (l->unmap)
		p = put_number(p, " unmap=", cdb[l->protect] >> 3 & 1);
	return p;
}

/* Header of 8 bytes and descriptors of 16. */
static char *put_unmap(const uint8_t *cdb, char *p)
{
	uint32_t bytes = number_at(cdb, 7, 2);

	return put_number(p, "regions=", (bytes - 8) / 16);
}

static char *put_service_action(const uint8_t *cdb, char *p)
{
	unsigned action = cdb[1] & 0x1f;

	p = plugin_put(p, action == 0x10 ? "READ_CAPACITY_16" : action == 0x12 ? "GET_LBA_STATUS" : "UNKNOWN");
	if (action != 0x10 && action != 0x12)
		return p;
	p = put_number(p, " lba=", number_at(cdb, 2, 8));
	return put_number(p, " alloc_len=", number_at(cdb, 10, 4));
}

static char *put_variable_length(const uint8_t *cdb, char *p)
{
	static const struct { uint16_t action; const char *name; } actions[] = {
		{ 0x09, "READ" }, { 0x0a, "VERIFY" }, { 0x0b, "WRITE" }, { 0x0d, "WRITE_SAME" },
	};
	unsigned action = number_at(cdb, 8, 2);

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (actions[i].action != action)
			continue;
		p = plugin_put(plugin_put(p, actions[i].name), "_32");
		p = put_number(p, " lba=", number_at(cdb, 12, 8));
		p = put_number(p, " txlen=", number_at(cdb, 28, 4));
		p = put_number(p, " protect=", cdb[10] >> 5);
		p = put_number(p, " ei_lbrt=", number_at(cdb, 20, 4));
		if (action == 0x0d)
			p = put_number(p, " unmap=", cdb[10] >> 3 & 1);
		return p;
	}
	return plugin_put(p, "-");
}

/* args: of the kernel's text, the block, its length */
static char *parse_cdb(const uint64_t *args, char *p)
{
	uint8_t cdb[BLOCK_MAX] = { 0 };
	size_t len = args[2] < sizeof(cdb) ? args[2] : sizeof(cdb);

	if (!len || !plugin_peek(args[1], cdb, len))
		return plugin_put(p, "-");
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		if (layouts[i].opcode == cdb[0] && layouts[i].len <= len)
			return put_read_write(&layouts[i], cdb, p);
	if (cdb[0] == OP_UNMAP && len >= 9)
		return put_unmap(cdb, p);
	if (cdb[0] == OP_SERVICE_ACTION_IN_16 && len >= 14)
		return put_service_action(cdb, p);
	if (cdb[0] == OP_VARIABLE_LENGTH && len >= 32)
		return put_variable_length(cdb, p);
	return plugin_put(p, "-");
}

static const struct tracecmd_plugin_function functions[] = {
	{ .name = "scsi_trace_parse_cdb", .args = "ppi", .text = parse_cdb, .room = 256 },
	{ 0 },
};

const struct tracecmd_plugin plugin_scsi = {
	.size = sizeof(plugin_scsi), .name = "scsi", .functions = functions,
};

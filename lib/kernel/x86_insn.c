// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How long instructions of x86-64 are, and no more: opcode maps of the Intel 64 manual, volume 2, appendix A, with
 * VEX and EVEX encodings (2.3, 2.7).
 */
#include "kernel/dyn_internal.h"

/*
 * What follows an opcode: '.' nothing, 'm' a ModRM byte, 'r' one that means registers; a value of 'b' 1, 'w' 2, 'e' 3,
 * 'j' 4, 'z' 2 or 4, 'v' 2, 4 or 8 bytes, 'o' an address; 'M' a ModRM byte and 1, 'Z' and 2 or 4; 'f', 't' these, if its
 * register field is 0 or 1; '?': there is none, or it was a prefix.
 */
static const char one_byte[] =
	"mmmmbz??mmmmbz??" "mmmmbz??mmmmbz??" "mmmmbz??mmmmbz??" "mmmmbz??mmmmbz??"
	"????????????????" "................" "???m????zZbM...." "bbbbbbbbbbbbbbbb"
	"MZ?Mmmmmmmmmmmmm" "..........?....." "oooo....bz......" "bbbbbbbbvvvvvvvv"
	"MMw.??MZe.w..b?." "mmmm???.mmmmmmmm" "bbbbbbbbjj?b...." "?.??..ft......mm";
static const char two_bytes[] =		/* behind 0F */
	"mmmm?.....?.?m.M" "mmmmmmmmmmmmmmmm" "rrrr????mmmmmmmm" "......?.????????"
	"mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "MMMMmmm.mm??mmmm"
	"jjjjjjjjjjjjjjjj" "mmmmmmmmmmmmmmmm" "...mMm??...mMmmm" "mmmmmmmmmmMmmmmm"
	"mmMmMMMm........" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm" "mmmmmmmmmmmmmmmm";

struct insn {
	const uint8_t *p, *end;
	bool short_value;		/* 66 */
	bool short_address;		/* 67 */
	bool wide;			/* REX.W */
	bool failed;			/* it goes on behind the end */
};

static uint8_t take(struct insn *in)
{
	if (in->p < in->end)
		return *in->p++;
	in->failed = true;
	return 0;
}

static void skip(struct insn *in, size_t n)
{
	if (n > (size_t)(in->end - in->p))
		in->failed = true;
	else
		in->p += n;
}

/* A ModRM byte, and the SIB byte and displacement that it asks for. Its register field. */
static unsigned take_modrm(struct insn *in)
{
	uint8_t modrm = take(in), mod = modrm >> 6, rm = modrm & 7;

	if (mod == 3)
		return modrm >> 3 & 7;
	if (rm == 4 && (take(in) & 7) == 5)
		rm = 5;
	else if (rm == 4)
		rm = 0;
	if (mod == 1)
		skip(in, 1);
	else if (mod == 2 || rm == 5)
		skip(in, 4);
	return modrm >> 3 & 7;
}

static size_t value_size(const struct insn *in)
{
	return in->short_value && !in->wide ? 2 : 4;
}

static void take_operands(struct insn *in, char what)
{
	unsigned field = strchr("mMZft", what) ? take_modrm(in) : 0;

	switch (what) {
	case '.': case 'm': break;
	case 'f': skip(in, field < 2 ? 1 : 0); break;
	case 't': skip(in, field < 2 ? value_size(in) : 0); break;
	case 'r': case 'b': case 'M': skip(in, 1); break;
	case 'w': skip(in, 2); break;
	case 'e': skip(in, 3); break;
	case 'j': skip(in, 4); break;
	case 'z': case 'Z': skip(in, value_size(in)); break;
	case 'v': skip(in, in->wide ? 8 : value_size(in)); break;
	case 'o': skip(in, in->short_address ? 4 : 8); break;
	default: in->failed = true;
	}
}

/* Behind VEX and EVEX; @map: 1 is that of 0F, 2 of 0F38, 3 of 0F3A; 5 and 6 have numbers of 16 bits. */
static void take_vector(struct insn *in, unsigned map)
{
	uint8_t opcode = take(in);

	if (map == 1)
		take_operands(in, two_bytes[opcode] == 'M' ? 'M' : opcode == 0x77 ? '.' : 'm');
	else if (map == 2 || map == 5 || map == 6)
		take_operands(in, 'm');
	else
		take_operands(in, map == 3 ? 'M' : '?');
}

static uint8_t take_prefixes(struct insn *in)
{
	for (;;) {
		uint8_t byte = take(in);

		in->short_value |= byte == 0x66;
		in->short_address |= byte == 0x67;
		if (in->failed || !memchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", byte, 11))
			return byte;
	}
}

size_t x86_insn_length(const uint8_t *code, size_t len)
{
	struct insn in = { .p = code, .end = code + (len < X86_INSN_MAX ? len : X86_INSN_MAX) };
	uint8_t opcode = take_prefixes(&in), map;

	if ((opcode & 0xf0) == 0x40) {
		in.wide = opcode & 8;
		opcode = take(&in);
	}
	if (opcode == 0xc5) {
		skip(&in, 1);
		take_vector(&in, 1);
	} else if (opcode == 0xc4 || opcode == 0x62) {
		map = take(&in) & (opcode == 0x62 ? 7 : 31);
		skip(&in, opcode == 0x62 ? 2 : 1);
		take_vector(&in, map);
	} else if (opcode != 0x0f) {
		take_operands(&in, one_byte[opcode]);
	} else {
		opcode = take(&in);
		if (opcode == 0x38 || opcode == 0x3a) {
			skip(&in, 1);
			take_operands(&in, opcode == 0x38 ? 'm' : 'M');
		} else {
			take_operands(&in, two_bytes[opcode]);
		}
	}
	return in.failed ? 0 : in.p - code;
}

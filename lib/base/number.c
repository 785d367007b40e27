// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base.h"

#define PAIRS(d) d "0" d "1" d "2" d "3" d "4" d "5" d "6" d "7" d "8" d "9"
#define HEX_PAIRS(d) PAIRS(d) d "a" d "b" d "c" d "d" d "e" d "f"

const char number_pairs[] =
	PAIRS("0") PAIRS("1") PAIRS("2") PAIRS("3") PAIRS("4")
	PAIRS("5") PAIRS("6") PAIRS("7") PAIRS("8") PAIRS("9");

const char number_hex[] =
	HEX_PAIRS("0") HEX_PAIRS("1") HEX_PAIRS("2") HEX_PAIRS("3")
	HEX_PAIRS("4") HEX_PAIRS("5") HEX_PAIRS("6") HEX_PAIRS("7")
	HEX_PAIRS("8") HEX_PAIRS("9") HEX_PAIRS("a") HEX_PAIRS("b")
	HEX_PAIRS("c") HEX_PAIRS("d") HEX_PAIRS("e") HEX_PAIRS("f");

const uint64_t number_powers[20] = {
	1ull, 10ull, 100ull, 1000ull, 10000ull, 100000ull, 1000000ull, 10000000ull, 100000000ull,
	1000000000ull, 10000000000ull, 100000000000ull, 1000000000000ull, 10000000000000ull,
	100000000000000ull, 1000000000000000ull, 10000000000000000ull, 100000000000000000ull,
	1000000000000000000ull, 10000000000000000000ull,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/* A program to put probes into: parameters of every kind, markers, lines. probed ROUNDS */
#include <stdio.h>
#include <stdlib.h>

/* A marker's note as <sys/sdt.h> writes it, for x86-64. */
#define MARKER(name, args, ...) __asm__ volatile( \
	"990: nop\n.pushsection .note.stapsdt,\"\",\"note\"\n.balign 4\n.4byte 992f-991f, 994f-993f, 3\n" \
	"991: .asciz \"stapsdt\"\n992: .balign 4\n993: .8byte 990b\n.8byte _.stapsdt.base\n.8byte listeners\n" \
	".asciz \"probed\"\n.asciz \"" name "\"\n.asciz \"" args "\"\n994: .balign 4\n.popsection\n" : : __VA_ARGS__)
__asm__(".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n.weak _.stapsdt.base\n"
	".hidden _.stapsdt.base\n_.stapsdt.base: .space 1\n.size _.stapsdt.base, 1\n.popsection\n");
volatile unsigned short listeners __attribute__((section(".probes")));

enum colour { RED, GREEN, BLUE };
struct large { long v[4]; };
static volatile long sink;
static unsigned seen;

__attribute__((noinline)) void many(const char *name, int n, double ratio, unsigned char byte, enum colour c,
				    unsigned long a, short b, long on_stack, int last)
{
	sink += name[0] + n + (long)ratio + byte + c + a + b + on_stack + last;
	MARKER("request", "8@%0 -4@%1 4@$7 8f@%%xmm0", "r"(name), "r"(n));
}

__attribute__((noinline)) long by_value(struct large l, int n)
{
	return l.v[3] + n;	/* line of by_value */
}

__attribute__((noinline)) struct large returned(int n)
{
	return (struct large){ { n } };
}

__attribute__((noinline)) void twice(int n)
{
	if (n % 2)
		MARKER("twice", "-4@%0 8@16(%%rsp)", "r"(n));
	else
		MARKER("twice", "-4@%0 4@$1", "r"(n));
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 0;

	for (int i = 0; i < rounds; i++) {
		many("text", -i, 1.5, 200 + i, BLUE, 1ul << 40, 3, -1, i);
		sink += by_value(returned(i), i);
		twice(i);
		seen += listeners;
	}
	printf("%u\n", seen);
	return 0;
}

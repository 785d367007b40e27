/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What print programs write, as printf would: at @p, where the caller has made
 * room; each returns the place behind what was written (prog_put.c).
 */
#ifndef TRACECMD_EVENT_PROG_PUT_H
#define TRACECMD_EVENT_PROG_PUT_H

#include "event/prog_code.h"

/* A number, of which spec->bytes are used. Room: prog_number_room. */
char *prog_put_number(char *p, uint64_t v, const struct prog_spec *spec, unsigned width,
		      int precision);
size_t prog_number_room(const struct prog_spec *spec);

/* A string of @len bytes, of which no more than @precision (-1: all) are shown,
 * in at least @width. Room: the larger one of @len and @width. */
char *prog_put_string(char *p, const char *s, size_t len, const struct prog_spec *spec,
		      unsigned width, int precision);
/* The same for what stands between @start and @end already. */
char *prog_pad(char *start, char *end, const struct prog_spec *spec, unsigned width, int precision);

/* Bytes in hexadecimal, @separator (0: none) in between. Room: 3 for each. */
char *prog_put_hex(char *p, const uint8_t *data, size_t len, char separator);

/* Masks, as lists of 32-bit words in hexadecimal and as ranges of bits.
 * @reversed: the most significant byte comes first. Room: prog_mask_room. */
char *prog_put_bitmask(char *p, const uint8_t *data, size_t len, bool reversed);
char *prog_put_cpumask(char *p, const uint8_t *data, size_t len, bool reversed);
size_t prog_mask_room(size_t len);

/* Addresses; flags are ADDRESS_*. Room: PROG_ADDRESS_ROOM. */
#define PROG_ADDRESS_ROOM 80
char *prog_put_mac(char *p, const uint8_t *addr, unsigned flags);
char *prog_put_ipv4(char *p, const uint8_t *addr, unsigned flags);
char *prog_put_ipv6(char *p, const uint8_t *addr, unsigned flags);
/* A struct sockaddr of @len bytes; an unknown family prints nothing. */
char *prog_put_socket(char *p, const uint8_t *addr, size_t len, unsigned flags);
char *prog_put_uuid(char *p, const uint8_t *uuid, unsigned flags);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plugins that make the texts of events, in a form that any number of threads
 * can run at a time, in any order, and that writes plain bytes.
 *
 * A plugin is a table (struct tracecmd_plugin). A shared object becomes one for
 * tracecmd and libtracecmd by having the function TRACECMD_PLUGIN_ENTRY beside
 * libtraceevent's tep_plugin_loader: other programs call that, which registers
 * handlers as ever, and tracecmd, having found that a handler's file has the
 * entry too, runs the table's texts instead of the handlers. The entry's name has its version:
 * what is incompatible gets another one, a change of the lists' elements included. What is added
 * to a struct that has a size stands at its end.
 *
 * Documentation/plugins.md has the rules and an example.
 */
#ifndef TRACECMD_PLUGIN_H
#define TRACECMD_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Most fields that a text may ask for. */
#define TRACECMD_PLUGIN_FIELDS 16
/* Most options a plugin may have: a bit for each. */
#define TRACECMD_PLUGIN_OPTIONS 64

/* What a field must be. */
enum tracecmd_plugin_kind {
	TRACECMD_PLUGIN_NUMBER,		/* 1, 2, 4 or 8 bytes */
	TRACECMD_PLUGIN_BYTES,		/* an array of fixed size */
	TRACECMD_PLUGIN_STRING,		/* the same; the text's room grows by its size */
	TRACECMD_PLUGIN_DYNAMIC,	/* __data_loc or __rel_loc */
	TRACECMD_PLUGIN_REST		/* an array from its place to the record's end */
};

/* A field by its name, and by the one it had in other kernels (or NULL). */
struct tracecmd_plugin_want {
	const char *name, *other_name;	/* name NULL: the list's end */
	enum tracecmd_plugin_kind kind;
	bool optional;			/* else there is no text where the format has it not */
};

/* Where a field lies. size 0: an optional one that is not there, or one of TRACECMD_PLUGIN_REST. */
struct tracecmd_plugin_field { uint32_t offset, size; bool relative; };

/* What covers an address: its name is not NUL-terminated for sure, and valid until the text is made. */
struct tracecmd_plugin_symbol { const char *name; size_t len; uint64_t start; };

/*
 * One record whose text is wanted. All fields that the text asked for lie within
 * it, but what dynamic ones point to: see tracecmd_plugin_dynamic.
 */
struct tracecmd_plugin_call {
	uint32_t size;			/* of this struct */
	uint32_t len;			/* of the record */
	const uint8_t *data;		/* the record, common fields included */
	const struct tracecmd_plugin_field *fields;	/* in the order in which they were asked for */
	uint64_t ts;			/* nanoseconds, or counts of another clock */
	uint64_t options;		/* bit i: option i is on */
	uint32_t cpu;
	uint8_t long_size;		/* of the kernel: 4 or 8 */
	bool big_endian;		/* the record's numbers */
	/* The symbol that covers an address; false, and nothing is set: none does. */
	bool (*symbol)(const struct tracecmd_plugin_call *call, uint64_t addr,
		       struct tracecmd_plugin_symbol *ret);
	/* The same of a guest, whose virtual CPU this is. */
	bool (*guest_symbol)(const struct tracecmd_plugin_call *call, uint64_t addr,
			     struct tracecmd_plugin_symbol *ret);
	/*
	 * Makes sure that @more bytes can be written at @p, behind what was written up
	 * to there: returns the place to go on from, NULL if there is no memory (the text
	 * then returns NULL too).
	 */
	char *(*room)(const struct tracecmd_plugin_call *call, char *p, size_t more);
	/* Indents a function event by what was called before on its CPU; as room, with
	 * room for @more bytes behind the indentation. Both names are whole symbols' names. */
	char *(*indent)(const struct tracecmd_plugin_call *call, char *p, const char *parent,
			const char *func, size_t more);
	/* Writes a time as lines show it, at most 40 bytes. */
	char *(*time)(const struct tracecmd_plugin_call *call, char *p, uint64_t ts);
};

/*
 * Writes the text at @p, without a NUL, and returns the place behind it; or NULL: the
 * kernel's print format is to make the text (then what was written does not count).
 * It keeps nothing from one call to the next.
 */
typedef char *(*tracecmd_plugin_text_fn)(const struct tracecmd_plugin_call *call, char *p);

/* The text of an event. */
struct tracecmd_plugin_text {
	const char *system, *event;	/* system NULL: the list's end */
	const struct tracecmd_plugin_want *fields;
	tracecmd_plugin_text_fn text;
	uint32_t room;			/* bytes that can be written at first, strings aside */
	bool prefix;			/* the print format's text follows */
	bool tells_tasks;		/* it shows names of tasks that others want to know */
	uint64_t options;		/* made only while one of these is on; 0: always */
};

/* A function that print formats call. */
struct tracecmd_plugin_function {
	const char *name;		/* NULL: the list's end */
	/* types of its arguments: 'i' int, 'l' long, 'p' a pointer, into the record as a rule; and whether it
	 * gives a string, by @text, or a number, by @number */
	const char *args;
	uint64_t (*number)(const uint64_t *args);
	/* At most @room bytes at @p; returns the place behind. */
	char *(*text)(const uint64_t *args, char *p);
	uint32_t room;
};

struct tracecmd_plugin_option {
	const char *name, *description;	/* name NULL: the list's end */
	bool on;			/* at first */
};

struct tracecmd_plugin {
	uint32_t size;			/* of this struct */
	const char *name;		/* that options are set by: NAME:OPTION */
	/* each may be NULL */
	const struct tracecmd_plugin_text *texts;
	const struct tracecmd_plugin_function *functions;
	const struct tracecmd_plugin_option *options;
};

/* What a shared object shows: its table, and which options are on now. */
#define TRACECMD_PLUGIN_ENTRY tracecmd_plugin_entry_1
#define TRACECMD_PLUGIN_ENTRY_NAME "tracecmd_plugin_entry_1"
typedef const struct tracecmd_plugin *(*tracecmd_plugin_entry_fn)(uint64_t *ret_options);

/* ---- for texts ------------------------------------------------------------------ */

/* The unsigned number at @at bytes of the record, of 1, 2, 4 or 8 bytes; 0 of other sizes. */
static inline uint64_t tracecmd_plugin_number_at(const struct tracecmd_plugin_call *call, uint32_t at,
						 uint32_t size)
{
	const bool swap = call->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	const uint8_t *p = call->data + at;
	uint16_t v2;
	uint32_t v4;
	uint64_t v8;

	switch (size) {
	case 1:
		return *p;
	case 2:
		memcpy(&v2, p, 2);
		return swap ? __builtin_bswap16(v2) : v2;
	case 4:
		memcpy(&v4, p, 4);
		return swap ? __builtin_bswap32(v4) : v4;
	case 8:
		memcpy(&v8, p, 8);
		return swap ? __builtin_bswap64(v8) : v8;
	}
	return 0;
}

/* The number that field @nr of the list holds; 0 if it is not there. */
static inline uint64_t tracecmd_plugin_number(const struct tracecmd_plugin_call *call, unsigned int nr)
{
	return tracecmd_plugin_number_at(call, call->fields[nr].offset, call->fields[nr].size);
}

/* The bytes of dynamic field @nr; NULL, and length 0, if they do not lie in the record. */
static inline const uint8_t *tracecmd_plugin_dynamic(const struct tracecmd_plugin_call *call, unsigned int nr,
						     uint32_t *ret_len)
{
	const struct tracecmd_plugin_field *f = &call->fields[nr];
	uint32_t word = (uint32_t)tracecmd_plugin_number_at(call, f->offset, f->size);
	uint64_t at = (word & 0xffff) + (f->relative ? (uint64_t)f->offset + f->size : 0);

	*ret_len = word >> 16;
	if (f->size == 4 && at <= call->len && *ret_len <= call->len - at)
		return call->data + at;
	*ret_len = 0;
	return NULL;
}

#ifdef __cplusplus
}
#endif
#endif

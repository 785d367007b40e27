/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fields of an event as data: of which type each is and where it lies.
 * Made once for each event; immutable from then on, and used by any number of
 * threads. JSON, CSV and the columns of the C interface are made of these.
 */
#ifndef TRACECMD_EVENT_FIELDS_H
#define TRACECMD_EVENT_FIELDS_H

#include "event/event.h"

enum event_field_type {
	EVENT_NUMBER,			/* one integer of size bytes */
	EVENT_STRING,			/* characters up to the first NUL */
	EVENT_ARRAY,			/* integers of size bytes each */
};

enum event_field_place {
	EVENT_FIXED,			/* len bytes at offset */
	EVENT_REST,			/* from offset to the record's end */
	EVENT_DATA_LOC,			/* told by 4 bytes at offset: length << 16 | start */
	EVENT_REL_LOC,			/* the same, the start counted from their end */
};

struct event_field {
	const char *name;		/* libtraceevent's: lives as long as the event's db */
	enum event_field_type type;
	enum event_field_place place;
	uint8_t size;			/* of the number or element: 1, 2, 4, 8; of strings 1 */
	bool is_signed;
	bool is_pointer;		/* numbers: an address */
	bool is_mask;			/* arrays: bits, the lowest of the first element first */
	uint32_t offset, len;		/* len: as fixed, else 0 */
	const struct tep_format_field *tep;
};

/* Bytes of an element of an array, by its type's name; 0 if that is not known to be an integer's. */
unsigned field_element_size(const struct tep_format_field *f);

struct event_fields {
	uint32_t nr;
	struct event_field v[];		/* in the format's order */
};

/*
 * The event's own fields, or, with @common, those that all events of a kernel
 * begin with. A field at an impossible place is left out. free() it.
 * 0 or -ENOMEM.
 */
int event_fields_new(const struct tep_event *event, bool common, struct event_fields **ret);
/* The field of that name, or NULL. */
const struct event_field *event_fields_find(const struct event_fields *fields, const char *name);

/*
 * Where the field lies in a record of @len bytes: what of an array the record
 * holds, whole elements only; of a string all its bytes, NULs too. False if it
 * does not lie in the record; numbers are there whole or not at all.
 */
static inline bool event_field_span(const struct event_field *f, const uint8_t *data, uint32_t len,
				    bool big_endian, const uint8_t **ret, uint32_t *ret_len)
{
	uint32_t offset = f->offset, n = f->len;

	if (f->place >= EVENT_DATA_LOC) {
		uint32_t loc;

		if (len < 4 || offset > len - 4)
			return false;
		loc = get_u32(data + offset, big_endian);
		offset = (loc & 0xffff) + (f->place == EVENT_REL_LOC ? offset + 4 : 0);
		n = loc >> 16;
		if (offset > len || n > len - offset)
			return false;
	} else {
		if (offset > len || (offset == len && n))
			return false;
		if (n > len - offset && f->type == EVENT_NUMBER)
			return false;
		if (n > len - offset || f->place == EVENT_REST)
			n = len - offset;
	}
	*ret = data + offset;
	*ret_len = f->type == EVENT_ARRAY ? n & ~(f->size - 1u) : n;
	return true;
}

/* An integer of 1, 2, 4 or 8 bytes; signed ones are extended. */
static inline uint64_t event_number_at(const uint8_t *at, unsigned size, bool is_signed,
				       bool big_endian)
{
	switch (size) {
	case 1:
		return is_signed ? (uint64_t)(int8_t)*at : *at;
	case 2:
		return is_signed ? (uint64_t)(int16_t)get_u16(at, big_endian) :
		       get_u16(at, big_endian);
	case 4:
		return is_signed ? (uint64_t)(int32_t)get_u32(at, big_endian) :
		       get_u32(at, big_endian);
	default:
		return get_u64(at, big_endian);
	}
}

#endif

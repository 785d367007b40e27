// SPDX-License-Identifier: LGPL-2.1-or-later
/* A scan's columns in memory of their own. */
#include "module.h"

#include <string.h>

/* Rows that are read at a time without the GIL: signals are looked at in between. A multiple of 8. */
#define CHUNK_ROWS (1u << 16)
/* Room for strings that a chunk has at least. */
#define CHUNK_BYTES (1u << 20)
/* With as many rows another chunk is likely to be full. */
#define MANY_ROWS (4 * CHUNK_ROWS)

static const struct { const char *name, *format; uint8_t size; } types[] = {
	[TRACECMD_TYPE_INT8] = { "int8", "b", 1 }, [TRACECMD_TYPE_UINT8] = { "uint8", "B", 1 },
	[TRACECMD_TYPE_INT16] = { "int16", "h", 2 }, [TRACECMD_TYPE_UINT16] = { "uint16", "H", 2 },
	[TRACECMD_TYPE_INT32] = { "int32", "i", 4 }, [TRACECMD_TYPE_UINT32] = { "uint32", "I", 4 },
	[TRACECMD_TYPE_INT64] = { "int64", "q", 8 }, [TRACECMD_TYPE_UINT64] = { "uint64", "Q", 8 },
	[TRACECMD_TYPE_STRING] = { "string", NULL, 0 }, [TRACECMD_TYPE_ARRAY] = { "array", NULL, 0 },
	[TRACECMD_TYPE_WORD] = { "word", "i", 4 },
};

struct column {
	int type, element;
	unsigned size;			/* of a number, or a word's code; 0: strings, arrays */
	/* so many rows of them are there */
	struct block values, valid, offsets, bytes;
	uint64_t used;			/* of bytes */
	uint64_t nulls;
	/* of the chunk that is read */
	uint8_t *chunk_valid;
	int32_t *chunk_offsets;
	int32_t *chunk_codes;		/* of words that take as few bytes as they can */
};

struct scan {
	PyObject_HEAD
	struct handle *handle;
	struct tracecmd_scan *scan;
	bool busy;			/* some thread reads it */
	bool narrow;			/* codes of words are as small as may be: all rows are read at once */
	unsigned nr;
	struct column *columns;
	struct tracecmd_values *values;
	uint64_t rows;			/* that the columns have now */
};

/* ---- made ------------------------------------------------------------------------------- */

/* A field: strings as words, numbers and arrays as they are. */
static int add_field(struct scan *s, const char *field, struct tracecmd_error *error)
{
	struct tracecmd_column c = { .size = sizeof(c), .what = TRACECMD_FIELD, .field = field,
				     .type = TRACECMD_TYPE_WORD };
	int r = tracecmd_scan_column(s->scan, &c, error);

	if (r != -ENOTSUP)
		return r;
	c.type = TRACECMD_TYPE_AUTO;
	return tracecmd_scan_column(s->scan, &c, error);
}

/* (what, None) or (0, field) */
static int add_column(struct scan *s, PyObject *item)
{
	struct tracecmd_column c = { .size = sizeof(c) };
	struct tracecmd_error error;
	struct column *own = &s->columns[s->nr];
	const char *field;
	int r;

	if (!need_tuple(item) || !PyArg_ParseTuple(item, "iz:column", &c.what, &field))
		return -1;
	c.type = c.what == TRACECMD_TASK || c.what == TRACECMD_NAME ? TRACECMD_TYPE_WORD : TRACECMD_TYPE_AUTO;
	r = field ? add_field(s, field, &error) : tracecmd_scan_column(s->scan, &c, &error);
	if (r < 0)
		return raise_error(&error, "select"), -1;
	own->type = tracecmd_scan_type(s->scan, s->nr, &own->element);
	own->size = types[own->type].size;
	own->chunk_valid = malloc(CHUNK_ROWS / 8);
	own->chunk_offsets = own->size ? NULL : malloc((CHUNK_ROWS + 1) * sizeof(int32_t));
	s->nr++;
	if (!own->chunk_valid || (!own->size && !own->chunk_offsets))
		return PyErr_NoMemory(), -1;
	if (own->type == TRACECMD_TYPE_WORD && s->narrow) {
		own->chunk_codes = malloc(CHUNK_ROWS * sizeof(int32_t));
		own->size = 1;
		if (!own->chunk_codes)
			return PyErr_NoMemory(), -1;
	}
	return 0;
}

static int set_up(struct scan *s, PyObject *selection, PyObject *columns)
{
	Py_ssize_t nr = PySequence_Size(columns);
	struct tracecmd_error error;
	struct selection sel;
	int r = nr < 0 ? -1 : selection_read(selection, &sel);

	if (r < 0) {
		if (nr >= 0)
			selection_release(&sel);
		return -1;
	}
	r = tracecmd_scan_new(s->handle->trace, &sel.opts, &s->scan, &error);
	selection_release(&sel);
	if (r < 0)
		return raise_error(&error, "select"), -1;
	s->columns = calloc(nr + 1, sizeof(*s->columns));
	s->values = calloc(nr + 1, sizeof(*s->values));
	if (!s->columns || !s->values)
		return PyErr_NoMemory(), -1;
	for (Py_ssize_t i = 0; i < nr; i++) {
		PyObject *item = PySequence_GetItem(columns, i);

		r = item ? add_column(s, item) : -1;
		Py_XDECREF(item);
		if (r < 0)
			return -1;
	}
	return 0;
}

PyObject *scan_new(struct handle *h, PyObject *selection, PyObject *columns, bool narrow)
{
	struct scan *s = PyObject_New(struct scan, state_of((PyObject *)h)->scan);

	if (!s)
		return NULL;
	memset((char *)s + sizeof(s->ob_base), 0, sizeof(*s) - sizeof(s->ob_base));
	s->handle = h;
	s->narrow = narrow;
	handle_use(h);
	if (set_up(s, selection, columns) < 0) {
		Py_DECREF(OBJ(s));
		return NULL;
	}
	return (PyObject *)s;
}

static void release_column(struct column *c)
{
	block_release(&c->values);
	block_release(&c->valid);
	block_release(&c->offsets);
	block_release(&c->bytes);
	c->used = c->nulls = 0;
}

static void dealloc(PyObject *self)
{
	struct scan *s = (struct scan *)self;

	tracecmd_scan_free(s->scan);
	for (unsigned i = 0; i < s->nr; i++) {
		release_column(&s->columns[i]);
		free(s->columns[i].chunk_valid);
		free(s->columns[i].chunk_offsets);
		free(s->columns[i].chunk_codes);
	}
	free(s->columns);
	free(s->values);
	handle_leave(s->handle);
	free_object(self);
}

/* ---- reading, without the GIL --------------------------------------------------------------- */

/* Room for @rows more: twice as much as there is, for growing is cheap and pages cost when they are used. */
static int make_room(struct scan *s, uint32_t rows)
{
	for (unsigned i = 0; i < s->nr; i++) {
		struct column *c = &s->columns[i];
		struct tracecmd_values *v = &s->values[i];
		struct block *b = c->size ? &c->values : &c->offsets;
		size_t size = c->size ? c->size : sizeof(int64_t), need = (s->rows + rows + 1) * size;

		if (need > b->size && block_grow(b, b->size ? need * 2 : need))
			return -ENOMEM;
		if (s->rows >= MANY_ROWS)
			block_touch(b, s->rows * size, rows * size);
		*v = (struct tracecmd_values){ .size = sizeof(*v), .valid = c->chunk_valid };
		if (c->size) {
			v->values = c->chunk_codes ? (void *)c->chunk_codes : (uint8_t *)b->data + s->rows * c->size;
			continue;
		}
		if (c->bytes.size - c->used < CHUNK_BYTES && block_grow(&c->bytes, (c->used + CHUNK_BYTES) * 2))
			return -ENOMEM;
		v->offsets = c->chunk_offsets;
		v->bytes = (uint8_t *)c->bytes.data + c->used;
		v->bytes_size = c->bytes.size - c->used;
	}
	return 0;
}

/* -ENOBUFS told what a row needs. */
static int make_bytes(struct scan *s)
{
	for (unsigned i = 0; i < s->nr; i++) {
		struct column *c = &s->columns[i];

		if (!c->size && block_grow(&c->bytes, c->used + s->values[i].bytes_used))
			return -ENOMEM;
	}
	return 0;
}

static void set_bits(uint8_t *bits, uint64_t from, uint64_t to)
{
	for (; from < to && from % 8; from++)
		bits[from / 8] |= 1 << from % 8;
	if (to / 8 > from / 8)
		memset(bits + from / 8, 0xff, to / 8 - from / 8);
	for (from = from > to / 8 * 8 ? from : to / 8 * 8; from < to; from++)
		bits[from / 8] |= 1 << from % 8;
}

/* Which of the chunk's values are there; as long as all are there are no bits of it. */
static int add_valid(struct scan *s, struct column *c, uint64_t nulls, uint32_t rows)
{
	bool first = !c->nulls;
	uint8_t *bits;

	if (!nulls && first)
		return 0;
	if (block_grow(&c->valid, (s->rows + rows) / 8 + 1))
		return -ENOMEM;
	bits = c->valid.data;
	if (first)
		set_bits(bits, 0, s->rows);
	for (uint32_t i = 0; i < rows; i++)
		bits[(s->rows + i) / 8] |= (c->chunk_valid[i / 8] >> i % 8 & 1) << (s->rows + i) % 8;
	c->nulls += nulls;
	return 0;
}

static int32_t code_at(const struct column *c, uint64_t row)
{
	return c->size == 1 ? ((int8_t *)c->values.data)[row] : ((int16_t *)c->values.data)[row];
}

static void put_code(struct column *c, uint64_t row, int32_t code)
{
	switch (c->size) {
	case 1:
		((int8_t *)c->values.data)[row] = code;
		break;
	case 2:
		((int16_t *)c->values.data)[row] = code;
		break;
	default:
		((int32_t *)c->values.data)[row] = code;
	}
}

/* The chunk's codes behind those that there are, all of them in as many bytes as the table of words asks for. */
static int add_codes(struct scan *s, unsigned column, uint32_t rows)
{
	int words = tracecmd_scan_words(s->scan, column, NULL, NULL);
	unsigned size = words <= INT8_MAX ? 1 : words <= INT16_MAX ? 2 : 4;
	struct column *c = &s->columns[column];

	if (size > c->size) {
		struct column old = *c;

		/* it may move, and is widened in place, from its end on */
		if (block_grow(&c->values, (s->rows + rows + 1) * size))
			return -ENOMEM;
		old.values = c->values;
		c->size = size;
		for (uint64_t i = s->rows; i--; )
			put_code(c, i, code_at(&old, i));
	}
	for (uint32_t i = 0; i < rows; i++)
		put_code(c, s->rows + i, c->chunk_codes[i]);
	return 0;
}

static int add_rows(struct scan *s, uint32_t rows)
{
	for (unsigned i = 0; i < s->nr; i++) {
		struct column *c = &s->columns[i];
		int64_t *offsets = (int64_t *)c->offsets.data + s->rows;

		if (add_valid(s, c, s->values[i].nulls, rows) || (c->chunk_codes && add_codes(s, i, rows)))
			return -ENOMEM;
		if (c->size)
			continue;
		for (uint32_t k = 0; k <= rows; k++)
			offsets[k] = c->used + c->chunk_offsets[k];
		c->used += s->values[i].bytes_used;
	}
	s->rows += rows;
	return 0;
}

/* Up to @max more rows: their number, 0, -errno. */
static int read_chunk(struct scan *s, uint32_t max, struct tracecmd_error *error)
{
	int r;

	error->code = 0;
	do {
		r = make_room(s, max);
		if (!r)
			r = tracecmd_scan_read(s->scan, s->values, max, error);
	} while (r == -ENOBUFS && !make_bytes(s));
	if (r > 0 && add_rows(s, r))
		r = -ENOMEM;
	return r;
}

/* ---- handed over -------------------------------------------------------------------------------- */

static PyObject *words_of(const struct scan *s, unsigned column)
{
	const int32_t *offsets;
	const uint8_t *bytes;
	int nr = tracecmd_scan_words(s->scan, column, &offsets, &bytes);
	PyObject *list = PyList_New(0);

	for (int i = 0; list && i < nr; i++) {
		PyObject *word = text_of((const char *)bytes + offsets[i], offsets[i + 1] - offsets[i]);

		if (!word || PyList_Append(list, word) < 0)
			Py_CLEAR(list);
		Py_XDECREF(word);
	}
	return list;
}

/* A block as a buffer of @nr items; None if there is none. */
static PyObject *give(struct state *st, struct block *b, uint64_t nr, const char *format, unsigned size)
{
	if (!format)
		Py_RETURN_NONE;
	block_trim(b, nr * size);
	return buffer_new(st, b, nr, format, size);
}

static const char *code_format(unsigned size)
{
	return types[size == 1 ? TRACECMD_TYPE_INT8 : size == 2 ? TRACECMD_TYPE_INT16 : TRACECMD_TYPE_INT32].format;
}

/* (type, element, values, valid, offsets, bytes, nulls, words); what it has not is None. */
static PyObject *give_column(struct scan *s, unsigned i)
{
	struct state *st = state_of((PyObject *)s);
	struct column *c = &s->columns[i];
	bool words = c->type == TRACECMD_TYPE_WORD;

	/* the first of no rows, too */
	if (!c->size && !s->rows && !block_grow(&c->offsets, sizeof(int64_t)))
		*(int64_t *)c->offsets.data = 0;
	return Py_BuildValue("szNNNNKN", types[c->type].name, c->element ? types[c->element].name : NULL,
			     give(st, &c->values, s->rows, words ? code_format(c->size) : types[c->type].format, c->size),
			     give(st, &c->valid, s->rows / 8 + 1, c->nulls ? "B" : NULL, 1),
			     give(st, &c->offsets, s->rows + 1, c->size ? NULL : "q", sizeof(int64_t)),
			     give(st, &c->bytes, c->used, c->size ? NULL : "B", 1), (unsigned long long)c->nulls,
			     words ? words_of(s, i) : Py_NewRef(Py_None));
}

static PyObject *give_columns(struct scan *s)
{
	PyObject *list = PyList_New(0);

	for (unsigned i = 0; list && i < s->nr; i++) {
		PyObject *c = give_column(s, i);

		if (!c || PyList_Append(list, c) < 0)
			Py_CLEAR(list);
		Py_XDECREF(c);
	}
	return list;
}

static void clear(struct scan *s)
{
	for (unsigned i = 0; i < s->nr; i++)
		release_column(&s->columns[i]);
	s->rows = 0;
}

/*
 * Rows are read until there are @max. *ended: there are no more. 0 or -1; a failure at the
 * end of a damaged file is not one: what was read is worth having. Its text is a notice.
 */
static int read_rows(struct scan *s, uint64_t max, bool *ended, PyObject **damage)
{
	struct tracecmd_error error;

	*ended = false;
	while (s->rows < max && !*ended) {
		uint32_t rows = max - s->rows < CHUNK_ROWS ? max - s->rows : CHUNK_ROWS;
		int r;

		Py_BEGIN_ALLOW_THREADS
		r = read_chunk(s, rows, &error);
		Py_END_ALLOW_THREADS
		if (r == -ENOMEM)
			return PyErr_NoMemory(), -1;
		if (r < 0 && r != -EBADMSG)
			return raise_error(&error, "read"), -1;
		if (r < 0) {
			*damage = text_or_none(error.text);
			if (!*damage)
				return -1;
		}
		*ended = r <= 0;
		if (PyErr_CheckSignals() < 0)
			return -1;
	}
	return 0;
}

/* read(max) -> (rows, columns, ended, damage or None) */
static PyObject *read_method(PyObject *self, PyObject *arg)
{
	struct scan *s = (struct scan *)self;
	unsigned long long max = PyLong_AsUnsignedLongLong(arg);
	PyObject *damage = NULL, *columns;
	uint64_t rows;
	bool ended;
	int r;

	if (PyErr_Occurred() || !handle_is_open(s->handle))
		return NULL;
	if (s->busy)
		return PyErr_SetString(PyExc_RuntimeError, "another thread is reading this"), NULL;
	s->busy = true;
	r = read_rows(s, max, &ended, &damage);
	columns = r < 0 ? NULL : give_columns(s);
	rows = s->rows;
	clear(s);
	s->busy = false;
	if (!columns) {
		Py_XDECREF(damage);
		return NULL;
	}
	return Py_BuildValue("KNON", (unsigned long long)rows, columns, ended ? Py_True : Py_False,
			     damage ? damage : Py_NewRef(Py_None));
}

/* (scanned, selected, lost or None, damaged) */
static PyObject *facts(PyObject *self, PyObject *unused)
{
	struct scan *s = (struct scan *)self;
	const struct tracecmd_scan_facts *f;

	(void)unused;
	if (s->busy)
		return PyErr_SetString(PyExc_RuntimeError, "another thread is reading this"), NULL;
	f = tracecmd_scan_facts(s->scan);
	return Py_BuildValue("KKNK", (unsigned long long)f->scanned, (unsigned long long)f->selected,
			     f->lost == TRACECMD_LOST_UNKNOWN ? Py_NewRef(Py_None) : PyLong_FromUnsignedLongLong(f->lost),
			     (unsigned long long)f->damaged);
}

static PyMethodDef methods[] = {
	{ "read", read_method, METH_O, NULL },
	{ "facts", facts, METH_NOARGS, NULL },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot slots[] = {
	{ Py_tp_dealloc, dealloc },
	{ Py_tp_methods, methods },
	{ 0, NULL },
};

PyType_Spec scan_spec = {
	.name = "_tracecmd.Scan",
	.basicsize = sizeof(struct scan),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

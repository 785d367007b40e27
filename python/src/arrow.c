// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Columns by the Arrow C data interface (arrow.apache.org/docs/format/CDataInterface.html and
 * CStreamInterface.html): three structs whose owner calls their release.
 *
 * What an array or a schema is made of comes as a tuple from tracecmd/arrow.py:
 *	schema: (format, name, nullable, metadata bytes or None, [children], dictionary or None)
 *	array: (length, nulls, [buffers or None], [children], dictionary or None)
 */
#include "module.h"

#include <string.h>

#define ARROW_FLAG_NULLABLE 2

struct ArrowSchema {
	const char *format, *name, *metadata;
	int64_t flags, n_children;
	struct ArrowSchema **children, *dictionary;
	void (*release)(struct ArrowSchema *);
	void *private_data;
};

struct ArrowArray {
	int64_t length, null_count, offset, n_buffers, n_children;
	const void **buffers;
	struct ArrowArray **children, *dictionary;
	void (*release)(struct ArrowArray *);
	void *private_data;
};

struct ArrowArrayStream {
	int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *);
	int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *);
	const char *(*get_last_error)(struct ArrowArrayStream *);
	void (*release)(struct ArrowArrayStream *);
	void *private_data;
};

/* ---- schemas ------------------------------------------------------------------------- */

static void release_schema(struct ArrowSchema *s)
{
	for (int64_t i = 0; i < s->n_children; i++) {
		if (s->children[i]->release)
			s->children[i]->release(s->children[i]);
		free(s->children[i]);
	}
	if (s->dictionary) {
		if (s->dictionary->release)
			s->dictionary->release(s->dictionary);
		free(s->dictionary);
	}
	free(s->children);
	free((void *)s->format);
	free((void *)s->name);
	free((void *)s->metadata);
	s->release = NULL;
}

static int fill_schema(struct ArrowSchema *s, PyObject *arg);

/* Without children and dictionary. */
static int begin_schema(struct ArrowSchema *s, PyObject *arg, PyObject **children, PyObject **dictionary)
{
	const char *format, *name, *metadata;
	Py_ssize_t size = 0;
	int nullable;

	*s = (struct ArrowSchema){ .release = release_schema };
	if (!need_tuple(arg) || !PyArg_ParseTuple(arg, "sspz#OO:schema", &format, &name, &nullable, &metadata, &size, children, dictionary))
		return -1;
	s->format = strdup(format);
	s->name = strdup(name);
	s->flags = nullable ? ARROW_FLAG_NULLABLE : 0;
	if (metadata) {
		char *copy = malloc(size);

		if (copy)
			memcpy(copy, metadata, size);
		s->metadata = copy;
	}
	if (!s->format || !s->name || (metadata && !s->metadata))
		return PyErr_NoMemory(), -1;
	return 0;
}

static int fill_schema(struct ArrowSchema *s, PyObject *arg)
{
	PyObject *children, *dictionary;
	Py_ssize_t nr;

	if (begin_schema(s, arg, &children, &dictionary) < 0)
		return -1;
	nr = PySequence_Size(children);
	s->children = nr < 0 ? NULL : calloc(nr + 1, sizeof(*s->children));
	for (Py_ssize_t i = 0; s->children && i < nr; i++) {
		PyObject *child = PySequence_GetItem(children, i);
		int r = -1;

		s->children[i] = calloc(1, sizeof(**s->children));
		if (s->children[i]) {
			s->n_children++;
			r = child ? fill_schema(s->children[i], child) : -1;
		}
		Py_XDECREF(child);
		if (r < 0)
			return -1;
	}
	if (!s->children)
		return nr < 0 ? -1 : (PyErr_NoMemory(), -1);
	if (dictionary == Py_None)
		return 0;
	s->dictionary = calloc(1, sizeof(*s->dictionary));
	return s->dictionary ? fill_schema(s->dictionary, dictionary) : (PyErr_NoMemory(), -1);
}

static void schema_gone(PyObject *capsule)
{
	struct ArrowSchema *s = PyCapsule_GetPointer(capsule, "arrow_schema");

	if (s->release)
		s->release(s);
	free(s);
}

PyObject *arrow_schema(PyObject *self, PyObject *arg)
{
	struct ArrowSchema *s = calloc(1, sizeof(*s));
	PyObject *capsule = NULL;

	(void)self;
	if (!s)
		return PyErr_NoMemory();
	if (fill_schema(s, arg) >= 0)
		capsule = PyCapsule_New(s, "arrow_schema", schema_gone);
	if (!capsule) {
		release_schema(s);
		free(s);
	}
	return capsule;
}

/* ---- arrays ---------------------------------------------------------------------------- */

/* What an array holds of Python's: views of its buffers. */
struct held { Py_buffer *views; int64_t nr; };

static void release_array(struct ArrowArray *a)
{
	struct held *held = a->private_data;

	for (int64_t i = 0; i < a->n_children; i++) {
		if (a->children[i]->release)
			a->children[i]->release(a->children[i]);
		free(a->children[i]);
	}
	if (a->dictionary) {
		if (a->dictionary->release)
			a->dictionary->release(a->dictionary);
		free(a->dictionary);
	}
	/* by whatever thread, and maybe when Python has ended: then its memory goes with it */
	if (held && held->nr && Py_IsInitialized()) {
		PyGILState_STATE gil = PyGILState_Ensure();

		for (int64_t i = 0; i < held->nr; i++)
			if (held->views[i].obj)
				PyBuffer_Release(&held->views[i]);
		PyGILState_Release(gil);
	}
	free(held ? held->views : NULL);
	free(held);
	free(a->children);
	free(a->buffers);
	a->release = NULL;
}

static int hold_buffers(struct ArrowArray *a, PyObject *buffers)
{
	Py_ssize_t nr = PySequence_Size(buffers);
	struct held *held = nr < 0 ? NULL : calloc(1, sizeof(*held));

	if (!held)
		return nr < 0 ? -1 : (PyErr_NoMemory(), -1);
	a->private_data = held;
	held->views = calloc(nr + 1, sizeof(*held->views));
	a->buffers = calloc(nr + 1, sizeof(*a->buffers));
	if (!held->views || !a->buffers)
		return PyErr_NoMemory(), -1;
	for (Py_ssize_t i = 0; i < nr; i++) {
		PyObject *buffer = PySequence_GetItem(buffers, i);
		int r = !buffer ? -1 : buffer == Py_None ? 0 : PyObject_GetBuffer(buffer, &held->views[i], PyBUF_SIMPLE);

		Py_XDECREF(buffer);
		if (r < 0)
			return -1;
		held->nr++;
		a->buffers[i] = held->views[i].obj ? held->views[i].buf : NULL;
	}
	a->n_buffers = nr;
	return 0;
}

static int fill_array(struct ArrowArray *a, PyObject *arg)
{
	PyObject *buffers, *children, *dictionary;
	long long length, nulls;
	Py_ssize_t nr;

	*a = (struct ArrowArray){ .release = release_array };
	if (!need_tuple(arg) || !PyArg_ParseTuple(arg, "LLOOO:array", &length, &nulls, &buffers, &children, &dictionary))
		return -1;
	a->length = length;
	a->null_count = nulls;
	nr = PySequence_Size(children);
	if (nr < 0 || hold_buffers(a, buffers) < 0)
		return -1;
	a->children = calloc(nr + 1, sizeof(*a->children));
	if (!a->children)
		return PyErr_NoMemory(), -1;
	for (Py_ssize_t i = 0; i < nr; i++) {
		PyObject *child = PySequence_GetItem(children, i);
		int r = -1;

		a->children[i] = calloc(1, sizeof(**a->children));
		if (a->children[i]) {
			a->n_children++;
			r = child ? fill_array(a->children[i], child) : -1;
		}
		Py_XDECREF(child);
		if (r < 0)
			return -1;
	}
	if (dictionary == Py_None)
		return 0;
	a->dictionary = calloc(1, sizeof(*a->dictionary));
	return a->dictionary ? fill_array(a->dictionary, dictionary) : (PyErr_NoMemory(), -1);
}

static void array_gone(PyObject *capsule)
{
	struct ArrowArray *a = PyCapsule_GetPointer(capsule, "arrow_array");

	if (a->release)
		a->release(a);
	free(a);
}

PyObject *arrow_array(PyObject *self, PyObject *arg)
{
	struct ArrowArray *a = calloc(1, sizeof(*a));
	PyObject *capsule = NULL;

	(void)self;
	if (!a)
		return PyErr_NoMemory();
	if (fill_array(a, arg) >= 0)
		capsule = PyCapsule_New(a, "arrow_array", array_gone);
	if (!capsule) {
		release_array(a);
		free(a);
	}
	return capsule;
}

/* ---- streams ------------------------------------------------------------------------------ */

struct stream { PyObject *schema, *arrays; char *error; };

/* The exception as the stream's last error; its errno. */
static int stream_failed(struct stream *st)
{
	PyObject *type, *value, *trace, *text, *bytes;

	PyErr_Fetch(&type, &value, &trace);
	text = value ? PyObject_Str(value) : NULL;
	bytes = text ? PyUnicode_AsEncodedString(text, "utf-8", "replace") : NULL;
	free(st->error);
	st->error = bytes ? strdup(PyBytes_AsString(bytes)) : NULL;
	PyErr_Clear();
	Py_XDECREF(bytes);
	Py_XDECREF(text);
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(trace);
	return EIO;
}

static int get_schema(struct ArrowArrayStream *s, struct ArrowSchema *ret)
{
	struct stream *st = s->private_data;
	PyGILState_STATE gil = PyGILState_Ensure();
	int r = 0;

	if (fill_schema(ret, st->schema) < 0) {
		release_schema(ret);
		r = stream_failed(st);
	}
	PyGILState_Release(gil);
	return r;
}

static int get_next(struct ArrowArrayStream *s, struct ArrowArray *ret)
{
	struct stream *st = s->private_data;
	PyGILState_STATE gil = PyGILState_Ensure();
	PyObject *item = PyIter_Next(st->arrays);
	int r = 0;

	ret->release = NULL;		/* the end */
	if (item && fill_array(ret, item) < 0) {
		release_array(ret);
		r = stream_failed(st);
	} else if (PyErr_Occurred()) {
		r = stream_failed(st);
	}
	Py_XDECREF(item);
	PyGILState_Release(gil);
	return r;
}

static const char *get_last_error(struct ArrowArrayStream *s)
{
	return ((struct stream *)s->private_data)->error;
}

static void release_stream(struct ArrowArrayStream *s)
{
	struct stream *st = s->private_data;

	if (Py_IsInitialized()) {
		PyGILState_STATE gil = PyGILState_Ensure();

		Py_XDECREF(st->schema);
		Py_XDECREF(st->arrays);
		PyGILState_Release(gil);
	}
	free(st->error);
	free(st);
	s->release = NULL;
}

static void stream_gone(PyObject *capsule)
{
	struct ArrowArrayStream *s = PyCapsule_GetPointer(capsule, "arrow_array_stream");

	if (s->release)
		s->release(s);
	free(s);
}

/* arrow_stream(schema, iterator of arrays) */
PyObject *arrow_stream(PyObject *self, PyObject *args)
{
	struct ArrowArrayStream *s = calloc(1, sizeof(*s));
	struct stream *st = calloc(1, sizeof(*st));
	PyObject *schema, *arrays, *capsule;

	(void)self;
	if (!s || !st || !PyArg_ParseTuple(args, "OO:arrow_stream", &schema, &arrays)) {
		free(s);
		free(st);
		return PyErr_Occurred() ? NULL : PyErr_NoMemory();
	}
	st->schema = Py_NewRef(schema);
	st->arrays = Py_NewRef(arrays);
	*s = (struct ArrowArrayStream){ get_schema, get_next, get_last_error, release_stream, st };
	capsule = PyCapsule_New(s, "arrow_array_stream", stream_gone);
	if (!capsule) {
		release_stream(s);
		free(s);
	}
	return capsule;
}

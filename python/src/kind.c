// SPDX-License-Identifier: LGPL-2.1-or-later
#include "module.h"

#include <string.h>

static const char *const type_names[] = {
	[TRACECMD_TYPE_INT8] = "int8", [TRACECMD_TYPE_UINT8] = "uint8", [TRACECMD_TYPE_INT16] = "int16",
	[TRACECMD_TYPE_UINT16] = "uint16", [TRACECMD_TYPE_INT32] = "int32", [TRACECMD_TYPE_UINT32] = "uint32",
	[TRACECMD_TYPE_INT64] = "int64", [TRACECMD_TYPE_UINT64] = "uint64", [TRACECMD_TYPE_STRING] = "string",
	[TRACECMD_TYPE_ARRAY] = "array",
};

/* (name, ctype, type, element, offset, bytes, place, is_pointer, is_mask) */
static PyObject *describe(const struct tracecmd_field *f)
{
	return Py_BuildValue("NNszIIiOO", text_or_none(f->name), text_or_none(f->declaration), type_names[f->type],
			     f->element ? type_names[f->element] : NULL, f->offset, f->bytes, f->place,
			     f->is_pointer ? Py_True : Py_False, f->is_mask ? Py_True : Py_False);
}

static int index_fields(struct kind *k)
{
	k->index = PyDict_New();
	k->fields = PyTuple_New(k->nr);
	for (size_t i = 0; k->index && k->fields && i < k->nr; i++) {
		PyObject *told = describe(&k->v[i]), *nr = PyLong_FromSize_t(i);
		int r = told && nr ? PyDict_SetItem(k->index, PyTuple_GetItem(told, 0), nr) : -1;

		Py_XDECREF(nr);
		if (r < 0) {
			Py_XDECREF(told);
			return -1;
		}
		PyTuple_SetItem(k->fields, i, told);
	}
	return k->index && k->fields ? 0 : -1;
}

/* The fields are copied: events that the user keeps outlive their trace. */
static int copy_fields(struct handle *h, struct kind *k)
{
	const struct tracecmd_field *common = NULL, *own = NULL;
	struct tracecmd_error error;
	size_t nr = 0;
	int r = tracecmd_common_fields(h->trace, k->file, &common, &k->nr_common, &error);

	if (r < 0 && r != -ENOENT)
		return raise_error(&error, "read"), -1;
	r = tracecmd_event_fields(h->trace, k->file, k->id, &own, &nr, &error);
	if (r < 0 && r != -ENOENT)
		return raise_error(&error, "read"), -1;
	k->nr = k->nr_common + nr;
	k->v = malloc((k->nr + 1) * sizeof(*k->v));
	if (!k->v)
		return PyErr_NoMemory(), -1;
	for (size_t i = 0; i < k->nr; i++)
		k->v[i] = i < k->nr_common ? common[i] : own[i - k->nr_common];
	return index_fields(k);
}

static int find_name(struct handle *h, struct kind *k)
{
	const struct tracecmd_event_info *events;
	struct tracecmd_error error;
	size_t nr;

	if (tracecmd_file_events(h->trace, k->file, &events, &nr, &error) < 0)
		return raise_error(&error, "read"), -1;
	for (size_t i = 0; i < nr && !k->name; i++)
		if (events[i].id == k->id) {
			k->system = text_or_none(events[i].system);
			k->name = text_or_none(events[i].name);
		}
	if (!k->name) {
		k->system = Py_NewRef(Py_None);
		k->name = Py_NewRef(Py_None);
	}
	return k->system && k->name ? 0 : -1;
}

PyObject *kind_new(struct handle *h, unsigned file, int id)
{
	struct kind *k = PyObject_New(struct kind, state_of((PyObject *)h)->kind);

	if (!k)
		return NULL;
	memset((char *)k + sizeof(k->ob_base), 0, sizeof(*k) - sizeof(k->ob_base));
	k->file = file;
	k->id = id;
	if (find_name(h, k) < 0 || copy_fields(h, k) < 0) {
		Py_DECREF(OBJ(k));
		return NULL;
	}
	return (PyObject *)k;
}

/* ---- values ------------------------------------------------------------------------- */

static uint64_t element_at(const uint8_t *at, unsigned size, bool big)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v = v << 8 | at[big ? i : size - 1 - i];
	return v;
}

static PyObject *array_object(const struct tracecmd_field *f, const struct tracecmd_value *v)
{
	unsigned bits = f->element - TRACECMD_TYPE_INT8, size = 1u << bits / 2;
	PyObject *list;

	/* bytes are bytes */
	if (f->element == TRACECMD_TYPE_UINT8)
		return PyBytes_FromStringAndSize(v->data, v->size);
	list = PyList_New(v->size / size);
	for (size_t i = 0; list && i < v->size / size; i++) {
		uint64_t number = element_at((const uint8_t *)v->data + i * size, size, f->big_endian);
		unsigned shift = 64 - 8 * size;
		PyObject *item = bits % 2 ? PyLong_FromUnsignedLongLong(number) :
				 PyLong_FromLongLong((int64_t)(number << shift) >> shift);

		if (!item || PyList_SetItem(list, i, item) < 0)
			Py_CLEAR(list);
	}
	return list;
}

PyObject *field_object(const struct tracecmd_field *f, const void *data, size_t size)
{
	struct tracecmd_value v;

	if (tracecmd_field_value(f, data, size, &v) < 0)
		Py_RETURN_NONE;
	if (v.type == TRACECMD_TYPE_STRING)
		return text_of(v.data, v.size);
	if (v.type == TRACECMD_TYPE_ARRAY)
		return array_object(f, &v);
	/* of number types each second is unsigned */
	if ((v.type - TRACECMD_TYPE_INT8) % 2)
		return PyLong_FromUnsignedLongLong(v.number);
	return PyLong_FromLongLong((int64_t)v.number);
}

static void dealloc(PyObject *self)
{
	struct kind *k = (struct kind *)self;

	Py_XDECREF(k->system);
	Py_XDECREF(k->name);
	Py_XDECREF(k->index);
	Py_XDECREF(k->fields);
	free(k->v);
	free_object(self);
}

static PyMemberDef members[] = {
	{ "system", T_OBJECT, offsetof(struct kind, system), READONLY, NULL },
	{ "name", T_OBJECT, offsetof(struct kind, name), READONLY, NULL },
	{ "fields", T_OBJECT, offsetof(struct kind, fields), READONLY, NULL },
	{ "id", T_INT, offsetof(struct kind, id), READONLY, NULL },
	{ "file", T_UINT, offsetof(struct kind, file), READONLY, NULL },
	{ "nr_common", T_PYSSIZET, offsetof(struct kind, nr_common), READONLY, NULL },
	{ NULL, 0, 0, 0, NULL },
};

static PyType_Slot slots[] = {
	{ Py_tp_dealloc, dealloc },
	{ Py_tp_members, members },
	{ 0, NULL },
};

PyType_Spec kind_spec = {
	.name = "_tracecmd.Kind",
	.basicsize = sizeof(struct kind),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

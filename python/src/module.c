// SPDX-License-Identifier: LGPL-2.1-or-later
#include "module.h"

#include <string.h>

PyObject *text_of(const char *s, Py_ssize_t len)
{
	return PyUnicode_DecodeUTF8(s, len, "surrogateescape");
}

PyObject *text_or_none(const char *s)
{
	if (s)
		return text_of(s, strlen(s));
	Py_RETURN_NONE;
}

/* Which exception is tracecmd/errors.py's affair. */
PyObject *raise_error(const struct tracecmd_error *error, const char *doing)
{
	PyObject *errors = PyImport_ImportModule("tracecmd.errors"), *made = NULL;

	if (errors)
		made = PyObject_CallMethod(errors, "make", "iNs", error->code,
					   text_of(error->text, strnlen(error->text, sizeof(error->text))), doing);
	if (made)
		PyErr_SetObject((PyObject *)Py_TYPE(made), made);
	Py_XDECREF(made);
	Py_XDECREF(errors);
	return NULL;
}

struct state *state_of(PyObject *self)
{
	return PyType_GetModuleState(Py_TYPE(self));
}

bool need_tuple(PyObject *arg)
{
	if (!PyTuple_Check(arg))
		PyErr_SetString(PyExc_TypeError, "a tuple is wanted");
	return PyTuple_Check(arg);
}

void free_object(PyObject *self)
{
	PyTypeObject *type = Py_TYPE(self);
	freefunc release = PyType_GetSlot(type, Py_tp_free);

	release(self);
	Py_DECREF(OBJ(type));
}

PyTypeObject *add_type(PyObject *module, PyType_Spec *spec)
{
	PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);

	if (type && PyModule_AddType(module, (PyTypeObject *)type) < 0)
		Py_CLEAR(type);
	return (PyTypeObject *)type;
}

static int exec_module(PyObject *module)
{
	struct state *st = PyModule_GetState(module);

	st->handle = add_type(module, &handle_spec);
	st->scan = st->handle ? add_type(module, &scan_spec) : NULL;
	st->events = st->scan ? add_type(module, &events_spec) : NULL;
	st->event = st->events ? add_type(module, &event_spec) : NULL;
	st->kind = st->event ? add_type(module, &kind_spec) : NULL;
	st->buffer = st->kind ? add_type(module, &buffer_spec) : NULL;
	st->user_event = st->buffer ? add_type(module, &user_event_spec) : NULL;
	if (!st->user_event)
		return -1;
	return PyModule_AddStringConstant(module, "version", tracecmd_version());
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
	struct state *st = PyModule_GetState(module);

	Py_VISIT(st->handle);
	Py_VISIT(st->scan);
	Py_VISIT(st->events);
	Py_VISIT(st->event);
	Py_VISIT(st->kind);
	Py_VISIT(st->buffer);
	Py_VISIT(st->user_event);
	return 0;
}

static int clear(PyObject *module)
{
	struct state *st = PyModule_GetState(module);

	Py_CLEAR(st->handle);
	Py_CLEAR(st->scan);
	Py_CLEAR(st->events);
	Py_CLEAR(st->event);
	Py_CLEAR(st->kind);
	Py_CLEAR(st->buffer);
	Py_CLEAR(st->user_event);
	return 0;
}

static PyMethodDef functions[] = {
	{ "arrow_schema", arrow_schema, METH_O, "A capsule with an ArrowSchema." },
	{ "arrow_array", arrow_array, METH_O, "A capsule with an ArrowArray." },
	{ "arrow_stream", arrow_stream, METH_VARARGS, "A capsule with an ArrowArrayStream." },
	{ NULL, NULL, 0, NULL },
};

static PyModuleDef_Slot slots[] = { { Py_mod_exec, exec_module }, { 0, NULL } };

static PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_tracecmd",
	.m_doc = "The C half of tracecmd; use that.",
	.m_size = sizeof(struct state),
	.m_methods = functions,
	.m_slots = slots,
	.m_traverse = traverse,
	.m_clear = clear,
};

PyMODINIT_FUNC PyInit__tracecmd(void);

PyMODINIT_FUNC PyInit__tracecmd(void)
{
	return PyModuleDef_Init(&definition);
}

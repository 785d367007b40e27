// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * An event of the program's own. The kernel writes to struct tracecmd_user_event, which
 * must not move: it lies apart from the object.
 */
#include "module.h"

#include <string.h>

#include <stdio.h>

#include "tracecmd-user-event.h"

struct user_event {
	PyObject_HEAD
	struct tracecmd_user_event *event;
};

/* UserEvent(definition, flags) */
static PyObject *new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	allocfunc alloc = PyType_GetSlot(type, Py_tp_alloc);
	struct tracecmd_error error;
	struct user_event *u;
	const char *definition;
	unsigned flags = 0;
	int r;

	if (kwargs && PyDict_Size(kwargs))
		return PyErr_SetString(PyExc_TypeError, "UserEvent() takes no names"), NULL;
	if (!PyArg_ParseTuple(args, "s|I:UserEvent", &definition, &flags))
		return NULL;
	u = (struct user_event *)alloc(type, 0);
	if (!u)
		return NULL;
	u->event = calloc(1, sizeof(*u->event));
	r = u->event ? tracecmd_user_event_register(u->event, definition, flags, &error) : -ENOMEM;
	if (r < 0) {
		if (u->event)
			raise_error(&error, "register");
		else
			PyErr_NoMemory();
		Py_DECREF(OBJ(u));
		return NULL;
	}
	return (PyObject *)u;
}

/* What the kernel still writes to is not freed. */
static void dealloc(PyObject *self)
{
	struct user_event *u = (struct user_event *)self;

	if (u->event && tracecmd_user_event_unregister(u->event, NULL) == 0)
		free(u->event);
	free_object(self);
}

static PyObject *get_enabled(PyObject *self, void *unused)
{
	struct user_event *u = (struct user_event *)self;

	(void)unused;
	return PyBool_FromLong(tracecmd_user_event_enabled(u->event));
}

static PyObject *close_event(PyObject *self, PyObject *unused)
{
	struct user_event *u = (struct user_event *)self;
	struct tracecmd_error error;

	(void)unused;
	if (tracecmd_user_event_unregister(u->event, &error) < 0)
		return raise_error(&error, "register");
	Py_RETURN_NONE;
}

/* write(record): whether somebody listened */
static PyObject *write_record(PyObject *self, PyObject *arg)
{
	struct user_event *u = (struct user_event *)self;
	struct tracecmd_error error;
	struct iovec part;
	Py_buffer view;
	int r;

	if (PyObject_GetBuffer(arg, &view, PyBUF_SIMPLE) < 0)
		return NULL;
	part.iov_base = view.buf;
	part.iov_len = view.len;
	r = tracecmd_user_event_writev(u->event, &part, 1);
	/* that is quick and says which errno; this says why */
	if (r < 0 && tracecmd_user_event_check(u->event, &part, 1, &error) == 0) {
		error.code = r;
		snprintf(error.text, sizeof(error.text), "cannot write a user event: %s", strerror(-r));
	}
	PyBuffer_Release(&view);
	return r < 0 ? raise_error(&error, "register") : PyBool_FromLong(r);
}

static PyMethodDef methods[] = {
	{ "close", close_event, METH_NOARGS, NULL },
	{ "write", write_record, METH_O, NULL },
	{ NULL, NULL, 0, NULL },
};

static PyGetSetDef getset[] = {
	{ "enabled", get_enabled, NULL, "Whether somebody listens.", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyType_Slot slots[] = {
	{ Py_tp_new, new },
	{ Py_tp_dealloc, dealloc },
	{ Py_tp_methods, methods },
	{ Py_tp_getset, getset },
	{ 0, NULL },
};

PyType_Spec user_event_spec = {
	.name = "_tracecmd.UserEvent",
	.basicsize = sizeof(struct user_event),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = slots,
};

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Events one after the other. The iterator gives two objects by turns, for a loop's variable
 * still holds the one while the other is made. One that somebody keeps gets a copy of its record
 * and a new object takes its place.
 */
#include "module.h"

#include <string.h>

#define BATCH 1024

struct event {
	PyObject_HEAD
	struct handle *handle;
	struct kind *kind;
	PyObject *field_class;		/* what ev[name] is made of; NULL: the value itself */
	struct tracecmd_record rec;
	void *own;			/* rec.data, if it is the event's own */
};

struct events {
	PyObject_HEAD
	struct handle *handle;
	struct tracecmd_scan *scan;
	PyObject *field_class;
	struct event *turns[2];		/* the ones that were given last */
	int turn;
	bool busy;
	int nr, at;
	int ended;			/* what reading said at the end */
	/* the kind of the id met last, by the id's lowest bits */
	struct kind *kinds[256];
	struct tracecmd_error error;
	struct tracecmd_record records[BATCH];
};

/* ---- an event ------------------------------------------------------------------------------ */

/* Its record is kept beyond the batch. */
static int detach(struct event *ev)
{
	void *copy;

	if (ev->own)
		return 0;
	copy = malloc(ev->rec.size + 1);
	if (!copy)
		return PyErr_NoMemory(), -1;
	memcpy(copy, ev->rec.data, ev->rec.size);
	ev->rec.data = ev->own = copy;
	return 0;
}

static void event_dealloc(PyObject *self)
{
	struct event *ev = (struct event *)self;

	Py_XDECREF(OBJ(ev->kind));
	Py_XDECREF(OBJ(ev->handle));
	Py_XDECREF(ev->field_class);
	free(ev->own);
	free_object(self);
}

static PyObject *get_ts(PyObject *self, void *unused)
{
	(void)unused;
	return PyLong_FromUnsignedLongLong(((struct event *)self)->rec.time);
}

static PyObject *get_lost(PyObject *self, void *unused)
{
	struct event *ev = (struct event *)self;

	(void)unused;
	if (ev->rec.lost == TRACECMD_LOST_UNKNOWN)
		Py_RETURN_NONE;
	return PyLong_FromUnsignedLongLong(ev->rec.lost);
}

static PyObject *get_comm(PyObject *self, void *unused)
{
	struct event *ev = (struct event *)self;

	(void)unused;
	return handle_task(ev->handle, ev->rec.file, ev->rec.pid);
}

static PyObject *get_name(PyObject *self, void *unused)
{
	(void)unused;
	return Py_NewRef(((struct event *)self)->kind->name);
}

static PyObject *get_system(PyObject *self, void *unused)
{
	(void)unused;
	return Py_NewRef(((struct event *)self)->kind->system);
}

static PyObject *get_kind(PyObject *self, void *unused)
{
	(void)unused;
	return Py_NewRef((PyObject *)((struct event *)self)->kind);
}

static PyObject *get_raw(PyObject *self, void *unused)
{
	struct event *ev = (struct event *)self;

	(void)unused;
	return PyBytes_FromStringAndSize(ev->rec.data, ev->rec.size);
}

static PyObject *get_buffer(PyObject *self, void *unused)
{
	struct event *ev = (struct event *)self;

	(void)unused;
	if (!handle_is_open(ev->handle))
		return NULL;
	return text_or_none(tracecmd_file_buffer(ev->handle->trace, ev->rec.file, ev->rec.buffer));
}

static PyObject *get_info(PyObject *self, void *unused)
{
	struct event *ev = (struct event *)self;
	struct tracecmd_error error;
	const char *text;

	(void)unused;
	if (!handle_is_open(ev->handle))
		return NULL;
	if (tracecmd_record_text(ev->handle->trace, &ev->rec, &text, &error) < 0)
		return raise_error(&error, "read");
	return text_or_none(text);
}

/* The number of a field, -1 with KeyError or another exception. */
static Py_ssize_t find_field(struct event *ev, PyObject *key)
{
	PyObject *nr = PyDict_GetItemWithError(ev->kind->index, key);

	if (nr)
		return PyLong_AsSsize_t(nr);
	if (!PyErr_Occurred())
		PyErr_Format(PyExc_KeyError, "no field '%S'", key);
	return -1;
}

static PyObject *value_of(struct event *ev, Py_ssize_t nr)
{
	return field_object(&ev->kind->v[nr], ev->rec.data, ev->rec.size);
}

static PyObject *subscript(PyObject *self, PyObject *key)
{
	struct event *ev = (struct event *)self;
	Py_ssize_t nr = find_field(ev, key);

	if (nr < 0)
		return NULL;
	if (ev->field_class)
		return PyObject_CallFunction(ev->field_class, "OOn", self, key, nr);
	return value_of(ev, nr);
}

/* The value of a field, whatever ev[name] is. */
static PyObject *value(PyObject *self, PyObject *key)
{
	Py_ssize_t nr = find_field((struct event *)self, key);

	return nr < 0 ? NULL : value_of((struct event *)self, nr);
}

/* The bytes of a field: its own ones, not those that it may tell the place of. */
static PyObject *field_bytes(PyObject *self, PyObject *key)
{
	struct event *ev = (struct event *)self;
	Py_ssize_t nr = find_field(ev, key);
	const struct tracecmd_field *f = nr < 0 ? NULL : &ev->kind->v[nr];
	struct tracecmd_value v;

	if (!f)
		return NULL;
	if (f->place == TRACECMD_PLACE_FIXED && f->offset <= ev->rec.size && f->bytes <= ev->rec.size - f->offset)
		return PyBytes_FromStringAndSize((const char *)ev->rec.data + f->offset, f->bytes);
	if (tracecmd_field_value(f, ev->rec.data, ev->rec.size, &v) < 0)
		Py_RETURN_NONE;
	return PyBytes_FromStringAndSize(v.data, v.size);
}

/* function(address): its name by the symbols of the event's file, or None */
static PyObject *function(PyObject *self, PyObject *arg)
{
	struct event *ev = (struct event *)self;
	unsigned long long address = PyLong_AsUnsignedLongLong(arg);
	struct tracecmd_error error;
	const char *name = NULL;

	if (PyErr_Occurred() || !handle_is_open(ev->handle))
		return NULL;
	if (tracecmd_file_symbol(ev->handle->trace, ev->rec.file, address, &name, NULL, NULL, &error) < 0)
		return raise_error(&error, "read");
	return text_or_none(name);
}

static int contains(PyObject *self, PyObject *key)
{
	PyObject *found = PyDict_GetItemWithError(((struct event *)self)->kind->index, key);

	return found ? 1 : PyErr_Occurred() ? -1 : 0;
}

static Py_ssize_t length(PyObject *self)
{
	return ((struct event *)self)->kind->nr;
}

static PyObject *iterate(PyObject *self)
{
	return PyObject_GetIter(((struct event *)self)->kind->index);
}

/* {name: value}, of its own fields, or of all (fields(True)). */
static PyObject *fields(PyObject *self, PyObject *args)
{
	struct event *ev = (struct event *)self;
	PyObject *dict;
	int common = 0;

	if (!PyArg_ParseTuple(args, "|p:fields", &common))
		return NULL;
	dict = PyDict_New();
	for (size_t i = common ? 0 : ev->kind->nr_common; dict && i < ev->kind->nr; i++) {
		PyObject *name = PyTuple_GetItem(PyTuple_GetItem(ev->kind->fields, i), 0), *v = value_of(ev, i);

		if (!v || PyDict_SetItem(dict, name, v) < 0)
			Py_CLEAR(dict);
		Py_XDECREF(v);
	}
	return dict;
}

static PyMemberDef event_members[] = {
	{ "cpu", T_UINT, offsetof(struct event, rec.cpu), READONLY, "The CPU." },
	{ "pid", T_INT, offsetof(struct event, rec.pid), READONLY, "The process that was running." },
	{ "type", T_INT, offsetof(struct event, rec.id), READONLY, "The number of its kind in its file." },
	{ "file", T_UINT, offsetof(struct event, rec.file), READONLY, "Which of the files, from 0." },
	{ NULL, 0, 0, 0, NULL },
};

static PyGetSetDef event_getset[] = {
	{ "ts", get_ts, NULL, "Its time.", NULL },
	{ "lost", get_lost, NULL, "Events lost in front of it on its CPU; None: unknown how many.", NULL },
	{ "comm", get_comm, NULL, "Name of the process, by the table in the file.", NULL },
	{ "name", get_name, NULL, "Its name; None if the file has no format of it.", NULL },
	{ "system", get_system, NULL, "Its system.", NULL },
	{ "kind", get_kind, NULL, NULL, NULL },
	{ "raw", get_raw, NULL, "The record.", NULL },
	{ "buffer", get_buffer, NULL, "The instance's name.", NULL },
	{ "info", get_info, NULL, "Its text, as report shows it.", NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static PyMethodDef event_methods[] = {
	{ "fields", fields, METH_VARARGS, "Its fields as a dict." },
	{ "value", value, METH_O, "The value of a field." },
	{ "function", function, METH_O, "The function at an address." },
	{ "field_bytes", field_bytes, METH_O, "The bytes of a field." },
	{ NULL, NULL, 0, NULL },
};

static PyType_Slot event_slots[] = {
	{ Py_tp_dealloc, event_dealloc },
	{ Py_tp_members, event_members },
	{ Py_tp_getset, event_getset },
	{ Py_tp_methods, event_methods },
	{ Py_mp_subscript, subscript },
	{ Py_mp_length, length },
	{ Py_sq_contains, contains },
	{ Py_tp_iter, iterate },
	{ 0, NULL },
};

PyType_Spec event_spec = {
	.name = "_tracecmd.Event",
	.basicsize = sizeof(struct event),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_BASETYPE,
	.slots = event_slots,
};

/* ---- the iterator ---------------------------------------------------------------------------- */

PyObject *events_new(struct handle *h, PyObject *selection, PyObject *field_class)
{
	struct events *it = PyObject_New(struct events, state_of((PyObject *)h)->events);
	struct tracecmd_error error;
	struct selection sel;
	int r;

	if (!it)
		return NULL;
	memset((char *)it + sizeof(it->ob_base), 0, sizeof(*it) - sizeof(it->ob_base));
	it->handle = h;
	handle_use(h);
	it->field_class = field_class == Py_None ? NULL : Py_NewRef(field_class);
	r = selection_read(selection, &sel);
	if (!r) {
		r = tracecmd_scan_new(h->trace, &sel.opts, &it->scan, &error);
		if (r < 0)
			raise_error(&error, "select");
	}
	selection_release(&sel);
	if (r < 0)
		Py_CLEAR(it);
	return (PyObject *)it;
}

static bool is_kept(const struct event *ev)
{
	return ev && Py_REFCNT(OBJ(ev)) > 1;
}

/* Events that are kept must not depend on the batch any more. */
static int detach_kept(struct events *it)
{
	for (int i = 0; i < 2; i++)
		if (is_kept(it->turns[i]) && detach(it->turns[i]) < 0)
			return -1;
	return 0;
}

static void events_dealloc(PyObject *self)
{
	struct events *it = (struct events *)self;
	PyObject *type, *value, *trace;

	PyErr_Fetch(&type, &value, &trace);
	for (int i = 0; i < 2; i++) {
		if (is_kept(it->turns[i]) && detach(it->turns[i]) < 0) {
			PyErr_WriteUnraisable(self);
			it->turns[i]->rec.size = 0;
		}
		Py_XDECREF(OBJ(it->turns[i]));
	}
	PyErr_Restore(type, value, trace);
	tracecmd_scan_free(it->scan);
	for (size_t i = 0; i < sizeof(it->kinds) / sizeof(it->kinds[0]); i++)
		Py_XDECREF(OBJ(it->kinds[i]));
	Py_XDECREF(it->field_class);
	handle_leave(it->handle);
	free_object(self);
}

/* The kind of a record: borrowed, or NULL. */
static struct kind *kind_of(struct events *it, const struct tracecmd_record *rec)
{
	struct kind **k = &it->kinds[(unsigned)rec->id % 256];

	if (!*k || (*k)->id != rec->id || (*k)->file != rec->file) {
		Py_XDECREF(OBJ(*k));
		*k = handle_kind(it->handle, rec->file, rec->id);
	}
	return *k;
}

static int read_batch(struct events *it)
{
	int r;

	if (it->ended)
		return 0;
	it->busy = true;
	Py_BEGIN_ALLOW_THREADS
	r = tracecmd_scan_records(it->scan, it->records, BATCH, &it->error);
	Py_END_ALLOW_THREADS
	it->busy = false;
	it->at = 0;
	it->nr = r > 0 ? r : 0;
	it->ended = r <= 0;
	if (r == -EBADMSG) {
		/* all that can be read was given: worth a warning, which may be made an exception */
		PyObject *errors = PyImport_ImportModule("tracecmd.errors");
		PyObject *done = errors ? PyObject_CallMethod(errors, "warn", "N", text_or_none(it->error.text)) : NULL;

		Py_XDECREF(errors);
		Py_XDECREF(done);
		return done ? 0 : -1;
	}
	if (r < 0)
		return raise_error(&it->error, "read"), -1;
	return r;
}

static struct event *new_event(struct events *it)
{
	struct event *ev = PyObject_New(struct event, state_of((PyObject *)it)->event);

	if (!ev)
		return NULL;
	ev->handle = (struct handle *)Py_NewRef((PyObject *)it->handle);
	ev->field_class = it->field_class ? Py_NewRef(it->field_class) : NULL;
	ev->kind = NULL;
	ev->own = NULL;
	return ev;
}

/* The object whose turn it is, or NULL: borrowed. */
static struct event *next_object(struct events *it)
{
	struct event **ev = &it->turns[it->turn ^= 1];

	if (is_kept(*ev)) {
		if (detach(*ev) < 0)
			return NULL;
		Py_CLEAR(*ev);
	}
	if (!*ev)
		*ev = new_event(it);
	if (*ev) {
		free((*ev)->own);
		(*ev)->own = NULL;
	}
	return *ev;
}

static PyObject *events_next(PyObject *self)
{
	struct events *it = (struct events *)self;
	struct kind *kind, *old;
	struct event *ev;

	if (it->busy)
		return PyErr_SetString(PyExc_RuntimeError, "another thread is reading this"), NULL;
	if (!handle_is_open(it->handle))
		return NULL;
	if (it->at == it->nr && (detach_kept(it) < 0 || read_batch(it) <= 0 || PyErr_CheckSignals() < 0))
		return NULL;
	kind = kind_of(it, &it->records[it->at]);
	ev = kind ? next_object(it) : NULL;
	if (!ev)
		return NULL;
	ev->rec = it->records[it->at++];
	old = ev->kind;
	if (old != kind) {
		ev->kind = (struct kind *)Py_NewRef((PyObject *)kind);
		Py_XDECREF(OBJ(old));
	}
	return Py_NewRef((PyObject *)ev);
}

static PyType_Slot events_slots[] = {
	{ Py_tp_dealloc, events_dealloc },
	{ Py_tp_iter, PyObject_SelfIter },
	{ Py_tp_iternext, events_next },
	{ 0, NULL },
};

PyType_Spec events_spec = {
	.name = "_tracecmd.Events",
	.basicsize = sizeof(struct events),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = events_slots,
};

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "module.h"

#include <pthread.h>
#include <string.h>

/* Of what the library has to tell so much is kept until Python asks for it. */
#define NOTES_MAX 1000

/* The library's threads tell it without the GIL. */
struct notes {
	pthread_mutex_t lock;
	char *texts[NOTES_MAX];
	unsigned nr;
};

static void keep_note(void *ctx, const char *text)
{
	struct notes *n = ctx;

	pthread_mutex_lock(&n->lock);
	if (n->nr < NOTES_MAX) {
		n->texts[n->nr] = strdup(text);
		n->nr += n->texts[n->nr] != NULL;
	}
	pthread_mutex_unlock(&n->lock);
}

static void close_now(struct handle *h)
{
	struct tracecmd_trace *trace = h->trace;

	h->trace = NULL;
	tracecmd_trace_close(trace);
}

bool handle_is_open(struct handle *h)
{
	if (h->closed)
		PyErr_SetString(PyExc_ValueError, "the trace is closed");
	return !h->closed;
}

void handle_use(struct handle *h)
{
	Py_INCREF(OBJ(h));
	h->users++;
}

void handle_leave(struct handle *h)
{
	if (!--h->users && h->closed)
		close_now(h);
	Py_DECREF(OBJ(h));
}

/* ---- made ------------------------------------------------------------------------------ */

static int read_paths(PyObject *list, const char ***ret, PyObject **kept)
{
	Py_ssize_t nr = PySequence_Size(list);
	const char **paths;

	if (nr <= 0 || nr > INT32_MAX) {
		if (!PyErr_Occurred())
			PyErr_SetString(PyExc_ValueError, "no file is given");
		return -1;
	}
	paths = calloc(nr, sizeof(*paths));
	*kept = PyList_New(0);
	for (Py_ssize_t i = 0; paths && *kept && i < nr; i++) {
		PyObject *item = PySequence_GetItem(list, i), *bytes = NULL;
		int ok = item && PyUnicode_FSConverter(item, &bytes) && PyList_Append(*kept, bytes) >= 0;

		Py_XDECREF(item);
		if (ok)
			paths[i] = PyBytes_AsString(bytes);
		Py_XDECREF(bytes);	/* the list has it */
		if (!ok) {
			free(paths);
			Py_CLEAR(*kept);
			return -1;
		}
	}
	if (!paths || !*kept) {
		free(paths);
		Py_CLEAR(*kept);
		return PyErr_NoMemory(), -1;
	}
	*ret = paths;
	return nr;
}

static int open_trace(struct handle *h, PyObject *list, struct tracecmd_trace_opts *opts)
{
	struct tracecmd_error error;
	const char **paths;
	PyObject *kept;
	int nr = read_paths(list, &paths, &kept), r;

	if (nr < 0)
		return -1;
	Py_BEGIN_ALLOW_THREADS
	r = tracecmd_trace_open(paths, nr, opts, &h->trace, &error);
	Py_END_ALLOW_THREADS
	free(paths);
	Py_DECREF(kept);
	if (r < 0)
		raise_error(&error, "open");
	return r;
}

/* Handle(paths, raw_time, no_date, no_system_plugins, no_plugins) */
static PyObject *new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	struct tracecmd_trace_opts opts = { .size = sizeof(opts), .notice = keep_note };
	allocfunc alloc = PyType_GetSlot(type, Py_tp_alloc);
	struct handle *h;
	PyObject *paths;

	if (kwargs && PyDict_Size(kwargs))
		return PyErr_SetString(PyExc_TypeError, "Handle() takes no names"), NULL;
	if (!PyArg_ParseTuple(args, "Opppp:Handle", &paths, &opts.raw_time, &opts.no_date,
			      &opts.no_system_plugins, &opts.no_plugins))
		return NULL;
	h = (struct handle *)alloc(type, 0);
	if (!h)
		return NULL;
	h->kinds = PyDict_New();
	h->names = PyDict_New();
	h->notes = calloc(1, sizeof(*h->notes));
	if (h->notes)
		pthread_mutex_init(&h->notes->lock, NULL);
	opts.notice_ctx = h->notes;
	if (!h->notes || !h->kinds || !h->names || open_trace(h, paths, &opts) < 0) {
		if (!PyErr_Occurred())
			PyErr_NoMemory();
		Py_DECREF(OBJ(h));
		return NULL;
	}
	return (PyObject *)h;
}

static void dealloc(PyObject *self)
{
	struct handle *h = (struct handle *)self;

	tracecmd_trace_close(h->trace);
	for (unsigned i = 0; h->notes && i < h->notes->nr; i++)
		free(h->notes->texts[i]);
	if (h->notes)
		pthread_mutex_destroy(&h->notes->lock);
	free(h->notes);
	Py_XDECREF(h->kinds);
	Py_XDECREF(h->names);
	free_object(self);
}

static PyObject *close_handle(PyObject *self, PyObject *unused)
{
	struct handle *h = (struct handle *)self;

	(void)unused;
	if (!h->closed && !h->users)
		close_now(h);
	h->closed = true;
	Py_RETURN_NONE;
}

/* What was told since the last call: a list of texts. */
static PyObject *notices(PyObject *self, PyObject *unused)
{
	struct notes *n = ((struct handle *)self)->notes;
	PyObject *list = PyList_New(0);

	(void)unused;
	pthread_mutex_lock(&n->lock);
	for (unsigned i = 0; i < n->nr; i++) {
		PyObject *text = list ? text_or_none(n->texts[i]) : NULL;

		free(n->texts[i]);
		if (list && (!text || PyList_Append(list, text) < 0))
			Py_CLEAR(list);
		Py_XDECREF(text);
	}
	n->nr = 0;
	pthread_mutex_unlock(&n->lock);
	return list;
}

/* ---- facts ------------------------------------------------------------------------------ */

static PyObject *file_facts(PyObject *self, PyObject *arg)
{
	struct handle *h = (struct handle *)self;
	long file = PyLong_AsLong(arg);
	const struct tracecmd_file_facts *f;

	if (PyErr_Occurred() || !handle_is_open(h))
		return NULL;
	f = file < 0 || file > INT32_MAX ? NULL : tracecmd_file_facts(h->trace, file);
	if (!f)
		return PyErr_SetString(PyExc_IndexError, "there is no such file"), NULL;
	return Py_BuildValue("{sN sI sI sI sI sO sO sN sN sN sN sK sN}",
			     "path", text_or_none(f->path), "version", f->version, "cpus", f->cpus,
			     "sub_buffer_size", f->sub_buffer_size, "nr_buffers", f->nr_buffers,
			     "big_endian", f->big_endian ? Py_True : Py_False,
			     "in_seconds", f->in_seconds ? Py_True : Py_False,
			     "codec", text_or_none(f->codec), "clock", text_or_none(f->clock),
			     "uname", text_or_none(f->uname), "writer", text_or_none(f->writer),
			     "trace_id", (unsigned long long)f->trace_id, "cut", text_or_none(f->cut));
}

static PyObject *buffer_name(PyObject *self, PyObject *args)
{
	struct handle *h = (struct handle *)self;
	unsigned file, buffer;
	const char *name;

	if (!PyArg_ParseTuple(args, "II:buffer_name", &file, &buffer) || !handle_is_open(h))
		return NULL;
	name = tracecmd_file_buffer(h->trace, file, buffer);
	return text_or_none(name);
}

static PyObject *nr_files(PyObject *self, PyObject *unused)
{
	struct handle *h = (struct handle *)self;

	(void)unused;
	return handle_is_open(h) ? PyLong_FromLong(tracecmd_trace_nr_files(h->trace)) : NULL;
}

/* [(system, name, id)] */
static PyObject *file_events(PyObject *self, PyObject *arg)
{
	struct handle *h = (struct handle *)self;
	const struct tracecmd_event_info *events;
	unsigned long file = PyLong_AsUnsignedLong(arg);
	struct tracecmd_error error;
	PyObject *list;
	size_t nr;

	if (PyErr_Occurred() || !handle_is_open(h))
		return NULL;
	if (tracecmd_file_events(h->trace, file, &events, &nr, &error) < 0)
		return raise_error(&error, "read");
	list = PyList_New(0);
	for (size_t i = 0; list && i < nr; i++) {
		PyObject *item = Py_BuildValue("NNi", text_or_none(events[i].system), text_or_none(events[i].name),
					       events[i].id);

		if (!item || PyList_Append(list, item) < 0)
			Py_CLEAR(list);
		Py_XDECREF(item);
	}
	return list;
}

struct kind *handle_kind(struct handle *h, unsigned file, int id)
{
	PyObject *key = Py_BuildValue("Ii", file, id);
	PyObject *kind = key ? PyDict_GetItemWithError(h->kinds, key) : NULL;

	if (kind) {
		Py_INCREF(kind);
	} else if (key && !PyErr_Occurred() && handle_is_open(h)) {
		kind = kind_new(h, file, id);
		if (kind && PyDict_SetItem(h->kinds, key, kind) < 0)
			Py_CLEAR(kind);
	}
	Py_XDECREF(key);
	return (struct kind *)kind;
}

static PyObject *kind(PyObject *self, PyObject *args)
{
	unsigned file;
	int id;

	if (!PyArg_ParseTuple(args, "Ii:kind", &file, &id))
		return NULL;
	return (PyObject *)handle_kind((struct handle *)self, file, id);
}

PyObject *handle_task(struct handle *h, unsigned file, int pid)
{
	PyObject *key = PyLong_FromLongLong((long long)file << 32 | (uint32_t)pid);
	PyObject *name = key ? PyDict_GetItemWithError(h->names, key) : NULL;
	struct tracecmd_error error;
	const char *text;

	if (name) {
		Py_INCREF(name);
	} else if (key && !PyErr_Occurred() && handle_is_open(h)) {
		if (tracecmd_task_name(h->trace, file, pid, &text, &error) < 0)
			raise_error(&error, "read");
		else
			name = text_or_none(text);
		if (name && PyDict_SetItem(h->names, key, name) < 0)
			Py_CLEAR(name);
	}
	Py_XDECREF(key);
	return name;
}

/* {pid: name} */
static PyObject *tasks(PyObject *self, PyObject *arg)
{
	struct handle *h = (struct handle *)self;
	unsigned long file = PyLong_AsUnsignedLong(arg);
	struct tracecmd_error error;
	const char *const *names;
	const int32_t *pids;
	PyObject *dict;
	size_t nr;

	if (PyErr_Occurred() || !handle_is_open(h))
		return NULL;
	if (tracecmd_file_tasks(h->trace, file, &pids, &names, &nr, &error) < 0)
		return raise_error(&error, "read");
	dict = PyDict_New();
	for (size_t i = 0; dict && i < nr; i++) {
		PyObject *pid = PyLong_FromLong(pids[i]), *name = text_or_none(names[i]);

		if (!pid || !name || PyDict_SetItem(dict, pid, name) < 0)
			Py_CLEAR(dict);
		Py_XDECREF(pid);
		Py_XDECREF(name);
	}
	return dict;
}

/* (name, module or None, start), or None */
static PyObject *symbol(PyObject *self, PyObject *args)
{
	struct handle *h = (struct handle *)self;
	unsigned long long address;
	struct tracecmd_error error;
	const char *name, *module;
	uint64_t start;
	unsigned file;
	int r;

	if (!PyArg_ParseTuple(args, "IK:symbol", &file, &address) || !handle_is_open(h))
		return NULL;
	r = tracecmd_file_symbol(h->trace, file, address, &name, &module, &start, &error);
	if (r < 0)
		return raise_error(&error, "read");
	if (!r)
		Py_RETURN_NONE;
	return Py_BuildValue("NNK", text_or_none(name), text_or_none(module), (unsigned long long)start);
}

/* (first, last), or None */
static PyObject *times(PyObject *self, PyObject *unused)
{
	struct handle *h = (struct handle *)self;
	struct tracecmd_error error;
	uint64_t first, last;
	int r;

	(void)unused;
	if (!handle_is_open(h))
		return NULL;
	r = tracecmd_trace_times(h->trace, &first, &last, &error);
	if (r < 0)
		return raise_error(&error, "read");
	if (!r)
		Py_RETURN_NONE;
	return Py_BuildValue("KK", (unsigned long long)first, (unsigned long long)last);
}

static PyObject *scan(PyObject *self, PyObject *args)
{
	PyObject *selection, *columns;
	int narrow;

	if (!PyArg_ParseTuple(args, "OOp:scan", &selection, &columns, &narrow) || !handle_is_open((struct handle *)self))
		return NULL;
	return scan_new((struct handle *)self, selection, columns, narrow);
}

static PyObject *events(PyObject *self, PyObject *args)
{
	PyObject *selection, *field_class;

	if (!PyArg_ParseTuple(args, "OO:events", &selection, &field_class) || !handle_is_open((struct handle *)self))
		return NULL;
	return events_new((struct handle *)self, selection, field_class);
}

static PyMethodDef methods[] = {
	{ "close", close_handle, METH_NOARGS, NULL },
	{ "notices", notices, METH_NOARGS, NULL },
	{ "nr_files", nr_files, METH_NOARGS, NULL },
	{ "file_facts", file_facts, METH_O, NULL },
	{ "buffer_name", buffer_name, METH_VARARGS, NULL },
	{ "file_events", file_events, METH_O, NULL },
	{ "kind", kind, METH_VARARGS, NULL },
	{ "tasks", tasks, METH_O, NULL },
	{ "symbol", symbol, METH_VARARGS, NULL },
	{ "times", times, METH_NOARGS, NULL },
	{ "scan", scan, METH_VARARGS, NULL },
	{ "events", events, METH_VARARGS, NULL },
	{ NULL, NULL, 0, NULL },
};

static PyMemberDef members[] = {
	{ "closed", T_BOOL, offsetof(struct handle, closed), READONLY, NULL },
	{ NULL, 0, 0, 0, NULL },
};

static PyType_Slot slots[] = {
	{ Py_tp_new, new },
	{ Py_tp_dealloc, dealloc },
	{ Py_tp_methods, methods },
	{ Py_tp_members, members },
	{ 0, NULL },
};

PyType_Spec handle_spec = {
	.name = "_tracecmd.Handle",
	.basicsize = sizeof(struct handle),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

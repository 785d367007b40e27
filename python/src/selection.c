// SPDX-License-Identifier: LGPL-2.1-or-later
/* What Python selects as struct tracecmd_scan_opts. */
#include "module.h"

#include <string.h>

static int too_large(const char *what)
{
	PyErr_Format(PyExc_OverflowError, "%s is out of range", what);
	return -1;
}

/* A sequence of str as an array; its bytes objects stay in *kept. */
static int read_texts(PyObject *list, const char ***ret, size_t *nr, PyObject **kept)
{
	Py_ssize_t n = PySequence_Size(list);

	if (n < 0)
		return -1;
	*kept = PyList_New(0);
	*ret = calloc(n + 1, sizeof(**ret));
	if (!*kept || !*ret)
		return PyErr_NoMemory(), -1;
	for (Py_ssize_t i = 0; i < n; i++) {
		PyObject *item = PySequence_GetItem(list, i);
		PyObject *bytes = item ? PyUnicode_AsEncodedString(item, "utf-8", "surrogateescape") : NULL;
		char *text;
		int r = bytes ? PyList_Append(*kept, bytes) : -1;

		Py_XDECREF(item);
		Py_XDECREF(bytes);	/* the list has it */
		/* refuses NULs */
		if (r < 0 || PyBytes_AsStringAndSize(bytes, &text, NULL) < 0)
			return -1;
		(*ret)[i] = text;
	}
	*nr = n;
	return 0;
}

static int read_number(PyObject *list, Py_ssize_t i, long long low, long long high, const char *what,
		       long long *ret)
{
	PyObject *item = PySequence_GetItem(list, i);

	*ret = item ? PyLong_AsLongLong(item) : -1;
	Py_XDECREF(item);
	if (PyErr_Occurred())
		return -1;
	return *ret < low || *ret > high ? too_large(what) : 0;
}

static int read_cpus(PyObject *list, struct selection *s)
{
	Py_ssize_t n = PySequence_Size(list);

	if (n < 0)
		return -1;
	s->cpus = calloc(n + 1, sizeof(*s->cpus));
	if (!s->cpus)
		return PyErr_NoMemory(), -1;
	for (Py_ssize_t i = 0; i < n; i++) {
		long long v;

		if (read_number(list, i, 0, UINT32_MAX, "a CPU", &v) < 0)
			return -1;
		s->cpus[i] = v;
	}
	s->opts.cpus = s->cpus;
	s->opts.nr_cpus = n;
	return 0;
}

static int read_pids(PyObject *list, struct selection *s)
{
	Py_ssize_t n = PySequence_Size(list);

	if (n < 0)
		return -1;
	s->pids = calloc(n + 1, sizeof(*s->pids));
	if (!s->pids)
		return PyErr_NoMemory(), -1;
	for (Py_ssize_t i = 0; i < n; i++) {
		long long v;

		if (read_number(list, i, INT32_MIN, INT32_MAX, "a process", &v) < 0)
			return -1;
		s->pids[i] = v;
	}
	s->opts.pids = s->pids;
	s->opts.nr_pids = n;
	return 0;
}

int selection_read(PyObject *arg, struct selection *s)
{
	PyObject *lists[3], *cpus, *pids, *from, *to;
	size_t nr[3] = { 0 };

	memset(s, 0, sizeof(*s));
	s->opts.size = sizeof(s->opts);
	if (!need_tuple(arg) || !PyArg_ParseTuple(arg, "OOOOOOOpi:selection", &lists[0], &lists[1], &lists[2], &cpus, &pids, &from, &to,
			      &s->opts.unordered, &s->opts.threads))
		return -1;
	for (int i = 0; i < 3; i++)
		if (read_texts(lists[i], &s->names[i], &nr[i], &s->kept[i]) < 0)
			return -1;
	if (read_cpus(cpus, s) < 0 || read_pids(pids, s) < 0)
		return -1;
	s->opts.from = PyLong_AsUnsignedLongLong(from);
	if (!PyErr_Occurred())
		s->opts.to = PyLong_AsUnsignedLongLong(to);
	if (PyErr_Occurred())
		return -1;
	s->opts.events = s->names[0];
	s->opts.nr_events = nr[0];
	s->opts.filters = s->names[1];
	s->opts.nr_filters = nr[1];
	s->opts.buffers = s->names[2];
	s->opts.nr_buffers = nr[2];
	return 0;
}

void selection_release(struct selection *s)
{
	for (int i = 0; i < 3; i++) {
		free(s->names[i]);
		Py_XDECREF(s->kept[i]);
	}
	free(s->cpus);
	free(s->pids);
}

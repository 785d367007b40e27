/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * _tracecmd: the C half of the Python module, over tracecmd.h and nothing else of the
 * library. It has no more than what takes C: handles, columns in memory, events; what
 * users see is made of it in python/tracecmd.
 *
 * It keeps to CPython's stable interface of 3.11, so one file serves all versions since.
 *
 * Threads: whatever uses a trace does so with the GIL, so that one thread does at a time, as
 * tracecmd.h wants it. Reading a scan is done without it; a scan that is being read is
 * marked so, and refuses another thread.
 */
#ifndef TRACECMD_PYTHON_MODULE_H
#define TRACECMD_PYTHON_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "tracecmd.h"

#define OBJ(p) ((PyObject *)(p))

/* The module's own state: its types, which have no other way to find each other. */
struct state {
	PyTypeObject *handle, *scan, *events, *event, *kind, *buffer, *user_event;
};
struct state *state_of(PyObject *self);
/* Makes a type of a spec. NULL with an exception. */
PyTypeObject *add_type(PyObject *module, PyType_Spec *spec);

/* Sets the exception for a failure of the library; always NULL. @doing: a word for
 * tracecmd/errors.py, "open", "select", "read". */
PyObject *raise_error(const struct tracecmd_error *error, const char *doing);
/* Text of a file: mostly UTF-8, and if not nothing of it is lost (surrogateescape). */
PyObject *text_of(const char *s, Py_ssize_t len);
PyObject *text_or_none(const char *s);

/* Whether it is a tuple, as PyArg_ParseTuple needs it; if not with a TypeError. */
bool need_tuple(PyObject *arg);
/* Frees an object of a type made by add_type. */
void free_object(PyObject *self);

/* ---- buffer.c ---- */

/* Memory of whole pages, so that it grows without being copied. { 0 }: none. */
struct block { void *data; size_t size; };
/* At least @size bytes. 0 or -ENOMEM. */
int block_grow(struct block *b, size_t size);
/* Bytes of it that are written soon: pages asked for together cost half of what each costs alone. */
void block_touch(const struct block *b, size_t from, size_t size);
/* Gives back what is behind @size bytes. */
void block_trim(struct block *b, size_t size);
void block_release(struct block *b);

/* A block that Python sees by the buffer protocol. Takes what is in @b, also when it fails.
 * @format: as in the struct module, a constant; @size: of an item. */
PyObject *buffer_new(struct state *st, struct block *b, Py_ssize_t nr, const char *format, Py_ssize_t size);

/* ---- handle.c: a struct tracecmd_trace ---- */

struct handle {
	PyObject_HEAD
	struct tracecmd_trace *trace;
	bool closed;			/* by the user; done when nobody uses it any more */
	unsigned users;			/* scans and user calls */
	PyObject *kinds;		/* dict: (file, id) -> kind */
	PyObject *names;		/* dict: (file, pid) -> name, of those asked for */
	struct notes *notes;		/* what the library had to tell */
};
/* Sets an exception if it is closed. */
bool handle_is_open(struct handle *h);
/* A scan begins, or ends: the trace stays until then. */
void handle_use(struct handle *h);
void handle_leave(struct handle *h);
/* The name of a process: a new reference, or NULL. */
PyObject *handle_task(struct handle *h, unsigned file, int pid);
/* The kind of events of that id: a new reference, or NULL. */
struct kind *handle_kind(struct handle *h, unsigned file, int id);
extern PyType_Spec handle_spec;

/* ---- kind.c: one kind of event of a file: its name and fields ---- */

struct kind {
	PyObject_HEAD
	PyObject *system, *name;	/* None: there is no format of that id */
	PyObject *index;		/* dict: name of a field -> its number */
	PyObject *fields;		/* tuple of tuples: what Python is told of them */
	int id;
	unsigned file;
	size_t nr, nr_common;		/* the common ones come first */
	struct tracecmd_field *v;
};
PyObject *kind_new(struct handle *h, unsigned file, int id);
/* A field's value in a record; None if the record has it not. */
PyObject *field_object(const struct tracecmd_field *f, const void *data, size_t size);
extern PyType_Spec kind_spec;

/* ---- scan.c: columns; events.c: events one by one ---- */

extern PyType_Spec scan_spec, events_spec, event_spec, buffer_spec, user_event_spec;
/* What is selected, from the arguments of Handle.scan and Handle.events; the arrays are
 * freed by selection_release. */
struct selection {
	struct tracecmd_scan_opts opts;
	const char **names[3];		/* events, filters, buffers */
	PyObject *kept[3];
	uint32_t *cpus;
	int32_t *pids;
};
/* @arg: a tuple (events, filters, buffers, cpus, pids, from, to, unordered, threads). 0 or -1. */
int selection_read(PyObject *arg, struct selection *s);
void selection_release(struct selection *s);
/* @narrow: codes of words take as few bytes as they can; for who reads all rows at once. */
PyObject *scan_new(struct handle *h, PyObject *selection, PyObject *columns, bool narrow);
PyObject *events_new(struct handle *h, PyObject *selection, PyObject *field_class);

/* ---- arrow.c ---- */

PyObject *arrow_schema(PyObject *self, PyObject *arg);
PyObject *arrow_array(PyObject *self, PyObject *arg);
PyObject *arrow_stream(PyObject *self, PyObject *args);

#endif

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "module.h"

#include <sys/mman.h>
#include <unistd.h>

/* From this size on huge pages pay, and what they take at the end does not matter. */
#define HUGE (64u << 20)

#ifndef MADV_POPULATE_WRITE		/* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

int block_grow(struct block *b, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;
	void *data;

	if (size <= b->size)
		return 0;
	if (whole < size)
		return -ENOMEM;
	if (b->data)
		data = mremap(b->data, b->size, whole, MREMAP_MAYMOVE);
	else
		data = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		return -ENOMEM;
	if (whole >= HUGE)
		madvise(data, whole, MADV_HUGEPAGE);
	b->data = data;
	b->size = whole;
	return 0;
}

void block_touch(const struct block *b, size_t from, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE), end = (from + size) / page * page;

	from = (from + page - 1) / page * page;
	/* refused, pages come one by one as ever */
	if (from < end && end <= b->size)
		(void)madvise((char *)b->data + from, end - from, MADV_POPULATE_WRITE);
}

void block_release(struct block *b)
{
	if (b->data)
		munmap(b->data, b->size);
	*b = (struct block){ 0 };
}

void block_trim(struct block *b, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;

	if (!whole) {
		block_release(b);
	} else if (whole < b->size) {
		munmap((char *)b->data + whole, b->size - whole);
		b->size = whole;
	}
}

struct buffer {
	PyObject_HEAD
	struct block block;
	Py_ssize_t nr, size;
	const char *format;
};

PyObject *buffer_new(struct state *st, struct block *block, Py_ssize_t nr, const char *format, Py_ssize_t size)
{
	struct buffer *b = PyObject_New(struct buffer, st->buffer);

	if (!b) {
		block_release(block);
		return NULL;
	}
	b->block = *block;
	b->nr = nr;
	b->size = size;
	b->format = format;
	*block = (struct block){ 0 };
	return (PyObject *)b;
}

static void dealloc(PyObject *self)
{
	block_release(&((struct buffer *)self)->block);
	free_object(self);
}

static int get_buffer(PyObject *self, Py_buffer *view, int flags)
{
	struct buffer *b = (struct buffer *)self;
	static char nothing[8];

	view->obj = Py_NewRef(self);
	view->buf = b->block.data ? b->block.data : nothing;
	view->len = b->nr * b->size;
	view->readonly = 0;
	view->itemsize = b->size;
	view->format = flags & PyBUF_FORMAT ? (char *)b->format : NULL;
	view->ndim = 1;
	view->shape = flags & PyBUF_ND ? &b->nr : NULL;
	view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? &b->size : NULL;
	view->suboffsets = NULL;
	view->internal = NULL;
	return 0;
}

static Py_ssize_t length(PyObject *self)
{
	return ((struct buffer *)self)->nr;
}

static PyType_Slot slots[] = {
	{ Py_tp_dealloc, dealloc },
	{ Py_bf_getbuffer, get_buffer },
	{ Py_sq_length, length },
	{ 0, NULL },
};

PyType_Spec buffer_spec = {
	.name = "_tracecmd.Buffer",
	.basicsize = sizeof(struct buffer),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

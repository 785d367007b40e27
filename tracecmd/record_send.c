// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "record_send.h"

/* The file's front, which is made in memory: there need not be a disk. */
static int send_front(struct sender *s, struct recording *rec, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("tracecmd-front", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return err_errno(e, -errno, "cannot make what the file begins with");
	r = recording_front(rec, sender_version(s), fd, "what the file begins with", e);
	return r ? r : sender_front(s, fd, e);
}

/* CPUs are numbered: one that is not there has its place. */
static void count_cpus(const struct recording *rec, uint32_t *ret_cpus, uint32_t *ret_page_size)
{
	*ret_cpus = *ret_page_size = 0;
	for (size_t i = 0; i < recording_nr_cpus(rec); i++) {
		struct recording_cpu c;

		recording_cpu(rec, i, &c);
		if (*ret_cpus <= c.cpu)
			*ret_cpus = c.cpu + 1;
		*ret_page_size = c.page_size;
	}
}

int record_send_begin(struct sender *s, struct recording *rec, struct err *e)
{
	uint32_t cpus, page_size;
	int r;

	count_cpus(rec, &cpus, &page_size);
	r = sender_begin(s, cpus, page_size, e);
	if (!r && sender_packed(s))
		recording_send_packed(rec);
	if (!r)
		r = send_front(s, rec, e);
	return r ? r : sender_connect(s, e);
}

static int say_farewell(struct sender *s, struct recording *rec, struct err *e)
{
	int r = sender_late(s) ? send_front(s, rec, e) : 0;

	return r ? r : sender_end(s, e);
}

int record_send_end(struct sender *s, struct recording *rec, struct err *e)
{
	int r = sender_end_data(s, e);

	if (r)
		return r;
	do
		r = say_farewell(s, rec, e);
	while (r && sender_again(s));
	return r;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* How many events this machine has, and what that means for buffers. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "doctor.h"
#include "kernel/setup.h"
#include "record_wait.h"
#include "supervisor.h"

#define MEASURE_MS 1000
/* For how long a buffer should do while its reader does not run. */
#define STALL_S 2
#define BUFFER_KB_MAX (1024 * 1024)

/* What most recordings have among theirs; system calls by the two events all of them have. */
static const char *const measured[] = { "sched", "irq", "timer", "raw_syscalls" };

struct measure {
	struct doctor *d;
	struct kernel_setup setup;
	struct supervisor supervisor;
	sigset_t mask;
	int signal_fd;
	struct err *e;
};

/* ---- setting up ------------------------------------------------------------------ */

static int ask(struct measure *m)
{
	struct kernel_instance_setup *is;
	char name[64];

	/* as no other program names its own */
	snprintf(name, sizeof(name), "tracecmd-doctor.%d", (int)getpid());
	if (kernel_setup_init(&m->setup))
		return -ENOMEM;
	is = kernel_setup_instance(&m->setup, name);
	for (size_t i = 0; is && i < ARRAY_SIZE(measured); i++) {
		struct kernel_event_ask *ask = kernel_setup_event(is, measured[i], false);

		if (!ask)
			return -ENOMEM;
		ask->optional = true;
	}
	if (!is)
		return -ENOMEM;
	kernel_setup_grow(&m->setup);
	m->d->rate.record_kb = is->grow_kb;
	/* The buffer stays as the kernel makes it: what it overwrites is counted, too. */
	is->grow_kb = 0;
	return 0;
}

/* Whether the ring buffer can be mapped: a row. */
static void probe_mapping(struct doctor *d, const struct kernel_instance *in)
{
	size_t size = sysconf(_SC_PAGESIZE);
	int fd AUTO_CLOSE = kernel_cpu_open(in, 0, "trace_pipe_raw", O_NONBLOCK, NULL);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED) {
		doctor_row(d, "mapped buffers", DOCTOR_NO, "Linux 6.10 or later", "%s", strerror(errno));
		return;
	}
	munmap(p, size);
	doctor_row(d, "mapped buffers", DOCTOR_YES, NULL, "the ring buffer can be mapped into memory");
}

/* ---- counting --------------------------------------------------------------------- */

static int count_cpu(struct doctor_rate *r, const struct kernel_instance *in, uint32_t cpu, struct err *e)
{
	AUTO_BUF struct buf text = { 0 };
	uint64_t entries, events;
	int ret = kernel_cpu_stats(in, cpu, &text, e);

	if (ret)
		return ret;
	entries = kernel_stat_number(text.data, "entries");
	events = entries + kernel_stat_number(text.data, "overrun");
	r->all += events;
	if (events < r->busiest)
		return 0;
	r->busiest = events;
	r->cpu = cpu;
	r->bytes = entries ? kernel_stat_number(text.data, "bytes") * events / entries : 0;
	return 0;
}

static int count(struct measure *m, const struct kernel_instance *in)
{
	uint32_t *cpus AUTO_FREE = NULL;
	size_t nr = 0;
	int r = kernel_instance_cpus(in, &cpus, &nr, m->e);

	for (size_t i = 0; !r && i < nr; i++)
		r = count_cpu(&m->d->rate, in, cpus[i], m->e);
	return r;
}

/* The second, or less of it: a signal ends it. */
static int wait_a_second(const struct measure *m)
{
	struct pollfd signal = { .fd = m->signal_fd, .events = POLLIN };

	return poll(&signal, 1, MEASURE_MS) ? err_set(m->e, -EINTR, "the measurement was interrupted") : 0;
}

static int run(struct measure *m)
{
	int r = kernel_setup_apply(m->d->k, &m->setup, m->e);
	const struct kernel_instance *in = m->setup.instances.v[1].in;

	if (r)
		return r;
	doctor_row(m->d, "own instance", DOCTOR_YES, NULL, "'%s' was made and is removed again", kernel_instance_name(in));
	r = kernel_setup_tracing(m->d->k, &m->setup, true, m->e);
	if (!r)
		r = wait_a_second(m);
	if (!r)
		r = kernel_setup_tracing(m->d->k, &m->setup, false, m->e);
	if (!r)
		r = count(m, in);
	if (!r)
		probe_mapping(m->d, in);
	return r;
}

/* ---- advice ------------------------------------------------------------------------ */

static int advise(struct measure *m)
{
	struct doctor_rate *r = &m->d->rate;
	const struct kernel_instance_setup *is = &m->setup.instances.v[1];
	AUTO_BUF struct buf events = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(measured); i++)
		if (is->events.v[i].found.nr)
			buf_printf(&events, "%s%s", events.len ? " " : "", measured[i]);
	r->events = events.data;
	if (events.failed)
		return -ENOMEM;
	events = (struct buf){ 0 };
	r->kept_kb = kernel_buffer_kb(kernel_top(m->d->k));
	r->advised_kb = r->record_kb ? r->record_kb : r->kept_kb;
	while (r->advised_kb && r->advised_kb < BUFFER_KB_MAX && r->advised_kb * 1024 < r->bytes * STALL_S)
		r->advised_kb *= 2;
	r->known = true;
	return 0;
}

int doctor_measure(struct doctor *d, struct err *e)
{
	struct measure m = { .d = d, .supervisor = SUPERVISOR_NONE, .signal_fd = -1, .e = e };
	struct err undo = { 0 };
	int r = ask(&m);

	if (r)
		err_errno(e, r, "cannot measure");
	else
		r = kernel_setup_check(d->k, &m.setup, e);
	if (!r)
		r = supervisor_start(&m.supervisor, d->k, NULL, e);
	if (!r) {
		m.signal_fd = stop_signals_take(&m.mask, e);
		r = m.signal_fd < 0 ? m.signal_fd : run(&m);
	}
	kernel_undo(d->k, &undo);
	r = supervisor_end(&m.supervisor, &undo, r, e);
	if (!r && advise(&m))
		r = err_errno(e, -ENOMEM, "cannot measure");
	cleanup_close(&m.signal_fd);
	kernel_setup_release(&m.setup);
	return r;
}

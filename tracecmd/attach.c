// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attach: joins the files of a host and its guest that were recorded apart, as record -A would have: the host's file
 * gets the threads of the guest's CPUs, the guest's what makes its times the host's.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "clock/sync.h"
#include "command.h"
#include "event/event.h"
#include "replay/replay.h"

#define VCPUS_MAX 4096u
#define FRACTION_MAX 63u

struct thread { int pid; int64_t vcpu; };	/* -1: ran none so far */

struct attach {
	const char *host, *guest, *name;
	uint64_t cpus;				/* -c; 0: not given */
	VEC(struct dat_shift_sample) samples;	/* -s, by CPU, the last for all that follow */
	VEC(struct thread) threads;
	bool any;				/* no thread was named: all that run virtual CPUs */
	struct dat_reader *readers[2];		/* host, guest */
	struct replay *rp;			/* of the host, which it owns */
	uint64_t ids[2];			/* of the files */
	struct dat_append *to[2];
};
enum { HOST, GUEST };

/* ---- the command line ------------------------------------------------------------------ */

/* "OFFSET[,SCALE[,FRACTION[,TIME]]]" */
static int take_sample(struct attach *a, struct err *e)
{
	struct dat_shift_sample s = { .scaling = 1 };
	int64_t values[4] = { 0, 1, 0, 0 };
	char words[128], *rest = words, *word;
	unsigned nr = 0;

	if (strlen(optarg) >= sizeof(words))
		return usage_error(e, "option -s: '%s' is too long", optarg);
	strcpy(words, optarg);
	while ((word = strsep(&rest, ",")))
		if (nr == ARRAY_SIZE(values) || parse_s64(word, &values[nr++]))
			return usage_error(e, "option -s: '%s' is not OFFSET[,SCALE[,FRACTION[,TIME]]], whole numbers", optarg);
	if (values[2] < 0 || values[2] > FRACTION_MAX)
		return usage_error(e, "option -s: '%s': the fraction is a number of bits, %u at most", optarg, FRACTION_MAX);
	s = (struct dat_shift_sample){ .offset = values[0], .scaling = values[1], .fraction = values[2], .time = values[3] };
	if (vec_push(&a->samples, s))
		return err_errno(e, -ENOMEM, "cannot attach"), EXIT_FAILED;
	return EXIT_OK;
}

static int take_thread(struct attach *a, const char *text, struct err *e)
{
	struct thread t = { .vcpu = -1 };
	uint64_t pid;

	if (parse_u64(text, &pid) || !pid || pid > INT32_MAX)
		return usage_error(e, "'%s' is not the id of a thread", text);
	t.pid = pid;
	for (size_t i = 0; i < a->threads.nr; i++)
		if (a->threads.v[i].pid == t.pid)
			return usage_error(e, "thread %d is named twice", t.pid);
	if (vec_push(&a->threads, t))
		return err_errno(e, -ENOMEM, "cannot attach"), EXIT_FAILED;
	return EXIT_OK;
}

static int parse(struct attach *a, int argc, char **argv, struct err *e)
{
	static const struct option long_options[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int opt, status = EXIT_OK;

	optind = 0;			/* glibc: start afresh */
	opterr = 0;
	while (!status && (opt = getopt_long(argc, argv, ":c:s:h", long_options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			if (parse_u64(optarg, &a->cpus) || !a->cpus || a->cpus > VCPUS_MAX)
				return usage_error(e, "option -c: '%s' is not a number from 1 to %u", optarg, VCPUS_MAX);
			break;
		case 's': status = take_sample(a, e); break;
		case 'n': a->name = optarg; break;
		case 'h': return EXIT_HELP;
		default: return option_refused(opt, argv, long_options, e);
		}
	}
	if (status)
		return status;
	if (argc - optind < 2)
		return usage_error(e, "the files are missing: HOSTFILE GUESTFILE [THREAD...]");
	a->host = argv[optind++];
	a->guest = argv[optind++];
	for (; optind < argc && !status; optind++)
		status = take_thread(a, argv[optind], e);
	a->any = !a->threads.nr;
	return status;
}

/* ---- which threads ran the guest's CPUs ------------------------------------------------- */

static struct thread *find_thread(struct attach *a, int pid)
{
	for (size_t i = 0; i < a->threads.nr; i++)
		if (a->threads.v[i].pid == pid)
			return &a->threads.v[i];
	if (!a->any || a->threads.nr == VCPUS_MAX || vec_push(&a->threads, ((struct thread){ pid, -1 })))
		return NULL;
	return &a->threads.v[a->threads.nr - 1];
}

static int note_vcpu(struct attach *a, int pid, uint64_t vcpu, struct err *e)
{
	struct thread *t = find_thread(a, pid);

	if (!t || t->vcpu == (int64_t)vcpu)
		return 0;
	if (vcpu >= VCPUS_MAX)
		return err_set(e, -EBADMSG, "'%s' tells of a virtual CPU %" PRIu64, a->host, vcpu);
	if (t->vcpu >= 0)
		return err_set(e, -EINVAL, "thread %d ran virtual CPUs %" PRId64 " and %" PRIu64 ": was '%s' recorded longer than "
			       "one machine ran?", pid, t->vcpu, vcpu, a->host);
	for (size_t i = 0; i < a->threads.nr; i++)
		if (a->threads.v[i].vcpu == (int64_t)vcpu)
			return err_set(e, -EINVAL, "threads %d and %d of '%s' both ran a virtual CPU %" PRIu64 ": there is more "
				       "than one guest; name the threads of this one", a->threads.v[i].pid, pid, a->host, vcpu);
	t->vcpu = vcpu;
	return 0;
}

/* The events that tell it. */
struct teller { struct tep_event *event; struct tep_format_field *vcpu; };

static int find_tellers(struct attach *a, struct event_db *db, struct teller *v, struct err *e)
{
	static const char *const names[] = { "kvm_entry", "kvm_exit" };
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		v[i].event = event_db_event_by_name(db, "kvm", names[i]);
		v[i].vcpu = v[i].event ? tep_find_field(v[i].event, "vcpu_id") : NULL;
		any |= !!v[i].vcpu;
	}
	return any ? 0 : err_set(e, -ENODATA, "'%s' has no events that tell which threads run guests: record the host with "
				 "-e kvm:kvm_entry (or kvm_exit)", a->host);
}

static int find_threads(struct attach *a, struct err *e)
{
	struct teller tellers[2];
	struct replay_record rec;
	struct event_db *db;
	int r = replay_event_db(a->rp, 0, &db, e);

	if (!r)
		r = find_tellers(a, db, tellers, e);
	if (!r)
		r = replay_start(a->rp, e);
	while (!r && (r = replay_next(a->rp, &rec, e)) > 0) {
		const struct event_record view = { .data = rec.data, .len = rec.len, .avail = rec.len };
		int id = event_db_record_id(db, rec.data, rec.len);
		uint64_t vcpu;

		r = 0;
		for (size_t i = 0; i < ARRAY_SIZE(tellers) && !r; i++)
			if (tellers[i].vcpu && tellers[i].event->id == id && event_field_number(tellers[i].vcpu, &view, &vcpu))
				r = note_vcpu(a, event_db_record_pid(db, rec.data, rec.len), vcpu, e);
	}
	return r;
}

/* Leaves out the threads that ran none, which is told. */
static int keep_those_that_ran(struct attach *a, struct err *e)
{
	size_t nr = 0;

	for (size_t i = 0; i < a->threads.nr; i++) {
		if (a->threads.v[i].vcpu >= 0)
			a->threads.v[nr++] = a->threads.v[i];
		else
			notice(&stderr_notices, "thread %d ran no virtual CPU in '%s'; it is left out", a->threads.v[i].pid, a->host);
	}
	a->threads.nr = nr;
	return nr ? 0 : err_set(e, -ENODATA, "none of %s threads ran a virtual CPU in '%s'", a->any ? "its" : "these", a->host);
}

/* ---- clocks ------------------------------------------------------------------------------- */

static bool counts_cycles(const struct dat_info *info)
{
	return !strcmp(info->clock, "x86-tsc") || !strcmp(info->clock, "tsc2nsec");
}

static int check_clocks(const struct attach *a, struct err *e)
{
	const struct dat_info *host = dat_reader_info(a->readers[HOST]), *guest = dat_reader_info(a->readers[GUEST]);

	if (counts_cycles(host) != counts_cycles(guest))
		return err_set(e, -EINVAL, "'%s' was recorded with the clock '%s' and '%s' with '%s', of which one counts cycles and "
			       "the other nanoseconds: there is no offset between them", a->host, host->clock, a->guest, guest->clock);
	if (counts_cycles(host) && !host->tsc2nsec.present)
		return err_set(e, -EINVAL, "'%s' does not tell how long a cycle of its counter is: record the host with -C tsc2nsec",
			       a->host);
	return 0;
}

/* Without -s: the machine may run still, and KVM tell. */
static int ask_kvm(struct attach *a, struct err *e)
{
	AUTO_FREE struct dat_shift_sample *kvm = NULL;
	pid_t process = counts_cycles(dat_reader_info(a->readers[HOST])) ? task_process(a->threads.v[0].pid) : 0;
	uint32_t nr = 0;

	if (!process || sync_kvm_read(NULL, process, &kvm, &nr, e) || !nr)
		return err_set(e, -EINVAL, "how far the guest's clock is from the host's is not known: give it with -s (of a guest "
			       "that runs, the negated number in /sys/kernel/debug/kvm/PID-FD/vcpu0/tsc-offset)");
	for (uint32_t i = 0; i < nr; i++) {
		struct sync_sample s = sync_kvm_sample(&kvm[i], 0);

		if (vec_push(&a->samples, s.shift))
			return err_errno(e, -ENOMEM, "cannot attach");
	}
	return 0;
}

/* ---- what is added ------------------------------------------------------------------------- */

static bool is_mapped(const struct attach *a)
{
	const struct dat_info *host = dat_reader_info(a->readers[HOST]);

	for (uint32_t i = 0; i < host->nr_guests; i++)
		if (host->guests[i].trace_id == a->ids[GUEST])
			return true;
	return false;
}

static uint32_t nr_mapped(const struct attach *a)
{
	uint32_t nr = 0;

	for (size_t i = 0; i < a->threads.nr; i++)
		if (a->threads.v[i].vcpu >= nr)
			nr = a->threads.v[i].vcpu + 1;
	return nr;
}

static int add(struct attach *a, int file, uint16_t id, struct buf *b, int r, struct err *e)
{
	return r ? err_errno(e, -ENOMEM, "cannot attach") : dat_append_option(a->to[file], id, b, e);
}

static struct buf data_of(const struct attach *a, int file)
{
	return (struct buf){ .big_endian = dat_reader_header(a->readers[file])->big_endian };
}

/* Files are known by their ids; one may have none. */
static int add_id(struct attach *a, int file, struct err *e)
{
	const struct dat_info *info = dat_reader_info(a->readers[file]);
	struct buf b AUTO_BUF = data_of(a, file);

	a->ids[file] = info->trace_id;
	if (info->has_trace_id)
		return 0;
	if (getrandom(&a->ids[file], sizeof(a->ids[file]), 0) < 0)
		return err_errno(e, -errno, "cannot make up an id for the file");
	return add(a, file, DAT_TRACEID, &b, buf_u64(&b, a->ids[file]), e);
}

static int add_threads(struct attach *a, struct err *e)
{
	struct dat_guest g = { .name = a->name ? a->name : "", .trace_id = a->ids[GUEST], .nr_vcpus = nr_mapped(a) };
	AUTO_FREE int32_t *pids = malloc(g.nr_vcpus * sizeof(*pids));
	struct buf b AUTO_BUF = data_of(a, HOST);

	if (is_mapped(a)) {
		notice(&stderr_notices, "'%s' tells of this guest's threads already; that is left as it is", a->host);
		return 0;
	}
	if (!pids)
		return err_errno(e, -ENOMEM, "cannot attach");
	for (uint32_t i = 0; i < g.nr_vcpus; i++)
		pids[i] = -1;
	for (size_t i = 0; i < a->threads.nr; i++)
		pids[a->threads.v[i].vcpu] = a->threads.v[i].pid;
	g.host_pids = pids;
	return add(a, HOST, DAT_GUEST, &b, dat_put_guest(&b, &g), e);
}

static uint32_t nr_shifted(const struct attach *a)
{
	uint32_t mapped = nr_mapped(a), there = dat_reader_info(a->readers[GUEST])->cpu_count;

	if (a->cpus)
		return a->cpus;
	return mapped > there || there > VCPUS_MAX ? mapped : there;
}

static int add_times(struct attach *a, struct err *e)
{
	const struct dat_info *host = dat_reader_info(a->readers[HOST]);
	struct dat_time_shift ts = { .peer_id = a->ids[HOST], .nr_cpus = nr_shifted(a) };
	AUTO_FREE struct dat_shift_cpu *cpus = calloc(ts.nr_cpus, sizeof(*cpus));
	struct buf b AUTO_BUF = data_of(a, GUEST), scale AUTO_BUF = data_of(a, GUEST);
	int r;

	if (!cpus)
		return err_errno(e, -ENOMEM, "cannot attach");
	for (uint32_t i = 0; i < ts.nr_cpus; i++)
		cpus[i] = (struct dat_shift_cpu){ 1, &a->samples.v[i < a->samples.nr ? i : a->samples.nr - 1] };
	ts.cpus = cpus;
	r = add(a, GUEST, DAT_TIME_SHIFT, &b, dat_put_time_shift(&b, &ts), e);
	if (!r && counts_cycles(host))
		r = add(a, GUEST, DAT_TSC2NSEC, &scale, dat_put_tsc2nsec(&scale, &host->tsc2nsec), e);
	return r;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int open_files(struct attach *a, struct err *e)
{
	const struct replay_opts opts = { .notices = &stderr_notices };
	const char *paths[] = { a->host, a->guest };
	int r = replay_new(&opts, &a->rp, e);

	for (int i = HOST; i <= GUEST && !r; i++) {
		r = dat_append_open(paths[i], &a->to[i], e);
		if (!r)
			r = dat_reader_open(paths[i], &stderr_notices, &a->readers[i], e);
		if (!r && i == HOST)
			r = replay_add_file(a->rp, a->readers[i], NULL, NULL, e);
	}
	return r;
}

static void tell(const struct attach *a)
{
	for (size_t i = 0; i < a->threads.nr; i++)
		out_printf("virtual CPU %" PRId64 ": thread %d of '%s'\n", a->threads.v[i].vcpu, a->threads.v[i].pid, a->host);
	out_printf("'%s' has its host's times now\n", a->guest);
}

static int attach(struct attach *a, struct err *e)
{
	int r = open_files(a, e);

	if (!r)
		r = check_clocks(a, e);
	if (!r)
		r = find_threads(a, e);
	if (!r)
		r = keep_those_that_ran(a, e);
	if (!r && !a->samples.nr)
		r = ask_kvm(a, e);
	for (int i = HOST; i <= GUEST && !r; i++)
		r = add_id(a, i, e);
	if (!r)
		r = add_threads(a, e);
	if (!r)
		r = add_times(a, e);
	for (int i = HOST; i <= GUEST && !r; i++)
		r = dat_append_finish(a->to[i], e);
	if (!r)
		tell(a);
	return r;
}

static int run(int argc, char **argv, struct err *e)
{
	struct attach a = { 0 };
	int status = parse(&a, argc, argv, e), r = status ? 0 : attach(&a, e);

	for (int i = HOST; i <= GUEST; i++)
		dat_append_free(a.to[i]);
	replay_free(a.rp);
	dat_reader_close(a.readers[GUEST]);
	vec_release(&a.samples);
	vec_release(&a.threads);
	return status ? status : r ? EXIT_FAILED : EXIT_OK;
}

const struct command attach_command = {
	.name = "attach",
	.summary = "join the files of a host and its guest that were recorded apart",
	.usage = "[options] HOSTFILE GUESTFILE [THREAD...]",
	.help = "  THREAD            ids of the host's threads that ran the guest's CPUs; without any all that ran some,\n"
		"                    if that was one guest's\n"
		"\n  -s OFFSET[,SCALE[,FRACTION[,TIME]]]\n"
		"                    what makes the guest's time the host's: (time * SCALE >> FRACTION) + OFFSET, from TIME\n"
		"                    on; for each CPU in turn, the last for all that follow. Without it: KVM is asked\n"
		"  -c CPUS           the guest has so many; as its file says\n"
		"  --name NAME       what the guest is called\n"
		"  -h, --help\n"
		"\nBoth files are added to, in place. Record the host with -e kvm -C tsc2nsec and the guest with -C x86-tsc.\n",
	.run = run,
};

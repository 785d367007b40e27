// SPDX-License-Identifier: GPL-2.0-or-later
/* setup-guest: the FIFOs over which a guest's data may come, where record -A looks for them. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "guest_libvirt.h"
#include "remote/fifo.h"

#define DIR_MODE 0750
#define FIFO_MODE 0660
#define PATH_BYTES 512

struct setup_guest {
	const char *guest;
	uint32_t cpus;			/* 0: libvirt knows */
	mode_t mode;
	gid_t group;			/* -1: as it comes */
	bool attach;
	unsigned made, kept;
};

static int take_mode(struct setup_guest *s, struct err *e)
{
	char *end;
	unsigned long mode = strtoul(optarg, &end, 8);

	if (end == optarg || *end || mode > 0777)
		return usage_error(e, "option -p: '%s' is not an octal mode like 0660", optarg);
	s->mode = mode;
	return EXIT_OK;
}

static int take_group(struct setup_guest *s, struct err *e)
{
	const struct group *g = getgrnam(optarg);

	if (!g)
		return usage_error(e, "option -g: there is no group '%s'", optarg);
	s->group = g->gr_gid;
	return EXIT_OK;
}

static int take_cpus(struct setup_guest *s, struct err *e)
{
	uint64_t v;

	if (parse_u64(optarg, &v) || !v || v > FIFO_CPUS_MAX)
		return usage_error(e, "option -c: '%s' is not a number from 1 to %u", optarg, FIFO_CPUS_MAX);
	s->cpus = v;
	return EXIT_OK;
}

static int parse(struct setup_guest *s, int argc, char **argv, struct err *e)
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int opt, status = EXIT_OK;

	optind = 0;			/* glibc: start afresh */
	opterr = 0;
	while (!status && (opt = getopt_long(argc, argv, ":c:p:g:ah", long_options, NULL)) != -1) {
		switch (opt) {
		case 'c': status = take_cpus(s, e); break;
		case 'p': status = take_mode(s, e); break;
		case 'g': status = take_group(s, e); break;
		case 'a': s->attach = true; break;
		case 'h': return EXIT_HELP;
		default: return option_refused(opt, argv, long_options, e);
		}
	}
	if (status)
		return status;
	if (argc - optind != 1)
		return usage_error(e, optind < argc ? "one guest at a time: '%s' is one too many" : "the guest's name is missing",
				   optind < argc ? argv[optind + 1] : "");
	s->guest = argv[optind];
	if (!fifo_guest_named(s->guest))
		return usage_error(e, "'%s' cannot be a guest's name: it names a folder", s->guest);
	return EXIT_OK;
}

/* Each part of the path that is missing. */
static int make_dirs(const struct setup_guest *s, char *path, struct err *e)
{
	snprintf(path, PATH_BYTES, FIFO_HOST_DIR "/%s", s->guest);
	for (char *slash = path; slash; ) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = 0;
		if (mkdir(path, DIR_MODE) < 0 && errno != EEXIST)
			return err_errno(e, -errno, "cannot make the folder %s", path);
		if (slash)
			*slash = '/';
	}
	return 0;
}

static int make_fifo(struct setup_guest *s, const char *path, struct err *e)
{
	struct stat st;

	if (!mkfifo(path, 0600)) {
		s->made++;
		if (s->group != (gid_t)-1 && chown(path, -1, s->group) < 0)
			return err_errno(e, -errno, "cannot give %s to the group", path);
		return chmod(path, s->mode) < 0 ? err_errno(e, -errno, "cannot set the mode of %s", path) : 0;
	}
	if (errno != EEXIST)
		return err_errno(e, -errno, "cannot make the FIFO %s", path);
	if (lstat(path, &st) < 0 || !S_ISFIFO(st.st_mode))
		return err_set(e, -EEXIST, "%s is in the way: it is no FIFO", path);
	s->kept++;
	return 0;
}

static int make_fifos(struct setup_guest *s, struct err *e)
{
	static const char *const ends[] = { "in", "out" };
	char dir[PATH_BYTES], path[PATH_BYTES + 64];
	int r = make_dirs(s, dir, e);

	for (uint32_t cpu = 0; cpu < s->cpus; cpu++) {
		for (size_t i = 0; i < ARRAY_SIZE(ends) && !r; i++) {
			snprintf(path, sizeof(path), "%s/" FIFO_NAME "%" PRIu32 ".%s", dir, cpu, ends[i]);
			r = make_fifo(s, path, e);
		}
	}
	return r;
}

static int attach_fifos(const struct setup_guest *s, struct err *e)
{
	char xml[2 * PATH_BYTES];
	int r = 0;

	for (uint32_t cpu = 0; cpu < s->cpus && !r; cpu++) {
		snprintf(xml, sizeof(xml), "<channel type='pipe'><source path='" FIFO_HOST_DIR "/%s/" FIFO_NAME "%" PRIu32 "'/>"
			 "<target type='virtio' name='" FIFO_NAME "%" PRIu32 "'/></channel>\n", s->guest, cpu, cpu);
		r = libvirt_attach(s->guest, xml, e);
	}
	return r;
}

static int run(int argc, char **argv, struct err *e)
{
	struct setup_guest s = { .mode = FIFO_MODE, .group = -1 };
	int status = parse(&s, argc, argv, e), r = 0;

	if (status)
		return status;
	if (!s.cpus)
		r = libvirt_vcpus(s.guest, &s.cpus, e);
	if (!r && s.cpus > FIFO_CPUS_MAX)
		r = err_set(e, -E2BIG, "'%s' has more CPUs than there can be FIFOs for (%u)", s.guest, FIFO_CPUS_MAX);
	if (!r)
		r = make_fifos(&s, e);
	if (!r && s.attach)
		r = attach_fifos(&s, e);
	if (r)
		return EXIT_FAILED;
	out_printf("%u FIFOs made, %u were there, in " FIFO_HOST_DIR "/%s\n", s.made, s.kept, s.guest);
	return EXIT_OK;
}

const struct command setup_guest_command = {
	.name = "setup-guest",
	.summary = "make FIFOs over which a guest's data come to this host",
	.usage = "[options] GUEST",
	.help = "  GUEST             its name, as libvirt and record -A have it\n"
		"\n  -c CPUS           it has so many; else virsh is asked\n"
		"  -p MODE           of the FIFOs, octal (0660)\n"
		"  -g GROUP          whose the FIFOs are\n"
		"  -a                give them to the guest as ports of virtio-serial, by virsh, from its next start on\n"
		"  -h, --help\n",
	.run = run,
};

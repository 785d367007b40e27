// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "instances.h"

static int add(struct instances *list, struct kernel_instance *in, struct err *e)
{
	for (size_t i = 0; i < list->nr; i++)
		if (list->v[i] == in)
			return EXIT_OK;
	if (vec_push(list, in)) {
		err_errno(e, -ENOMEM, "cannot list the instances");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

static int add_named(struct instances *list, struct kernel *k, const char *name, struct err *e)
{
	struct kernel_instance *in;

	if (kernel_instance_get(k, name, false, &in, e)) {
		err_wrap(e, "option -B");
		return EXIT_FAILED;
	}
	return add(list, in, e);
}

static int add_all(struct instances *list, struct kernel *k, struct err *e)
{
	struct kernel_words names = { 0 };
	int status = kernel_instance_names(k, &names, e) ? EXIT_FAILED : EXIT_OK;

	for (size_t i = 0; !status && i < names.nr; i++)
		status = add_named(list, k, names.v[i], e);
	if (!status && !names.nr)
		notice(&stderr_notices, "option -a: this kernel has no instances now");
	kernel_words_release(&names);
	return status;
}

int instances_add(struct instances *list, struct kernel *k, const struct instance_choice *choice, struct err *e)
{
	switch (choice->opt) {
	case 'B': return add_named(list, k, choice->name, e);
	case 'a': return add_all(list, k, e);
	default: return add(list, kernel_top(k), e);
	}
}

int instances_add_chosen(struct instances *list, struct kernel *k, const struct instance_choices *choices,
			 struct err *e)
{
	int status = EXIT_OK;

	for (size_t i = 0; !status && i < choices->nr; i++)
		status = instances_add(list, k, &choices->v[i], e);
	return choices->nr ? status : add(list, kernel_top(k), e);
}

void instances_release(struct instances *list)
{
	vec_release(list);
}

int instance_choice_make(int opt, const char *name, struct instance_choice *ret, struct err *e)
{
	if (opt == 'B' && !*name)
		return usage_error(e, "option -B: the instance's name is empty");
	*ret = (struct instance_choice){ .opt = opt, .name = name };
	return EXIT_OK;
}

int instance_choices_add(struct instance_choices *list, int opt, const char *name, struct err *e)
{
	struct instance_choice choice;
	int status = instance_choice_make(opt, name, &choice, e);

	if (!status && vec_push(list, choice)) {
		err_errno(e, -ENOMEM, "cannot read the command line");
		status = EXIT_FAILED;
	}
	return status;
}

void instance_choices_release(struct instance_choices *list)
{
	vec_release(list);
}

static int take_options(int argc, char **argv, bool all_has_top, struct instance_choices *choices, struct err *e)
{
	static const struct option long_options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int opt, status = EXIT_OK;

	optind = 0;
	opterr = 0;
	while (!status &&
	       (opt = getopt_long(argc, argv, all_has_top ? ":B:ah" : ":B:ath", long_options,
				  NULL)) != -1) {
		switch (opt) {
		case 'h':
			return EXIT_HELP;
		case 'B': case 'a': case 't':
			status = instance_choices_add(choices, opt, optarg, e);
			if (!status && opt == 'a' && all_has_top)
				status = instance_choices_add(choices, 't', NULL, e);
			break;
		default:
			status = option_refused(opt, argv, long_options, e);
		}
	}
	if (!status && optind < argc)
		status = usage_error(e, "'%s' takes no argument '%s'", argv[0], argv[optind]);
	return status;
}

int instances_from_options(int argc, char **argv, bool all_has_top, struct kernel **k,
			   struct instances *list, struct err *e)
{
	struct instance_choices choices = { 0 };
	int status = take_options(argc, argv, all_has_top, &choices, e);

	if (!status && kernel_open(NULL, &stderr_notices, k, e))
		status = EXIT_FAILED;
	if (!status) {
		kernel_keep_changes(*k, true);
		status = instances_add_chosen(list, *k, &choices, e);
	}
	instance_choices_release(&choices);
	return status;
}

int instance_print_file(const struct kernel_instance *in, const char *file, bool path_first, bool at_once,
			struct err *e)
{
	char path[4096], data[65536];
	int fd AUTO_CLOSE = -1;
	ssize_t n;

	if (kernel_instance_path(in, file, path, sizeof(path)))
		return err_errno(e, -ENAMETOOLONG, "cannot show %s", file);
	fd = control_file_open(path, O_RDONLY);
	if (fd < 0)
		return err_errno(e, fd, "cannot show %s", path);
	if (path_first)
		out_printf("%s\n", path);
	while (!out_closed()) {
		n = read(fd, data, sizeof(data));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, -errno, "cannot read %s", path);
		if (!n)
			break;
		out_put(data, n);
		if (at_once)
			out_flush();
	}
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Counts a file's events by name, instances included, with trace-cmd's interface. */
#include <stdio.h>
#include <stdlib.h>
#include <trace-cmd.h>

static int count(struct tracecmd_input *handle, struct tep_record *record, int cpu, void *data)
{
	unsigned int *counts = data, id = tep_data_type(tracecmd_get_tep(handle), record);

	(void)cpu;
	if (id < 65536)
		counts[id]++;
	return 0;	/* anything else would be the end */
}

static int count_all(struct tracecmd_input *handle, const char *name)
{
	unsigned int *counts = calloc(65536, sizeof(*counts));
	int ret = -1;

	if (counts)
		ret = tracecmd_iterate_events(handle, NULL, 0, count, counts);
	for (int id = 0; !ret && id < 65536; id++) {
		struct tep_event *event = counts[id] ? tep_find_event(tracecmd_get_tep(handle), id) : NULL;

		if (event)
			printf("%s%s/%s %u\n", name, event->system, event->name, counts[id]);
	}
	free(counts);
	return ret;
}

int main(int argc, char **argv)
{
	struct tracecmd_input *handle = argc == 2 ? tracecmd_open(argv[1], 0) : NULL;
	int ret;

	if (!handle) {
		fprintf(stderr, argc == 2 ? "trace-cmd-count: cannot open '%s'\n" : "trace-cmd-count: no file\n", argv[1]);
		return 1;
	}
	ret = count_all(handle, "");
	for (int i = 0; !ret && i < tracecmd_buffer_instances(handle); i++) {
		struct tracecmd_input *instance = tracecmd_buffer_instance_handle(handle, i);
		char name[256];

		snprintf(name, sizeof(name), "%s: ", tracecmd_buffer_instance_name(handle, i));
		ret = instance ? count_all(instance, name) : -1;
		tracecmd_close(instance);
	}
	tracecmd_close(handle);
	return ret ? 1 : 0;
}

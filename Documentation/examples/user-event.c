// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Serves requests of its own making, and tells the kernel's trace of each. Record it with
 *
 *	tracecmd record -e user_events:app_request user-event 1000
 *
 * cc user-event.c $(pkg-config --cflags --libs libtracecmd-user-event)
 */
#include <stdio.h>
#include <stdlib.h>
#include <tracecmd-user-event.h>

static struct tracecmd_user_event request_event;

static void serve(uint32_t id, const char *path)
{
	uint64_t bytes = 100 * (uint64_t)id;

	/* While nobody records it, this is all that is done. */
	if (tracecmd_user_event_enabled(&request_event)) {
		/* the fields one behind the other, as the definition has them */
		struct {
			uint32_t id;
			uint64_t bytes;
			uint32_t path;
		} __attribute__((packed)) fields = { .id = id, .bytes = bytes };
		struct tracecmd_user_record record;

		tracecmd_user_record_begin(&record, &fields, sizeof(fields));
		tracecmd_user_record_string(&record, &fields.path, path);
		tracecmd_user_record_write(&record, &request_event);
	}
}

int main(int argc, char **argv)
{
	unsigned int requests = argc > 1 ? strtoul(argv[1], NULL, 0) : 10;
	struct tracecmd_error error;
	char path[32];

	/* A program need not mind; this one tells why it cannot be watched. */
	if (tracecmd_user_event_register(&request_event, "app_request u32 id; u64 bytes; __rel_loc char[] path", 0,
					 &error) < 0)
		fprintf(stderr, "user-event: going on without events: %s\n", error.text);
	for (unsigned int i = 0; i < requests; i++) {
		snprintf(path, sizeof(path), "/item/%u", i);
		serve(i, path);
	}
	tracecmd_user_event_unregister(&request_event, NULL);
	printf("%u requests served\n", requests);
	return 0;
}

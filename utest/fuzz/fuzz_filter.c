// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A filter and a record, both of the input's making, over formats with all kinds
 * of fields. What a filter lets through must be what it leaves out as an
 * exclusion, and what it is described as must mean the same.
 *
 * The input: a byte of options (1: big endian, 2: a selection by globs, too), a
 * little-endian 16-bit length for each of the filter's and the selection's text,
 * these, and the record.
 */
#include <errno.h>
#include <stdlib.h>

#include "event/event.h"
#include "../formats.h"

static const char *const formats[] = {
	"one", COMMON("ev", 300)
	"\tfield:s8 tiny;\toffset:8;\tsize:1;\tsigned:1;\n"
	"\tfield:u8 byte;\toffset:9;\tsize:1;\tsigned:0;\n"
	"\tfield:s16 half;\toffset:10;\tsize:2;\tsigned:1;\n"
	"\tfield:u32 word;\toffset:12;\tsize:4;\tsigned:0;\n"
	"\tfield:u64 big;\toffset:16;\tsize:8;\tsigned:0;\n"
	"\tfield:long ret;\toffset:24;\tsize:8;\tsigned:1;\n"
	"\tfield:char fix[4];\toffset:32;\tsize:4;\tsigned:0;\n"
	"\tfield:__data_loc char[] dyn;\toffset:36;\tsize:4;\tsigned:0;\n"
	"\tfield:__rel_loc char[] rel;\toffset:40;\tsize:4;\tsigned:0;\n"
	"\tfield:__data_loc u32[] list;\toffset:44;\tsize:4;\tsigned:0;\n"
	"\nprint fmt: \"\"\n",
	"two", COMMON("ev2", 301) "\tfield:int word;\toffset:8;\tsize:4;\tsigned:1;\n"
	"\tfield:int pid;\toffset:12;\tsize:4;\tsigned:1;\n\nprint fmt: \"\"\n",
	"two", COMMON("rest", 302) "\tfield:char buf[];\toffset:8;\tsize:0;\tsigned:0;\n\nprint fmt: \"\"\n",
};

static struct event_filter *make_filter(struct event_db *db, const char *text, const char *globs,
					bool exclude)
{
	static const int pids[] = { 77, -1, 5 };
	struct event_filter *f;
	struct err e = { 0 };

	if (event_filter_new(db, &f, NULL))
		return NULL;
	if (event_filter_add(f, text, exclude, &e) >= 0 &&
	    (!globs || (event_filter_select(f, globs, exclude, &e) != -EINVAL && (exclude ||
	     !event_filter_add_pids(f, pids, ARRAY_SIZE(pids), &e)))))
		return f;
	if (!*e.text)
		abort();
	event_filter_free(f);
	return NULL;
}

/* The line for event "one:ev" as a filter; NULL: there is none. */
static char *described(struct event_filter *f)
{
	static const char start[] = "one:ev";
	struct buf out = { 0 };
	char *line = NULL;

	event_filter_describe(f, &out);
	for (char *p = out.data; p && !line; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (!strncmp(p, start, strlen(start)) && (p[6] == ':' || p[6] == '\n')) {
			line = strndup(p, strcspn(p, "\n"));
			line[3] = '/';
		}
		if (!*p)
			break;
	}
	buf_release(&out);
	return line;
}

static void check_description(struct event_db *db, struct event_filter *f, const char *text,
			      const struct event_record *rec, bool wanted)
{
	char *line = strchr(text, '\n') ? NULL : described(f);
	struct event_filter *again;
	struct err e = { 0 };

	if (!line || event_db_record_id(db, rec->data, rec->len) != 300 ||
	    event_filter_new(db, &again, NULL)) {
		free(line);
		return;
	}
	/* parentheses are added where the text did without */
	if (event_filter_add(again, line, false, &e) == 1) {
		if (event_filter_match(again, rec) != wanted)
			abort();
	} else if (!strstr(e.text, "levels deep") && !strstr(e.text, "no event it names has")) {
		abort();
	}
	event_filter_free(again);
	free(line);
}

static void try_filter(struct event_db *db, const char *text, const char *globs,
		       const struct event_record *rec)
{
	struct event_filter *f = make_filter(db, text, globs, false);
	struct event_filter *not = make_filter(db, text, globs, true);
	bool wanted, unwanted;

	if (f && not) {
		wanted = event_filter_match(f, rec);
		unwanted = !event_filter_match(not, rec);
		if (event_filter_match(f, rec) != wanted)
			abort();
		if (!globs && wanted != unwanted)
			abort();
		if (!globs)
			check_description(db, f, text, rec, wanted);
	}
	event_filter_free(f);
	event_filter_free(not);
}

static char *take_text(const uint8_t **data, size_t *size, size_t len)
{
	char *text;

	if (len > *size)
		len = *size;
	text = strndup((const char *)*data, len);
	*data += len;
	*size -= len;
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_db_opts opts = { .long_size = 8, .page_size = 4096, .cpus = 2 };
	size_t text_len, globs_len;
	char *text, *globs;
	struct event_db *db;
	unsigned options;
	void *copy;

	if (size < 5)
		return 0;
	options = data[0];
	text_len = data[1] | data[2] << 8;
	globs_len = data[3] | data[4] << 8;
	data += 5;
	size -= 5;
	tep_set_loglevel(TEP_LOG_NONE);
	opts.big_endian = options & 1;
	if (event_db_new(&opts, &db, NULL))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(formats); i += 2)
		event_db_add_format(db, formats[i], formats[i + 1], strlen(formats[i + 1]), NULL);
	event_db_add_kallsyms(db, "1000 T func\n2000 T end\n", 23);
	text = take_text(&data, &size, text_len);
	globs = options & 2 ? take_text(&data, &size, globs_len) : NULL;
	/* an exact copy, so that a byte read too much is noticed */
	copy = malloc(size ? size : 1);
	if (text && copy) {
		struct event_record rec = { .data = memcpy(copy, data, size), .len = size,
					    .avail = size, .cpu = 3 };

		try_filter(db, text, globs, &rec);
	}
	free(copy);
	free(text);
	free(globs);
	event_db_free(db);
	return 0;
}

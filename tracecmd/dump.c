// SPDX-License-Identifier: GPL-2.0-or-later
/* dump: what a trace file consists of, but for its events. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>

#include "dump.h"
#include "input.h"
#include "sync_info.h"
#include "validate.h"

/* ---- sections ---- */

const struct dat_section *dump_section_at(struct dump *d, uint64_t offset)
{
	for (unsigned i = 0; i < dat_reader_nr_sections(d->r); i++)
		if (dat_reader_section(d->r, i)->offset == offset)
			return dat_reader_section(d->r, i);
	return NULL;
}

static const char *section_text(struct dump *d, const struct dat_section *s)
{
	const char *text = dat_reader_string(d->r, s->desc);

	return text ? text : "Unknown";
}

void dump_section_line(struct dump *d, const struct dat_section *s)
{
	if (s && dat_reader_header(d->r)->version == 7)
		out_printf("\t[Section %u @ %" PRIu64 ": \"%s\", flags 0x%x, %" PRIu64 " bytes]\n", s->id,
			   s->offset, section_text(d, s), s->flags, s->size);
}

/* The line of the section that holds block @id, unless only a summary is wanted. */
static void block_section_line(struct dump *d, enum dat_id id, unsigned bits)
{
	struct cur c;

	if (!(d->what & bits) || dat_reader_block(d->r, id, &c, NULL) <= 0)
		return;
	for (unsigned i = 0; i < dat_reader_nr_sections(d->r); i++)
		if (dat_reader_section(d->r, i)->body == c.base)
			dump_section_line(d, dat_reader_section(d->r, i));
}

/* One line of --sections. */
static void section_row(struct dump *d, const struct dat_section *s)
{
	bool data = s->id == DAT_BUFFER || s->id == DAT_BUFFER_TEXT;
	uint8_t sizes[8];

	out_printf("\t[Section %2u @ %-16" PRIu64 "\t\"%s\", flags 0x%x, ", s->id, s->offset,
		   section_text(d, s), s->flags);
	if (!(s->flags & DAT_SECTION_COMPRESSED))
		out_printf("%" PRIu64 " bytes]\n", s->size);
	else if (data || s->size < sizeof(sizes) ||
		 dat_reader_pread(d->r, sizes, sizeof(sizes), s->body, NULL))
		out_printf("%" PRIu64 " compressed bytes]\n", s->size);
	else
		out_printf("%u compressed, %u uncompressed]\n",
			   get_u32(sizes, dat_reader_header(d->r)->big_endian),
			   get_u32(sizes + 4, dat_reader_header(d->r)->big_endian));
}

static void dump_sections(struct dump *d)
{
	unsigned nr = dat_reader_nr_sections(d->r);

	if (dat_reader_header(d->r)->version != 7)
		return;
	for (unsigned i = 0; i < nr && d->what & DUMP_SECTIONS; i++)
		section_row(d, dat_reader_section(d->r, i));
	out_printf("\t[%u sections]\n", nr);
}

static void dump_strings(struct dump *d)
{
	const char *s;
	int32_t id = 0;

	if (dat_reader_header(d->r)->version != 7)
		return;
	out_printf("\t[String @ offset]\n");
	while ((s = dat_reader_string(d->r, id))) {
		out_printf("\t\t\"%s\" @ %d\n", s, id);
		id += strlen(s) + 1;
	}
}

/* ---- metadata ---- */

static void dump_initial(struct dump *d)
{
	const struct dat_header *h = dat_reader_header(d->r);

	out_printf("\n Tracing meta data in file %s:\n\t[Initial format]\n", dat_reader_name(d->r));
	out_printf("\t\t%u\t[Version]\n\t\t%u\t[%s endian]\n\t\t%u\t[Bytes in a long]\n"
		   "\t\t%u\t[Page size, bytes]\n", h->version, h->big_endian,
		   h->big_endian ? "Big" : "Little", h->long_size, h->page_size);
	if (h->version == 7)
		out_printf("\t\t%s\t[Compression algorithm]\n\t\t%s\t[Compression version]\n",
			   h->codec_name, h->codec_version);
}

/* A title with a length, and the text if its bit is set. */
static void print_text(struct dump *d, const char *title, struct dat_text text, unsigned bit)
{
	if (!(d->what & (bit | DUMP_SUMMARY)))
		return;
	out_printf("\t[%s, %" PRIu64 " bytes]\n", title, text.len);
	if (d->what & bit) {
		out_put(text.data, text.len);
		out_printf("\n");
	}
}

static int dump_head(struct dump *d, struct err *e)
{
	struct dat_text page, event;
	int r;

	if (!(d->what & (DUMP_HEAD_PAGE | DUMP_HEAD_EVENT | DUMP_SUMMARY)))
		return 0;
	r = dat_reader_header_texts(d->r, &page, &event, e);
	if (r <= 0)
		return r;
	block_section_line(d, DAT_HEADER_INFO, DUMP_HEAD_PAGE | DUMP_HEAD_EVENT);
	print_text(d, "Header page", page, DUMP_HEAD_PAGE);
	print_text(d, "Header event", event, DUMP_HEAD_EVENT);
	return 0;
}

static int on_system(void *ctx, const char *system, uint32_t formats)
{
	struct dump *d = ctx;

	if (d->what & DUMP_SYSTEMS)
		out_printf("\t\t%s %u [system, events]\n", system, formats);
	return 0;
}

static int on_format(void *ctx, const char *system, struct dat_text format)
{
	(void)ctx;
	(void)system;
	out_put(format.data, format.len);
	out_printf("\n");
	return out_closed();
}

/* FTRACE_EVENTS or EVENT_FORMATS: a title with a count, then what is wanted. */
static int dump_formats(struct dump *d, enum dat_id id, struct err *e)
{
	bool ftrace = id == DAT_FTRACE_EVENTS;
	unsigned texts = ftrace ? DUMP_FTRACE_EVENTS : DUMP_EVENTS;
	unsigned bits = texts | (ftrace ? 0 : DUMP_SYSTEMS);
	struct dat_format_fns fns = {
		.on_system = ftrace ? NULL : on_system,
		.on_format = d->what & texts ? on_format : NULL,
	};
	uint32_t count;
	struct cur c;
	int r;

	if (!(d->what & (bits | DUMP_SUMMARY)))
		return 0;
	r = dat_reader_block(d->r, id, &c, e);
	if (r <= 0)
		return r;
	block_section_line(d, id, bits);
	if (!cur_u32(&c, &count))
		count = 0;
	if (ftrace)
		out_printf("\t[Ftrace format, %u events]\n", count);
	else
		out_printf("\t[Events format, %u systems]\n", count);
	return d->what & bits ? dat_reader_systems(d->r, id, &fns, d, e) : 0;
}

static int dump_text(struct dump *d, enum dat_id id, const char *title, unsigned bit, struct err *e)
{
	struct dat_text text;
	int r;

	if (!(d->what & (bit | DUMP_SUMMARY)))
		return 0;
	r = dat_reader_text(d->r, id, &text, e);
	if (r <= 0)
		return r;
	block_section_line(d, id, bit);
	print_text(d, title, text, bit);
	return 0;
}

/* Sections that are a text, and nothing more. */
static int dump_modules(struct dump *d, struct err *e)
{
	struct cur c;
	int r = 0;

	if (d->what & (DUMP_MODULES | DUMP_SUMMARY))
		r = dat_reader_block(d->r, DAT_MODULES_FILE, &c, e);
	if (r > 0) {
		block_section_line(d, DAT_MODULES_FILE, DUMP_MODULES);
		print_text(d, "Modules", (struct dat_text){ (const char *)c.data, c.len },
			   DUMP_MODULES);
	}
	if (r >= 0 && d->what & DUMP_SUMMARY) {
		r = dat_reader_block(d->r, DAT_BTF_FILE, &c, e);
		if (r > 0)
			out_printf("\t[BTF, %" PRIu64 " bytes]\n", c.len);
	}
	return r < 0 ? r : 0;
}

static int dump_metadata(struct dump *d, struct err *e)
{
	int r = dump_head(d, e);

	if (!r)
		r = dump_formats(d, DAT_FTRACE_EVENTS, e);
	if (!r)
		r = dump_formats(d, DAT_EVENT_FORMATS, e);
	if (!r)
		r = dump_text(d, DAT_KALLSYMS, "Kallsyms", DUMP_KALLSYMS, e);
	if (!r)
		r = dump_text(d, DAT_PRINTK, "Trace printk", DUMP_PRINTK, e);
	if (!r)
		r = dump_text(d, DAT_CMDLINES, "Saved command lines", DUMP_CMD_LINES, e);
	if (!r)
		r = dump_modules(d, e);
	return r;
}

/* ---- buffers ---- */

static void buffer_line(const struct dat_buffer *b)
{
	uint64_t bytes = 0;

	out_printf("\t[buffer \"%s\", \"%s\" clock, ", b->name, b->clock);
	if (b->text) {
		out_printf("latency data]\n");
		return;
	}
	for (uint32_t i = 0; i < b->nr_cpus; i++)
		bytes += b->cpus[i].size;
	out_printf("%u page size, %u cpus, %" PRIu64 " bytes flyrecord data]\n", b->page_size,
		   b->nr_cpus, bytes);
}

/* Version 7: each buffer's section and option, in the order of the options. */
static void dump_v7_buffers(struct dump *d)
{
	for (unsigned i = 0; i < dat_reader_nr_options(d->r) && d->what & DUMP_FLYRECORD; i++) {
		const struct dat_option *o = dat_reader_option(d->r, i);

		if (o->id != DAT_BUFFER && o->id != DAT_BUFFER_TEXT)
			continue;
		if (o->size >= 8)
			dump_section_line(d, dump_section_at(d, get_u64(o->data,
							dat_reader_header(d->r)->big_endian)));
		dump_option(d, o);
	}
	for (unsigned i = 0; i < dat_reader_nr_buffers(d->r) && d->what & DUMP_SUMMARY; i++)
		buffer_line(dat_reader_buffer(d->r, i));
}

static void dump_v6_buffers(struct dump *d)
{
	for (unsigned i = 0; i < dat_reader_nr_options(d->r) && d->what & DUMP_FLYRECORD; i++)
		if (dat_reader_option(d->r, i)->id == DAT_BUFFER)
			dump_option(d, dat_reader_option(d->r, i));
	for (unsigned i = 0; i < dat_reader_nr_buffers(d->r); i++) {
		const struct dat_buffer *b = dat_reader_buffer(d->r, i);

		if (b->text)
			out_printf("\t[Latency tracing data]\n");
		else if (b->name[0])
			out_printf("\t[Flyrecord tracing data of buffer \"%s\"]\n", b->name);
		else
			out_printf("\t[Flyrecord tracing data]\n");
		for (uint32_t k = 0; k < b->nr_cpus && d->what & DUMP_FLYRECORD; k++)
			out_printf("\t %10" PRIu64 " %10" PRIu64 "\t[offset, size of cpu %u]\n",
				   b->cpus[k].offset, b->cpus[k].size, b->cpus[k].cpu);
	}
}

static void dump_clock(struct dump *d)
{
	const struct dat_info *info = dat_reader_info(d->r);

	if (d->what & DUMP_CLOCK && info->trace_clock)
		out_printf("%s\n", info->trace_clock);
	if (dat_reader_header(d->r)->version == 6 && info->clock[0])
		out_printf("\t[Tracing clock]\n\t\t[%s]\n", info->clock);
}

static int dump_all(struct dump *d, struct err *e)
{
	bool v7 = dat_reader_header(d->r)->version == 7;
	int r;

	if (d->what & DUMP_SUMMARY)
		dump_initial(d);
	r = dump_metadata(d, e);
	if (r < 0)
		return r;
	if (!v7 && d->what & DUMP_SUMMARY && dat_reader_nr_buffers(d->r))
		out_printf("\t%u [CPUs with tracing data]\n", dat_reader_info(d->r)->cpu_count);
	if (d->what & (DUMP_OPTIONS | DUMP_SUMMARY))
		dump_options(d);
	if (v7)
		dump_v7_buffers(d);
	else if (d->what & (DUMP_FLYRECORD | DUMP_SUMMARY))
		dump_v6_buffers(d);
	if (d->what & (DUMP_CLOCK | (v7 ? 0 : DUMP_SUMMARY)))
		dump_clock(d);
	if (d->what & DUMP_STRINGS)
		dump_strings(d);
	if (d->what & (DUMP_SECTIONS | DUMP_SUMMARY))
		dump_sections(d);
	/* --all tells it where there is something to tell */
	if (d->what & DUMP_SYNC && (d->what != DUMP_ALL || dat_reader_info(d->r)->time_shift.present))
		sync_info_print(dat_reader_info(d->r));
	if (d->what & DUMP_SUMMARY)
		dump_losses(d);
	return 0;
}

/* ---- the command ---- */

enum { OPT_VALIDATE = 'v', OPT_VERBOSE = 256, OPT_WHAT = 1 << 16 };

#define WHAT(name, bit) { name, no_argument, NULL, OPT_WHAT | (bit) }
static const struct option long_options[] = {
	WHAT("summary", DUMP_SUMMARY),
	WHAT("head-page", DUMP_HEAD_PAGE),
	WHAT("head-event", DUMP_HEAD_EVENT),
	WHAT("ftrace-events", DUMP_FTRACE_EVENTS),
	WHAT("systems", DUMP_SYSTEMS),
	WHAT("events", DUMP_EVENTS),
	WHAT("kallsyms", DUMP_KALLSYMS),
	WHAT("printk", DUMP_PRINTK),
	WHAT("cmd-lines", DUMP_CMD_LINES),
	WHAT("options", DUMP_OPTIONS),
	WHAT("flyrecord", DUMP_FLYRECORD),
	WHAT("clock", DUMP_CLOCK),
	WHAT("strings", DUMP_STRINGS),
	WHAT("sections", DUMP_SECTIONS),
	WHAT("modules", DUMP_MODULES),
	WHAT("sync", DUMP_SYNC),
	WHAT("all", DUMP_ALL),
	{ "validate", no_argument, NULL, OPT_VALIDATE },
	{ "verbose", optional_argument, NULL, OPT_VERBOSE },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static int parse(int argc, char **argv, const char **path, unsigned *what, bool *validate,
		 struct err *e)
{
	uint64_t level;		/* trace-cmd's: there is nothing to tell but the notices that are told anyway */
	int o;

	opterr = 0;
	while ((o = getopt_long(argc, argv, ":hi:v", long_options, NULL)) >= 0) {
		if (o & OPT_WHAT)
			*what |= o & ~OPT_WHAT;
		else if (o == OPT_VALIDATE)
			*validate = true;
		else if (o == OPT_VERBOSE && verbose_level(optarg, &level, e))
			return EXIT_USAGE;
		else if (o == 'i')
			*path = optarg;
		else if (o == 'h')
			return EXIT_HELP;
		else if (o != OPT_VERBOSE)
			return option_refused(o, argv, long_options, e);
	}
	if (optind < argc && !*path)
		*path = argv[optind++];
	if (optind < argc)
		return usage_error(e, "'%s' is one file name too many", argv[optind]);
	if (!*path)
		*path = "trace.dat";
	if (!*what)
		*what = DUMP_SUMMARY;
	return 0;
}

static int run(int argc, char **argv, struct err *e)
{
	struct dump d = { 0 };
	struct input in;
	const char *path = NULL;
	bool validate = false;
	int r = parse(argc, argv, &path, &d.what, &validate, e);

	if (r)
		return r;
	if (input_open(path, &stderr_notices, &in, e))
		return EXIT_FAILED;
	d.r = in.reader;
	r = validate ? validate_file(d.r, e) : dump_all(&d, e);
	if (!r && validate && !in.cut)
		out_printf("File %s is a valid trace-cmd file\n", path);
	if (dat_reader_cut(d.r, NULL))
		r = EXIT_FAILED;	/* the notices have told why */
	if (in.cut) {
		notice(&stderr_notices, "%s", in.cut);
		r = EXIT_FAILED;
	}
	input_release(&in);
	dat_reader_close(d.r);
	return r < 0 ? EXIT_FAILED : r;
}

const struct command dump_command = {
	.name = "dump",
	.summary = "print what a trace file consists of",
	.usage = "[options] [FILE]",
	.help =
	"  -i FILE           file to read (default: trace.dat)\n"
	"  -v, --validate    read all of it and say whether it is valid\n"
	"  --verbose[=LEVEL] accepted, as trace-cmd has it\n"
	"what to print:\n"
	"  --summary         a line for each part, and what was lost (the default)\n"
	"  --head-page       description of a sub-buffer's head\n"
	"  --head-event      description of the entries in it\n"
	"  --ftrace-events   formats of the internal events\n"
	"  --systems         event systems\n"
	"  --events          formats of the events\n"
	"  --kallsyms        symbols of the kernel\n"
	"  --printk          format strings of trace_printk\n"
	"  --cmd-lines       names of processes\n"
	"  --options         the options\n"
	"  --flyrecord       where the data of the CPUs are\n"
	"  --clock           the trace clock\n"
	"  --strings         names of sections\n"
	"  --sections        the section headers\n"
	"  --modules         list of the kernel's modules\n"
	"  --sync            how the clock was compared with that of a host\n"
	"  --all             all of these\n",
	.run = run,
};

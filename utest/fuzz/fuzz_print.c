// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Print programs against libtraceevent. The input's bytes choose: fields, a
 * print format of the kernel's grammar with arguments that mostly suit its
 * conversions, and records. Each record's text must be the same by both.
 */
#include <stdio.h>
#include <stdlib.h>

#include "event/db.h"
#include "../leaks.h"

#define FIELDS_MAX 8
#define EVENT_ID 99

/* ---- the input: an endless row of choices ------------------------------------------------ */

struct input { const uint8_t *data; size_t len, pos; };

static unsigned byte(struct input *in)
{
	return in->pos < in->len ? in->data[in->pos++] : 0;
}

static unsigned pick(struct input *in, unsigned n)
{
	return byte(in) % n;
}

/* One of the words of a list, "a|b|c". */
static void put_one(struct input *in, struct buf *out, const char *words)
{
	unsigned n = 1, chosen;

	for (const char *p = words; *p; p++)
		n += *p == '|';
	for (chosen = pick(in, n); chosen; chosen--)
		words = strchr(words, '|') + 1;
	buf_put(out, words, strcspn(words, "|"));
}

/* ---- fields --------------------------------------------------------------------------------- */

enum shape { NUMBER, STRING, BYTES, NUMBERS, DYNAMIC_STRING, DYNAMIC_BYTES, REST };
struct field { enum shape shape; unsigned offset, size, elements; bool relative; };
struct fields { struct field v[FIELDS_MAX]; unsigned nr, end; };

static const struct kind {
	const char *type, *after;	/* the name stands in between */
	enum shape shape;
	unsigned size, elements;
	bool is_signed;
} kinds[] = {
	{ "int ", "", NUMBER, 4, 0, true }, { "unsigned int ", "", NUMBER, 4, 0, false },
	{ "u8 ", "", NUMBER, 1, 0, false }, { "s8 ", "", NUMBER, 1, 0, true },
	{ "u16 ", "", NUMBER, 2, 0, false }, { "short ", "", NUMBER, 2, 0, true },
	{ "u64 ", "", NUMBER, 8, 0, false }, { "long ", "", NUMBER, 8, 0, true },
	{ "unsigned long ", "", NUMBER, 8, 0, false }, { "void * ", "", NUMBER, 8, 0, false },
	{ "unsigned long ", "", NUMBER, 4, 0, false }, { "const char * ", "", NUMBER, 8, 0, false },
	{ "bool ", "", NUMBER, 1, 0, false }, { "uuid_t ", "", BYTES, 16, 0, false },
	{ "char ", "[16]", STRING, 16, 16, true }, { "char ", "[5]", STRING, 5, 5, true },
	{ "u8 ", "[4]", BYTES, 4, 4, false }, { "u8 ", "[6]", BYTES, 6, 6, false },
	{ "__u8 ", "[16]", BYTES, 16, 16, false }, { "u8 ", "[28]", BYTES, 28, 28, false },
	{ "u16 ", "[4]", NUMBERS, 8, 4, false }, { "u32 ", "[2]", NUMBERS, 8, 2, false },
	{ "unsigned long ", "[3]", NUMBERS, 24, 3, false }, { "u8 ", "[3]", BYTES, 3, 3, false },
	{ "s64 ", "[]", NUMBERS, 32, 4, true },
	{ "__data_loc char[] ", "", DYNAMIC_STRING, 4, 0, true },
	{ "__rel_loc char[] ", "", DYNAMIC_STRING, 4, 0, true },
	{ "__data_loc u8[] ", "", DYNAMIC_BYTES, 4, 0, false },
	{ "__rel_loc u8[] ", "", DYNAMIC_BYTES, 4, 0, false },
	{ "__data_loc u16[] ", "", DYNAMIC_BYTES, 4, 0, false },
	{ "__data_loc u32[] ", "", DYNAMIC_BYTES, 4, 0, false },
	{ "__data_loc unsigned long[] ", "", DYNAMIC_BYTES, 4, 0, false },
	{ "__data_loc cpumask_t ", "", DYNAMIC_BYTES, 4, 0, false },
};

static void put_field(struct input *in, struct fields *fs, bool last, struct buf *out)
{
	static const struct kind rest = { "char ", "[]", REST, 0, 0, true };
	const struct kind *k = &kinds[pick(in, ARRAY_SIZE(kinds))];
	struct field *f = &fs->v[fs->nr];

	if (last && !pick(in, 6))
		k = &rest;
	*f = (struct field){ .shape = k->shape, .offset = fs->end, .size = k->size,
			     .elements = k->elements, .relative = k->type[2] == 'r' };
	buf_printf(out, "\tfield:%sf%u%s;\toffset:%u;\tsize:%u;\tsigned:%d;\n", k->type, fs->nr,
		   k->after, fs->end, k->size, k->is_signed);
	fs->end += k->size;
	fs->nr++;
}

static void put_head(struct input *in, struct fields *fs, struct buf *out)
{
	unsigned nr = 1 + pick(in, FIELDS_MAX);

	buf_printf(out, "name: ev\nID: %u\nformat:\n"
		   "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		   "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
		   "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
		   "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n", EVENT_ID);
	fs->end = 8;
	while (fs->nr < nr)
		put_field(in, fs, fs->nr + 1 == nr, out);
}

/* A field of a shape, if there is one; else any. */
static unsigned find(struct input *in, const struct fields *fs, enum shape shape)
{
	unsigned start = pick(in, fs->nr);

	for (unsigned i = 0; i < fs->nr; i++)
		if (fs->v[(start + i) % fs->nr].shape == shape)
			return (start + i) % fs->nr;
	return start;
}

/* ---- arguments ---------------------------------------------------------------------------------- */

static void put_number(struct input *in, const struct fields *fs, unsigned depth, struct buf *out);

static void put_constant(struct input *in, struct buf *out)
{
	switch (pick(in, 4)) {
	case 0:
		buf_printf(out, "%u", byte(in));
		break;
	case 1:
		buf_printf(out, "0x%x", byte(in) << pick(in, 24));
		break;
	case 2:
		put_one(in, out, "0|1|2|3|-1|010|0xffffffff|0xffffffffffffffff|1UL|8ULL|63|'a'|-5|0x80000000");
		break;
	default:
		buf_printf(out, "%u", 1u << pick(in, 31));
	}
}

static void put_dynamic(struct input *in, const struct fields *fs, const char *what, struct buf *out)
{
	unsigned f = find(in, fs, pick(in, 2) ? DYNAMIC_STRING : DYNAMIC_BYTES);

	buf_printf(out, "__get_%s%s(f%u)", fs->v[f].relative && pick(in, 8) ? "rel_" : "", what, f);
}

static void put_cast(struct input *in, struct buf *out)
{
	static const char types[] = "int|unsigned int|unsigned long|long|u8|s8|u16|s16|u32|s32|u64|s64|"
		"char|unsigned char|short|unsigned short|void *|char *|long long|unsigned long long|"
		"uint|bool|size_t|pid_t|enum foo|struct bar *|u8 *|u16 *|u32 *|u64 *|int *|short *";

	buf_puts(out, "(");
	put_one(in, out, types);
	buf_puts(out, ")");
}

static void put_index(struct input *in, const struct fields *fs, unsigned depth, struct buf *out)
{
	bool dynamic = !pick(in, 3);

	if (dynamic || pick(in, 2)) {
		buf_puts(out, "(");
		put_cast(in, out);
		if (dynamic)
			put_dynamic(in, fs, "dynamic_array", out);
		else
			buf_printf(out, "REC->f%u", find(in, fs, NUMBERS));
		buf_puts(out, ")");
	} else {
		buf_printf(out, "REC->f%u", find(in, fs, pick(in, 4) ? NUMBERS : BYTES));
	}
	buf_puts(out, "[");
	if (pick(in, 3))
		buf_printf(out, "%u", pick(in, 4));
	else
		put_number(in, fs, depth, out);
	buf_puts(out, "]");
}

static void put_leaf(struct input *in, const struct fields *fs, struct buf *out)
{
	switch (pick(in, 6)) {
	case 0:
		put_constant(in, out);
		break;
	case 1:
		put_one(in, out, "REC->common_pid|REC->common_type|REC->common_flags");
		break;
	case 2:
		put_dynamic(in, fs, "dynamic_array_len", out);
		break;
	default:
		buf_printf(out, "REC->f%u", find(in, fs, NUMBER));
	}
}

static void put_number(struct input *in, const struct fields *fs, unsigned depth, struct buf *out)
{
	if (!depth || !pick(in, 3)) {
		put_leaf(in, fs, out);
		return;
	}
	depth--;
	switch (pick(in, 7)) {
	case 0:
		put_cast(in, out);
		put_number(in, fs, depth, out);
		break;
	case 1:
		put_one(in, out, "-|~|!|+");
		put_number(in, fs, depth, out);
		break;
	case 2:
		buf_puts(out, "(");
		put_number(in, fs, depth, out);
		buf_puts(out, ")");
		break;
	case 3:
		put_number(in, fs, depth, out);
		buf_puts(out, " ? ");
		put_number(in, fs, depth, out);
		buf_puts(out, " : ");
		put_number(in, fs, depth, out);
		break;
	case 4:
		put_index(in, fs, depth, out);
		break;
	default:
		buf_puts(out, pick(in, 2) ? "(" : "((");
		put_number(in, fs, depth, out);
		buf_puts(out, out->data[out->len - 1] == '(' ? "" : ") ");
		put_one(in, out, "+|-|*|/|%|&||^|<<|>>|<|>|<=|>=|==|!=|&&|||");
		buf_puts(out, " (");
		put_number(in, fs, depth, out);
		buf_puts(out, ")");
	}
}

static void put_names(struct input *in, struct buf *out)
{
	for (unsigned n = 1 + pick(in, 6); n; n--) {
		buf_puts(out, ", { ");
		if (pick(in, 4))
			buf_printf(out, "%u", pick(in, 3) ? 1u << pick(in, 16) : byte(in));
		else
			put_one(in, out, "0|-1|1UL << 3|0x10|HI_SOFTIRQ|RCU_SOFTIRQ|UNKNOWN|(1 << 4)|HRTIMER_RESTART|0xffffffffffffffff|600|1|08");
		buf_printf(out, ", \"%c%s\" }", 'A' + pick(in, 26), pick(in, 3) ? "" : " long");
	}
}

static void put_flags(struct input *in, const struct fields *fs, struct buf *out)
{
	bool flags = pick(in, 2);

	buf_puts(out, flags ? "__print_flags(" : "__print_symbolic(");
	put_number(in, fs, 2, out);
	if (flags) {
		buf_puts(out, ", ");
		put_one(in, out, "\"|\"|\"\"|\", \"|\"-\"|NULL");
	}
	put_names(in, out);
	buf_puts(out, ")");
}

static void put_list(struct input *in, const struct fields *fs, struct buf *out)
{
	bool array;

	put_one(in, out, "__print_hex(|__print_hex_str(|__print_array(");
	array = out->data[out->len - 2] == 'y';
	if (pick(in, 2))
		put_dynamic(in, fs, "dynamic_array", out);
	else
		buf_printf(out, "REC->f%u", find(in, fs, pick(in, 2) ? NUMBERS : BYTES));
	buf_puts(out, ", ");
	if (pick(in, 3))
		buf_printf(out, "%u", pick(in, 9));
	else
		put_number(in, fs, 1, out);
	if (array) {
		buf_puts(out, ", ");
		put_one(in, out, "1|2|4|8|3|0|REC->f0|-1");
	}
	buf_puts(out, ")");
}

static void put_string(struct input *in, const struct fields *fs, unsigned depth, struct buf *out)
{
	switch (pick(in, depth ? 12 : 11)) {
	case 0:
	case 1:
		buf_printf(out, "REC->f%u", find(in, fs, STRING));
		break;
	case 2:
	case 3:
		put_dynamic(in, fs, "str", out);
		break;
	case 4:
		put_one(in, out, "\"yes\"|\"\"|\"a % sign\"|\"esc \\n \\\" x\"|5|NULL");
		break;
	case 5:
	case 6:
		put_flags(in, fs, out);
		break;
	case 7:
		put_list(in, fs, out);
		break;
	case 8:
		put_dynamic(in, fs, pick(in, 2) ? "bitmask" : "cpumask", out);
		break;
	case 9:
		buf_printf(out, "REC->f%u", find(in, fs, pick(in, 2) ? REST : NUMBER));
		break;
	case 10:
		put_number(in, fs, 1, out);
		break;
	default:
		put_number(in, fs, 1, out);
		buf_puts(out, " ? ");
		put_string(in, fs, depth - 1, out);
		buf_puts(out, " : ");
		put_string(in, fs, depth - 1, out);
	}
}

/* ---- the print format -------------------------------------------------------------------------------- */

static void put_parts(struct input *in, const struct fields *fs, bool modifiers, struct buf *out,
		      struct buf *args)
{
	bool star = false;

	if (!pick(in, 3))
		put_one(in, out, "-|0|#|#0|-0|--|+| |'|0-");
	if (!pick(in, 3)) {
		star = !pick(in, 4);
		if (star)
			buf_puts(out, "*");
		else
			put_one(in, out, "1|2|8|16|20|40|08|300");
	}
	if (!pick(in, 4)) {
		bool again = !pick(in, star ? 16 : 3);

		buf_puts(out, again ? ".*" : ".");
		star |= again;
		if (!again)
			put_one(in, out, "|0|1|3|8|20");
	}
	if (star) {
		buf_puts(args, ", ");
		if (pick(in, 2))
			buf_printf(args, "%u", pick(in, 24));
		else
			put_number(in, fs, 1, args);
	}
	if (modifiers)
		put_one(in, out, "|||l|ll|h|hh|z|L|Z|lh|lll|t");
}

static void put_pointer(struct input *in, const struct fields *fs, struct buf *out, struct buf *args)
{
	static const char letters[] = "|S|s|F|f|K|x|B|a|d|M|m|MR|MF|mR|I4|i4|I4h|I4l|I4n|I4b|I6|i6|I6c|i6c|"
		"IS|ISp|ISc|ISpc|ISpsfc|ISs|iS|iSpc|I|I5|U|Ub|Ul|UB|UL|h|hC|hD|hN|Sb|SR|ISfc|ISpx";

	put_one(in, out, letters);
	buf_puts(args, ", ");
	switch (pick(in, 5)) {
	case 0:
		put_number(in, fs, 2, args);
		break;
	case 1:
		put_dynamic(in, fs, "dynamic_array", args);
		break;
	case 2:
		put_one(in, args, "(void *)|(u8 *)|(char *)");
		buf_printf(args, "REC->f%u", find(in, fs, pick(in, 2) ? NUMBER : BYTES));
		break;
	default:
		buf_printf(args, "REC->f%u", find(in, fs, pick(in, 2) ? NUMBER : BYTES));
	}
}

static void put_conversion(struct input *in, const struct fields *fs, struct buf *out, struct buf *args)
{
	unsigned kind = pick(in, 8);

	buf_puts(out, "%");
	put_parts(in, fs, kind >= 4 || !pick(in, 8), out, args);
	if (kind < 2) {
		buf_puts(out, "s");
		buf_puts(args, ", ");
		put_string(in, fs, 2, args);
	} else if (kind < 4) {
		buf_puts(out, "p");
		put_pointer(in, fs, out, args);
	} else {
		put_one(in, out, "d|u|x|X|o|i|x|d|u|c|n|lx");
		buf_puts(args, ", ");
		if (pick(in, 16))
			put_number(in, fs, 3, args);
		else
			put_string(in, fs, 1, args);
	}
}

static void put_print(struct input *in, const struct fields *fs, struct buf *out)
{
	AUTO_BUF struct buf args = { 0 };

	buf_puts(out, "\nprint fmt: \"");
	for (unsigned n = pick(in, 8); n; n--) {
		if (pick(in, 2))
			put_one(in, out, " a=| |: |%%|\\n|\\t|\\\\|\\\"|x| and a longer literal text |\\x| %");
		put_conversion(in, fs, out, &args);
	}
	put_one(in, out, "||\\n| end|%|%%");
	buf_puts(out, "\"");
	if (args.len)
		buf_put(out, args.data, args.len);
	buf_puts(out, "\n");
}

/* ---- records -------------------------------------------------------------------------------------------- */

#define TAIL_MAX 64

static void store(uint8_t *at, uint64_t v, unsigned size, bool big)
{
	for (unsigned i = 0; i < size; i++)
		at[big ? size - 1 - i : i] = v >> 8 * i;
}

static void fill_dynamic(struct input *in, const struct field *f, uint8_t *data, unsigned len,
			 unsigned end, bool big)
{
	unsigned offset = end + pick(in, len - end + 1), size = pick(in, len - offset + 1);
	unsigned base = f->relative ? f->offset + 4 : 0;

	store(data + f->offset, size << 16 | (offset - base), 4, big);
}

static size_t make_data(struct input *in, const struct fields *fs, uint8_t *data, bool big)
{
	unsigned end = fs->end, len = end + pick(in, TAIL_MAX);
	unsigned style = pick(in, 4);

	for (unsigned i = 0; i < len; i++)
		data[i] = !style ? 0xff * (byte(in) & 1) : style == 1 ? byte(in) : byte(in) & 0x43;
	for (unsigned i = 0; i < fs->nr; i++) {
		const struct field *f = &fs->v[i];

		if (f->shape == DYNAMIC_STRING || f->shape == DYNAMIC_BYTES) {
			if (pick(in, 16))
				fill_dynamic(in, f, data, len, end, big);
		} else if (f->size == 28 && pick(in, 4)) {
			data[f->offset] = pick(in, 2) ? 2 : 10;
			data[f->offset + 1] = 0;
		} else if (f->size == 8 && !pick(in, 4)) {
			store(data + f->offset, 0x1000 * pick(in, 4) + pick(in, 2), 8, big);
		}
	}
	store(data, EVENT_ID, 2, big);
	return pick(in, 8) ? len : pick(in, len + 1);
}

/* ---- comparing ------------------------------------------------------------------------------------------------ */

static int add_format(void *ctx, struct event_db *db, struct err *e)
{
	const struct buf *text = ctx;

	return event_db_add_format(db, "sys", text->data, text->len, e);
}

static int symbols(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)e;
	*text = "1000 T first\n2000 t second\t[mod]\n3000 T third\nffffffffffff0000 T end\n";
	*len = strlen(*text);
	return 0;
}

static int printks(void *ctx, const char **text, size_t *len, struct err *e)
{
	(void)ctx;
	(void)e;
	*text = "0x1000 : \"a string\"\n0x2000 : \"with newline\\n\"\n0x1 : \"ab\"\n0x0 : \"zero\"\n"
		"0x3000 : \"\"quotes\"\"\n0x3001 : \"two\\n\\n\"\n0x2001 : \"\"three\\n\"\"\n";
	*len = strlen(*text);
	return 0;
}

static void show_record(const uint8_t *data, size_t len, size_t avail)
{
	fprintf(stderr, "record of %zu, %zu readable:", len, avail);
	for (size_t i = 0; i < avail; i++)
		fprintf(stderr, " %02x", data[i]);
	fputc('\n', stderr);
}

static void compare(struct event_ctx *ctx, struct event_slot *slot, const uint8_t *data, size_t len,
		    size_t avail, bool equal, const char *format)
{
	struct buf theirs = { 0 }, ours = { 0 };
	struct event_record rec = { .len = len, .avail = avail };
	struct prog *g = slot->prog;
	uint8_t *exact = malloc(avail + !avail);

	memcpy(exact, data, avail);
	rec.data = exact;
	slot->prog = NULL;
	event_text(ctx, slot->event, &rec, false, NULL, &theirs);
	slot->prog = g;
	event_text(ctx, slot->event, &rec, false, NULL, &ours);
	if (equal && (theirs.len != ours.len || (ours.len && memcmp(theirs.data, ours.data, ours.len)))) {
		fputs(format, stderr);
		show_record(data, len, avail);
		fprintf(stderr, "libtraceevent: <%s>\nprogram:       <%s>\n",
			theirs.data ? theirs.data : "", ours.data ? ours.data : "");
		abort();
	}
	free(exact);
	buf_release(&theirs);
	buf_release(&ours);
}

/* libtraceevent 1.7's parser loses a few bytes at most kinds of malformed format. */
KNOWN_LEAKS("leak:tep_parse_event\n");

static void run(struct event_db *db, struct input *in, const struct fields *fs, bool big, bool equal,
		const char *format)
{
	bool show = getenv("FUZZ_PRINT_SHOW");
	struct event_slot *slot;
	struct event_ctx *ctx;
	uint8_t data[512] = { 0 };

	if (show)
		fputs(format, stderr);
	slot = event_db_slot(db, EVENT_ID);
	if (show)
		fprintf(stderr, "%s\n", !slot ? "no event" : slot->prog ? "compiled" : slot->no_prog);
	if (!slot || !slot->prog || event_ctx_new(db, &ctx, NULL))
		return;
	for (unsigned i = 0; i < 4; i++) {
		size_t len = make_data(in, fs, data, big);
		size_t avail = len + (pick(in, 4) ? 0 : pick(in, 32));

		if (show)
			show_record(data, len, avail);
		compare(ctx, slot, data, len, avail, equal, format);
	}
	event_ctx_free(ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .data = data, .len = size };
	struct fields fs = { .nr = 0 };
	struct buf text = { 0 };
	struct event_db_opts opts = { .long_size = 8, .page_size = 4096, .cpus = 2 };
	struct event_db_source source = { .formats = add_format, .kallsyms = symbols,
					  .printk = printks, .ctx = &text };
	struct event_db *db;
	unsigned options = byte(&in);
	bool equal;

	tep_set_loglevel(TEP_LOG_NONE);
	opts.big_endian = !(options & 7);
	opts.long_size = options & 0x38 ? 8 : 4;
	put_head(&in, &fs, &text);
	put_print(&in, &fs, &text);
	if (text.failed || event_db_new(&opts, &db, NULL))
		return 0;
	event_db_set_source(db, &source);
	/* else as the kernel has it: texts that may differ */
	equal = options & 0xc0;
	event_db_set_texts(db, equal ? EVENT_TEXTS_TRACE_CMD : EVENT_TEXTS_KERNEL);
	run(db, &in, &fs, opts.big_endian, equal, text.data);
	event_db_free(db);
	buf_release(&text);
	return 0;
}

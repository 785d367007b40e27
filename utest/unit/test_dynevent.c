// SPDX-License-Identifier: GPL-2.0-or-later
/* Definitions of dynamic events: what is read, what is refused and where; the kernel's list. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "kernel/dyn_internal.h"

/* ---- what is taken ----------------------------------------------------------- */

static void expect_text(const char *given, unsigned type, const char *group, const char *name, const char *text)
{
	struct kernel_dyn_def def;
	AUTO_BUF struct buf line = { 0 };
	struct err e = { 0 };

	if (kernel_dyn_parse(given, KERNEL_DYN_ANYWHERE, &def, &e))
		fail_msg("'%s': %s", given, e.text);
	if (def.type != type)
		fail_msg("'%s' is a %s", given, kernel_dyn_type_name(def.type));
	assert_string_equal(def.group, group);
	if (name)
		assert_string_equal(def.name, name);
	else
		assert_null(def.name);
	if (name) {
		assert_int_equal(kernel_dyn_text(&def, &line), 0);
		assert_string_equal(line.data, text);
	}
	kernel_dyn_def_release(&def);
}

static void test_kernel_form(void **state)
{
	(void)state;
	expect_text("p:g/n vfs_read", KERNEL_DYN_KPROBE, "g", "n", "p:g/n vfs_read");
	expect_text("p:n  vfs_read\ta=%di ", KERNEL_DYN_KPROBE, "kprobes", "n", "p:kprobes/n vfs_read a=%di");
	expect_text("p vfs_read", KERNEL_DYN_KPROBE, "kprobes", NULL, NULL);
	expect_text("p:g/ vfs_read", KERNEL_DYN_KPROBE, "g", NULL, NULL);
	expect_text("p:g.n 0xffffffff81000000", KERNEL_DYN_KPROBE, "g", "n", "p:g/n 0xffffffff81000000");
	expect_text("r64:g/n nfs:nfs_read $retval:u8[2]", KERNEL_DYN_KRETPROBE, "g", "n", "r64:g/n nfs:nfs_read $retval:u8[2]");
	expect_text("p:g/n vfs_read%return", KERNEL_DYN_KRETPROBE, "g", "n", "p:g/n vfs_read%return");
	expect_text("p:g/n f.isra.0+0x10 @jiffies+8:u64 @0x10 @+12", KERNEL_DYN_KPROBE, "g", "n",
		    "p:g/n f.isra.0+0x10 @jiffies+8:u64 @0x10 @+12");
	expect_text("p:g/n f s=+0(+8(%si)):string[4] u=-u16($stack2) b=%ax:b4@2/32 d=%di:%pd", KERNEL_DYN_KPROBE, "g", "n",
		    "p:g/n f s=+0(+8(%si)):string[4] u=-u16($stack2) b=%ax:b4@2/32 d=%di:%pd");
	expect_text("p:g/n f \\123 t=\\\"text\" m=\\-1 file->f_path.dentry $arg*", KERNEL_DYN_KPROBE, "g", "n",
		    "p:g/n f \\123 t=\\\"text\" m=\\-1 file->f_path.dentry $arg*");
	expect_text("e:n sched/sched_switch a=$prev_pid if prev_pid == 1 && prev_prio > 2", KERNEL_DYN_EPROBE, "eprobes", "n",
		    "e:eprobes/n sched/sched_switch a=$prev_pid if prev_pid == 1 && prev_prio > 2");
	expect_text("s:lat u64 lat; char comm[16]; pid_t pid", KERNEL_DYN_SYNTH, "synthetic", "lat",
		    "s:synthetic/lat u64 lat; char comm[16]; pid_t pid");
	expect_text("s:synthetic/lat u64 lat", KERNEL_DYN_SYNTH, "synthetic", "lat", "s:synthetic/lat u64 lat");
	expect_text("f:n vfs_read%return $retval", KERNEL_DYN_FPROBE, "fprobes", "n", "f:fprobes/n vfs_read%return $retval");
	expect_text("t:n sched_switch preempt", KERNEL_DYN_TPROBE, "tracepoints", "n", "t:tracepoints/n sched_switch preempt");
	expect_text("p /proc/self/exe:0x1000(0x10) %di", KERNEL_DYN_UPROBE, "uprobes", NULL, NULL);
}

static void test_short_form(void **state)
{
	(void)state;
	expect_text("vfs_read", KERNEL_DYN_KPROBE, "kprobes", NULL, NULL);
	expect_text("x=vfs_read count", KERNEL_DYN_KPROBE, "kprobes", "x", "p:kprobes/x vfs_read count");
	expect_text("g/x=vfs_read ret", KERNEL_DYN_KRETPROBE, "g", "x", "r:g/x vfs_read ret=$retval");
	expect_text("g/x=vfs_read ret=%ax", KERNEL_DYN_KPROBE, "g", "x", "p:g/x vfs_read ret=%ax");
	expect_text("x=nfs:nfs_read+4 a=$stack", KERNEL_DYN_KPROBE, "kprobes", "x", "p:kprobes/x nfs:nfs_read+4 a=$stack");
	/* What begins with a letter that is a kind of the kernel's is no kind by that alone. */
	expect_text("proc_exit", KERNEL_DYN_KPROBE, "kprobes", NULL, NULL);
	expect_text("e1000:e1000_open", KERNEL_DYN_KPROBE, "kprobes", NULL, NULL);
	expect_text("/proc/self/exe:main ret", KERNEL_DYN_URETPROBE, "uprobes", NULL, NULL);
}

static void test_program_is_found_in_path(void **state)
{
	struct kernel_dyn_def def;
	struct err e = { 0 };

	(void)state;
	setenv("PATH", "/nonexistent:/bin", 1);
	assert_int_equal(kernel_dyn_parse("sh:main", KERNEL_DYN_IN_PROGRAM, &def, &e), 0);
	assert_true(def.path[0] == '/' && def.type == KERNEL_DYN_UPROBE);
	kernel_dyn_def_release(&def);
	assert_int_equal(kernel_dyn_parse("nosuchprogram:main", KERNEL_DYN_IN_PROGRAM, &def, &e), -ENOENT);
	assert_non_null(strstr(e.text, "'nosuchprogram' in PATH"));
	kernel_dyn_def_release(&def);
	assert_int_equal(kernel_dyn_parse("/nonexistent/x:main", KERNEL_DYN_IN_PROGRAM, &def, &e), -ENOENT);
	kernel_dyn_def_release(&def);
}

/* ---- what is refused --------------------------------------------------------- */

/* The place is where '^' stands in the second line; -1: that is not told. */
static const struct {
	const char *text;
	int place;
	const char *words;
} bad[] = {
	{ "", -1, "empty" },
	{ " \t ", -1, "empty" },
	{ "-:g/n", 0, "probe del" },
	{ "!p:g/n", 0, "probe del" },
	{ "p:g/n vfs_read # x", 15, "remark" },
	{ "p:g/n vfs_read\nq", -1, "control character \\x0a" },
	{ "p:g/n vfs_\033read", -1, "control character \\x1b" },
	{ "p10:g/n vfs_read", 1, "only the returns of functions" },
	{ "e1:g/n sched.sched_switch", 1, "only the returns of functions" },
	{ "rx1:g/n vfs_read", 0, "this is no kind of event" },
	{ "p:", 2, "place is missing" },
	{ "p", 1, "place is missing" },
	{ "p:g/n", 5, "place is missing" },
	{ "p:1g/n vfs_read", 2, "a group's name" },
	{ "p:g/1n vfs_read", 4, "an event's name" },
	{ "p:g/n/o vfs_read", 4, "an event's name" },
	{ "p:/n vfs_read", 2, "a group's name" },
	{ "p:a-b vfs_read", 2, "an event's name" },
	{ "p:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa f", 2, "63 letters at most" },
	{ "=vfs_read", 0, "an event's name" },
	{ "a-b=vfs_read", 0, "an event's name" },
	{ "g/=", 3, "place is missing" },
	{ "p:g/n +8", 6, "name of a function" },
	{ "p:g/n vfs_read+", 15, "offset in the function" },
	{ "p:g/n vfs_read+x", 15, "offset in the function" },
	{ "p:g/n vfs_read-4", 14, "not part of a function" },
	{ "p:g/n vfs{read", 9, "not part of a function" },
	{ "p:g/n /bin/sh", 6, "PROGRAM:SYMBOL" },
	{ "p:g/n /bin/sh:", 13, "missing behind ':'" },
	{ "p:g/n vfs_read a=", 17, "is missing" },
	{ "p:g/n vfs_read a=:u8", 17, "is missing" },
	{ "p:g/n vfs_read =%di", 15, "argument's name" },
	{ "p:g/n vfs_read 1a=%di", 15, "argument's name" },
	{ "p:g/n vfs_read a-b=%di", 15, "argument's name" },
	{ "p:g/n vfs_read aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=%di", 15, "31 letters at most" },
	{ "p:g/n vfs_read a=%", 18, "register" },
	{ "p:g/n vfs_read a=%:u8", 18, "register" },
	{ "p:g/n vfs_read a=$", 18, "variable" },
	{ "p:g/n vfs_read a=$arg1*2", 23, "should end here" },
	{ "p:g/n vfs_read a=@", 18, "an address or a symbol" },
	{ "p:g/n vfs_read a=@x+", 20, "offset" },
	{ "p:g/n vfs_read a=@+y", 19, "offset in the file" },
	{ "p:g/n vfs_read a=@0x", 18, "address" },
	{ "p:g/n vfs_read a=@99999999999999999999999", 18, "address" },
	{ "p:g/n vfs_read a=+8", 19, "'('" },
	{ "p:g/n vfs_read a=+(%di)", 18, "offset" },
	{ "p:g/n vfs_read a=+x(%di)", 18, "offset" },
	{ "p:g/n vfs_read a=+8()", 20, "cannot begin" },
	{ "p:g/n vfs_read a=+8(%di", 19, "not closed" },
	{ "p:g/n vfs_read a=+8(+0(%di)", 19, "not closed" },
	{ "p:g/n vfs_read a=+8(%di))", 24, "should end here" },
	{ "p:g/n vfs_read a=+8(%di]", 23, "')' is expected" },
	{ "p:g/n vfs_read a=\\", 18, "value behind" },
	{ "p:g/n vfs_read a=\\x", 18, "value behind" },
	{ "p:g/n vfs_read a=\\\"x", 18, "second '\"'" },
	{ "p:g/n vfs_read a=%di:", 21, "type is missing" },
	{ "p:g/n vfs_read a=%di:u8[", 24, "length of the array" },
	{ "p:g/n vfs_read a=%di:u8[x]", 24, "length of the array" },
	{ "p:g/n vfs_read a=%di:u8[4", 25, "']' is expected" },
	{ "p:g/n vfs_read a=%di:u8[4]x", 26, "should end here" },
	{ "p:g/n vfs_read a=%di:u8:u8", 23, "should end here" },
	{ "p:g/n vfs_read file->", 21, "member" },
	{ "p:g/n vfs_read file.->x", 20, "member" },
	{ "p:g/n vfs_read (a)", 15, "cannot begin" },
	{ "e:n", 3, "place is missing" },
	{ "e:n sched_switch", 4, "SYSTEM.EVENT" },
	{ "e:n .sched_switch", 4, "system" },
	{ "e:n sched.", 10, "event is missing" },
	{ "e:n sched.sched_switch if", 25, "filter is missing" },
	{ "s:", 2, "needs a name" },
	{ "s u64 lat", 1, "needs a name" },
	{ "s:lat", 5, "needs a field" },
	{ "s:sched/lat u64 lat", 2, "'synthetic'" },
	{ "t:n sched:sched_switch", 4, "tracepoint" },
	{ "f:n", 3, "place is missing" },
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct kernel_dyn_def def;
		struct err e = { 0 };
		int ret = kernel_dyn_parse(bad[i].text, KERNEL_DYN_ANYWHERE, &def, &e);
		const char *line = strchr(e.text, '\n'), *caret = line ? strrchr(e.text, '\n') : NULL;

		if (ret != -EINVAL || !strstr(e.text, bad[i].words))
			fail_msg("'%s': %d %s", bad[i].text, ret, e.text);
		if (bad[i].place < 0 ? line != NULL :
		    !caret || strncmp(line + 5, bad[i].text, strlen(bad[i].text)) ||
		    (int)strspn(caret + 1, " ") != bad[i].place + 4 || strcmp(strchr(caret, '^'), "^"))
			fail_msg("'%s' at %d: %s", bad[i].text, bad[i].place, e.text);
		kernel_dyn_def_release(&def);
	}
}

static void test_long_texts(void **state)
{
	char text[8192];
	struct kernel_dyn_def def;
	struct err e = { 0 };
	size_t len;

	(void)state;
	/* of a long text what is around the mistake */
	len = snprintf(text, sizeof(text), "p:g/n f");
	while (len < 1000)
		len += snprintf(text + len, sizeof(text) - len, " a%zu=%%di", len);
	strcpy(text + len, " b=+8(");
	assert_int_equal(kernel_dyn_parse(text, KERNEL_DYN_ANYWHERE, &def, &e), -EINVAL);
	assert_non_null(strstr(e.text, "..."));
	assert_true(strlen(e.text) < 500);
	kernel_dyn_def_release(&def);
	/* more than the kernel reads of a line */
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	assert_int_equal(kernel_dyn_parse(text, KERNEL_DYN_ANYWHERE, &def, &e), -EINVAL);
	assert_non_null(strstr(e.text, "4094 letters"));
	kernel_dyn_def_release(&def);
	/* more arguments than a probe has */
	len = snprintf(text, sizeof(text), "p:g/n f");
	for (int i = 0; i < 129; i++)
		len += snprintf(text + len, sizeof(text) - len, " a%d=%%di", i);
	assert_int_equal(kernel_dyn_parse(text, KERNEL_DYN_ANYWHERE, &def, &e), -EINVAL);
	assert_non_null(strstr(e.text, "128 arguments"));
	kernel_dyn_def_release(&def);
	/* deeper than any structure */
	len = snprintf(text, sizeof(text), "p:g/n f a=");
	for (int i = 0; i < 500; i++)
		len += snprintf(text + len, sizeof(text) - len, "+0(");
	assert_int_equal(kernel_dyn_parse(text, KERNEL_DYN_ANYWHERE, &def, &e), -EINVAL);
	assert_non_null(strstr(e.text, "in one argument"));
	kernel_dyn_def_release(&def);
}

static void test_parts_of_arguments(void **state)
{
	static const struct { const char *arg, *name, *fetch, *type; } args[] = {
		{ "count", NULL, "count", NULL }, { "c=count", "c", "count", NULL },
		{ "c=count:u32", "c", "count", "u32" }, { "+0(%di):string", NULL, "+0(%di)", "string" },
		{ "$comm", NULL, "$comm", NULL }, { "t=\\\"a:b=c\"", "t", "\\\"a:b=c\"", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
		struct dyn_arg a = dyn_arg_parts(args[i].arg, strlen(args[i].arg));

		assert_int_equal(a.name_len, args[i].name ? strlen(args[i].name) : 0);
		assert_int_equal(a.type_len, args[i].type ? strlen(args[i].type) : 0);
		assert_int_equal(a.fetch_len, strlen(args[i].fetch));
		assert_memory_equal(a.fetch, args[i].fetch, a.fetch_len);
		if (a.type)
			assert_memory_equal(a.type, args[i].type, a.type_len);
	}
}

/* ---- symbols of programs ----------------------------------------------------- */

__attribute__((noinline)) int probe_me_here(int a);
int probe_me_here(int a)
{
	__asm__ volatile("");
	return a + 1;
}
int probe_data_here = 1;

/* Where the file of this program has the function, by the map of its memory. */
static uint64_t own_offset(const void *function)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start, end, offset, at = (unsigned long)function;
	char line[4096];
	uint64_t found = 0;

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 && at >= start && at < end)
			found = at - start + offset;
	fclose(f);
	return found;
}

static void test_symbols(void **state)
{
	enum elf_begins begins = ELF_BEGINS_NONE;
	struct err e = { 0 };
	uint64_t offset;

	(void)state;
	assert_int_equal(probe_me_here(1), 2);
	assert_int_equal(elf_symbol_offset("/proc/self/exe", "probe_me_here", 0, &offset, &begins, &e), 0);
	assert_int_equal(offset, own_offset(probe_me_here));
	assert_int_equal(elf_check_offset("/proc/self/exe", offset, &begins, &e), 0);
	assert_int_equal(elf_symbol_offset("/proc/self/exe", "probe_me_hree", 0, &offset, &begins, &e), -ENOENT);
	assert_non_null(strstr(e.text, "did you mean 'probe_me_here'"));
	assert_int_equal(elf_symbol_offset("/proc/self/exe", "probe_data_here", 0, &offset, &begins, &e), -ENOENT);
	assert_int_equal(elf_check_offset("/proc/self/exe", 1ull << 40, &begins, &e), -EINVAL);
	assert_int_equal(elf_check_offset("/proc/self/exe", UINT64_MAX, &begins, &e), -EINVAL);
	assert_int_equal(elf_check_offset("/proc/self/exe", 0, &begins, &e), -EINVAL);
	assert_int_equal(elf_symbol_offset("/nonexistent", "main", 0, &offset, &begins, &e), -ENOENT);
	assert_int_equal(elf_symbol_offset("/etc/passwd", "main", 0, &offset, &begins, &e), -EINVAL);
	assert_non_null(strstr(e.text, "no ELF file"));
	assert_int_equal(elf_symbol_offset("/dev/null", "main", 0, &offset, &begins, &e), -EINVAL);
	assert_int_equal(elf_symbol_offset("/", "main", 0, &offset, &begins, &e), -EINVAL);
	assert_non_null(strstr(e.text, "'/' is a folder"));
}

/* Instructions of each form, with what may follow an opcode; objdump tells the same lengths. */
static void test_instruction_lengths(void **state)
{
	static const struct { char code[12]; size_t len; } insns[] = {
		{ "\x90", 1 }, { "\xf3\x0f\x1e\xfa", 4 }, { "\x55", 1 }, { "\x48\x89\xe5", 3 },
		{ "\x48\x8d\x05\x01\x02\x03\x04", 7 },			/* lea 0x4030201(%rip),%rax */
		{ "\x48\x8b\x44\x24\x08", 5 },				/* mov 0x8(%rsp),%rax */
		{ "\x48\x8b\x04\x25\x01\x02\x03\x04", 8 },		/* mov 0x4030201,%rax */
		{ "\x48\x8b\x84\x24\x01\x02\x03\x04", 8 },
		{ "\x66\xb8\x01\x02", 4 }, { "\xb8\x01\x02\x03\x04", 5 },
		{ "\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08", 10 },	/* movabs */
		{ "\x48\xa1\x01\x02\x03\x04\x05\x06\x07\x08", 10 }, { "\x67\xa1\x01\x02\x03\x04", 6 },
		{ "\xf7\xc0\x01\x02\x03\x04", 6 }, { "\xf7\xd8", 2 },	/* test, neg */
		{ "\xf6\xc1\x01", 3 }, { "\xe8\x01\x02\x03\x04", 5 }, { "\xeb\xfe", 2 }, { "\xc8\x01\x02\x03", 4 },
		{ "\x0f\x84\x01\x02\x03\x04", 6 }, { "\x0f\xba\xe0\x05", 4 }, { "\x0f\x20\xc0", 3 },
		{ "\x66\x0f\x38\x00\xc1", 5 }, { "\x66\x0f\x3a\x0f\xc1\x08", 6 },
		{ "\xc5\xf8\x77", 3 }, { "\xc5\xf9\x70\xc0\x01", 5 },	/* vzeroupper, vpshufd */
		{ "\xc4\xe2\x71\x00\xc2", 5 }, { "\xc4\xe3\x7d\x19\xc1\x01", 6 },
		{ "\x62\xf1\x7c\x48\x10\x44\x24\x01", 8 },		/* vmovups 0x40(%rsp),%zmm0 */
		{ "\x64\x48\x8b\x04\x25\x28\x00\x00\x00", 9 }, { "\xf0\x48\x0f\xb1\x0f", 5 },
		{ "\x06", 0 }, { "\x0f\x04", 0 }, { "\xd5\x00\x00", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(insns); i++) {
		uint8_t code[16] = { 0 };

		memcpy(code, insns[i].code, sizeof(insns[i].code));
		assert_int_equal(x86_insn_length(code, sizeof(code)), insns[i].len);
		/* cut short it is none */
		for (size_t len = 0; len < insns[i].len; len++)
			assert_int_equal(x86_insn_length(code, len), 0);
	}
	/* prefixes without end */
	assert_int_equal(x86_insn_length((const uint8_t *)"\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90", 16), 0);
}

#ifdef __x86_64__
int probe_known_code(void);
__asm__(".pushsection .text\n.globl probe_known_code\n.type probe_known_code, @function\n"
	"probe_known_code:\n\tmovl $1, %eax\n\taddl $0x10203, %eax\n\tret\n"
	".size probe_known_code, .-probe_known_code\n.popsection\n");

/* 0: mov, 5: add, 10: ret, 11: the end. */
static void test_places_in_a_function(void **state)
{
	enum elf_begins begins = ELF_BEGINS_NONE;
	struct err e = { 0 };
	uint64_t start, offset;

	(void)state;
	assert_int_equal(probe_known_code(), 0x10204);
	assert_int_equal(elf_symbol_offset("/proc/self/exe", "probe_known_code", 0, &start, &begins, &e), 0);
	for (uint64_t at = 0; at < 11; at++) {
		bool is = at == 0 || at == 5 || at == 10;

		assert_int_equal(elf_symbol_offset("/proc/self/exe", "probe_known_code", at, &offset, &begins, &e), 0);
		assert_int_equal(offset, start + at);
		assert_int_equal(begins, is ? ELF_BEGINS : ELF_BEGINS_NONE);
		assert_int_equal(elf_check_offset("/proc/self/exe", offset, &begins, &e), 0);
		assert_int_equal(begins, is ? ELF_BEGINS : ELF_BEGINS_NONE);
	}
	assert_int_equal(elf_symbol_offset("/proc/self/exe", "probe_known_code", 11, &offset, &begins, &e), -EINVAL);
	assert_non_null(strstr(e.text, "has 11 bytes: +11 is behind its end"));
	assert_int_equal(elf_symbol_offset("/proc/self/exe", "probe_known_code", UINT64_MAX, &offset, &begins, &e), -EINVAL);
}
#endif

/* Programs cut short or with wrong bytes are told, whatever is wrong with them. */
static void test_damaged_programs(void **state)
{
	char path[] = "/tmp/tracecmd-elf.XXXXXX";
	int fd = mkstemp(path);
	AUTO_BUF struct buf program = { 0 };
	enum elf_begins begins;
	unsigned random = 1;
	uint64_t offset;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(path_read_all("/bin/true", &program, 1 << 24), 0);
	for (size_t i = 0; i < 400; i++) {
		AUTO_BUF struct buf damaged = { 0 };

		assert_int_equal(buf_put(&damaged, program.data, i & 1 ? program.len : program.len * i / 400), 0);
		for (size_t j = 0; i & 1 && j < 8; j++) {
			random = random * 1103515245 + 12345;
			/* the header, the segments behind it, the sections at the end */
			damaged.data[j & 1 ? random % 512 : damaged.len - 1 - random % 2048] = random >> 24;
		}
		assert_int_equal(ftruncate(fd, 0), 0);
		if (damaged.len)
			assert_int_equal(pwrite_full(fd, damaged.data, damaged.len, 0), 0);
		assert_true(elf_symbol_offset(path, "nosuch", 0, &offset, &begins, NULL) < 0);
		elf_check_offset(path, 0x2000, &begins, NULL);
	}
	close(fd);
	assert_int_equal(unlink(path), 0);
	/* a pipe nobody writes to is not waited for */
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(20);
	assert_int_equal(elf_symbol_offset(path, "main", 0, &offset, &begins, NULL), -EINVAL);
	alarm(0);
	unlink(path);
}

/* ---- the kernel's list ------------------------------------------------------- */

struct fake {
	char root[64];
	struct kernel *k;
	unsigned nr_told;		/* notices; the last of them */
	char told[1024];
};

static void hear(void *ctx, const char *text)
{
	struct fake *f = ctx;

	f->nr_told++;
	snprintf(f->told, sizeof(f->told), "%s", text);
}

static void put(const struct fake *f, const char *file, const char *text)
{
	AUTO_BUF struct buf command = { 0 };
	FILE *out;

	assert_int_equal(buf_printf(&command, "mkdir -p $(dirname %s/%s)", f->root, file), 0);
	assert_int_equal(system(command.data), 0);
	buf_clear(&command);
	assert_int_equal(buf_printf(&command, "%s/%s", f->root, file), 0);
	out = fopen(command.data, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static const char listed[] =
	"p:tp/a vfs_read count=$arg3\n"
	"p:tp2/a vfs_write\n"
	"r64:tp/b vfs_read ret=$retval\n"
	"p:tp/c /bin/bash:0x0000000000031000 a=%di\n"
	"r:tp/d a.out:0x0000000000031000\n"
	"e:tp/e sched.sched_switch a=$prev_pid\n"
	"s:synthetic/lat\tu64 lat; pid_t pid\n"
	"f:tp/f vfs_read%return ret=$retval\n"
	"t:tp/h sched_switch\n"
	"u:mine u32 a\n"
	"p:tp/a vfs_write count=$arg3\n";

static int set_up(void **state)
{
	struct fake *f = calloc(1, sizeof(*f));

	strcpy(f->root, "/tmp/tracecmd-dyn.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	put(f, "tracing_on", "1\n");
	put(f, "dynamic_events", listed);
	put(f, "kprobe_profile", "  a                  14               3\n  a           0               0\n"
	    "  b      13   0\n  a   5   0\n");
	put(f, "uprobe_profile", "  /bin/bash c     7\n  a.out d   8    1\n");
	put(f, "available_events", "tp:a\ntp:b\nsched:sched_switch\n");
	put(f, "events/tp/a/enable", "1\n");
	put(f, "events/tp/a/trigger", "# Available triggers:\n# traceon\n");
	put(f, "events/tp/b/enable", "0*\n");
	put(f, "events/tp/b/trigger", "hist:keys=ret:vals=hitcount [active]\n");
	put(f, "events/sched/sched_switch/trigger", "enable_event:tp:b:unlimited\nhist:keys=next_pid:onmatch(x.y).lat($l)\n");
	put(f, "instances/other/events/tp/b/enable", "1\n");
	assert_int_equal(kernel_open(f->root, &(struct notices){ hear, f }, &f->k, NULL), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fake *f = *state;
	char command[128];

	kernel_close(f->k);
	snprintf(command, sizeof(command), "rm -r %s", f->root);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void test_list(void **state)
{
	static const struct { unsigned type; const char *group, *name; int hits, missed; } expected[] = {
		{ KERNEL_DYN_KPROBE, "tp", "a", 14, 3 }, { KERNEL_DYN_KPROBE, "tp2", "a", 0, 0 },
		{ KERNEL_DYN_KRETPROBE, "tp", "b", 13, 0 }, { KERNEL_DYN_UPROBE, "tp", "c", 7, 0 },
		{ KERNEL_DYN_URETPROBE, "tp", "d", 8, 1 }, { KERNEL_DYN_EPROBE, "tp", "e", -1, 0 },
		{ KERNEL_DYN_SYNTH, "synthetic", "lat", -1, 0 }, { KERNEL_DYN_FPROBE, "tp", "f", -1, 0 },
		{ KERNEL_DYN_TPROBE, "tp", "h", -1, 0 }, { KERNEL_DYN_USER, "user_events", "mine", -1, 0 },
		{ KERNEL_DYN_KPROBE, "tp", "a", 5, 0 },
	};
	struct kernel_dyn_count counts[ARRAY_SIZE(expected)];
	struct fake *f = *state;
	struct kernel_dyn_events evs = { 0 };

	assert_int_equal(kernel_dyn_list(f->k, &evs, NULL), 0);
	assert_int_equal(evs.nr, ARRAY_SIZE(expected));
	assert_int_equal(kernel_dyn_counts(f->k, &evs, counts), 0);
	for (size_t i = 0; i < evs.nr; i++) {
		assert_int_equal(evs.v[i].type, expected[i].type);
		assert_string_equal(evs.v[i].group, expected[i].group);
		assert_string_equal(evs.v[i].name, expected[i].name);
		assert_int_equal(counts[i].known, expected[i].hits >= 0);
		if (counts[i].known)
			assert_int_equal(counts[i].hits, expected[i].hits);
		assert_int_equal(counts[i].missed, expected[i].missed);
	}
	assert_true(kernel_dyn_matches(&evs.v[0], "a") && kernel_dyn_matches(&evs.v[0], "tp"));
	assert_true(kernel_dyn_matches(&evs.v[0], "tp/a") && kernel_dyn_matches(&evs.v[0], "t?:a"));
	assert_true(kernel_dyn_matches(&evs.v[0], "p:tp/a  vfs_read count=$arg3"));
	assert_true(kernel_dyn_matches(&evs.v[6], "s:synthetic/lat u64 lat; pid_t pid"));
	assert_false(kernel_dyn_matches(&evs.v[0], "p:tp/a vfs_read"));
	assert_false(kernel_dyn_matches(&evs.v[0], "p:tp/a vfs_read count=$arg3 x"));
	assert_false(kernel_dyn_matches(&evs.v[0], "tp2/a") || kernel_dyn_matches(&evs.v[0], "tp:b"));
	assert_false(kernel_dyn_matches(&evs.v[9], "/mine "));
	kernel_dyn_events_release(&evs);
}

static void expect_users(const struct fake *f, size_t which, const char *const *wanted)
{
	struct kernel_dyn_events evs = { 0 };
	struct kernel_words users = { 0 };
	size_t i;

	assert_int_equal(kernel_dyn_list(f->k, &evs, NULL), 0);
	assert_int_equal(kernel_dyn_users(f->k, &evs.v[which], &users, NULL), 0);
	for (i = 0; wanted[i]; i++) {
		assert_true(i < users.nr);
		assert_string_equal(users.v[i], wanted[i]);
	}
	assert_int_equal(users.nr, i);
	kernel_words_release(&users);
	kernel_dyn_events_release(&evs);
}

static void test_users(void **state)
{
	struct fake *f = *state;

	expect_users(f, 0, (const char *const []){ "it is enabled at the top level", NULL });
	expect_users(f, 2, (const char *const []){
		"trigger 'enable_event:tp:b:unlimited' of sched:sched_switch at the top level",
		"trigger 'hist:keys=ret:vals=hitcount [active]' of tp:b at the top level",
		"it is enabled in instance 'other'", NULL });
	expect_users(f, 6, (const char *const []){
		"trigger 'hist:keys=next_pid:onmatch(x.y).lat($l)' of sched:sched_switch at the top level", NULL });
	put(f, "dynamic_events", "p:tp/a f\ne:e/x tp.a b=$b\ne:e/y tp.ab b=$b\n");
	put(f, "events/tp/a/enable", "0\n");
	expect_users(f, 0, (const char *const []){ "event probe e/x hangs on it", NULL });
}

/* A file that is there, or its beginning, is as it was written. */
static void expect_file(const struct fake *f, const char *file, const char *text)
{
	AUTO_BUF struct buf path = { 0 }, now = { 0 };

	assert_int_equal(buf_printf(&path, "%s/%s", f->root, file), 0);
	assert_int_equal(path_read_all(path.data, &now, 1 << 16), 0);
	assert_string_equal(now.data, text);
}

/*
 * Removing an event with several probes: plain files refuse nothing, so who holds it has to be found before. By
 * force what can be switched off is; what others hold is left as it is.
 */
static void test_busy(void **state)
{
	static const char rival[] = "enable_event:tp:a:unlimited\n";
	const struct rlimit full = { strlen(listed), RLIM_INFINITY };
	struct kernel_dyn_events evs = { 0 };
	struct fake *f = *state;
	struct err e = { 0 };

	assert_int_equal(kernel_dyn_list(f->k, &evs, NULL), 0);
	assert_int_equal(kernel_dyn_del(f->k, &evs.v[0], false, &e), -EBUSY);
	assert_non_null(strstr(e.text, "it is enabled at the top level; 'tracecmd probe del --force'"));
	expect_file(f, "dynamic_events", listed);
	put(f, "events/sched/sched_switch/trigger", rival);
	assert_int_equal(kernel_dyn_del(f->k, &evs.v[0], true, &e), -EBUSY);
	assert_non_null(strstr(e.text, "in use; trigger 'enable_event:tp:a:unlimited' of sched:sched_switch at the top level; --force"));
	assert_null(strstr(e.text, "it is enabled"));
	expect_file(f, "dynamic_events", listed);
	expect_file(f, "events/tp/a/enable", "1\n");
	/* it stays all the same: all is put back, the newest trigger last */
	signal(SIGXFSZ, SIG_IGN);
	put(f, "events/sched/sched_switch/trigger", "");
	put(f, "events/tp/a/trigger", "traceoff:count=3\nhist:keys=count:size=2048 [active]\n");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	assert_int_equal(kernel_dyn_del(f->k, &evs.v[0], true, &e), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }), 0);
	expect_file(f, "events/tp/a/enable", "1\n");
	expect_file(f, "events/tp/a/trigger", "traceoff:count=3\nhist:keys=count:size=2048 [active]\n"
		    "!traceoff:3\n!hist:keys=count:size=2048\nhist:keys=count:size=2048\ntraceoff:3\n");
	kernel_dyn_events_release(&evs);
}

/* Holders that do not fit the message are told whole, one by one. */
static void test_many_users(void **state)
{
	AUTO_BUF struct buf triggers = { 0 };
	struct kernel_dyn_events evs = { 0 };
	struct fake *f = *state;
	struct err e = { 0 };

	for (int i = 0; i < 3; i++) {
		buf_printf(&triggers, "hist:keys=k%d:onmatch(x.y).a(", i);
		for (int j = 0; j < 60; j++)
			buf_printf(&triggers, "$var%d,", j);
		buf_puts(&triggers, "end) [active]\n");
	}
	put(f, "events/tp/a/enable", "0\n");
	put(f, "events/sched/sched_switch/trigger", triggers.data);
	assert_int_equal(kernel_dyn_list(f->k, &evs, NULL), 0);
	assert_int_equal(kernel_dyn_del(f->k, &evs.v[0], false, &e), -EBUSY);
	assert_non_null(strstr(e.text, "3 hold it, told above"));
	assert_int_equal(f->nr_told, 3);
	assert_non_null(strstr(f->told, "$var59,end) [active]' of sched:sched_switch at the top level"));
	kernel_dyn_events_release(&evs);
}

static void expect_prepared(const struct fake *f, const char *text, const char *line, const char *words)
{
	struct kernel_dyn_def def;
	AUTO_BUF struct buf made = { 0 };
	struct err e = { 0 };
	int ret = kernel_dyn_parse(text, KERNEL_DYN_ANYWHERE, &def, &e);

	assert_int_equal(ret, 0);
	ret = kernel_dyn_prepare(f->k, &def, &e);
	if (words) {
		if (!ret || !strstr(e.text, words))
			fail_msg("'%s': %d %s", text, ret, e.text);
	} else {
		if (ret)
			fail_msg("'%s': %s", text, e.text);
		assert_int_equal(kernel_dyn_text(&def, &made), 0);
		assert_string_equal(made.data, line);
	}
	kernel_dyn_def_release(&def);
}

#ifdef __x86_64__
/* An offset in the file is taken as it is; where it is amid an instruction that is told. */
static void expect_danger(const struct fake *f)
{
	enum elf_begins begins;
	uint64_t start;

	assert_int_equal(elf_symbol_offset("/proc/self/exe", "probe_known_code", 0, &start, &begins, NULL), 0);
	for (uint64_t at = 4; at <= 5; at++) {
		struct kernel_dyn_def def;
		char text[64];

		snprintf(text, sizeof(text), "/proc/self/exe:0x%llx", (unsigned long long)(start + at));
		assert_int_equal(kernel_dyn_parse(text, KERNEL_DYN_ANYWHERE, &def, NULL), 0);
		assert_int_equal(kernel_dyn_prepare(f->k, &def, NULL), 0);
		kernel_dyn_def_release(&def);
		assert_int_equal(f->nr_told, 1);
	}
	assert_non_null(strstr(f->told, "DANGER: at '0x"));
}
#endif

static void test_fitting(void **state)
{
	struct fake *f = *state;

	expect_prepared(f, "vfs_read", NULL, "CONFIG_KPROBE_EVENTS");
	expect_prepared(f, "/bin/true:0x1000", NULL, "CONFIG_UPROBE_EVENTS");
	expect_prepared(f, "s:x u64 a", NULL, "CONFIG_SYNTH_EVENTS");
	expect_prepared(f, "t:x sched_switch", NULL, "CONFIG_FPROBE_EVENTS");
	put(f, "kprobe_events", "");
	put(f, "uprobe_events", "");
	put(f, "README", "  f[:[<group>/]\n t[:[<group>/]\n");
	expect_prepared(f, "vfs_read a=%di", "p:kprobes/vfs_read vfs_read a=%di", NULL);
	expect_prepared(f, "mod:do_x.isra.0+0x10", "p:kprobes/do_x_isra_0_0x10 mod:do_x.isra.0+0x10", NULL);
	expect_prepared(f, "vfs_read ret", "r:kprobes/vfs_read_ret vfs_read ret=$retval", NULL);
	expect_prepared(f, "p 0xffffffff81000000", "p:kprobes/_0xffffffff81000000 0xffffffff81000000", NULL);
	/* this machine's kernel has event probes, or not */
	expect_prepared(f, "e sched.sched_switch p=$prev_pid", "e:eprobes/sched_switch sched.sched_switch p=$prev_pid",
			kallsyms_has("eprobe_dyn_event_create") ? NULL : "CONFIG_EPROBE_EVENTS");
	expect_prepared(f, "t sched_switch", "t:tracepoints/sched_switch sched_switch", NULL);
	/* names that are taken */
	expect_prepared(f, "p:tp/a vfs_write", NULL, "it is 'p:tp/a vfs_read count=$arg3'");
	expect_prepared(f, "p:sched/sched_switch vfs_write", NULL, "there is an event sched/sched_switch already");
	put(f, "events/kprobes/vfs_read/enable", "0\n");
	expect_prepared(f, "vfs_read a=%di", "p:kprobes/vfs_read_1 vfs_read a=%di", NULL);
	/* programs */
	expect_prepared(f, "/proc/self/exe:1", NULL, "nothing that is run");
	expect_prepared(f, "/proc/self/exe:0x", NULL, "no offset in a program");
	expect_prepared(f, "/proc/self/exe:probe_me_here+x", NULL, "no offset behind a symbol");
	expect_prepared(f, "/proc/self/exe:probe_me_here)", NULL, "has no function");
	expect_prepared(f, "/proc/self/exe:probe_me_here%x", NULL, "no place in a program");
	expect_prepared(f, "/proc/self/exe:probe_me_here nosuch", NULL, "has no parameter 'nosuch'");
	expect_prepared(f, "r:x /proc/self/exe:probe_me_here+1", NULL, "no offset belongs here");
#ifdef __x86_64__
	expect_prepared(f, "/proc/self/exe:probe_known_code+11", NULL, "has 11 bytes: +11 is behind its end");
	expect_prepared(f, "/proc/self/exe:probe_known_code+0x4", NULL, "no instruction begins at probe_known_code+0x4");
	assert_int_equal(f->nr_told, 0);
	expect_danger(f);
#endif
}

static void expect_hint(const struct fake *f, const char *text, const char *words)
{
	struct kernel_dyn_def def;
	struct err e = { 0 };

	assert_int_equal(kernel_dyn_parse(text, KERNEL_DYN_ANYWHERE, &def, &e), 0);
	err_set(&e, -EINVAL, "refused; the kernel says");
	dyn_hint_names(f->k, &def, &e);
	if (words ? !strstr(e.text, words) : strcmp(e.text, "refused; the kernel says"))
		fail_msg("'%s': %s", text, e.text);
	kernel_dyn_def_release(&def);
}

static void test_names_that_are_not_there(void **state)
{
	struct fake *f = *state;
	struct kernel_dyn_def def;
	struct near near;

	put(f, "events/sched/sched_switch/format", "\tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;\n"
	    "\tfield:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;\n");
	expect_hint(f, "e:x sched.sched_swich p=$prev_pid", "did you mean 'sched.sched_switch'");
	expect_hint(f, "e:x sched/sched_switch p=$prev_pid $comm t=\\\"$x\" if prev_pid == 1", NULL);
	expect_hint(f, "e:x sched/sched_switch p=$prev_pdi:s32", "has no field 'prev_pdi'; did you mean 'prev_pid'");
	expect_hint(f, "e:x sched.sched_switch n=+0($prev_com):string", "did you mean 'prev_comm'");
	expect_hint(f, "e:x sched.sched_switch if prev_pdi == 1", "the event has no field 'prev_pdi'");
	/* a tracepoint without an event; most have one */
	near_init(&near, "x");
	if (kallsyms_tracepoint("sched_switch", &near) < 0)
		return;
	expect_hint(f, "t:x sched_swich", "this kernel has no tracepoint 'sched_swich'; did you mean 'sched_switch'");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kernel_dyn_parse(i ? "t:x sched_swich" : "t:x sched_switch", KERNEL_DYN_ANYWHERE, &def, NULL), 0);
		dyn_tell_absent(f->k, &def);
		assert_int_equal(f->nr_told, i);
		kernel_dyn_def_release(&def);
	}
	assert_non_null(strstr(f->told, "the event tracepoints/x waits for a module; this kernel has no tracepoint 'sched_swich'"));
}

/* A name that somebody took since is no longer used, if it was chosen. */
static void test_race(void **state)
{
	struct fake *f = *state;
	struct kernel_dyn_def def;
	struct err e = { 0 };

	put(f, "kprobe_events", "");
	assert_int_equal(kernel_dyn_parse("vfs_read a=%di", KERNEL_DYN_ANYWHERE, &def, &e), 0);
	assert_int_equal(kernel_dyn_prepare(f->k, &def, &e), 0);
	put(f, "events/kprobes/vfs_read/enable", "0\n");
	assert_int_equal(kernel_dyn_add(f->k, &def, &e), 0);
	assert_string_equal(def.name, "vfs_read_1");
	kernel_dyn_def_release(&def);
	assert_int_equal(kernel_dyn_parse("x=vfs_read", KERNEL_DYN_ANYWHERE, &def, &e), 0);
	assert_int_equal(kernel_dyn_prepare(f->k, &def, &e), 0);
	put(f, "events/kprobes/x/enable", "0\n");
	assert_int_equal(kernel_dyn_add(f->k, &def, &e), -EEXIST);
	kernel_dyn_def_release(&def);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_form),
		cmocka_unit_test(test_short_form),
		cmocka_unit_test(test_program_is_found_in_path),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_long_texts),
		cmocka_unit_test(test_parts_of_arguments),
		cmocka_unit_test(test_symbols),
		cmocka_unit_test(test_instruction_lengths),
#ifdef __x86_64__
		cmocka_unit_test(test_places_in_a_function),
#endif
		cmocka_unit_test(test_damaged_programs),
		cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_users, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_busy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_users, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fitting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_names_that_are_not_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_race, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

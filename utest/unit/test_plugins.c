// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The plugins for other programs against libtraceevent's: two handles, one
 * with these and one with those, have to give the same text of each record.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>

#include "include/tracecmd-plugin.h"
#include "kernel_formats.h"
#include "plugins/plugins.h"
#include "../formats.h"
#include "../leaks.h"

KNOWN_LEAKS("leak:tep_parse_event\n");

#define RECORDS 600			/* of each event */
#define RECORD_MAX 1024

/* ---- handles with plugins -------------------------------------------------------------- */

struct host {
	struct tep_handle *tep;
	struct tep_plugin_list *list;
};

static void system_dir(char *ret)
{
	Dl_info lib;

	assert_true(dladdr((void *)tep_load_plugins, &lib));
	assert_true(snprintf(ret, PATH_MAX, "%.*s/traceevent/plugins",
			     (int)(strrchr(lib.dli_fname, '/') - lib.dli_fname), lib.dli_fname) < PATH_MAX);
}

static void open_host(struct host *h, const char *dir, bool big_endian)
{
	static const char *const names[] = { "first", "second", "third", "end" };

	h->tep = tep_alloc();
	assert_non_null(h->tep);
	tep_set_long_size(h->tep, 8);
	tep_set_page_size(h->tep, 4096);
	tep_set_local_bigendian(h->tep, tep_is_bigendian());
	tep_set_file_bigendian(h->tep, big_endian ? TEP_BIG_ENDIAN : TEP_LITTLE_ENDIAN);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		tep_register_function(h->tep, (char *)names[i], 0x1000 * (i + 1), NULL);
	tep_set_flag(h->tep, TEP_DISABLE_SYS_PLUGINS);
	assert_int_equal(tep_add_plugin_path(h->tep, (char *)dir, TEP_PLUGIN_FIRST), 0);
	h->list = tep_load_plugins(h->tep);
	assert_non_null(h->list);
}

static void close_host(struct host *h)
{
	tep_unload_plugins(h->list, h->tep);
	tep_free(h->tep);
}

static struct tep_event *parse(struct host *h, const char *system, const char *name, const char *format,
			       size_t len)
{
	tep_parse_event(h->tep, format, len, system);
	return tep_find_event_by_name(h->tep, system, name);
}

/* ---- records ------------------------------------------------------------------------------ */

static uint64_t random64(void)
{
	static uint64_t seed = 88172645463325252ull;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static uint64_t some_number(void)
{
	switch (random64() % 4) {
	case 0:
		return random64() >> random64() % 64;
	case 1:
		return 0x1000 + random64() % 0x3800;	/* in a function */
	case 2:
		return random64() % 180;
	}
	return random64() % 2 ? UINT64_MAX : random64() % 15;
}

static void put_field(const struct tep_format_field *f, uint8_t *data)
{
	uint64_t v = some_number();

	if (f->flags & TEP_FIELD_IS_DYNAMIC) {
		uint32_t at = 512, len = 32;

		v = at | len << 16;
		for (uint32_t i = 0; i < len; i++)
			data[at + i] = random64() >> random64() % 8 * 8;
		/* a SCSI command: all that there are, again and again */
		if (strstr(f->name, "cmnd"))
			data[at + 1] = random64() % 4 ? 0x10 : 0x12;
	}
	/* of an instruction without bytes theirs prints what the last one left */
	if (!strcmp(f->name, "len"))
		v = 1 + random64() % 15;
	if (!strcmp(f->name, "cmd_len"))
		v = 32;
	if (!strcmp(f->name, "isa"))
		v = random64() % 3;
	if (f->size == 16 && f->flags & TEP_FIELD_IS_STRING)
		strcpy((char *)data + f->offset, random64() % 2 ? "a task" : "sixteen-bytes-l");
	else if (f->size == 32)
		strcpy((char *)data + f->offset, "phy0");
	else if (f->size > 8)
		for (int i = 0; i + 8 <= f->size; i += 8, v = some_number())
			memcpy(data + f->offset + i, &v, 8);
	else
		memcpy(data + f->offset, &v, f->size);
}

static int make_record(struct tep_event *event, unsigned nr, uint8_t *data)
{
	uint16_t id = event->id;
	int len = 8;

	memset(data, 0, RECORD_MAX);
	for (struct tep_format_field *f = event->format.fields; f; f = f->next) {
		put_field(f, data);
		if (f->offset + f->size > len)
			len = f->offset + f->size;
		if (f->flags & TEP_FIELD_IS_DYNAMIC)
			len = 544;
	}
	if (strstr(event->system, "scsi")) {
		data[512] = nr % 4 == 3 ? 0x7f : nr % 4 == 2 ? 0x9e : nr / 2;
		data[513] = nr % 4 == 2 ? 0x10 + random64() % 4 : data[513];
		data[520] = 0;
		data[521] = 8 + random64() % 8;
		/* theirs takes numbers of four bytes for negative ones */
		for (unsigned at = 514; at < 544; at += 2)
			data[at] &= 0x7f;
	}
	memcpy(data, &id, 2);
	return len + 8 * (random64() % 3);
}

static void text_of(struct host *h, struct tep_event *event, uint8_t *data, int len, struct trace_seq *s)
{
	struct tep_record record = { .ts = 5000123456789, .data = data, .size = len, .record_size = len,
				     .cpu = data[8] % 3, .ref_count = 1 };

	trace_seq_reset(s);
	tep_print_event(h->tep, s, &record, "%s", TEP_PRINT_INFO);
	(void)event;
	trace_seq_terminate(s);
}

static void compare(struct host *ours, struct host *theirs, struct tep_event *event)
{
	static uint8_t data[RECORD_MAX];
	struct trace_seq a, b;
	unsigned different = 0;
	char first[256] = "";

	trace_seq_init(&a);
	trace_seq_init(&b);
	for (unsigned i = 0; i < RECORDS; i++) {
		int len = make_record(event, i, data);

		text_of(ours, event, data, len, &a);
		text_of(theirs, event, data, len, &b);
		if (strcmp(a.buffer, b.buffer))
			fail_msg("%s:%s\n%s\n%s", event->system, event->name, a.buffer, b.buffer);
		if (!i)
			snprintf(first, sizeof(first), "%s", a.buffer);
		different += strncmp(first, a.buffer, sizeof(first) - 1) != 0;
	}
	/* they say something of the record */
	assert_true(different > RECORDS / 4);
	trace_seq_destroy(&a);
	trace_seq_destroy(&b);
}

/* ---- which events ---------------------------------------------------------------------------- */

struct wanted { const char *system, *name, *format; };

/* Of kernels that have events. */
static const struct wanted of_kernels[] = {
	{ "sched", "sched_switch", NULL }, { "sched", "sched_wakeup", NULL },
	{ "sched", "sched_wakeup_new", NULL }, { "timer", "hrtimer_start", NULL },
	{ "timer", "hrtimer_expire_entry", NULL }, { "kmem", "kmalloc", NULL }, { "kmem", "kfree", NULL },
	{ "kmem", "kmem_cache_alloc", NULL }, { "kmem", "kmem_cache_free", NULL },
	{ "ftrace", "function", NULL }, { "ftrace", "kernel_stack", NULL }, { "ftrace", "raw_data", NULL },
	{ "ftrace", "func_repeats", NULL }, { "tlb", "tlb_flush", NULL },
	{ "syscalls", "sys_enter_futex", NULL }, { "kvm", "kvm_exit", NULL }, { "kvm", "kvm_entry", NULL },
	{ "kvm", "kvm_emulate_insn", NULL }, { "kvm", "kvm_nested_vmexit_inject", NULL },
	{ "kvmmmu", "kvm_mmu_get_page", NULL }, { "kvmmmu", "kvm_mmu_sync_page", NULL },
	{ "kvmmmu", "kvm_mmu_unsync_page", NULL }, { "kvmmmu", "kvm_mmu_prepare_zap_page", NULL },
	{ "jbd2", "jbd2_checkpoint_stats", NULL }, { "jbd2", "jbd2_run_stats", NULL },
	{ "cfg80211", "cfg80211_send_rx_assoc", NULL }, { "scsi", "scsi_dispatch_cmd_start", NULL },
	{ "xen", "xen_mc_entry", NULL }, { "xen", "xen_mc_extend_args", NULL },
};

#define MMU(id, name) COMMON(name, id) FIELD("__u64 gfn", 8, 8, 0) FIELD("__u32 role", 16, 4, 0) \
	FIELD("__u32 root_count", 20, 4, 0) FIELD("bool unsync", 24, 1, 0) PRINT("\"%x\", REC->role")
/* Of others. */
static const struct wanted made[] = {
	{ "sched", "sched_wakeup", COMMON("sched_wakeup", 801) FIELD("char comm[16]", 8, 16, 1)
	  FIELD("pid_t pid", 24, 4, 1) FIELD("int prio", 28, 4, 1) FIELD("int success", 32, 4, 1)
	  FIELD("int target_cpu", 36, 4, 1) PRINT("\"%s\", REC->comm") },
	{ "kvm", "kvm_exit", COMMON("kvm_exit", 802) FIELD("unsigned int exit_reason", 8, 4, 0)
	  FIELD("unsigned long guest_rip", 16, 8, 0) PRINT("\"%x\", REC->exit_reason") },
	{ "kvm", "kvm_nested_vmexit", COMMON("kvm_nested_vmexit", 803) FIELD("__u64 rip", 8, 8, 0)
	  FIELD("__u32 exit_code", 16, 4, 0) FIELD("__u64 exit_info1", 24, 8, 0)
	  FIELD("__u64 exit_info2", 32, 8, 0) FIELD("__u32 exit_int_info", 40, 4, 0)
	  FIELD("__u32 exit_int_info_err", 44, 4, 0) FIELD("__u32 isa", 48, 4, 0)
	  PRINT("\"%llx\", REC->rip") },
	{ "kvmmmu", "kvm_mmu_zap_page", MMU(804, "kvm_mmu_zap_page") },
	{ "mac80211", "drv_bss_info_changed", COMMON("drv_bss_info_changed", 805)
	  FIELD("char wiphy_name[32]", 8, 32, 0) FIELD("__data_loc char[] vif_name", 40, 4, 0)
	  FIELD("enum nl80211_iftype vif_type", 44, 4, 0) FIELD("bool assoc", 48, 1, 0)
	  FIELD("bool cts", 50, 1, 0) FIELD("bool shortpre", 51, 1, 0) FIELD("bool shortslot", 52, 1, 0)
	  FIELD("u8 dtimper", 53, 1, 0) FIELD("u16 bcnint", 54, 2, 0) FIELD("u16 assoc_cap", 56, 2, 0)
	  FIELD("u32 basic_rates", 60, 4, 0) FIELD("bool enable_beacon", 64, 1, 0)
	  FIELD("u16 ht_operation_mode", 66, 2, 0) PRINT("\"%s\", REC->wiphy_name") },
	{ "jbd2", "made_commit", COMMON("made_commit", 806) FIELD("dev_t dev", 8, 4, 0)
	  PRINT("\"dev %s\", jbd2_dev_to_name(REC->dev)") },
	{ "kvmmmu", "made_pte", COMMON("made_pte", 807) FIELD("u64 pte", 8, 8, 0)
	  PRINT("\"%d\", is_writable_pte(REC->pte)") },
};

/* A format of a kernel's. NULL: it has none of that name. */
static const char *find_format(const struct kernel *k, const struct wanted *w, size_t *ret_len)
{
	char key[128];
	const char *at, *end;
	int len = snprintf(key, sizeof(key), "@ %s\nname: %s\n", w->system, w->name);

	at = memmem(k->text, k->len, key, len);
	if (!at)
		return NULL;
	at = strchr(at, '\n') + 1;
	end = memmem(at, k->text + k->len - at, "\n@ ", 3);
	*ret_len = (end ? end + 1 : k->text + k->len) - at;
	return at;
}

static unsigned compare_all(const struct wanted *w, size_t nr, const struct kernel *k, bool big_endian)
{
	struct host ours, theirs;
	char dir[PATH_MAX];
	unsigned done = 0;

	system_dir(dir);
	open_host(&theirs, dir, big_endian);
	open_host(&ours, PLUGINS, big_endian);
	for (size_t i = 0; i < nr; i++) {
		size_t len = w[i].format ? strlen(w[i].format) : 0;
		const char *format = w[i].format ? w[i].format : find_format(k, &w[i], &len);
		struct tep_event *event;

		if (!format)
			continue;
		event = parse(&ours, w[i].system, w[i].name, format, len);
		assert_non_null(event);
		assert_non_null(parse(&theirs, w[i].system, w[i].name, format, len));
		compare(&ours, &theirs, event);
		done++;
	}
	close_host(&ours);
	close_host(&theirs);
	return done;
}

static void equal_texts(const char *kernel, unsigned at_least)
{
	struct kernel k;

	read_kernel(kernel, &k);
	assert_true(compare_all(of_kernels, ARRAY_SIZE(of_kernels), &k, false) >= at_least);
	free(k.text);
}

static void test_6_1(void **state)
{
	(void)state;
	equal_texts("6.1", ARRAY_SIZE(of_kernels) - 2);
}

static void test_6_12(void **state)
{
	(void)state;
	equal_texts("6.12", ARRAY_SIZE(of_kernels) - 2);
}

static void test_made(void **state)
{
	(void)state;
	assert_int_equal(compare_all(made, ARRAY_SIZE(made), NULL, false), ARRAY_SIZE(made));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_6_1),
		cmocka_unit_test(test_6_12),
		cmocka_unit_test(test_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

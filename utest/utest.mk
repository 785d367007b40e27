# SPDX-License-Identifier: GPL-2.0-or-later
# Tests. Every utest/unit/test_*.c is one cmocka program; every
# utest/fuzz/fuzz_*.c one libFuzzer target whose corpus is replayed by check.
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
UNIT_SRC := $(sort $(wildcard utest/unit/test_*.c))
UNIT := $(UNIT_SRC:utest/unit/%.c=$(B)/utest/%)
FUZZ_SRC := $(sort $(wildcard utest/fuzz/fuzz_*.c))
FUZZ := $(FUZZ_SRC:utest/fuzz/%.c=%)
PYTEST := /usr/bin/python3 -m pytest -q -p no:cacheprovider

$(B)/utest/%: utest/unit/%.c $(B)/libtracecmd.a
	@mkdir -p $(@D)
	$(say) "  CC  $@"
	$(Q)$(CC) $(ALL_CPPFLAGS) -Iutest/unit -DFIXTURES='"$(CURDIR)/utest/fixtures"' -DPLUGINS='"$(CURDIR)/$(B)/plugins"' $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< \
		$(B)/libtracecmd.a $(PKG_LIBS) -lcmocka -ldl -lm
-include $(UNIT:=.d)
$(B)/utest/test_plugins: $(PLUGINS:%=$(B)/plugins/plugin_%.so)

# The unit tests, as built by default.
check-unit: $(UNIT:$(B)/utest/%=run-unit-%)
run-unit-%: $(B)/utest/%
	@$<
.SECONDARY: $(UNIT)

# The same and the fuzzers' corpora under AddressSanitizer and UBSan.
check-san:
	$(MAKE) B=$(B)-san SAN="$(SAN_FLAGS)" OPT="-O1 -g" check-unit $(B)-san/tracecmd $(B)-san/utest/tracecmd-faults
	$(MAKE) check-fuzz-corpus

# The tests with several threads under ThreadSanitizer, which wants its memory
# where addresses are not random.
TSAN_TESTS := test_event_threads test_replay_run test_scan_team test_recorder test_remote test_tsync_run
check-tsan:
	$(MAKE) B=$(B)-tsan SAN="-fsanitize=thread" OPT="-O1 -g" $(TSAN_TESTS:%=$(B)-tsan/utest/%)
	@set -e; for t in $(TSAN_TESTS); do setarch -R $(B)-tsan/utest/$$t; done

# Installs what the tests need, builds with gcc and clang, runs everything.
check:
	@MAKE="$(MAKE)" utest/check

# tracecmd whose calls can be made to fail (utest/tools/faults.c says which), for
# utest/cmd/test_fault_sites.py.
FAULTS = $(shell sed -nE 's/^WRAP.[^,]*, (\w+), .*/\1/p; s/^WRAP_[A-Z]+.(\w+), .*/\1/p; s/^int __wrap_(\w+).*;/\1/p' utest/tools/faults.c)
comma := ,

$(B)/utest/faults.o: utest/tools/faults.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

$(B)/utest/tracecmd-faults: $(CMD_OBJ) $(B)/utest/faults.o $(B)/libtracecmd.a
	$(say) "  LD  $@"
	$(Q)$(CC) $(ALL_LDFLAGS) $(FAULTS:%=-Wl$(comma)--wrap=%) $(EXPORTED:%=-Wl,--export-dynamic-symbol=%) -o $@ $^ $(PKG_LIBS) -ldl -lm

# A tool that is linked with the library (utest/common.py makes the others).
$(B)/utest/tools/clocks: utest/tools/clocks.c $(B)/libtracecmd.a
	@mkdir -p $(@D)
	$(say) "  CC  $@"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libtracecmd.a $(PKG_LIBS) -ldl -lm

# What takes longer too: the kernel with every tracing option, fuzzers.
check-full:
	@MAKE="$(MAKE)" utest/check --full

.PHONY: check check-full check-unit check-san check-tsan

# tracecmd beside trace-cmd; BENCH_ARGS="--runs 1 --loops 100" for a short one.
bench: $(B)/tracecmd
	@TRACECMD=$(CURDIR)/$(B)/tracecmd /usr/bin/python3 utest/bench/bench.py $(BENCH_ARGS)

.PHONY: bench

# ---- fuzzing ----
# make fuzz-build          libFuzzer targets in build-fuzz/ (needs clang)
# make fuzz                runs each for FUZZ_SECONDS, starting from its corpus
# make check-fuzz-corpus   replays the corpora under ASan and UBSan, any compiler
FUZZ_SECONDS ?= 60
FUZZ_B := build-fuzz
FUZZ_SAN := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined

$(B)/fuzz/%: utest/fuzz/%.c $(B)/libtracecmd.a
	@mkdir -p $(@D)
	$(say) "  CC  $@"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -Wno-missing-prototypes -MMD -MP $(ALL_LDFLAGS) $(FUZZ_MAIN) -o $@ $< \
		$(B)/libtracecmd.a $(PKG_LIBS) -ldl -lm
-include $(FUZZ:%=$(B)/fuzz/%.d)

fuzz-targets: $(FUZZ:%=$(B)/fuzz/%)

fuzz-build:
	$(MAKE) B=$(FUZZ_B) CC=clang SAN="$(FUZZ_SAN)" OPT="-O1 -g" FUZZ_MAIN=-fsanitize=fuzzer fuzz-targets

# With -j several at once.
fuzz: $(FUZZ:%=run-%)

$(FUZZ:%=run-%): run-fuzz_%: fuzz-build
	@mkdir -p $(FUZZ_B)/corpus/$* utest/fuzz/corpus/$*
	@echo "== fuzz_$*, $(FUZZ_SECONDS) s"
	@$(FUZZ_B)/fuzz/fuzz_$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=3072 \
		-print_final_stats=1 -verbosity=0 -artifact_prefix=$(FUZZ_B)/fuzz_$*- \
		$(FUZZ_B)/corpus/$* utest/fuzz/corpus/$*

check-fuzz-corpus:
	$(MAKE) B=$(B)-san SAN="$(SAN_FLAGS)" OPT="-O1 -g" \
		FUZZ_MAIN="$(CURDIR)/utest/fuzz/replay_main.c" fuzz-targets
	@set -e; for t in $(FUZZ); do \
		$(B)-san/fuzz/$$t utest/fuzz/corpus/$${t#fuzz_}; \
	done

.PHONY: fuzz-targets fuzz-build fuzz $(FUZZ:%=run-%) check-fuzz-corpus

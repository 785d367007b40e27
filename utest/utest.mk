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
	$(Q)$(CC) $(CPPFLAGS) -Iutest/unit -DFIXTURES='"$(CURDIR)/utest/fixtures"' $(ALL_CFLAGS) -MMD -MP $(ALL_LDFLAGS) -o $@ $< \
		$(B)/libtracecmd.a $(PKG_LIBS) -lcmocka -ldl -lm
-include $(UNIT:=.d)

# The unit tests, as built by default.
check-unit: $(UNIT)
	@set -e; for t in $(UNIT); do $$t; done

# The same and the fuzzers' corpora under AddressSanitizer and UBSan.
check-san:
	$(MAKE) B=$(B)-san SAN="$(SAN_FLAGS)" OPT="-O1 -g" check-unit $(B)-san/tracecmd

# Installs what the tests need, builds with gcc and clang, runs everything.
check:
	@MAKE="$(MAKE)" utest/check

# What takes longer too: the kernel with every tracing option, fuzzers.
check-full:
	@MAKE="$(MAKE)" utest/check --full

.PHONY: check check-full check-unit check-san

# SPDX-License-Identifier: GPL-2.0-or-later
# make            builds build/tracecmd, build/libtracecmd.so.1, build/plugins and build/python
# make demo       records this machine for a second and shows the report
# make check      builds and runs the tests; check-full: all of them
# make doc        builds the manual pages into build/doc
# make install    DESTDIR=, PREFIX=, LIBDIR=, TRACE_CMD_LINK=1; uninstall
# make fuzz bench clean
VERSION := 0.1.0
B ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
OBJCOPY ?= objcopy
PREFIX ?= /usr/local
OPT ?= -O2 -g
PKGS := libtraceevent libzstd liblz4 zlib libxxhash libelf libdw

ALL_CPPFLAGS = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DTRACECMD_VERSION='"$(VERSION)"' -Ilib -I. $(CPPFLAGS)
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
# asked once, and only by what compiles
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
ALL_CFLAGS = -std=gnu11 $(OPT) $(WARN) -fvisibility=hidden -pthread $(SAN) $(CFLAGS) $(PKG_CFLAGS)
ALL_LDFLAGS = -pthread $(SAN) $(LDFLAGS)

PLUGINS := $(shell sed -n 's/^PLUGIN(\(.*\))$$/\1/p' plugins/list.h)
LIB_SRC := $(sort $(wildcard lib/*/*.c) $(filter-out plugins/shell.c,$(wildcard plugins/*.c)))
CMD_SRC := $(sort $(wildcard tracecmd/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/obj/%.o)
CMD_OBJ := $(CMD_SRC:%.c=$(B)/obj/%.o)

# V=1 shows the commands
Q := $(if $(V),,@)
say := $(if $(V),@:,@echo)

all: $(B)/tracecmd $(B)/libtracecmd.so.1 $(B)/libtracecmd-user-event.a $(PLUGINS:%=$(B)/plugins/plugin_%.so)

# Called by libtraceevent's plugin_kvm (tracecmd/report_guests.c).
EXPORTED := tep_plugin_kvm_get_func tep_plugin_kvm_put_func

$(B)/tracecmd: $(CMD_OBJ) $(B)/libtracecmd.a
	$(say) "  LD  $@"
	$(Q)$(CC) $(ALL_LDFLAGS) $(EXPORTED:%=-Wl,--export-dynamic-symbol=%) -o $@ $^ $(PKG_LIBS) -ldl -lm

$(B)/libtracecmd.a: $(LIB_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(B)/libtracecmd.so.1: $(LIB_OBJ) lib/libtracecmd.map
	$(say) "  LD  $@"
	$(Q)$(CC) -shared $(ALL_LDFLAGS) $(if $(SAN),,-Wl,-z,defs) -Wl,-soname,libtracecmd.so.1 -Wl,-Bsymbolic-functions \
		-Wl,--version-script=lib/libtracecmd.map -o $@ $(LIB_OBJ) $(PKG_LIBS)

# User events for programs that need nothing else of the library: one object, which
# shows its public functions only and needs libc only.
USER_EVENT_OBJ := $(patsubst %,$(B)/obj/lib/%.o,api/user_event api/opts api/version kernel/user_event kernel/user_event_def \
	kernel/user_event_record kernel/tracefs base/err base/buf base/number base/words base/file)

$(B)/libtracecmd-user-event.a: $(USER_EVENT_OBJ) lib/libtracecmd.map
	$(say) "  AR  $@"
	@rm -f $@
	$(Q)$(LD) -r -o $(B)/user-event.o $(USER_EVENT_OBJ)
	$(Q)$(OBJCOPY) $(shell sed -n 's/^\t\(tracecmd_user_[a-z_]*\|tracecmd_version\);/--keep-global-symbol=\1/p' lib/libtracecmd.map) $(B)/user-event.o
	$(Q)$(AR) rcs $@ $(B)/user-event.o

# A plugin for other programs: one table of texts with libtraceevent's entries around it. It names
# libtraceevent, so that it is found by programs that have it for themselves alone (dlopen's RTLD_LOCAL).
$(B)/plugins/plugin_%.so: plugins/shell.c $(B)/obj/plugins/%.o $(B)/libtracecmd.a
	@mkdir -p $(@D)
	$(say) "  LD  $@"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -DPLUGIN_TABLE=plugin_$* -fPIC -MMD -MP -MT $@ -MF $(B)/obj/plugins/shell-$*.d -shared \
		$(ALL_LDFLAGS) -Wl,--exclude-libs,ALL -o $@ $< $(B)/obj/plugins/$*.o $(B)/libtracecmd.a $(shell pkg-config --libs libtraceevent)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(say) "  CC  $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fPIC -MMD -MP -c -o $@ $<

# Sets itself up: packages, build, tracefs.
demo:
	@setup/deps build
	@$(MAKE) --no-print-directory all
	@setup/demo $(B)/tracecmd

include Documentation/doc.mk
include setup/install.mk
include python/python.mk
-include utest/utest.mk
-include $(LIB_OBJ:.o=.d) $(CMD_OBJ:.o=.d) $(PLUGINS:%=$(B)/obj/plugins/shell-%.d)

clean:
	rm -rf $(B) $(B)-*

.PHONY: all clean demo

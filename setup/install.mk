# SPDX-License-Identifier: GPL-2.0-or-later
# make install [DESTDIR=...] [PREFIX=/usr/local] [LIBDIR=...] [TRACE_CMD_LINK=1]
# make uninstall, with the same variables. Nothing is fetched. Manual pages are
# built and installed where asciidoctor is; where it is not, that is told.
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/tracecmd
UNITDIR ?= $(PREFIX)/lib/systemd/system
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
INSTALL ?= install
HEADERS := $(sort $(wildcard lib/include/*.h))
# for other programs over libtraceevent: tracecmd has them built in
PLUGINDIR ?= $(LIBDIR)/tracecmd/plugins
D = $(DESTDIR)
HAVE_MAN := $(shell command -v $(ASCIIDOCTOR))
# the pages in the tree, whether they were built or not: for uninstall
MAN_NAMES := $(notdir $(MAN))

# Programs written for trace-cmd's interface call libtraceevent, and libtracefs where they find it.
PC_REQUIRES = libtraceevent $(shell pkg-config --exists libtracefs && echo libtracefs)

define PC_TEXT
prefix=$(PREFIX)
libdir=$(LIBDIR)
includedir=$(INCLUDEDIR)

Name: libtracecmd
Description: reads recordings of the Linux kernel's trace buffers
Version: $(VERSION)
Requires: $(PC_REQUIRES)
Requires.private: $(PKGS)
Cflags: -I$${includedir}/trace-cmd
Libs: -L$${libdir} -ltracecmd
endef
export PC_TEXT

# The part for programs with events of their own: static, and needs libc only.
define USER_EVENT_PC_TEXT
prefix=$(PREFIX)
libdir=$(LIBDIR)
includedir=$(INCLUDEDIR)

Name: libtracecmd-user-event
Description: user events of programs in the Linux kernel's trace
Version: $(VERSION)
Cflags: -I$${includedir}/trace-cmd
Libs: -L$${libdir} -ltracecmd-user-event
endef
export USER_EVENT_PC_TEXT

install: all $(if $(HAVE_MAN),install-man,no-man)
	$(INSTALL) -d $(D)$(BINDIR) $(D)$(LIBDIR)/pkgconfig $(D)$(INCLUDEDIR)/trace-cmd $(D)$(BASHCOMPDIR)
	$(INSTALL) -m 755 $(B)/tracecmd $(D)$(BINDIR)/tracecmd
	$(INSTALL) -m 644 $(B)/libtracecmd.so.1 $(D)$(LIBDIR)/libtracecmd.so.1
	$(INSTALL) -d $(D)$(PLUGINDIR)
	$(INSTALL) -m 644 $(PLUGINS:%=$(B)/plugins/plugin_%.so) $(D)$(PLUGINDIR)
	ln -sf libtracecmd.so.1 $(D)$(LIBDIR)/libtracecmd.so
	$(INSTALL) -m 644 $(B)/libtracecmd-user-event.a $(D)$(LIBDIR)/libtracecmd-user-event.a
	$(INSTALL) -m 644 $(HEADERS) $(D)$(INCLUDEDIR)/trace-cmd
	printf '%s\n' "$$PC_TEXT" >$(D)$(LIBDIR)/pkgconfig/libtracecmd.pc
	printf '%s\n' "$$USER_EVENT_PC_TEXT" >$(D)$(LIBDIR)/pkgconfig/libtracecmd-user-event.pc
	chmod 644 $(D)$(LIBDIR)/pkgconfig/libtracecmd.pc $(D)$(LIBDIR)/pkgconfig/libtracecmd-user-event.pc
	$(INSTALL) -m 644 completion/tracecmd.bash $(D)$(BASHCOMPDIR)/tracecmd
	$(INSTALL) -D -m 644 setup/tracecmd-agent.socket $(D)$(UNITDIR)/tracecmd-agent.socket
	sed 's,@BINDIR@,$(BINDIR),' setup/tracecmd-agent.service.in >$(D)$(UNITDIR)/tracecmd-agent.service
	chmod 644 $(D)$(UNITDIR)/tracecmd-agent.service
	$(INSTALL) -D -m 644 Documentation/differences.md $(D)$(DOCDIR)/differences.md
	$(INSTALL) -m 644 Documentation/plugins.md $(D)$(DOCDIR)/plugins.md
	$(if $(TRACE_CMD_LINK),ln -sf tracecmd $(D)$(BINDIR)/trace-cmd)

install-man: doc
	for m in $(MAN); do $(INSTALL) -D -m 644 $$m $(D)$(MANDIR)/$${m#$(B)/doc/} || exit 1; done

no-man:
	@echo "no $(ASCIIDOCTOR) here: the manual pages are not installed" >&2

# A trace-cmd link goes only if it is ours.
uninstall:
	rm -f $(D)$(BINDIR)/tracecmd $(D)$(LIBDIR)/libtracecmd.so.1 $(D)$(LIBDIR)/libtracecmd.so \
		$(HEADERS:lib/include/%=$(D)$(INCLUDEDIR)/trace-cmd/%) \
		$(D)$(LIBDIR)/libtracecmd-user-event.a $(D)$(LIBDIR)/pkgconfig/libtracecmd-user-event.pc \
		$(D)$(LIBDIR)/pkgconfig/libtracecmd.pc $(D)$(BASHCOMPDIR)/tracecmd \
		$(D)$(DOCDIR)/differences.md $(D)$(DOCDIR)/plugins.md $(PLUGINS:%=$(D)$(PLUGINDIR)/plugin_%.so) \
		$(D)$(UNITDIR)/tracecmd-agent.socket $(D)$(UNITDIR)/tracecmd-agent.service \
		$(foreach m,$(MAN_NAMES),$(D)$(MANDIR)/man$(subst .,,$(suffix $m))/$m)
	if [ "$$(readlink $(D)$(BINDIR)/trace-cmd)" = tracecmd ]; then rm -f $(D)$(BINDIR)/trace-cmd; fi
	-rmdir $(D)$(INCLUDEDIR)/trace-cmd $(D)$(DOCDIR) $(D)$(PLUGINDIR) $(dir $(D)$(PLUGINDIR)) 2>/dev/null

.PHONY: install install-man no-man uninstall

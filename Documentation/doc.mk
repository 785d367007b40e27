# SPDX-License-Identifier: GPL-2.0-or-later
# Manual pages: Documentation/NAME.N.adoc becomes build/doc/manN/NAME.N.
# 'make doc' needs asciidoctor; nothing else of the build does.
ASCIIDOCTOR ?= asciidoctor
MAN_SRC := $(sort $(wildcard Documentation/*.[1-8].adoc))
MAN := $(foreach p,$(patsubst Documentation/%.adoc,%,$(MAN_SRC)),$(B)/doc/man$(subst .,,$(suffix $p))/$p)

# Second names of a page: asciidoctor writes them beside it, by its Name section.
MAN += $(B)/doc/man1/tracecmd-restart.1
$(B)/doc/man1/tracecmd-restart.1: $(B)/doc/man1/tracecmd-stop.1

doc: $(MAN)

# $1: the page, NAME.N
define MAN_RULE
$(B)/doc/man$(subst .,,$(suffix $1))/$1: Documentation/$1.adoc $(wildcard Documentation/*-options.adoc Documentation/examples/*.c)
	@mkdir -p $$(@D)
	$$(say) "  MAN $$@"
	$$(Q)$$(ASCIIDOCTOR) -b manpage --failure-level=WARN -a reproducible \
		-a mansource="tracecmd $$(VERSION)" -a manmanual="tracecmd manual" -o $$@ $$<
endef
$(foreach p,$(patsubst Documentation/%.adoc,%,$(MAN_SRC)),$(eval $(call MAN_RULE,$p)))

.PHONY: doc

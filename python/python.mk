# SPDX-License-Identifier: LGPL-2.1-or-later
# The Python module: build/python, to be used with PYTHONPATH=build/python. Built and
# installed where CPython's headers are (python3-dev), which 'make python' tells. It
# holds what it needs of the library, and keeps to CPython's stable interface of 3.11: one
# file serves all versions since.
PYTHON ?= /usr/bin/python3
PY_SRC := $(sort $(wildcard python/src/*.c))
PY_OBJ := $(PY_SRC:%.c=$(B)/obj/%.o)
PY_FILES := $(sort $(wildcard python/*.pyi python/tracecmd/*.py python/tracecmd/*/*.py python/tracecmd/py.typed))
PY_BUILT := $(PY_FILES:python/%=$(B)/python/%)
PY_EXT := $(B)/python/_tracecmd.abi3.so
PY_INCLUDE := $(shell $(PYTHON) -c 'import os, sys, sysconfig; p = sysconfig.get_path("include"); \
	print(p if sys.version_info >= (3, 11) and os.path.exists(p + "/Python.h") else "")' 2>/dev/null)
# where Debian's Python looks
PYTHONDIR ?= $(PREFIX)/lib/$(if $(filter /usr,$(PREFIX)),python3,$(notdir $(PY_INCLUDE)))/dist-packages

ifneq ($(PY_INCLUDE),)
all: python
install: install-python
python: $(PY_EXT) $(PY_BUILT)
else
python:
	@echo "no headers of CPython 3.11 or later for $(PYTHON): the Python module is not built (python3-dev)" >&2
	@false
endif

$(PY_OBJ): PKG_CFLAGS := -Ilib/include -isystem $(PY_INCLUDE) -DPy_LIMITED_API=0x030b0000

$(PY_EXT): $(PY_OBJ) $(B)/libtracecmd.a
	@mkdir -p $(@D)
	$(say) "  LD  $@"
	$(Q)$(CC) -shared $(ALL_LDFLAGS) -Wl,--exclude-libs,ALL -o $@ $^ $(PKG_LIBS)

$(B)/python/%: python/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

install-python: python
	for f in $(PY_BUILT) $(PY_EXT); do \
		$(INSTALL) -D -m 644 $$f $(D)$(PYTHONDIR)/$${f#$(B)/python/} || exit 1; done

uninstall: uninstall-python
uninstall-python:
	rm -f $(PY_FILES:python/%=$(D)$(PYTHONDIR)/%) $(D)$(PYTHONDIR)/$(notdir $(PY_EXT))
	-for d in tracecmd/analysis tracecmd; do rm -rf $(D)$(PYTHONDIR)/$$d/__pycache__; \
		rmdir $(D)$(PYTHONDIR)/$$d 2>/dev/null; done; true

-include $(PY_OBJ:.o=.d)
.PHONY: python install-python uninstall-python

# longhaul: build, test, install. `make help` lists the targets.
#
#   make                   build/longhaul and build/faultd
#   make deps              installs what the build needs, with apt-get
#   make demo              deps, build, a soak of 45 s against a bad server
#   make install           program, man page, bash completion and configs,
#                          below PREFIX=/usr/local; DESTDIR=... for packages
#   make uninstall         takes them away
#   make clean             takes build/ away
#
#   make check             all tests, with the packages they need; its parts
#                          are lint, check-unit and check-integration
#   make check-long        soaks of up to 30 minutes each
#   make fuzz              parsers under libFuzzer, FUZZ_SECONDS=60 for each
#   make bench             longhaul beside a minimal client
#   make golden-update     stored reports anew, to be read with git diff
#   make fmt               clang-format
#
#   make DEV=1 ...         more warnings, all of them errors
#   make SAN=address,undefined check-unit     under sanitizers
#   make V=1 ...           whole command lines
#
# Objects live under build/<flavour>/, so that flavours never mix. Nothing generated is committed.

PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
SHELL := /bin/bash
comma := ,
ifndef V
Q := @
endif
VERSION := 0.1.0

ifdef SAN
FLAVOUR := san-$(subst $(comma),-,$(subst address,asan,$(subst undefined,ubsan,$(SAN))))
else ifdef DEV
FLAVOUR := dev
else
FLAVOUR := release
endif
OUT := build/$(FLAVOUR)

# Rooms in the order of the data flow; a room may use itself and those before it (tools/lint checks).
ROOMS := $(shell sed -n 's/^\([a-z][a-z]*\).*/\1/p' include/layers.txt)

# ---- dependencies ------------------------------------------------------------------------------------------------
# tools/deps knows each package, its least version and its apt name; it prints what is missing and how to get it.
PKGS := libwebsockets libuv openssl yaml-0.1 sqlite3 jansson zlib
DEPS_OK := build/deps-ok
ifeq ($(filter clean help deps fmt,$(MAKECMDGOALS)),)
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS = $(shell pkg-config --libs $(PKGS))
endif
LLHTTP_DIR := $(firstword $(wildcard /usr/share/llhttp))
CHART_JS := /usr/share/javascript/chart.js/chart.min.js

# ---- flags -------------------------------------------------------------------------------------------------------
CSTD := -std=c11 -D_GNU_SOURCE
WARN := -Wall -Wextra -Wpointer-arith -Wwrite-strings -Wundef -Wformat=2 -Wvla
OPT := -O2 -g
ifdef DEV
WARN += -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes
endif
ifdef SAN
OPT := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
endif
CFLAGS_ALL = $(CSTD) $(OPT) $(WARN) -Iinclude -Isrc -isystem /usr/share/include/llhttp -DLH_VERSION='"$(VERSION)"' $(PKG_CFLAGS) $(CFLAGS)
# -rdynamic: connect, recv and SSL_read of src/worker must be seen by libwebsockets (src/decisions/0002-interpose.md).
LDLIBS_ALL = $(PKG_LIBS) -lm -lpthread
LDFLAGS_MAIN = -rdynamic

# ---- sources -----------------------------------------------------------------------------------------------------
src_of = $(wildcard src/$(1)/*.c)
OBJ = $(patsubst %.c,$(OUT)/%.o,$(1))
MAIN_SRC := src/cli/main.c
ROOM_SRC := $(foreach r,$(ROOMS),$(call src_of,$(r)))
EMBED_FILES := $(wildcard src/*/*.sql src/*/*.css src/*/*.js src/*/*.json src/*/*.html)
EMBED_OBJ := $(patsubst %,$(OUT)/embed/%.o,$(EMBED_FILES)) $(OUT)/embed/chart.min.js.o
LLHTTP_OBJ := $(patsubst $(LLHTTP_DIR)/%.c,$(OUT)/llhttp/%.o,$(wildcard $(LLHTTP_DIR)/*.c))

FAULTD_SRC := $(wildcard tools/faultd/*.c)

.DEFAULT_GOAL := all
.PHONY: all help deps demo check check-unit check-integration check-long bench fuzz lint fmt install uninstall clean golden-update

all: build/longhaul build/faultd

help:
	@sed -n '2d; /^$$/q; s/^#   //p; s/^#$$//p' Makefile

# The flavour built last stands at build/longhaul; sanitizer builds stay in their folder.
ifdef SAN
build/longhaul: $(OUT)/longhaul
build/faultd: $(OUT)/faultd
else
build/longhaul: $(OUT)/longhaul
	@ln -sf $(FLAVOUR)/longhaul $@
build/faultd: $(OUT)/faultd
	@ln -sf $(FLAVOUR)/faultd $@
endif
.PHONY: build/longhaul build/faultd

$(DEPS_OK): tools/deps
	@tools/deps check
	@mkdir -p build && touch $@

deps:
	@tools/deps install

$(OUT)/longhaul: $(call OBJ,$(ROOM_SRC)) $(EMBED_OBJ) $(LLHTTP_OBJ)
	@echo "  link    $@"
	$(Q)$(CC) $(LDFLAGS) $(LDFLAGS_MAIN) -o $@ $^ $(LDLIBS_ALL)

$(OUT)/faultd: $(call OBJ,$(FAULTD_SRC)) $(call OBJ,$(call src_of,base))
	@echo "  link    $@"
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lssl -lcrypto -lm

$(OUT)/%.o: %.c | $(DEPS_OK)
	@mkdir -p $(@D)
	@echo "  compile $<"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(OUT)/llhttp/%.o: $(LLHTTP_DIR)/%.c | $(DEPS_OK)
	@mkdir -p $(@D)
	$(Q)$(CC) -O2 -w -I/usr/share/include/llhttp -I/usr/include/llhttp -c -o $@ $<

# ---- files that are part of the program ---------------------------------------------------------------------------
.PRECIOUS: $(OUT)/embed/%.c
$(OUT)/embed/%.c: % tools/embed
	@mkdir -p $(@D)
	@tools/embed $< > $@.tmp && mv $@.tmp $@
$(OUT)/embed/chart.min.js.c: $(CHART_JS) tools/embed | $(DEPS_OK)
	@mkdir -p $(@D)
	@tools/embed $< > $@.tmp && mv $@.tmp $@
$(OUT)/embed/%.o: $(OUT)/embed/%.c
	@$(CC) -O0 -c -o $@ $<

# ---- unit tests: tests/unit/ROOM/NAME_test.c links ROOM and the rooms before it ------------------------------------
UNIT_SRC := $(wildcard tests/unit/*/*_test.c)
UNIT_BIN := $(patsubst %.c,$(OUT)/%,$(UNIT_SRC))
rooms_to = $(shell sed -n '0,/^$(1)\b/s/^\([a-z][a-z]*\).*/\1/p' include/layers.txt)
define unit_rule
$(OUT)/tests/unit/$(1)/%_test: $(OUT)/tests/unit/$(1)/%_test.o $(filter-out $(OUT)/src/cli/main.o,$(call OBJ,$(foreach r,$(call rooms_to,$(1)),$(call src_of,$(r))))) $(EMBED_OBJ) $(LLHTTP_OBJ)
	@mkdir -p $$(@D)
	@echo "  link    $$@"
	$$(Q)$$(CC) $$(LDFLAGS) -rdynamic -o $$@ $$^ -lcmocka $$(LDLIBS_ALL)
endef
$(foreach r,$(ROOMS),$(eval $(call unit_rule,$(r))))
.PRECIOUS: $(OUT)/%.o

include tests/tests.mk

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)

# ---- demo --------------------------------------------------------------------------------------------------------
demo:
	@tools/deps install
	@$(MAKE) --no-print-directory all
	@tools/demo build/longhaul build/faultd

# Only with clang-format there; the style is in .clang-format.
fmt:
	clang-format -i $$(git ls-files '*.c' '*.h')

# ---- install -----------------------------------------------------------------------------------------------------
install: $(OUT)/longhaul
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/longhaul/configs
	install -m 755 $(OUT)/longhaul $(DESTDIR)$(PREFIX)/bin/longhaul
	$(OUT)/longhaul explain --man > $(DESTDIR)$(PREFIX)/share/man/man1/longhaul.1
	$(OUT)/longhaul explain --completion > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/longhaul
	install -m 644 configs/* $(DESTDIR)$(PREFIX)/share/longhaul/configs/

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/longhaul $(DESTDIR)$(PREFIX)/share/man/man1/longhaul.1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions/longhaul
	rm -rf $(DESTDIR)$(PREFIX)/share/longhaul

clean:
	rm -rf build

# Fuzz targets. tests/fuzz/NAME.c is built by clang from the rooms up to the last one whose headers it includes, and runs for
# FUZZ_SECONDS; `make fuzz FUZZ=hdr_decode FUZZ_SECONDS=600` runs one for long. Files in tests/fuzz/seeds/NAME are its first
# inputs, tests/fuzz/NAME.dict its words, when they are there. What it finds on the way stays in build/fuzz/corpus/NAME;
# an input that fails is left as build/fuzz/NAME-crash-*. What a target needs of a room that is no parser on the whole (the worker
# stands between libc and the libraries, the fuzzer's among them) is named in FUZZ_PARTS_NAME.

FUZZ_SECONDS ?= 20
FUZZ_CC ?= clang
FUZZ ?= $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
FUZZ_FLAGS := $(CSTD) -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -Wall -Wextra \
              -Iinclude -Isrc -isystem /usr/share/include/llhttp -DLH_VERSION='"$(VERSION)"'

FUZZ_LLHTTP := $(patsubst $(LLHTTP_DIR)/%.c,build/fuzz/llhttp/%.o,$(wildcard $(LLHTTP_DIR)/*.c))
fuzz_room = $(lastword $(foreach r,$(ROOMS),$(if $(shell grep -l 'longhaul/$(r)/' $(1)),$(r))))
fuzz_objs = $(patsubst %.c,build/fuzz/%.o,$(foreach r,$(call rooms_to,$(1)),$(call src_of,$(r)))) $(if $(filter conn,$(call rooms_to,$(1))),$(FUZZ_LLHTTP))

FUZZ_PARTS_inflate := build/fuzz/src/worker/inflate.o
FUZZ_PARTS_wire := build/fuzz/src/worker/wire.o

define fuzz_rule
build/fuzz/$(1): build/fuzz/tests/fuzz/$(1).o $(call fuzz_objs,$(call fuzz_room,tests/fuzz/$(1).c)) $(FUZZ_PARTS_$(1))
	@echo '  link    $$@'
	@$$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $$@ $$^ $$(LDLIBS_ALL)
endef
# Only when asked for: each rule looks into its source.
ifneq ($(filter fuzz build/fuzz/%,$(MAKECMDGOALS)),)
$(foreach t,$(FUZZ),$(eval $(call fuzz_rule,$(t))))
endif
.PRECIOUS: build/fuzz/%.o

build/fuzz/%.o: %.c | $(DEPS_OK)
	@mkdir -p $(@D)
	@echo '  compile $<'
	@$(FUZZ_CC) $(FUZZ_FLAGS) $(PKG_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

build/fuzz/llhttp/%.o: $(LLHTTP_DIR)/%.c | $(DEPS_OK)
	@mkdir -p $(@D)
	@$(FUZZ_CC) -O1 -g -w -fsanitize=address,fuzzer-no-link -I/usr/share/include/llhttp -I/usr/include/llhttp -c -o $@ $<

ifneq ($(filter fuzz build/fuzz/%,$(MAKECMDGOALS)),)
-include $(shell find build/fuzz -name '*.d' 2>/dev/null)
endif

fuzz: $(addprefix build/fuzz/,$(FUZZ))
	@passed=0; failed=0; \
	for t in $(FUZZ); do \
	  mkdir -p build/fuzz/corpus/$$t; \
	  seeds=$$(ls -d tests/fuzz/seeds/$$t 2>/dev/null); dict=$$(ls tests/fuzz/$$t.dict 2>/dev/null); \
	  if build/fuzz/$$t -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 $${dict:+-dict=$$dict} \
	       -artifact_prefix=build/fuzz/$$t- build/fuzz/corpus/$$t $$seeds > build/fuzz/$$t.log 2>&1; \
	  then passed=$$((passed + 1)); echo "ok $$(sed -n 's/^stat::number_of_executed_units: *//p' build/fuzz/$$t.log) inputs  $$t"; \
	  else failed=$$((failed + 1)); echo "FAILED $$t"; tail -n 40 build/fuzz/$$t.log; fi; \
	done; \
	echo "$$passed passed, $$failed failed"; [ $$failed -eq 0 ]

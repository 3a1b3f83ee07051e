# The floor client, and longhaul measured beside it. Included by tests/tests.mk or the top Makefile.

FLOOR_SRC := $(wildcard tests/bench/floor*.c)

$(OUT)/floor: $(call OBJ,$(FLOOR_SRC))
	$(CC) $(LDFLAGS) -o $@ $^

bench: build/longhaul build/faultd $(OUT)/floor
	@tests/bench/bench --longhaul build/longhaul --faultd build/faultd --floor $(OUT)/floor --out build/bench.json

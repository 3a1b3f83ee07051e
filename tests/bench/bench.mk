# The floor client, and longhaul measured beside it. Included by tests/tests.mk or the top Makefile.

FLOOR_SRC := $(wildcard tests/bench/floor*.c)

$(OUT)/floor: $(call OBJ,$(FLOOR_SRC))
	$(CC) $(LDFLAGS) -o $@ $^

# Of a release build: other flavours measure their checks.
bench: $(OUT)/longhaul $(OUT)/faultd $(OUT)/floor
	@tests/bench/bench --longhaul $(OUT)/longhaul --faultd $(OUT)/faultd --floor $(OUT)/floor --out build/bench.json

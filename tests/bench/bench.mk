# The floor client, and longhaul measured beside it. Included by tests/tests.mk or the top Makefile.

FLOOR_SRC := tests/bench/floor.c tests/bench/floor_client.c

$(OUT)/floor: $(call OBJ,$(FLOOR_SRC))
	$(CC) $(LDFLAGS) -o $@ $^

$(OUT)/floor_http: $(call OBJ,tests/bench/floor_http.c)
	$(CC) $(LDFLAGS) -o $@ $^

# Of a release build: other flavours measure their checks.
bench: $(OUT)/longhaul $(OUT)/faultd $(OUT)/floor $(OUT)/floor_http
	@tests/bench/bench --longhaul $(OUT)/longhaul --faultd $(OUT)/faultd --floor $(OUT)/floor --floor-http $(OUT)/floor_http --out build/bench.json

# What a mass drop costs, beside the calm before it; needs a machine with little else to do.
.PHONY: check-storm
check-long: check-storm
check-storm: $(OUT)/longhaul $(OUT)/faultd
	@tests/bench/storm --longhaul $(OUT)/longhaul --faultd $(OUT)/faultd --out build/storm.json

# What a message costs in the engine alone, without sockets: for changes of src/conn.
.PHONY: bench-engine
bench-engine: $(OUT)/engine_bench
	@$<

$(OUT)/engine_bench: $(call OBJ,tests/bench/engine_bench.c $(foreach r,$(call rooms_to,conn),$(call src_of,$(r)))) $(EMBED_OBJ) $(LLHTTP_OBJ)
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS_ALL)

# Targets that test, measure and check. Included by the top Makefile. How the tests work: tests/README.md

.PHONY: check-san

check-unit: $(UNIT_BIN)
	@tests/run-unit $(UNIT_BIN)

# Against real servers on loopback. LH_FLAVOUR tells the harness which build to run.
check-integration: $(OUT)/longhaul $(OUT)/faultd
	@LONGHAUL=$(OUT)/longhaul FAULTD=$(OUT)/faultd tests/integration/run

# CHECK_PARTS: what check runs; "san:" builds that part with ASan and UBSan.
CHECK_PARTS ?= lint san:check-unit check-unit check-integration
check:
	@tools/deps test
	@MAKE='$(MAKE)' tests/check $(CHECK_PARTS)

lint:
	@tools/lint --lengths

-include $(wildcard tests/*/*.mk)

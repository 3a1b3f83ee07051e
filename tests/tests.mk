# Targets that test, measure and check. Included by the top Makefile. How the tests work: tests/README.md

.PHONY: check-programs

check-unit: $(UNIT_BIN)
	@tests/run-unit $(UNIT_BIN)

# Against real servers on loopback. LH_BUILD tells the tests which flavour to run. Other folders add parts of their own;
# with -k a part that fails stops none of the others.
check-integration: check-programs
check-programs: $(OUT)/longhaul $(OUT)/faultd
	@LH_BUILD=$(OUT) tests/integration/run-tests tests/integration

# CHECK_PARTS: what check runs; "san:" builds that part with ASan and UBSan.
CHECK_PARTS ?= lint san:check-unit check-unit check-integration
check:
	@tools/deps test
	@MAKE='$(MAKE)' tests/check $(CHECK_PARTS)

lint:
	@tools/lint --lengths

-include $(wildcard tests/*/*.mk)

# Every way a connection can end, as data. Included by tests/tests.mk.

.PHONY: check-scenarios
check-integration: check-scenarios
check-scenarios: $(OUT)/longhaul $(OUT)/faultd
	@LH_BUILD=$(OUT) tests/integration/run-tests tests/scenarios

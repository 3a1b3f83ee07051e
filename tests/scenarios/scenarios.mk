# Every way a connection can end, as data. Included by tests/tests.mk.

.PHONY: check-scenarios check-told-apart
check-integration: check-scenarios
check-scenarios: $(OUT)/longhaul $(OUT)/faultd
	@LH_BUILD=$(OUT) tests/integration/run-tests tests/scenarios

# A server stopped for a minute, a network filtered for a minute, a kill and a rolling restart: part of check-integration with
# shorter times.
check-long: check-told-apart
check-told-apart: $(OUT)/longhaul $(OUT)/faultd
	@LH_BUILD=$(OUT) LH_TOLD_APART_S=60 tests/integration/run-tests tests/integration/test_told_apart.py

# faultd against clients not written here. Included by tests/tests.mk or the top Makefile.

.PHONY: check-faultd
check-integration: check-faultd
check-faultd: $(OUT)/faultd
	@LH_BUILD=$(OUT) tests/integration/run-tests tests/faultd

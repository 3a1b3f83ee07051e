# faultd against clients not written here. Included by tests/tests.mk or the top Makefile.

.PHONY: check-faultd
check-faultd: build/faultd
	@LH_BUILD=$(if $(SAN),$(OUT),build) tests/integration/run-tests tests/faultd

# Targets that test, measure and check. Included by the top Makefile.

check-unit: $(UNIT_BIN)
	@tests/run-unit $(UNIT_BIN)

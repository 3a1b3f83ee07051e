# Golden reports: written anew, then to be read with git diff.
golden-update: $(OUT)/tests/unit/report/golden_test
	@LH_GOLDEN_UPDATE=1 $< > /dev/null 2>&1; git --no-pager diff --stat -- tests/golden

# What takes minutes: the main job at full size, and what LH_LONG asks for. Included by tests/tests.mk.

.PHONY: check-main-job check-sixty-thousand check-mixed check-sse-feed
check-long: check-main-job check-sixty-thousand check-mixed check-sse-feed
check-main-job: $(OUT)/longhaul
	@LH_BUILD=$(OUT) LH_MAIN_JOB=1 LH_TEST_DEADLINE=900 tests/integration/run-tests tests/integration/test_main_job.py
check-sixty-thousand: $(OUT)/longhaul $(OUT)/faultd
	@LH_BUILD=$(OUT) LH_LONG=1 LH_TEST_DEADLINE=900 tests/integration/run-tests tests/integration/test_schedule.py
check-mixed: $(OUT)/longhaul
	@LH_BUILD=$(OUT) LH_MIXED=1 LH_TEST_DEADLINE=2100 tests/integration/run-tests tests/integration/test_mixed.py
check-sse-feed: $(OUT)/longhaul
	@LH_BUILD=$(OUT) LH_SSE=1 LH_TEST_DEADLINE=900 tests/integration/run-tests tests/integration/test_sse_feed.py

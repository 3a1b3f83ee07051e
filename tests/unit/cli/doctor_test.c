/* What doctor tells people to type. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/doctor.h"

/* As another user than root each of the two commands takes sudo; root types them as they are. */
static void test_each_command_has_its_sudo(void **state) {
  (void)state;
  static const struct {
    const char *user, *command;
  } rows[] = {{"1000", "\n   now        sudo sysctl -w fs.nr_open=128 && sudo prlimit --pid $$ --nofile=128:128\n"},
              {"0", "\n   now        sysctl -w fs.nr_open=128 && ulimit -n 128\n"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct lh_fact items[] = {{.name = "user"}, {.name = "nofile.hard", .value = "64"}, {.name = "fs.nr_open", .value = "100"}};
    struct lh_doctor doctor = {.facts = {items, sizeof items / sizeof *items}};
    struct lh_buf out = LH_BUF_INIT(1 << 16);
    snprintf(items[0].value, sizeof items[0].value, "%s", rows[i].user);
    assert_int_equal(lh_needs_plain(&doctor.needs, false, NULL), 0);
    doctor.needs.workers = 1;
    assert_int_equal(lh_ladder_make(&doctor.ladder, &doctor.facts, &doctor.needs, NULL), 0);
    assert_int_equal(lh_doctor_text(&doctor, false, &out), 0);
    if (strstr(out.data, rows[i].command) == NULL) fail_msg("%s", out.data);
    lh_buf_free(&out);
    lh_ladder_free(doctor.ladder);
    lh_needs_free(&doctor.needs);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_command_has_its_sudo)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/config/data.h"
#include "longhaul/plan/plan.h"
#include "longhaul/plan/template.h"

enum { SEED = 7, GROUP = 3, ROWS_MAX = 64 };

static struct lh_data *rows_of(uint32_t count) {
  char text[16 * (ROWS_MAX + 1)];
  size_t len = (size_t)snprintf(text, sizeof text, "n,\"a b\"\n");
  for (uint32_t i = 0; i < count; i++) len += (size_t)snprintf(text + len, sizeof text - len, "%u,x%u\n", i, i * i);
  struct lh_data *data = NULL;
  struct lh_err err;
  if (lh_data_new(&data, text, len, &err)) fail_msg("%s", err.text);
  return data;
}

static uint32_t row(const struct lh_group *group, uint32_t client, uint64_t seq) {
  return lh_plan_data_row(group, SEED, GROUP, client, seq);
}

static void each_client_has_its_row(void **state) {
  (void)state;
  struct lh_group group = {.connections = 10, .data = {.rows = rows_of(4), .order = LH_DATA_PER_CLIENT}};
  for (uint32_t client = 0; client < 10; client++)
    for (uint64_t seq = 0; seq < 3; seq++) assert_int_equal(row(&group, client, seq), client % 4);
  lh_data_free(group.data.rows);
}

/* While rows last, rounds of all clients take each row once; a client alone reads the file from its top to its end. */
static void rounds_take_the_rows_in_turn(void **state) {
  (void)state;
  static const struct {
    uint32_t clients, rows;
  } cases[] = {{1, 5}, {2, 6}, {3, 7}, {5, 20}, {7, 64}, {1, 1}, {4, 4}, {6, 3}, {9, 2}, {10, 1}, {30, 10}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const uint32_t clients = cases[i].clients, rows = cases[i].rows;
    struct lh_group group = {.connections = clients, .data = {.rows = rows_of(rows), .order = LH_DATA_SEQUENTIAL}};
    uint32_t used[ROWS_MAX] = {0}, rounds = rows / clients ? rows / clients : 1;
    for (uint64_t seq = 0; seq < rounds; seq++)
      for (uint32_t client = 0; client < clients; client++) used[row(&group, client, seq)]++;
    uint32_t share = rounds * clients / rows;
    for (uint32_t r = 0; r < rows; r++) assert_in_range(used[r], share, share + (rounds * clients % rows != 0));
    for (uint32_t client = 0; client < clients; client++) { /* nobody stands still */
      bool moved = rows == 1;
      for (uint64_t seq = 1; seq < 5; seq++) moved |= row(&group, client, seq) != row(&group, client, 0);
      if (!moved) fail_msg("client %u of %u always takes row %u of %u", client, clients, row(&group, client, 0), rows);
    }
    lh_data_free(group.data.rows);
  }
  struct lh_group alone = {.connections = 1, .data = {.rows = rows_of(5), .order = LH_DATA_SEQUENTIAL}};
  for (uint64_t seq = 0; seq < 12; seq++) assert_int_equal(row(&alone, 0, seq), seq % 5);
  assert_in_range(row(&alone, 0, UINT64_MAX), 0, 4);
  lh_data_free(alone.data.rows);
}

static void random_rows_follow_from_the_seed(void **state) {
  (void)state;
  struct lh_group group = {.connections = 100, .data = {.rows = rows_of(8), .order = LH_DATA_RANDOM}};
  uint32_t used[8] = {0}, other = 0;
  for (uint32_t client = 0; client < 100; client++)
    for (uint64_t seq = 0; seq < 80; seq++) {
      uint32_t r = row(&group, client, seq);
      used[r]++;
      other += r != lh_plan_data_row(&group, SEED + 1, GROUP, client, seq);
      assert_int_equal(r, row(&group, client, seq));
    }
  for (int r = 0; r < 8; r++) assert_in_range(used[r], 850, 1150); /* 1,000 each, five standard deviations of 30 */
  assert_in_range(other, 6800, 7200);
  lh_data_free(group.data.rows);
}

static void a_template_writes_the_cells_of_its_row(void **state) {
  (void)state;
  static const char text[] = "<${data.n}|${data.a b}|${seq}|$${data.n}>";
  struct lh_group group = {.connections = 1, .data = {.rows = rows_of(12)}};
  struct lh_template *t;
  struct lh_err err;
  char out[128];
  assert_int_equal(lh_template_compile_for(&group, text, sizeof text - 1, &t, &err), 0);
  struct lh_template_values values = {.token = {.seq = 5}, .row = 11};
  size_t len = lh_template_render(t, &values, out);
  assert_true(len <= lh_template_size_max(t));
  out[len] = 0;
  assert_string_equal(out, "<11|x121|5|${data.n}>");
  lh_template_free(t);
  assert_true(lh_template_compile_for(&group, "${data.m}", 9, &t, &err) < 0);
  assert_non_null(strstr(err.text, "names no column"));
  assert_true(lh_template_compile("${data.n}", 9, &t, &err) < 0);
  lh_data_free(group.data.rows);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_client_has_its_row),
      cmocka_unit_test(rounds_take_the_rows_in_turn),
      cmocka_unit_test(random_rows_follow_from_the_seed),
      cmocka_unit_test(a_template_writes_the_cells_of_its_row),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

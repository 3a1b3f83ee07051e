/* What a plan takes, and whether a host of a given size carries it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "longhaul/config/load.h"
#include "longhaul/run/fit.h"

/* A roomy host; a test sets what it is about. */
enum { NOFILE, CORES, PORTS, AVAILABLE, FACTS };
static struct lh_fact items[FACTS];
static struct lh_fit_host host;

static void set_fact(int number, const char *name, const char *before, uint64_t value) {
  items[number] = (struct lh_fact){.name = name, .source = "made up"};
  snprintf(items[number].value, sizeof items[number].value, "%s%llu", before, (unsigned long long)value);
}

static void make_roomy(void) {
  set_fact(NOFILE, "nofile.hard", "", 20000);
  set_fact(CORES, "cpus.usable", "", 2);
  set_fact(PORTS, "net.ipv4.ip_local_port_range", "32768 ", 60999);
  set_fact(AVAILABLE, "memory.available", "", 8 << 20);
  host = (struct lh_fit_host){.facts = {items, FACTS}, .disk_known = true, .disk_free_bytes = UINT64_C(100) << 30};
}

static struct lh_config *load(const char *run, const char *group) {
  char text[2048];
  snprintf(text, sizeof text,
           "run: {name: t, duration: 1h, interval: 10s%s}\n"
           "targets:\n  plain: {url: 'ws://127.0.0.1:8080/'}\n  tls: {url: 'wss://127.0.0.1:8443/'}\n"
           "groups:\n  chat: {kind: websocket, %s}\n",
           run, group);
  struct lh_load_args args = {.path = "test.yaml", .text = text};
  struct lh_diagnostics diagnostics = {0};
  struct lh_config *config = NULL;
  if (lh_config_load(&args, &config, &diagnostics) < 0)
    for (size_t i = 0; i < diagnostics.count; i++) print_message("%s\n", diagnostics.items[i]);
  lh_diagnostics_free(&diagnostics);
  assert_non_null(config);
  return config;
}

/* A part of the one problem or warning that is expected; NULL: none. */
struct row {
  const char *name, *run, *group;
  uint32_t shards;
  uint64_t descriptors;
  const char *problem, *warning;
  uint32_t workers;
  uint64_t descriptors_each;
};

static const struct row rows[] = {
    {"fits easily", "", "target: plain, connections: 5000", 1, 20000, NULL, NULL, 1, 5024},
    {"past the knee", "", "target: plain, connections: 18000", 1, 1 << 20, NULL,
     "from one source address take more than half of 28,232", 2, 9024},
    {"past the range", "", "target: plain, connections: 30000", 1, 1 << 20,
     "net.ipv4.ip_local_port_range allows 28,232 of 30,000 clients (32768 to 60999, 28,232 ports; from one source address to "
     "one "
     "destination): `sysctl -w \"net.ipv4.ip_local_port_range=1024 65535\"` (root) raises it",
     NULL, 2, 15024},
    {"over four sources", "",
     "target: plain, connections: 30000, source_addresses: [127.0.0.2, 127.0.0.3, 127.0.0.4, 127.0.0.5]", 1, 1 << 20, NULL,
     NULL, 2, 15024},
    {"over two sources, past their knee", "", "target: plain, connections: 40000, source_addresses: [127.0.0.2, 127.0.0.3]", 1,
     1 << 20, NULL, "from 2 source addresses, 20,000 from one of them, take more than half of 28,232", 2, 20024},
    {"a shard of it", "", "target: plain, connections: 40000", 4, 1 << 20, NULL, NULL, 2, 5024},
    {"workers split by the limit", "", "target: plain, connections: 9000", 1, 1024, NULL, NULL, 9, 1024},
    {"one worker is asked for", ", workers: 1", "target: plain, connections: 9000", 1, 1024,
     "RLIMIT_NOFILE allows 1,000 of 9,000 clients (1,024 a process; 1,000 clients in each worker, workers: 1): `prlimit", NULL,
     1, 9024},
    {"null clients open nothing", ", workers: 1", "kind: \"null\", connections: 9000", 1, 1024, NULL, NULL, 1, 24},
};

static void expect(const char *name, const struct lh_strings *list, const char *part) {
  bool well = part == NULL ? list->count == 0 : list->count > 0 && strstr(list->items[list->count - 1], part) != NULL;
  if (!well) print_message("%s: expected %s\n", name, part != NULL ? part : "nothing");
  for (size_t i = 0; !well && i < list->count; i++) print_message("  got: %s\n", list->items[i]);
  assert_true(well);
}

static void test_rows(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const struct row *row = &rows[i];
    char group[512];
    snprintf(group, sizeof group, "%s", row->group);
    struct lh_config *config = load(row->run, strncmp(group, "kind", 4) == 0 ? "target: plain, connections: 1" : group);
    if (strncmp(group, "kind", 4) == 0) {
      config->groups[0].kind = LH_KIND_NULL;
      config->groups[0].connections = config->groups[0].ramp.points[0].connections = 9000;
    }
    struct lh_fit fit;
    struct lh_err err = {0};
    make_roomy();
    set_fact(NOFILE, "nofile.hard", "", row->descriptors);
    assert_int_equal(lh_fit_make(&fit, config, 1, row->shards, &host, &err), 0);
    expect(row->name, &fit.problems, row->problem);
    expect(row->name, &fit.warnings, row->warning);
    if (config->run.workers != 0 || row->descriptors < 20000) assert_int_equal(fit.workers, row->workers);
    if (fit.workers == row->workers) assert_int_equal(fit.descriptors_each, row->descriptors_each);
    lh_fit_free(&fit);
    lh_config_free(config);
  }
}

static void test_bytes(void **state) {
  (void)state;
  struct lh_config *plain = load("", "target: plain, connections: 1000"), *tls = load("", "target: tls, connections: 1000");
  struct lh_fit a, b;
  struct lh_err err = {0};
  make_roomy();
  assert_int_equal(lh_fit_make(&a, plain, 1, 1, &host, &err), 0);
  assert_int_equal(lh_fit_make(&b, tls, 1, 1, &host, &err), 0);
  assert_int_equal(b.needs.plan.tls_clients, 1000);
  assert_int_equal(b.memory_bytes - a.memory_bytes, 1000 * LH_TLS_BYTES + (uint64_t)(b.workers - a.workers) * LH_WORKER_BYTES);
  assert_int_equal(a.intervals, 360);
  assert_int_equal(a.needs.path_count, 1);
  lh_fit_free(&a);
  lh_fit_free(&b);

  set_fact(AVAILABLE, "memory.available", "", 1024);
  host.disk_free_bytes = 1000;
  assert_int_equal(lh_fit_make(&a, plain, 1, 1, &host, &err), 0);
  assert_int_equal(a.problems.count, 2);
  assert_non_null(strstr(a.problems.items[0], "memory allows about 0 of 1,000 clients (1 MiB available"));
  expect("a small disk", &a.problems, "use another run.store");
  lh_fit_free(&a);
  host.disk_free_bytes = 0;
  assert_int_equal(lh_fit_make(&a, plain, 1, 1, &host, &err), 0);
  expect("a full disk", &a.problems, "use another run.store");
  lh_fit_free(&a);
  host.disk_known = false;
  assert_int_equal(lh_fit_make(&a, plain, 1, 1, &host, &err), 0);
  assert_int_equal(a.problems.count, 1); /* memory alone */
  lh_fit_free(&a);

  /* What is not known is not judged. */
  struct lh_fit_host unknown = {0};
  assert_int_equal(lh_fit_make(&a, plain, 1, 1, &unknown, &err), 0);
  assert_int_equal(a.problems.count + a.warnings.count, 0);
  lh_fit_free(&a);
  lh_config_free(plain);
  lh_config_free(tls);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_bytes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a plan takes, and whether a host of a given size carries it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../loaded.h"
#include "longhaul/run/fit.h"
#include "longhaul/run/scale.h"

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
  return load_text(text);
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
    {"fits easily", "", "target: plain, connections: 5000", 1, 20000, NULL, NULL, 1, 5015},
    {"past the knee", "", "target: plain, connections: 18000", 1, 1 << 20, NULL,
     "from one source address take more than half of 28,232", 2, 9015},
    {"past the range", "", "target: plain, connections: 30000", 1, 1 << 20,
     "net.ipv4.ip_local_port_range allows 28,232 of 30,000 clients (32768 to 60999, 28,232 ports; from one source address to "
     "one "
     "destination): `sysctl -w \"net.ipv4.ip_local_port_range=1024 65535\"` (root) raises it",
     NULL, 2, 15015},
    {"over four sources", "",
     "target: plain, connections: 30000, source_addresses: [127.0.0.2, 127.0.0.3, 127.0.0.4, 127.0.0.5]", 1, 1 << 20, NULL,
     NULL, 2, 15015},
    {"over two sources, past their knee", "", "target: plain, connections: 40000, source_addresses: [127.0.0.2, 127.0.0.3]", 1,
     1 << 20, NULL, "from 2 source addresses, 20,000 from one of them, take more than half of 28,232", 2, 20015},
    {"a shard of it", "", "target: plain, connections: 40000", 4, 1 << 20, NULL, NULL, 2, 5015},
    {"workers split by the limit", "", "target: plain, connections: 9000", 1, 1024, NULL, NULL, 9, 1015},
    {"one worker is asked for", ", workers: 1", "target: plain, connections: 9000", 1, 1024,
     "RLIMIT_NOFILE allows 1,009 of 9,000 clients (1,024 a process; 1,009 clients in each worker, workers: 1): `prlimit", NULL,
     1, 9015},
    {"null clients open nothing", ", workers: 1", "kind: \"null\", connections: 9000", 1, 1024, NULL, NULL, 1, 12},
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

/* ---- made smaller ---- */
/* `sizes`: of each group, its points and then its connections, as the smaller plan has them. */
struct smaller {
  const char *name, *config;
  uint64_t descriptors, last_port; /* the range begins at 32,768 */
  uint32_t shards;
  const char *sizes, *decision; /* of decisions: a part of the last one */
};

#define HEAD "run: {name: t, duration: 1h, workers: 1}\ntargets:\n  t: {url: 'ws://127.0.0.1:8080/'}\n"
#define TWO "  u: {url: 'ws://127.0.0.1:8081/'}\n"
#define GROUP_A "groups:\n  a: {kind: websocket, target: t, "
#define LOGIN "login: {url: 'http://127.0.0.1:80/', per: client, phase: together, extract: {token: {json: /token}}}"

static const struct smaller smallers[] = {
    {"at once", HEAD GROUP_A "connections: 2000}\n", 1024, 60999, 1, "1009 1009", "group a: 1,009 of 2,000 clients"},
    {"over a while", HEAD GROUP_A "connections: 2000, ramp: {over: 5m}}\n", 1024, 60999, 1, "0 1009 1009",
     "clients: 1,009 of 2,000 (--fit), since RLIMIT_NOFILE allows no more (1,024 a process)"},
    {"at a rate, which stays", HEAD GROUP_A "connections: 2000, ramp: {rate: 10/s}}\n", 1024, 60999, 1, "0 1009 1009",
     "group a: 1,009 of 2,000"},
    {"stages that begin late",
     HEAD GROUP_A "ramp: {stages: [{at: 1ms, connections: 1}, {at: 1500us, connections: 500}, {at: 5m, connections: 2000}, "
                  "{at: 50m, connections: 3}]}}\n",
     1024, 60999, 1, "0 1 252 1009 1 1009", "group a: 1,009 of 2,000 clients at its highest, each stage by the same share"},
    {"clients above the stages", HEAD GROUP_A "connections: 4000, ramp: {stages: [{at: 5m, connections: 2000}]}}\n", 1024,
     60999, 1, "0 1009 2018", "group a: 2,018 of 4,000"},
    {"two groups", HEAD TWO GROUP_A "connections: 3000}\n  b: {kind: websocket, target: u, connections: 1000}\n", 1024, 60999,
     1, "756 756, 252 252", "group b: 252 of 1,000"},
    {"at different times",
     HEAD TWO GROUP_A
     "ramp: {stages: [{at: 0s, connections: 2000}, {at: 10m, connections: 0}]}}\n"
     "  b: {kind: websocket, target: u, ramp: {stages: [{at: 10m, connections: 0}, {at: 20m, connections: 2000}]}}\n",
     1024, 60999, 1, "1009 0 1009, 0 0 1009 1009", "group b"},
    {"one group alone is short of ports",
     HEAD TWO GROUP_A "connections: 3000}\n  b: {kind: websocket, target: u, connections: 300}\n", 1 << 20, 32867, 1,
     "100 100, 10 10", "group b: 10 of 300"},
    {"a client of each is kept", HEAD TWO GROUP_A "connections: 4000}\n  b: {kind: websocket, target: u, connections: 2}\n",
     1024, 60999, 1, "1008 1008, 1 1", "group b: 1 of 2"},
    {"logins beside it", HEAD GROUP_A "connections: 2000, " LOGIN "}\n", 1024, 60999, 1, "503 503", "group a: 503 of 2,000"},
    {"null clients stay", HEAD GROUP_A "connections: 2000}\n  n: {kind: 'null', connections: 700}\n", 1024, 60999, 1,
     "1009 1009, 700 700", "group a: 1,009 of 2,000"},
    {"a shard", HEAD GROUP_A "connections: 4000}\n", 1024, 60999, 2, "2018 2018", "group a: 2,018 of 4,000"},
    {"nothing fits", HEAD GROUP_A "connections: 2000}\n", 15, 60999, 1, NULL, NULL},
};

static void write_sizes(const struct lh_config *config, char *out, size_t size) {
  size_t len = 0;
  for (size_t g = 0; g < config->group_count; g++) {
    const struct lh_group *group = &config->groups[g];
    for (size_t i = 0; i < group->ramp.count; i++)
      len += (size_t)snprintf(out + len, size - len, "%u ", group->ramp.points[i].connections);
    len += (size_t)snprintf(out + len, size - len, "%u%s", group->connections, g + 1 < config->group_count ? ", " : "");
  }
}

/* What is loaded with the settings is the smaller plan, at the same times, and fits. */
static void check_smaller(const struct smaller *row, const struct lh_config *config, const struct lh_scale *scale) {
  char sizes[256];
  struct lh_config *small = load_with(row->config, &scale->settings);
  struct lh_fit fit;
  struct lh_err err = {0};
  write_sizes(small, sizes, sizeof sizes);
  if (strcmp(sizes, row->sizes) != 0) fail_msg("%s: %s in place of %s", row->name, sizes, row->sizes);
  for (size_t g = 0; g < config->group_count; g++)
    for (size_t i = 0; i < config->groups[g].ramp.count && !strstr(row->config, "rate:"); i++)
      assert_int_equal(small->groups[g].ramp.points[i].at_ns, config->groups[g].ramp.points[i].at_ns);
  assert_int_equal(lh_fit_make(&fit, small, 1, row->shards, &host, &err), 0);
  expect(row->name, &fit.problems, NULL);
  bool said = false;
  for (size_t i = 0; i < scale->decisions.count; i++) said = said || strstr(scale->decisions.items[i], row->decision);
  if (!said) expect(row->name, &scale->decisions, row->decision);
  lh_fit_free(&fit);
  lh_config_free(small);
}

static void test_smaller(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof smallers / sizeof *smallers; i++) {
    const struct smaller *row = &smallers[i];
    struct lh_config *config = load_text(row->config);
    struct lh_fit whole;
    struct lh_scale scale;
    struct lh_err err = {0};
    make_roomy();
    set_fact(NOFILE, "nofile.hard", "", row->descriptors);
    set_fact(PORTS, "net.ipv4.ip_local_port_range", "32768 ", row->last_port);
    assert_int_equal(lh_fit_make(&whole, config, 1, row->shards, &host, &err), 0);
    assert_false(lh_ladder_fits(whole.ladder));
    assert_int_equal(lh_scale_make(&scale, config, 1, row->shards, &host, &whole, &err), 0);
    if (scale.fits != (row->sizes != NULL)) fail_msg("%s: %d", row->name, scale.fits);
    if (scale.fits)
      check_smaller(row, config, &scale);
    else
      assert_int_equal(scale.settings.count + scale.decisions.count, 0);
    lh_scale_free(&scale);
    lh_fit_free(&whole);
    lh_config_free(config);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_bytes), cmocka_unit_test(test_smaller)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

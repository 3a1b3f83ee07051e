/* The ladder on made-up facts: each limit set low in turn must come first, with the count that follows from it by hand. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../loaded.h"
#include "longhaul/host/ladder.h"

/* A roomy host of an ordinary user; no limit of it binds below 20,000 clients. */
static const char *const roomy[][2] = {
    {"user", "1000"},
    {"capabilities", "0000000000000000"},
    {"page_size", "4096"},
    {"cpus.usable", "4"},
    {"clocksource", "tsc"},
    {"memory.available", "16777216 kB"},
    {"nofile.soft", "1024"},
    {"nofile.hard", "1048576"},
    {"nofile.login.hard", "1048576"},
    {"nofile.unit.hard", "1048576"},
    {"nproc.soft", "100000"},
    {"nproc.hard", "100000"},
    {"nproc.used", "100"},
    {"address_space.soft", "unlimited"},
    {"address_space.hard", "unlimited"},
    {"address_space.self", "12288 kB"},
    {"address_space.data", "0 kB"},
    {"fs.nr_open", "1048576"},
    {"fs.file-max", "9223372036854775807"},
    {"fs.file-nr", "1000 0 9223372036854775807"},
    {"kernel.threads-max", "200000"},
    {"kernel.pid_max", "4194304"},
    {"kernel.tasks", "300"},
    {"fs.epoll.max_user_watches", "5000000"},
    {"cgroup.memory.max", "max"},
    {"cgroup.memory.used", "none"},
    {"cgroup.memory.file", "none"},
    {"cgroup.pids.max", "max"},
    {"cgroup.pids.used", "none"},
    {"cgroup.pids.file", "none"},
    {"cgroup.cpu.max", "max"},
    {"net.ipv4.ip_local_port_range", "32768 60999"},
    {"ports.reserved_in_range", "0"},
    {"net.ipv4.tcp_mem", "200000 300000 400000"},
    {"tcp_mem.used", "100"},
    {"net.ipv4.tcp_tw_reuse", "2"},
    {"net.ipv4.tcp_timestamps", "1"},
    {"net.ipv4.tcp_fin_timeout", "60"},
    {"net.ipv4.tcp_keepalive_time", "7200"},
    {"net.ipv4.tcp_keepalive_intvl", "75"},
    {"net.ipv4.tcp_keepalive_probes", "9"},
    {"net.ipv4.tcp_max_syn_backlog", "4096"},
    {"net.ipv4.tcp_syncookies", "1"},
    {"net.core.somaxconn", "4096"},
    {"net.netfilter.nf_conntrack_max", "262144"},
    {"net.netfilter.nf_conntrack_count", "0"},
};
enum { ROOMY = sizeof roomy / sizeof *roomy };

static struct lh_fact items[ROOMY];
static struct lh_facts facts = {items, ROOMY};

static void set_fact(const char *name, const char *value, size_t len) {
  for (uint32_t i = 0; i < facts.count; i++)
    if (strcmp(items[i].name, name) == 0) {
      snprintf(items[i].value, sizeof items[i].value, "%.*s", (int)len, value);
      return;
    }
  fail_msg("no fact %s", name);
}

/* "name=value;name=value" on top of the roomy host. */
static void set_facts(const char *changes) {
  facts.count = ROOMY;
  for (size_t i = 0; i < ROOMY; i++) {
    items[i] = (struct lh_fact){.name = roomy[i][0], .source = "made up"};
    snprintf(items[i].value, sizeof items[i].value, "%s", roomy[i][1]);
  }
  for (const char *at = changes; *at != '\0';) {
    char name[96];
    size_t len = strcspn(at, "=");
    snprintf(name, sizeof name, "%.*s", (int)len, at);
    at += len + 1;
    len = strcspn(at, ";");
    set_fact(name, at, len);
    at += len + (at[len] == ';');
  }
}

static struct lh_config *load(const char *run, const char *group) {
  char text[2048];
  snprintf(text, sizeof text,
           "run: {name: t, duration: 1h%s}\n"
           "targets:\n  far: {url: 'ws://192.0.2.7:8080/'}\n  near: {url: 'ws://127.0.0.1:8080/'}\n"
           "  web: {url: 'https://192.0.2.7:8443/'}\n  named: {url: 'ws://example.test:8080/'}\n"
           "  gated: {url: 'ws://192.0.2.7:8080/', connections_max: 5000}\n"
           "groups:\n  chat: {kind: websocket, %s}\n",
           run, group);
  return load_text(text);
}

/* ---- one limit after the other ---- */
struct row {
  const char *name, *facts, *run, *group;
  enum lh_limit first;
  uint64_t clients, next_clients; /* by hand */
  int next;
  const char *remedy; /* a part of the first one */
};

#define FAR5000 "target: far, connections: 5000"
#define NEAR5000 "target: near, connections: 5000"
enum { RANGE = 28232 };

static const struct row rows[] = {
    {"ports bind a roomy host", "", "", FAR5000, LH_LIMIT_PORT_RANGE, RANGE, 64512, LH_LIMIT_PORT_RANGE,
     "sysctl -w \"net.ipv4.ip_local_port_range=1024 65535\""},
    /* 1024 - 15 of its own, in one worker */
    {"descriptors of one worker", "nofile.hard=1024", ", workers: 1", FAR5000, LH_LIMIT_NOFILE, 1009, RANGE,
     LH_LIMIT_PORT_RANGE, "prlimit --pid $$ --nofile=32768:32768"},
    {"descriptors of three workers", "nofile.hard=1024;user=0;capabilities=000001ffffffffff", ", workers: 3", FAR5000,
     LH_LIMIT_NOFILE, 3027, RANGE, LH_LIMIT_PORT_RANGE, "ulimit -n 16384"},
    {"root of a container", "nofile.hard=1024;user=0;capabilities=000001fffeffffff", "",
     FAR5000 ", source_addresses: [192.0.2.1]", LH_LIMIT_PORT_RANGE, RANGE, 64512, LH_LIMIT_PORT_RANGE, "sysctl"},
    {"root of a container, one worker", "nofile.hard=1024;user=0;capabilities=000001fffeffffff", ", workers: 1", FAR5000,
     LH_LIMIT_NOFILE, 1009, RANGE, LH_LIMIT_PORT_RANGE, "--set run.workers=auto"},
    {"descriptors at nr_open", "nofile.hard=1024;fs.nr_open=1024;user=0;capabilities=000001ffffffffff", ", workers: 1", FAR5000,
     LH_LIMIT_NOFILE, 1009, RANGE, LH_LIMIT_PORT_RANGE, "sysctl -w fs.nr_open=32768 && ulimit -n 32768"},
    {"workers split by themselves", "nofile.hard=1024", "", FAR5000, LH_LIMIT_PORT_RANGE, RANGE, 64512, LH_LIMIT_PORT_RANGE,
     "sysctl"},
    /* 64 - 15 of its own, in as many workers as a supervisor with 64 has pipes for: (64 - 24) / 2 */
    {"descriptors of the supervisor", "nofile.hard=64", "", FAR5000, LH_LIMIT_NOFILE, 980, RANGE, LH_LIMIT_PORT_RANGE,
     "prlimit --pid $$ --nofile=512:512"},
    {"open files of the host", "fs.file-max=3000", "", FAR5000, LH_LIMIT_FILE_MAX, 2000, RANGE, LH_LIMIT_PORT_RANGE,
     "sysctl -w fs.file-max=32768"},
    {"both ends here", "fs.file-max=3000", "", NEAR5000, LH_LIMIT_FILE_MAX, 1000, RANGE, LH_LIMIT_PORT_RANGE,
     "sysctl -w fs.file-max=65536"},
    {"root is not held to it", "fs.file-max=3000;capabilities=000001ffffffffff", "", FAR5000, LH_LIMIT_PORT_RANGE, RANGE, 64512,
     LH_LIMIT_PORT_RANGE, "sysctl"},
    {"a narrow range", "net.ipv4.ip_local_port_range=40000 40099", "", FAR5000, LH_LIMIT_PORT_RANGE, 100, 64512,
     LH_LIMIT_PORT_RANGE, "sysctl"},
    {"two sources", "net.ipv4.ip_local_port_range=40000 40099", "",
     "target: far, connections: 5000, source_addresses: [192.0.2.1, 192.0.2.2]", LH_LIMIT_PORT_RANGE, 200, 129024,
     LH_LIMIT_PORT_RANGE, "sysctl"},
    {"two sources with room", "", "", "target: far, connections: 5000, source_addresses: [192.0.2.1, 192.0.2.2]",
     LH_LIMIT_PORT_RANGE, 2 * RANGE, 129024, LH_LIMIT_PORT_RANGE, "sysctl"},
    {"ports set aside", "ports.reserved_in_range=28000", "", FAR5000, LH_LIMIT_RESERVED_PORTS, 232, RANGE, LH_LIMIT_PORT_RANGE,
     "sysctl -w net.ipv4.ip_local_reserved_ports="},
    {"a few set aside", "ports.reserved_in_range=32", "", FAR5000, LH_LIMIT_PORT_RANGE, RANGE - 32, 64512 - 32,
     LH_LIMIT_PORT_RANGE, "sysctl"},
    {"TCP buffers", "net.ipv4.tcp_mem=100 200 1100", "", FAR5000, LH_LIMIT_TCP_MEM, 1000, RANGE, LH_LIMIT_PORT_RANGE,
     "sysctl -w \"net.ipv4.tcp_mem="},
    /* 64 MiB less 24 for the supervisor and 16 for the worker: 24 MiB at 1,876 + 4,128 B, and a bit of a further worker */
    {"little memory", "memory.available=65536 kB", ", workers: 1", FAR5000, LH_LIMIT_MEMORY, 4191, 4191, LH_LIMIT_MEMORY,
     "free for it"},
    /* 60 MiB less 12 MiB of the program, 936,000 B of data and 1 MiB to spare: 48,347,072 B. The slots of 25,000 take 248 B each,
     * and 11 contexts 14,750 B and 16 B for each of 25,256 descriptors; the rest at 1,628 B */
    {"little address space", "address_space.soft=62914560", ", workers: 1", "target: far, connections: 25000",
     LH_LIMIT_ADDRESS_SPACE, 23058, RANGE, LH_LIMIT_PORT_RANGE, "ulimit -S -v unlimited"},
    /* the same, less the slots of 60,000, and 25 contexts with 60,256 descriptors */
    {"slots of those not let in", "address_space.soft=62914560", ", workers: 1", "target: gated, connections: 60000",
     LH_LIMIT_ADDRESS_SPACE, 5525, RANGE, LH_LIMIT_PORT_RANGE, "ulimit -S -v unlimited"},
    /* 64 MiB less the program's and the spare; 2,451,000 B of data, for two groups, libwebsockets, OpenSSL and its authorities;
     * 5,001 slots of 240 B and one context; the rest at 15,323 - 240 B */
    {"address space of events under TLS", "address_space.soft=67108864", ", workers: 1",
     "target: far, connections: 1}\n  more: {kind: sse, target: web, connections: 5000", LH_LIMIT_ADDRESS_SPACE, 3296, RANGE,
     LH_LIMIT_PORT_RANGE, "ulimit -S -v unlimited"},
    {"no address space at all", "address_space.soft=1048576", ", workers: 1", FAR5000, LH_LIMIT_ADDRESS_SPACE, 0, RANGE,
     LH_LIMIT_PORT_RANGE, "ulimit -S -v unlimited"},
    /* 64 MiB less 6 for the supervisor, 256 KiB and 936,000 B for the worker, at 6,004 B */
    {"memory of the group", "cgroup.memory.max=67108864;cgroup.memory.used=0;cgroup.memory.file=/sys/fs/cgroup/a/memory.max",
     ", workers: 1", FAR5000, LH_LIMIT_CGROUP_MEMORY, 9929, RANGE, LH_LIMIT_PORT_RANGE, "echo "},
    {"tasks of the group", "cgroup.pids.max=12;cgroup.pids.used=10;cgroup.pids.file=/sys/fs/cgroup/a/pids.max", ", workers: 4",
     FAR5000, LH_LIMIT_CGROUP_PIDS, 2500, RANGE, LH_LIMIT_PORT_RANGE, "echo 16 > /sys/fs/cgroup/a/pids.max"},
    {"no task left", "cgroup.pids.max=10;cgroup.pids.used=10", ", workers: 4", FAR5000, LH_LIMIT_CGROUP_PIDS, 0, RANGE,
     LH_LIMIT_PORT_RANGE, "TasksMax"},
    {"threads of the resolver count", "cgroup.pids.max=20;cgroup.pids.used=10", ", workers: 4",
     "target: named, connections: 5000", LH_LIMIT_CGROUP_PIDS, 1250, RANGE, LH_LIMIT_PORT_RANGE, "TasksMax"},
    {"tasks of the user", "nproc.soft=103;nproc.hard=103", ", workers: 4", FAR5000, LH_LIMIT_NPROC, 3750, RANGE,
     LH_LIMIT_PORT_RANGE, "prlimit --pid $$ --nproc=128:128"},
    {"within the hard limit", "nproc.soft=103", ", workers: 4", FAR5000, LH_LIMIT_NPROC, 3750, RANGE, LH_LIMIT_PORT_RANGE,
     "ulimit -S -u 128"},
    {"root has no such limit", "nproc.soft=103;user=0", ", workers: 4", FAR5000, LH_LIMIT_PORT_RANGE, RANGE, 64512,
     LH_LIMIT_PORT_RANGE, "sysctl"},
    {"tasks of the host", "kernel.threads-max=301", ", workers: 2", FAR5000, LH_LIMIT_THREADS_MAX, 2500, RANGE,
     LH_LIMIT_PORT_RANGE, "sysctl -w kernel.threads-max=512"},
    {"numbers of the host", "kernel.pid_max=301", ", workers: 2", FAR5000, LH_LIMIT_PID_MAX, 2500, RANGE, LH_LIMIT_PORT_RANGE,
     "sysctl -w kernel.pid_max=512"},
    {"epoll", "fs.epoll.max_user_watches=700", "", FAR5000, LH_LIMIT_EPOLL_WATCHES, 700, RANGE, LH_LIMIT_PORT_RANGE,
     "sysctl -w fs.epoll.max_user_watches="},
    {"conntrack", "net.netfilter.nf_conntrack_max=800;net.netfilter.nf_conntrack_count=50", "", FAR5000, LH_LIMIT_CONNTRACK,
     750, RANGE, LH_LIMIT_PORT_RANGE, "sysctl -w net.netfilter.nf_conntrack_max=32768"},
    {"conntrack without a limit", "net.netfilter.nf_conntrack_max=0", "", FAR5000, LH_LIMIT_PORT_RANGE, RANGE, 64512,
     LH_LIMIT_PORT_RANGE, "sysctl"},
    {"accept queue of a local server", "net.core.somaxconn=5", "", NEAR5000, LH_LIMIT_SOMAXCONN, 6, RANGE, LH_LIMIT_PORT_RANGE,
     "sysctl -w net.core.somaxconn=2048"},
    {"of a remote one", "net.core.somaxconn=5", "", FAR5000, LH_LIMIT_PORT_RANGE, RANGE, 64512, LH_LIMIT_PORT_RANGE, "sysctl"},
    {"few at once", "net.core.somaxconn=5", ", connecting_max: 6", NEAR5000, LH_LIMIT_PORT_RANGE, RANGE, 64512,
     LH_LIMIT_PORT_RANGE, "sysctl"},
    {"handshakes", "net.ipv4.tcp_max_syn_backlog=128;net.ipv4.tcp_syncookies=0", "", NEAR5000, LH_LIMIT_SYN_BACKLOG, 97, RANGE,
     LH_LIMIT_PORT_RANGE, "sysctl -w net.ipv4.tcp_max_syn_backlog=4096"},
    {"handshakes with cookies", "net.ipv4.tcp_max_syn_backlog=128", "", NEAR5000, LH_LIMIT_PORT_RANGE, RANGE, 64512,
     LH_LIMIT_PORT_RANGE, "sysctl"},
    /* 100 messages a second each; two workers of four cores: 160,000 a second */
    {"processor", "", ", workers: 2", "target: far, connections: 5000, messages: [{name: m, every: 10ms, text: x}]",
     LH_LIMIT_CPU, 1600, 1600, LH_LIMIT_CPU, "--set run.workers=auto"},
};

/* Estimates by hand leave out bytes; counts do not. */
static bool is_near(const struct lh_rung *rung, uint64_t got, uint64_t expected) {
  uint64_t off = got > expected ? got - expected : expected - got;
  return off <= (rung->estimated ? expected / 100 : 0);
}

static void check_row(const struct row *row) {
  struct lh_config *config = load(row->run, row->group);
  struct lh_needs needs;
  struct lh_ladder *ladder;
  struct lh_err err = {0};
  set_facts(row->facts);
  assert_int_equal(lh_needs_make(&needs, config, 1, 1, &err), 0);
  assert_int_equal(lh_ladder_make(&ladder, &facts, &needs, &err), 0);
  const struct lh_rung *first = &ladder->rungs[0];
  bool well = first->limit == row->first && is_near(first, first->clients, row->clients) && first->next_limit == row->next &&
              is_near(first, first->next_clients, row->next_clients) && first->remedy_count > 0 &&
              strstr(first->remedies[0].text, row->remedy) != NULL;
  if (!well)
    fail_msg("%s: %s %llu (%s), then %llu of %s, \"%s\"", row->name, lh_limit_name(first->limit),
             (unsigned long long)first->clients, first->detail, (unsigned long long)first->next_clients,
             first->next_limit < 0 ? "nothing" : lh_limit_name((enum lh_limit)first->next_limit), first->remedies[0].text);
  for (uint32_t i = 1; i < ladder->count; i++) assert_true(ladder->rungs[i - 1].clients <= ladder->rungs[i].clients);
  lh_ladder_free(ladder);
  lh_needs_free(&needs);
  lh_config_free(config);
}

static void test_rows(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_row(&rows[i]);
}

/* Two rungs are short of the plan: the second is raised after the first. */
static void test_one_after_the_other(void **state) {
  (void)state;
  struct lh_config *config = load(", workers: 1", "target: far, connections: 40000");
  struct lh_needs needs;
  struct lh_ladder *ladder;
  struct lh_err err = {0};
  set_facts("nofile.hard=4096;net.netfilter.nf_conntrack_max=30000");
  assert_int_equal(lh_needs_make(&needs, config, 1, 1, &err), 0);
  assert_int_equal(lh_ladder_make(&ladder, &facts, &needs, &err), 0);
  assert_int_equal(lh_ladder_short(ladder), 3);
  assert_false(lh_ladder_fits(ladder));
  static const struct {
    enum lh_limit limit, next;
    uint64_t next_clients;
  } steps[] = {{LH_LIMIT_NOFILE, LH_LIMIT_PORT_RANGE, RANGE},
               {LH_LIMIT_PORT_RANGE, LH_LIMIT_CONNTRACK, 30000},
               {LH_LIMIT_CONNTRACK, LH_LIMIT_PORT_RANGE, 64512}};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    assert_int_equal(ladder->rungs[i].limit, steps[i].limit);
    assert_int_equal(ladder->rungs[i].next_limit, steps[i].next);
    assert_int_equal(ladder->rungs[i].next_clients, steps[i].next_clients);
  }
  assert_non_null(strstr(ladder->rungs[1].remedies[3].text, "at least 2 addresses"));
  char sentence[1024];
  lh_rung_sentence(&ladder->rungs[0], 40000, sentence, sizeof sentence);
  assert_string_equal(sentence, "RLIMIT_NOFILE allows 4,081 of 40,000 clients (4,096 a process; 4,081 clients in each worker, "
                                "workers: 1): `prlimit --pid $$ --nofile=65536:65536` (root, from the shell that starts "
                                "longhaul) raises it");
  lh_ladder_free(ladder);
  lh_needs_free(&needs);
  lh_config_free(config);
}

/* ---- what makes the range small ---- */
/* Each rung stands on the one before it: 1,000 ports less 200 set aside, less 300 in use, less 150 in TIME_WAIT. */
static void test_ports_apart(void **state) {
  (void)state;
  static const struct {
    const char *facts;
    uint64_t taken, time_wait;
    struct {
      enum lh_limit limit;
      uint64_t clients;
    } rungs[4];
    const char *remedy; /* a part of the first one of the first rung */
    int next;
  } cases[] = {
      {"ports.reserved_in_range=200",
       300,
       150,
       {{LH_LIMIT_TIME_WAIT, 350}, {LH_LIMIT_TAKEN_PORTS, 500}, {LH_LIMIT_RESERVED_PORTS, 800}, {LH_LIMIT_PORT_RANGE, 1000}},
       "sysctl -w net.ipv4.tcp_tw_reuse=1",
       LH_LIMIT_TAKEN_PORTS},
      {"ports.reserved_in_range=0",
       50,
       150,
       {{LH_LIMIT_TIME_WAIT, 800}, {LH_LIMIT_PORT_RANGE, 950}},
       "sysctl -w net.ipv4.tcp_tw_reuse=1",
       LH_LIMIT_PORT_RANGE},
      {"ports.reserved_in_range=0",
       300,
       50,
       {{LH_LIMIT_TAKEN_PORTS, 650}, {LH_LIMIT_PORT_RANGE, 950}},
       "source_addresses",
       LH_LIMIT_TAKEN_PORTS},
      /* not to be used again whatever tcp_tw_reuse says */
      {"net.ipv4.tcp_tw_reuse=1;net.ipv4.tcp_timestamps=0",
       0,
       150,
       {{LH_LIMIT_TIME_WAIT, 850}, {LH_LIMIT_PORT_RANGE, 1000}},
       "sysctl -w net.ipv4.tcp_timestamps=1",
       LH_LIMIT_TIME_WAIT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[256];
    struct lh_config *config = load("", FAR5000);
    struct lh_needs needs;
    struct lh_ladder *ladder;
    struct lh_err err = {0};
    snprintf(text, sizeof text, "net.ipv4.ip_local_port_range=40000 40999;%s", cases[i].facts);
    set_facts(text);
    assert_int_equal(lh_needs_make(&needs, config, 1, 1, &err), 0);
    needs.paths[0].taken = cases[i].taken;
    needs.paths[0].time_wait = cases[i].time_wait;
    assert_int_equal(lh_ladder_make(&ladder, &facts, &needs, &err), 0);
    for (size_t r = 0; r < 4 && cases[i].rungs[r].clients > 0; r++) {
      assert_int_equal(ladder->rungs[r].limit, cases[i].rungs[r].limit);
      assert_int_equal(ladder->rungs[r].clients, cases[i].rungs[r].clients);
    }
    assert_int_equal(ladder->rungs[0].next_limit, cases[i].next);
    assert_non_null(strstr(ladder->rungs[0].remedies[0].text, cases[i].remedy));
    lh_ladder_free(ladder);
    lh_needs_free(&needs);
    lh_config_free(config);
  }
}

/* ---- the target's own descriptors ---- */
#define AT(at, wanted, ...) {.host = "127.0.0.1", .port = at, .clients = wanted, .name = "srv", __VA_ARGS__}

/* Soft, and raised by another command. */
static void test_servers(void **state) {
  (void)state;
  static const struct {
    const char *name, *facts;
    struct lh_needs_server servers[2];
    uint64_t clients, next_clients;
    const char *first; /* the first remedy */
  } cases[] = {
      {"short of it",
       "",
       {AT(8080, 5000, .processes = 1, .pids = {41}, .open = 24, .room = 1000, .soft = 1024, .hard = 4096)},
       1000,
       RANGE,
       "prlimit --pid 41 --nofile=32768:32768"},
      {"within its hard limit",
       "net.ipv4.ip_local_port_range=40000 45999",
       {AT(8080, 5000, .processes = 1, .pids = {41}, .open = 24, .room = 1000, .soft = 1024, .hard = 524288)},
       1000,
       6000,
       "prlimit --pid 41 --nofile=8192:524288"},
      {"two processes",
       "",
       {AT(8080, 5000, .processes = 2, .pids = {41, 42}, .open = 48, .room = 2000, .soft = 1024, .hard = 4096)},
       2000,
       RANGE,
       "for p in 41 42; do prlimit --pid $p --nofile=16384:16384; done"},
      /* root of a container may not go past the hard limit */
      {"the hard limit stays",
       "user=0;capabilities=000001fffeffffff",
       {AT(8080, 5000, .processes = 1, .pids = {41}, .open = 24, .room = 1000, .soft = 1024, .hard = 3072)},
       1000,
       3048,
       "prlimit --pid 41 --nofile=3072:3072"},
      /* one full with 500 of its 2,000, all 3,000 of the other */
      {"two servers",
       "",
       {AT(8080, 2000, .processes = 1, .pids = {41}, .open = 24, .room = 500, .soft = 524, .hard = 4096),
        AT(8081, 3000, .processes = 1, .pids = {42}, .open = 24, .room = 100000, .soft = 100024, .hard = 100024)},
       3500,
       RANGE,
       "prlimit --pid 41 --nofile=16384:16384"},
      {"a proxy, of which a probe knows",
       "net.ipv4.ip_local_port_range=40000 45999",
       {AT(8080, 5000, .processes = 1, .pids = {41}, .open = 24, .room = 1000, .soft = 1024, .hard = 4096, .measured = true, .each = 2)},
       500,
       6000,
       "prlimit --pid 41 --nofile=16384:16384"}, /* 2 * 6,001 and what is open */
      {"one that hands its connections on is not counted",
       "",
       {AT(8080, 2000, .processes = 1, .pids = {41}, .open = 24, .room = 100, .soft = 124, .hard = 4096, .measured = true),
        AT(8081, 3000, .processes = 1, .pids = {42}, .open = 24, .room = 1000, .soft = 1024, .hard = 4096)},
       3000,
       RANGE,
       "prlimit --pid 42 --nofile=32768:32768"},
      {"another user's, in a container whose root may not raise it",
       "user=0;capabilities=000001fffeffffff",
       {AT(8080, 5000, .processes = 1, .pids = {41}, .open = 24, .room = 1000, .soft = 1024, .hard = 4096, .foreign = true)},
       1000,
       1000,
       "for good where the server is started: LimitNOFILE of its unit, --ulimit of its container, worker_rlimit_nofile of nginx; its own "
       "bounds (worker_connections of nginx, maxconn of HAProxy) bind as well"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_config *config = load("", NEAR5000);
    struct lh_needs needs;
    struct lh_ladder *ladder;
    struct lh_err err = {0};
    set_facts(cases[i].facts);
    assert_int_equal(lh_needs_make(&needs, config, 1, 1, &err), 0);
    needs.servers = malloc(sizeof cases[i].servers);
    memcpy(needs.servers, cases[i].servers, sizeof cases[i].servers);
    needs.server_count = cases[i].servers[1].processes > 0 ? 2 : 1;
    assert_int_equal(lh_ladder_make(&ladder, &facts, &needs, &err), 0);
    const struct lh_rung *first = &ladder->rungs[0];
    if (first->limit != LH_LIMIT_TARGET_NOFILE || first->clients != cases[i].clients ||
        first->next_clients != cases[i].next_clients || strcmp(first->remedies[0].text, cases[i].first) != 0)
      fail_msg("%s: %s %llu, then %llu, \"%s\"", cases[i].name, lh_limit_name(first->limit), (unsigned long long)first->clients,
               (unsigned long long)first->next_clients, first->remedies[0].text);
    assert_non_null(strstr(first->remedies[first->remedy_count - 1].text, "for good"));
    assert_true(strstr(first->detail, "is assumed") ? !cases[i].servers[0].measured || cases[i].servers[0].each <= 0 : cases[i].servers[0].measured);
    assert_true(first->soft && lh_ladder_fits(ladder)); /* what the target takes is for the run to find */
    lh_ladder_free(ladder);
    lh_needs_free(&needs);
    lh_config_free(config);
  }
}

/* What is kept for every login is no less than what logins have. */
static void test_for_good(void **state) {
  (void)state;
  static const struct {
    const char *facts, *line;
  } cases[] = {{"nproc.soft=103;nproc.hard=103", "* - nproc 4096"}, {"nofile.hard=1024", "* - nofile 1048576"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_config *config = load(", workers: 4", FAR5000);
    struct lh_needs needs;
    struct lh_ladder *ladder;
    struct lh_err err = {0};
    bool found = false;
    set_facts(cases[i].facts);
    assert_int_equal(lh_needs_make(&needs, config, 1, 1, &err), 0);
    assert_int_equal(lh_ladder_make(&ladder, &facts, &needs, &err), 0);
    for (uint32_t r = 0; r < ladder->rungs[0].remedy_count; r++)
      found = found || strcmp(ladder->rungs[0].remedies[r].text, cases[i].line) == 0;
    if (!found) fail_msg("%s: no \"%s\"", cases[i].facts, cases[i].line);
    lh_ladder_free(ladder);
    lh_needs_free(&needs);
    lh_config_free(config);
  }
}

static void test_idle_conntrack(void **state) {
  (void)state;
  static const struct {
    const char *facts;
    bool fits;
  } cases[] = {{"net.netfilter.nf_conntrack_max=800;net.netfilter.nf_conntrack_count=1", false},
               {"net.netfilter.nf_conntrack_max=800;net.netfilter.nf_conntrack_count=0", true}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_config *config = load("", FAR5000);
    struct lh_needs needs;
    struct lh_ladder *ladder;
    struct lh_err err = {0};
    set_facts(cases[i].facts);
    assert_int_equal(lh_needs_make(&needs, config, 1, 1, &err), 0);
    assert_int_equal(lh_ladder_make(&ladder, &facts, &needs, &err), 0);
    assert_int_equal(ladder->rungs[0].limit, LH_LIMIT_CONNTRACK);
    assert_int_equal(lh_ladder_fits(ladder), cases[i].fits);
    lh_ladder_free(ladder);
    lh_needs_free(&needs);
    lh_config_free(config);
  }
}

static void test_hidden_server(void **state) {
  (void)state;
  struct lh_config *config = load("", NEAR5000);
  struct lh_needs needs;
  struct lh_ladder *ladder;
  struct lh_err err = {0};
  set_facts("");
  assert_int_equal(lh_needs_make(&needs, config, 1, 1, &err), 0);
  needs.servers = calloc(1, sizeof *needs.servers);
  needs.servers[0] = (struct lh_needs_server){.host = "127.0.0.1", .port = 8080, .hidden = true, .clients = 5000};
  needs.server_count = 1;
  assert_int_equal(lh_ladder_make(&ladder, &facts, &needs, &err), 0);
  assert_null(lh_ladder_find(ladder, LH_LIMIT_TARGET_NOFILE));
  assert_int_equal(ladder->gap_count, 1);
  assert_non_null(strstr(ladder->gaps[0].reason, "another user's"));
  lh_ladder_free(ladder);
  lh_needs_free(&needs);
  lh_config_free(config);
}

/* ---- what cannot be read ---- */
static void test_unreadable(void **state) {
  (void)state;
  struct lh_config *config = load("", NEAR5000);
  struct lh_needs needs;
  struct lh_err err = {0};
  assert_int_equal(lh_needs_make(&needs, config, 1, 1, &err), 0);
  for (uint32_t i = 0; i < ROOMY; i++) { /* each in turn */
    struct lh_ladder *ladder;
    set_facts("");
    snprintf(items[i].value, sizeof items[i].value, "unreadable: Permission denied");
    assert_int_equal(lh_ladder_make(&ladder, &facts, &needs, &err), 0);
    assert_int_equal(ladder->gap_count, 1);
    assert_string_equal(ladder->gaps[0].name, items[i].name);
    assert_string_equal(ladder->gaps[0].reason, "Permission denied");
    lh_ladder_free(ladder);
  }
  for (uint32_t i = 0; i < ROOMY; i++) snprintf(items[i].value, sizeof items[i].value, "unreadable: Permission denied");
  struct lh_ladder *ladder;
  assert_int_equal(lh_ladder_make(&ladder, &facts, &needs, &err), 0);
  assert_int_equal(ladder->gap_count, ROOMY);
  assert_int_equal(ladder->count, 0);
  assert_true(ladder->clients == LH_ANY);
  assert_int_equal(lh_ladder_short(ladder), 0); /* what is not known is not judged */
  lh_ladder_free(ladder);
  facts.count = 0; /* an empty run file */
  assert_int_equal(lh_ladder_make(&ladder, &facts, &needs, &err), 0);
  assert_int_equal(ladder->count + ladder->gap_count, 0);
  lh_ladder_free(ladder);
  lh_needs_free(&needs);
  lh_config_free(config);
}

/* ---- numbers in facts ---- */
static void test_numbers(void **state) {
  (void)state;
  static const struct {
    const char *value;
    uint32_t n;
    int code;
    uint64_t number;
  } cases[] = {{"5", 0, 0, 5},
               {"5 6 7", 2, 0, 7},
               {"5 6 7", 3, -EINVAL, 0},
               {"5  6", 1, 0, 6},
               {"max", 0, 0, LH_ANY},
               {"unlimited", 0, 0, LH_ANY},
               {"123 kB", 0, 0, 123},
               {"", 0, -EINVAL, 0},
               {"none", 0, -EINVAL, 0},
               {"-1", 0, -EINVAL, 0},
               {"99999999999999999999999", 0, -EINVAL, 0},
               {"unreadable: no", 0, -ENODATA, 0},
               {"12x", 0, -EINVAL, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint64_t value = 77;
    set_facts("");
    set_fact("user", cases[i].value, strlen(cases[i].value));
    if (lh_facts_number(&facts, "user", cases[i].n, &value) != cases[i].code) fail_msg("%s", cases[i].value);
    assert_true(value == (cases[i].code == 0 ? cases[i].number : 77));
  }
  uint64_t value;
  assert_int_equal(lh_facts_number(&facts, "no such fact", 0, &value), -ENOENT);
}

/* ---- needs ---- */
static void test_needs(void **state) {
  (void)state;
  struct lh_config *config =
      load("", "target: near, connections: 1001, source_addresses: [127.0.0.2, 127.0.0.3]}\n"
               "  more: {kind: http, target: web, connections: 9, messages: [{name: m, every: 1s, get: /}]");
  struct lh_needs needs;
  struct lh_err err = {0};
  assert_int_equal(lh_needs_make(&needs, config, 1, 1, &err), 0);
  assert_int_equal(needs.plan.clients, 1010);
  assert_int_equal(needs.path_count, 3);
  assert_int_equal(needs.paths[0].clients, 501);
  assert_int_equal(needs.paths[1].clients, 500);
  assert_true(needs.paths[0].local && !needs.paths[2].local);
  assert_int_equal(needs.local_sockets, 1001);
  assert_int_equal(needs.tasks_each, 1);
  assert_int_equal(needs.client_bytes,
                   (1001 * LH_WEBSOCKET_BYTES + 9 * (LH_HTTP_BYTES + LH_MESSAGE_BYTES + LH_TLS_BYTES) + 1009) / 1010);
  assert_int_equal(needs.slot_bytes, (1001 * LH_WEBSOCKET_SLOT_BYTES + 9 * (LH_SLOT_BYTES + LH_MESSAGE_BYTES)) / 1010);
  assert_true(fabs(needs.websockets - 1001.0 / 1010) < 1e-9);
  lh_needs_free(&needs);
  assert_int_equal(lh_needs_make(&needs, config, 2, 2, &err), 0);
  assert_int_equal(needs.paths[0].clients, 250);
  lh_needs_free(&needs);
  config->targets[config->groups[0].target].connections_max = 100; /* of 1,001: the others wait, and take no port */
  assert_int_equal(lh_needs_make(&needs, config, 1, 1, &err), 0);
  assert_int_equal(needs.plan.clients, 109);
  assert_int_equal(needs.plan.wanted, 1010);
  assert_int_equal(needs.paths[0].clients + needs.paths[1].clients, 100);
  assert_int_equal(needs.local_sockets, 100);
  lh_needs_free(&needs);
  lh_config_free(config);
}

/* ---- notes ---- */
static void test_notes(void **state) {
  (void)state;
  static const struct {
    const char *facts, *name, *value, *text; /* value NULL: there is no such note */
  } cases[] = {
      {"nofile.soft=1024;nofile.hard=4096", "RLIMIT_NOFILE, soft", "1,024", "raises it by itself, to the hard limit of 4,096"},
      {"nofile.soft=4096;nofile.hard=4096", "RLIMIT_NOFILE, soft", NULL, NULL},
      {"nofile.login.hard=524288", "RLIMIT_NOFILE of a new login", "524,288", "this process has 1,048,576"},
      {"nofile.login.hard=not set", "RLIMIT_NOFILE of a new login", "not set", "so a login has what started it"},
      {"nofile.unit.hard=unlimited", "RLIMIT_NOFILE of a systemd unit", "unlimited", "DefaultLimitNOFILE"},
      {"ports.reserved_in_range=32", "net.ipv4.ip_local_reserved_ports", "32", "left out of what the range allows"},
      {"ports.reserved_in_range=28000", "net.ipv4.ip_local_reserved_ports", NULL, NULL}, /* a rung of its own */
      {"", "clock source", "tsc", "without a system call"},
      {"clocksource=hpet", "clock source", "hpet", "each reading is a system call"},
      {"cgroup.cpu.max=50000 100000", "cpu.max", "50000 100000", "of the control group"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct lh_needs needs;
    struct lh_ladder *ladder;
    struct lh_err err = {0};
    const struct lh_note *found = NULL;
    set_facts(cases[i].facts);
    assert_int_equal(lh_needs_plain(&needs, false, &err), 0);
    assert_int_equal(lh_ladder_make(&ladder, &facts, &needs, &err), 0);
    assert_in_range(ladder->note_count, 1, LH_NOTES_MAX - 1);
    for (uint32_t n = 0; n < ladder->note_count; n++)
      if (strcmp(ladder->notes[n].name, cases[i].name) == 0) found = &ladder->notes[n];
    if ((found != NULL) != (cases[i].value != NULL)) fail_msg("row %zu, %s: %s", i, cases[i].name, found ? found->value : "none");
    if (found && (strcmp(found->value, cases[i].value) != 0 || !strstr(found->text, cases[i].text)))
      fail_msg("row %zu: %s, %s", i, found->value, found->text);
    lh_ladder_free(ladder);
    lh_needs_free(&needs);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),        cmocka_unit_test(test_one_after_the_other),
                                     cmocka_unit_test(test_ports_apart), cmocka_unit_test(test_servers), cmocka_unit_test(test_idle_conntrack), cmocka_unit_test(test_for_good),
                                     cmocka_unit_test(test_hidden_server), cmocka_unit_test(test_unreadable),
                                     cmocka_unit_test(test_numbers),     cmocka_unit_test(test_needs), cmocka_unit_test(test_notes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

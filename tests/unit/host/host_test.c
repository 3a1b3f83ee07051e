/* The readers of the host against a made-up /proc and /sys, and against the real one. */
#include "made_up_root.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "host/files.h"
#include "longhaul/host/ladder.h"

static void put_proc(void) {
  put("/proc/stat", "cpu  100 10 50 1000 30 5 5 20 7 3\ncpu0 1 2 3 4\nintr 1 2 3\nctxt 987654\nbtime 5\n");
  put("/proc/meminfo", "MemTotal:       2048 kB\nMemFree:        1 kB\nMemAvailable:   1024 kB\nSwapTotal:      0 kB\n");
  put("/proc/net/sockstat", "sockets: used 300\nTCP: inuse 20 orphan 1 tw 33 alloc 40 mem 55\nUDP: inuse 2 mem 7\n");
  put("/proc/net/sockstat6", "TCP6: inuse 4\nUDP6: inuse 9\n");
  put("/proc/sys/fs/file-nr", "1234\t0\t99999\n");
  put("/proc/net/snmp", "Ip: Forwarding DefaultTTL\nIp: 1 64\n"
                        "Tcp: RtoAlgorithm MaxConn ActiveOpens CurrEstab InSegs OutSegs RetransSegs InErrs\n"
                        "Tcp: 1 -1 5 17 600 700 8 9\n");
  put("/proc/sys/net/netfilter/nf_conntrack_count", "4321\n");
  put("/proc/net/netstat",
      "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPx\nTcpExt: 1 2 3 4\nIpExt: A B\nIpExt: 5 6\n");
  put("/proc/net/dev",
      "Inter-| Receive | Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets\n"
      "    lo: 1000 10 0 1 0 0 0 0 1000 10 0 2 0 0 0 0\n"
      "  eth0:5000 10 0 3 0 0 0 0 7000 10 0 4 0 0 0 0\n");
}

static void test_sample(void **state) {
  (void)state;
  put_proc();
  struct lh_host_sample s;
  uint32_t unread = 99;
  assert_int_equal(lh_host_sample_at(root, &s, &unread), 0);
  assert_int_equal(unread, 0);
  uint64_t tick_us = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
  assert_int_equal(s.cpu_busy_us, (100 + 10 + 50 + 5 + 5) * tick_us);
  assert_int_equal(s.cpu_steal_us, 20 * tick_us);
  assert_int_equal(s.cpu_total_us, 1220 * tick_us);
  assert_int_equal(s.context_switches, 987654);
  assert_int_equal(s.mem_total_bytes, 2048 * 1024);
  assert_int_equal(s.mem_available_bytes, 1024 * 1024);
  assert_int_equal(s.sockets_used, 300);
  assert_int_equal(s.tcp_in_use, 24);
  assert_int_equal(s.tcp_time_wait, 33);
  assert_int_equal(s.tcp_mem_pages, 55);
  assert_int_equal(s.files_open, 1234);
  assert_int_equal(s.tcp_retransmits, 8);
  assert_int_equal(s.tcp_out_segments, 700);
  assert_int_equal(s.tcp_listen_drops, 3);
  assert_int_equal(s.tcp_established, 17);
  assert_int_equal(s.tcp_orphans, 1);
  assert_int_equal(s.conntrack_entries, 4321);
  assert_int_equal(s.net_bytes_in, 6000);
  assert_int_equal(s.net_bytes_out, 8000);
  assert_int_equal(s.net_drops, 10);
}

/* Each source that is missing or of another form sets its bit and leaves its numbers 0; the others are read. */
static void test_sample_with_holes(void **state) {
  (void)state;
  static const struct {
    const char *path, *text; /* NULL: removed */
    enum lh_sample_source source;
  } rows[] = {
      {"/proc/stat", "nothing\n", LH_SAMPLE_STAT},
      {"/proc/stat", "cpu  1 2\n", LH_SAMPLE_STAT},
      {"/proc/meminfo", "", LH_SAMPLE_MEMINFO},
      {"/proc/net/sockstat", NULL, LH_SAMPLE_SOCKSTAT},
      {"/proc/net/sockstat", "sockets: used 1", LH_SAMPLE_SOCKSTAT},
      {"/proc/sys/fs/file-nr", "many", LH_SAMPLE_FILE_NR},
      {"/proc/net/snmp", "Tcp: A B C\n", LH_SAMPLE_SNMP},
      {"/proc/net/snmp", "Tcp: A RetransSegs OutSegs\nTcp: 1", LH_SAMPLE_SNMP},
      {"/proc/net/netstat", "TcpExt:\nTcpExt:\n", LH_SAMPLE_NETSTAT},
      {"/proc/net/dev", "Inter-|\n face |\n", LH_SAMPLE_DEV},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    put_proc();
    char full[512];
    snprintf(full, sizeof full, "%s%s", root, rows[i].path);
    if (rows[i].text)
      put(rows[i].path, rows[i].text);
    else
      assert_int_equal(unlink(full), 0);
    struct lh_host_sample s;
    uint32_t unread = 0;
    assert_int_equal(lh_host_sample_at(root, &s, &unread), 0);
    if (unread != UINT32_C(1) << rows[i].source) fail_msg("%s %s: %u", rows[i].path, rows[i].text, unread);
    if (rows[i].source != LH_SAMPLE_DEV)
      assert_int_equal(s.net_bytes_in, 6000);
    else
      assert_int_equal(s.net_bytes_in, 0);
  }
  struct lh_host_sample s = {.cpu_busy_us = 5};
  uint32_t unread = 0;
  assert_int_equal(lh_host_sample_at("/nowhere", &s, &unread), -ENOENT);
  assert_int_equal(unread, 0x7f);
  assert_int_equal(s.cpu_busy_us, 5);
}

static const char *value_of(const struct lh_fact *facts, uint32_t count, const char *name) {
  for (uint32_t i = 0; i < count; i++)
    if (strcmp(facts[i].name, name) == 0) return facts[i].value;
  fail_msg("no fact %s", name);
  return NULL;
}

static void test_facts(void **state) {
  (void)state;
  struct lh_fact facts[128];
  put_proc();
  put("/etc/os-release", "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n");
  put("/proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU @ 2.5GHz\n\nprocessor\t: 1\nmodel name\t: Other\n");
  put("/sys/devices/system/cpu/online", "0-3,8,10-11\n");
  put("/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
  put("/proc/sys/net/ipv4/ip_local_reserved_ports", "\n");
  put("/proc/sys/net/core/somaxconn", "4096\n");
  uint32_t count = lh_host_facts_at(root, facts, 128);
  assert_true(count > 35 && count < 128);
  assert_string_equal(value_of(facts, count, "distribution"), "Debian GNU/Linux 12 (bookworm)");
  assert_string_equal(value_of(facts, count, "cpu"), "Some CPU @ 2.5GHz");
  assert_string_equal(value_of(facts, count, "cpus"), "7");
  assert_string_equal(value_of(facts, count, "memory.total"), "2048 kB");
  assert_string_equal(value_of(facts, count, "net.ipv4.ip_local_port_range"), "32768 60999");
  assert_string_equal(value_of(facts, count, "net.ipv4.ip_local_reserved_ports"), "none");
  assert_string_equal(value_of(facts, count, "net.core.somaxconn"), "4096");
  assert_string_equal(value_of(facts, count, "fs.file-nr"), "1234 0 99999");
  assert_string_equal(value_of(facts, count, "fs.nr_open"), "unreadable: not there on this kernel or in this container");
  for (uint32_t i = 0; i < count; i++) {
    assert_true(*facts[i].name && *facts[i].source && *facts[i].value);
    for (uint32_t j = 0; j < i; j++) assert_string_not_equal(facts[i].name, facts[j].name);
  }
  assert_int_equal(lh_host_facts_at(root, facts, 3), 3);
  assert_int_equal(lh_host_facts_at(root, facts, 0), 0);
}

static void test_facts_too_long(void **state) {
  (void)state;
  static char text[6000];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  put("/proc/sys/net/ipv4/tcp_mem", text);
  text[400] = '\0';
  put("/proc/sys/net/ipv4/ip_local_reserved_ports", text);
  struct lh_fact facts[128];
  uint32_t count = lh_host_facts_at(root, facts, 128);
  assert_string_equal(value_of(facts, count, "net.ipv4.tcp_mem"), "unreadable: longer than expected");
  const char *cut = value_of(facts, count, "net.ipv4.ip_local_reserved_ports");
  assert_int_equal(strlen(cut), LH_FACT_VALUE_MAX - 1);
  assert_string_equal(cut + strlen(cut) - 11, "x ... (cut)");
}

/* ---- control groups ---- */

/* The hierarchy itself; its groups are the test's. */
static void put_cgroups_v2(void) {
  put("/sys/fs/cgroup/cgroup.controllers", "");
  put("/sys/fs/cgroup/cgroup.procs", "1\n");
}

static void test_cgroup_v2(void **state) {
  (void)state;
  uint64_t n;
  double cores;
  put("/proc/self/cgroup", "0::/a/b/c\n");
  assert_int_equal(lh_cgroup_memory_max(root, &n), -ENOENT); /* no hierarchy to be seen */
  put_cgroups_v2();
  assert_int_equal(lh_cgroup_memory_max(root, &n), 0);
  assert_true(n == LH_CGROUP_NONE);
  put("/sys/fs/cgroup/a/b/c/memory.max", "max\n");
  put("/sys/fs/cgroup/a/memory.max", "1048576\n");
  put("/sys/fs/cgroup/memory.max", "2097152\n");
  assert_int_equal(lh_cgroup_memory_max(root, &n), 0);
  assert_int_equal(n, 1048576);
  put("/sys/fs/cgroup/a/b/pids.max", "77\n");
  assert_int_equal(lh_cgroup_pids_max(root, &n), 0);
  assert_int_equal(n, 77);
  put("/sys/fs/cgroup/a/b/pids.max", "seventy\n");
  assert_int_equal(lh_cgroup_pids_max(root, &n), -EINVAL);
  put("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
  put("/sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  assert_int_equal(lh_cgroup_cpu_max(root, &cores), 0);
  assert_true(cores == 1.5);
  assert_int_equal(lh_host_cores_at(root, 8), 2); /* rounded up */
  assert_int_equal(lh_host_cores_at(root, 1), 1);
  put("/sys/fs/cgroup/a/b/c/cpu.max", "1000 100000\n");
  assert_int_equal(lh_host_cores_at(root, 8), 1);
  put("/sys/fs/cgroup/a/b/c/cpu.max", "1000 0\n");
  assert_int_equal(lh_cgroup_cpu_max(root, &cores), -EINVAL);
  assert_int_equal(lh_host_cores_at(root, 8), 8);
}

static void test_cgroup_v1(void **state) {
  (void)state;
  uint64_t n;
  double cores;
  put("/proc/self/cgroup", "5:memory:/box\n4:cpu,cpuacct:/\n3:pids:/\n0::/\n");
  put("/sys/fs/cgroup/memory/cgroup.procs", "1\n");
  put("/sys/fs/cgroup/cpu/cgroup.procs", "1\n");
  put("/sys/fs/cgroup/pids/cgroup.procs", "1\n");
  put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  assert_int_equal(lh_cgroup_memory_max(root, &n), 0);
  assert_true(n == LH_CGROUP_NONE);
  put("/sys/fs/cgroup/memory/box/memory.limit_in_bytes", "5000000\n");
  assert_int_equal(lh_cgroup_memory_max(root, &n), 0);
  assert_int_equal(n, 5000000);
  assert_int_equal(lh_cgroup_pids_max(root, &n), 0);
  assert_true(n == LH_CGROUP_NONE);
  put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  assert_int_equal(lh_cgroup_cpu_max(root, &cores), 0);
  assert_true(isinf(cores));
  put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "250000\n");
  assert_int_equal(lh_cgroup_cpu_max(root, &cores), 0);
  assert_true(cores == 2.5);
}

/* ---- limits of others ---- */

static void test_login(void **state) {
  (void)state;
  static const struct {
    const char *conf, *d;
    unsigned user;
    const char *soft, *hard;
  } rows[] = {
      {"", "", 1000, "not set", "not set"},
      {"* soft nofile 4096\n* hard nofile 8192\n", "", 1000, "4096", "8192"},
      {"* - nofile 4096\n", "", 0, "not set", "not set"},
      {"root - nofile 4096\n", "", 0, "4096", "4096"},
      {"ann - nofile 5\n* - nofile 6\n", "", 1000, "5", "5"},
      {"@staff - nofile 7\n* - nofile 6\n", "", 1000, "7", "7"},
      {"@users - nofile 7\n* - nofile 6\n", "", 1000, "7", "7"},
      {"@other - nofile 7\n* - nofile 6\n", "", 1000, "6", "6"},
      {"* - nofile 6\n", "* - nofile unlimited\n", 1000, "unlimited", "unlimited"},
      {"# * - nofile 6\n*\t-\tnproc\t9\n  *  hard  nofile  -1 # none\n", "", 1000, "not set",
       "unlimited"},
  };
  put("/etc/passwd", "root:x:0:0:root:/:/bin/sh\nann:x:1000:100:Ann:/:/bin/sh\n");
  put("/etc/group", "root:x:0:\nusers:x:100:\nstaff:x:50:bob,ann\nother:x:51:bob\n");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    char out[64];
    put("/etc/security/limits.conf", rows[i].conf);
    put("/etc/security/limits.d/90-x.conf", rows[i].d);
    put("/etc/security/limits.d/readme", "* - nofile 1\n");
    assert_int_equal(lh_login_descriptors(root, rows[i].user, false, out, sizeof out), 0);
    if (strcmp(out, rows[i].soft) != 0) fail_msg("row %zu, soft: %s", i, out);
    assert_int_equal(lh_login_descriptors(root, rows[i].user, true, out, sizeof out), 0);
    if (strcmp(out, rows[i].hard) != 0) fail_msg("row %zu, hard: %s", i, out);
  }
}

static void test_unit(void **state) {
  (void)state;
  char out[64];
  assert_int_equal(lh_unit_descriptors(root, true, out, sizeof out), -ENOENT); /* no systemd */
  put("/etc/systemd/system.conf", "[Manager]\n#DefaultLimitNOFILE=5:6\n");
  assert_int_equal(lh_unit_descriptors(root, false, out, sizeof out), 0);
  assert_string_equal(out, "1024");
  assert_int_equal(lh_unit_descriptors(root, true, out, sizeof out), 0);
  assert_string_equal(out, "524288");
  put("/etc/systemd/system.conf", "[Manager]\nDefaultLimitNOFILE=5:6\n");
  put("/usr/lib/systemd/system.conf.d/10.conf", "DefaultLimitNOFILE=7\n");
  assert_int_equal(lh_unit_descriptors(root, true, out, sizeof out), 0);
  assert_string_equal(out, "7");
  put("/etc/systemd/system.conf.d/20.conf", "DefaultLimitNOFILE=8:infinity\n");
  assert_int_equal(lh_unit_descriptors(root, false, out, sizeof out), 0);
  assert_string_equal(out, "8");
  assert_int_equal(lh_unit_descriptors(root, true, out, sizeof out), 0);
  assert_string_equal(out, "unlimited");
}

/* ---- what is in use ---- */

static void test_used(void **state) {
  (void)state;
  uint64_t n;
  char file[128];
  put("/proc/self/cgroup", "0::/a/b\n");
  put_cgroups_v2();
  put("/sys/fs/cgroup/a/b/memory.current", "111\n");
  assert_int_equal(lh_cgroup_memory_used(root, &n), -ENODATA); /* nothing limits */
  assert_int_equal(lh_cgroup_file(root, true, file, sizeof file), -ENODATA);
  put("/sys/fs/cgroup/a/memory.max", "1048576\n");
  put("/sys/fs/cgroup/a/memory.current", "5000\n");
  assert_int_equal(lh_cgroup_memory_used(root, &n), 0);
  assert_int_equal(n, 5000);
  put("/sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 4000\n");
  assert_int_equal(lh_cgroup_memory_used(root, &n), 0);
  assert_int_equal(n, 1000);
  assert_int_equal(lh_cgroup_file(root, true, file, sizeof file), 0);
  assert_string_equal(file, "/sys/fs/cgroup/a/memory.max");
  put("/sys/fs/cgroup/a/b/pids.max", "9\n");
  put("/sys/fs/cgroup/a/b/pids.current", "4\n");
  assert_int_equal(lh_cgroup_pids_used(root, &n), 0);
  assert_int_equal(n, 4);
  put("/proc/1/status", "Name:\tx\nUid:\t0\t0\t0\t0\nThreads:\t3\n");
  put("/proc/22/status", "Name:\tx\nUid:\t1000\t1000\t1000\t1000\nThreads:\t5\n");
  put("/proc/333/status", "Name:\tx\nUid:\t1000\t0\t0\t0\nThreads:\t1\n");
  assert_int_equal(lh_tasks_of(root, 1000, &n), 0);
  assert_int_equal(n, 6);
  assert_int_equal(lh_tasks_of(root, 7, &n), -ENODATA);
}

static void test_reserved(void **state) {
  (void)state;
  static const struct {
    const char *list;
    int code;
    uint64_t ports;
  } rows[] = {{"\n", 0, 0},
              {"40005\n", 0, 1},
              {"39990-40009,40050,40090-40110\n", 0, 21},
              {"1-65535\n", 0, 100},
              {"40000-40010,40005\n", 0, 11},
              {"5-4\n", -EINVAL, 0},
              {"70000\n", -EINVAL, 0},
              {"x\n", -EINVAL, 0}};
  put("/proc/sys/net/ipv4/ip_local_port_range", "40000 40099\n");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    uint64_t ports = 0;
    put("/proc/sys/net/ipv4/ip_local_reserved_ports", rows[i].list);
    if (lh_reserved_in_range(root, &ports) != rows[i].code || ports != rows[i].ports)
      fail_msg("%s: %llu", rows[i].list, (unsigned long long)ports);
  }
}

/* 127.0.0.1 is 0100007F where these files are read on a little-endian machine. */
struct on_paths {
  const char *name, *tcp, *tcp6;
  const char *reuse, *timestamps;
};

/* Towards 127.0.0.1:8080 and 192.0.2.7:8080. */
static void count_on_paths(const struct on_paths *row, struct lh_needs_path paths[2]) {
  struct lh_fact items[] = {{.name = "net.ipv4.tcp_tw_reuse"}, {.name = "net.ipv4.tcp_timestamps"}};
  struct lh_facts facts = {items, 2};
  struct lh_needs needs = {.paths = paths, .path_count = 2};
  struct lh_err err = {0};
  paths[0] = (struct lh_needs_path){.host = "127.0.0.1", .port = 8080, .local = true};
  paths[1] = (struct lh_needs_path){.host = "192.0.2.7", .port = 8080};
  snprintf(items[0].value, sizeof items[0].value, "%s", row->reuse);
  snprintf(items[1].value, sizeof items[1].value, "%s", row->timestamps);
  put("/proc/sys/net/ipv4/ip_local_port_range", "40000 40099\n");
  put("/proc/net/tcp", row->tcp);
  put("/proc/net/tcp6", row->tcp6);
  assert_int_equal(lh_needs_count_taken(&needs, root, &facts, &err), 0);
}

static void test_taken(void **state) {
  (void)state;
  static const struct {
    const char *name, *tcp, *tcp6;
    uint64_t taken, far;
  } rows[] = {
      {"nothing", "", "", 0, 0},
      {"a listener", "   0: 0100007F:9C41 00000000:0000 0A 0 0\n", "", 1, 1},
      {"a listener outside of the range", "   0: 0100007F:0016 00000000:0000 0A 0 0\n", "", 0, 0},
      {"connected there", "   0: 0100007F:9C41 0100007F:1F90 01 0 0\n", "", 1, 0},
      {"connected elsewhere", "   0: 0100007F:9C41 0100007F:1F91 01 0 0\n", "", 0, 0},
      {"the same port twice", "   0: 0100007F:9C41 00000000:0000 0A 0 0\n   1: 0100007F:9C41 0100007F:1F90 01 0 0\n", "", 1, 1},
      {"mapped", "", "   0: 0000000000000000FFFF00000100007F:9C41 0000000000000000FFFF00000100007F:1F90 01 0 0\n", 1, 0},
      {"a listener of IPv6", "", "   0: 00000000000000000000000000000000:9C41 00000000000000000000000000000000:0000 0A 0 0\n",
       1, 1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct lh_needs_path paths[2];
    count_on_paths(&(struct on_paths){rows[i].name, rows[i].tcp, rows[i].tcp6, "2", "1"}, paths);
    if (paths[0].taken != rows[i].taken || paths[1].taken != rows[i].far)
      fail_msg("%s: %llu and %llu", rows[i].name, (unsigned long long)paths[0].taken, (unsigned long long)paths[1].taken);
  }
}

static void test_time_wait(void **state) {
  (void)state;
#define NEAR "   0: 0100007F:9C41 0100007F:1F90 06 0 0\n"
#define FAR "   1: 010200C0:9C41 070200C0:1F90 06 0 0\n"
#define LISTENER "   2: 0100007F:9C41 00000000:0000 0A 0 0\n"
  static const struct {
    struct on_paths on;
    uint64_t taken, near, far;
  } rows[] = {
      {{"used again over loopback", NEAR FAR, "", "2", "1"}, 0, 0, 1},
      {{"not used again", NEAR FAR, "", "0", "1"}, 0, 1, 1},
      {{"used again everywhere", NEAR FAR, "", "1", "1"}, 0, 0, 0},
      {{"never without timestamps", NEAR FAR, "", "1", "0"}, 0, 1, 1},
      {{"one fact unreadable", NEAR FAR, "", "1", "unreadable: no"}, 0, 0, 0},
      {{"a listener after it", NEAR LISTENER, "", "0", "1"}, 1, 0, 0},
      {{"a listener before it", LISTENER NEAR, "", "0", "1"}, 1, 0, 0},
      {{"one port twice", NEAR "   3: 0200007F:9C41 0100007F:1F90 06 0 0\n", "", "0", "1"}, 0, 1, 0},
  };
#undef NEAR
#undef FAR
#undef LISTENER
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct lh_needs_path paths[2];
    count_on_paths(&rows[i].on, paths);
    if (paths[0].taken != rows[i].taken || paths[0].time_wait != rows[i].near || paths[1].time_wait != rows[i].far)
      fail_msg("%s: %llu taken, %llu and %llu in TIME_WAIT", rows[i].on.name, (unsigned long long)paths[0].taken,
               (unsigned long long)paths[0].time_wait, (unsigned long long)paths[1].time_wait);
  }
}

/* ---- ports, descriptors, the real host ---- */

static void test_ports(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool good;
  } rows[] = {{"32768\t60999\n", true}, {"1024 1024\n", true}, {"60999 32768\n", false},
              {"1 99999\n", false},     {"x\n", false},        {"", false}};
  uint32_t first, last;
  assert_false(lh_host_ports_at("/nowhere", &first, &last));
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    put("/proc/sys/net/ipv4/ip_local_port_range", rows[i].text);
    first = last = 7;
    assert_int_equal(lh_host_ports_at(root, &first, &last), rows[i].good);
    if (!rows[i].good) assert_int_equal(first + last, 14);
  }
}

/* In a child: limits cannot be raised again. */
static void in_child(void (*body)(void)) {
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

static void raise_from_64_to_200(void) {
  struct rlimit limit = {64, 200};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) _exit(1);
  if (lh_host_raise_descriptors(NULL) != 200) _exit(2);
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur != 200 || limit.rlim_max != 200) _exit(3);
  if (lh_host_raise_descriptors(NULL) != 200) _exit(4);
}

static void test_descriptors(void **state) {
  (void)state;
  in_child(raise_from_64_to_200);
}

/* A pair of connected sockets whose far end is closed: one waits for our close, the other for ours to come. */
static void test_states(void **state) {
  (void)state;
  struct lh_host_sample before = {0}, during = {0};
  if (lh_host_states_read(&before) < 0) skip();
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  socklen_t len = sizeof here;
  enum { PAIRS = 20 };
  int listener = socket(AF_INET, SOCK_STREAM, 0), near[PAIRS];
  assert_int_equal(bind(listener, (struct sockaddr *)&here, sizeof here), 0);
  assert_int_equal(listen(listener, PAIRS), 0);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&here, &len), 0);
  for (int i = 0; i < PAIRS; i++) {
    near[i] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(near[i], (struct sockaddr *)&here, sizeof here), 0);
    close(accept(listener, NULL, NULL));
  }
  assert_int_equal(lh_host_states_read(&during), 0);
  for (int i = 0; i < PAIRS; i++) close(near[i]);
  close(listener);
  assert_true(during.tcp_close_wait >= PAIRS && during.tcp_fin_wait >= PAIRS);
}

static void test_real_host(void **state) {
  (void)state;
  struct lh_host_sample s;
  uint32_t unread, first, last;
  assert_int_equal(lh_host_sample_read(&s, &unread), 0);
  if (!(unread & (1u << LH_SAMPLE_STAT))) assert_true(s.cpu_total_us >= s.cpu_busy_us && s.cpu_busy_us > 0);
  if (!(unread & (1u << LH_SAMPLE_MEMINFO))) assert_true(s.mem_available_bytes <= s.mem_total_bytes);
  assert_true(lh_host_cores() >= 1 && lh_host_cores() <= 4096);
  if (lh_host_ports(&first, &last)) assert_true(first <= last && last <= 65535);
  struct lh_fact facts[128];
  uint32_t count = lh_host_facts(facts, 128);
  assert_memory_equal(value_of(facts, count, "kernel"), "Linux", 5);
  assert_true(atoi(value_of(facts, count, "cpus.usable")) >= 1);
}

/* A process is known by more than its pid: what runs, what has ended (also when nobody has taken notice), what another boot or
 * another namespace calls by that pid, and what is no such text. */
static void test_process(void **state) {
  (void)state;
  char self[LH_PROCESS_MAX], other[LH_PROCESS_MAX + 8], child_text[LH_PROCESS_MAX];
  int fds[2];
  lh_host_process(self);
  assert_int_equal(lh_host_process_state(self), LH_PROCESS_RUNS);
  snprintf(other, sizeof other, "%s1", self); /* began at another time */
  assert_int_equal(lh_host_process_state(other), LH_PROCESS_GONE);
  snprintf(other, sizeof other, "%s", self);
  other[0] = other[0] == '0' ? '1' : '0';
  assert_int_equal(lh_host_process_state(other), LH_PROCESS_UNKNOWN);
  assert_int_equal(lh_host_process_state(""), LH_PROCESS_UNKNOWN);
  *strrchr(other, ' ') = '\0';
  assert_int_equal(lh_host_process_state(other), LH_PROCESS_UNKNOWN);
  assert_int_equal(pipe(fds), 0);
  pid_t child = fork();
  if (child == 0) {
    lh_host_process(child_text);
    _exit(write(fds[1], child_text, sizeof child_text) == sizeof child_text ? 0 : 1);
  }
  assert_int_equal(read(fds[0], child_text, sizeof child_text), sizeof child_text);
  siginfo_t ended;
  assert_int_equal(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT), 0);
  assert_int_equal(lh_host_process_state(child_text), LH_PROCESS_GONE);
  assert_int_equal(waitpid(child, NULL, 0), child);
  assert_int_equal(lh_host_process_state(child_text), LH_PROCESS_GONE);
  close(fds[0]);
  close(fds[1]);
}

int main(void) {
#define TEST(body) cmocka_unit_test_setup_teardown(body, make_root, remove_root)
  const struct CMUnitTest tests[] = {
      TEST(test_sample),         TEST(test_sample_with_holes), TEST(test_states),    TEST(test_facts),
      TEST(test_facts_too_long), TEST(test_cgroup_v2),         TEST(test_login),     TEST(test_unit),
      TEST(test_used),           TEST(test_reserved),          TEST(test_taken),     TEST(test_cgroup_v1),
      TEST(test_ports),          TEST(test_descriptors),       TEST(test_real_host), TEST(test_process),
      TEST(test_time_wait)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

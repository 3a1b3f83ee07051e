/* The facts of this host that cap or colour a run: one row each, read in the order of the table. */
#include "longhaul/host/host.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "host/files.h"
#include "longhaul/base/units.h"

enum { VALUE_ROOM = 4096 };

/* Reads one fact into out. 0 or -errno. */
typedef int fact_reader(const char *root, const char *path, const char *key, char *out, size_t size);

struct fact_row {
  const char *name;
  const char *source; /* a path, or words for a system call; what `read` gets as path */
  fact_reader *read;
  const char *key;
};

static int put(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int put(char *out, size_t size, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int len = vsnprintf(out, size, format, args);
  va_end(args);
  return len < 0 || (size_t)len >= size ? -ERANGE : 0;
}

static int read_line(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)key;
  return lh_files_line(root, path, out, size);
}

/* A file that may well be empty, such as a list of ports. */
static int read_list(const char *root, const char *path, const char *key, char *out, size_t size) {
  int code = read_line(root, path, key, out, size);
  return code == -ENODATA ? put(out, size, "none") : code;
}

/* "KEY : value" or "KEY=value", quotes taken off. */
static int read_key(const char *root, const char *path, const char *key, char *out, size_t size) {
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  int code = lh_files_read(root, path, &text);
  if (code == 0) {
    const char *value = lh_text_after(text.data, key);
    if (!value) code = -ENODATA;
    if (value) {
      value += strspn(value, " \t:=\"");
      code = put(out, size, "%.*s", (int)strcspn(value, "\"\n"), value);
    }
  }
  lh_buf_free(&text);
  return code;
}

/* "0-3,6" as a number of cores. */
static int read_cpu_count(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)key;
  char line[1024];
  int code = lh_files_line(root, path, line, sizeof line);
  if (code < 0) return code;
  uint32_t count = 0;
  for (char *save = NULL, *part = strtok_r(line, ",", &save); part; part = strtok_r(NULL, ",", &save)) {
    unsigned from, to;
    int got = sscanf(part, "%u-%u", &from, &to);
    if (got < 1 || (got == 2 && to < from)) return -EINVAL;
    count += got == 2 ? to - from + 1 : 1;
  }
  return put(out, size, "%" PRIu32, count);
}

static int read_usable_cores(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)root, (void)path, (void)key;
  return put(out, size, "%" PRIu32, lh_host_cores());
}

static int read_uname(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)root, (void)path;
  struct utsname names;
  if (uname(&names) != 0) return -errno;
  if (strcmp(key, "nodename") == 0) return put(out, size, "%s", names.nodename);
  return put(out, size, "%s %s %s", names.sysname, names.release, names.machine);
}

static int read_user(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)root, (void)path, (void)key;
  return put(out, size, "%u", (unsigned)geteuid());
}

static int read_page_size(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)root, (void)path, (void)key;
  return put(out, size, "%ld", sysconf(_SC_PAGESIZE));
}

static int read_rlimit(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)root;
  struct rlimit limit;
  int which = strstr(path, "NOFILE") ? RLIMIT_NOFILE : strstr(path, "NPROC") ? RLIMIT_NPROC : RLIMIT_AS;
  if (getrlimit((__rlimit_resource_t)which, &limit) != 0) return -errno;
  rlim_t value = strcmp(key, "soft") == 0 ? limit.rlim_cur : limit.rlim_max;
  if (value == RLIM_INFINITY) return put(out, size, "unlimited");
  return put(out, size, "%llu", (unsigned long long)value);
}

static int read_cgroup(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)path;
  uint64_t value;
  int code = strcmp(key, "memory") == 0 ? lh_cgroup_memory_max(root, &value) : lh_cgroup_pids_max(root, &value);
  if (code < 0) return code;
  return value == LH_CGROUP_NONE ? put(out, size, "max") : put(out, size, "%" PRIu64, value);
}

/* Where no group limits there is nothing to count against, and that is no failure. */
static int read_cgroup_used(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)path;
  uint64_t value = 0;
  int code = strcmp(key, "memory") == 0 ? lh_cgroup_memory_used(root, &value) : lh_cgroup_pids_used(root, &value);
  if (code == -ENODATA) return put(out, size, "none");
  return code < 0 ? code : put(out, size, "%" PRIu64, value);
}

static int read_cgroup_file(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)path;
  int code = lh_cgroup_file(root, strcmp(key, "memory") == 0, out, size);
  return code == -ENODATA ? put(out, size, "none") : code;
}

static int read_cgroup_cpu(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)path, (void)key;
  double cores;
  int code = lh_cgroup_cpu_max(root, &cores);
  if (code < 0) return code;
  return isinf(cores) ? put(out, size, "max") : put(out, size, "%g cores", cores);
}

static int read_login(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)path;
  return lh_login_descriptors(root, (unsigned)geteuid(), strcmp(key, "hard") == 0, out, size);
}

static int read_unit(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)path;
  return lh_unit_descriptors(root, strcmp(key, "hard") == 0, out, size);
}

static int read_user_tasks(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)path, (void)key;
  uint64_t tasks;
  int code = lh_tasks_of(root, (unsigned)geteuid(), &tasks);
  return code < 0 ? code : put(out, size, "%" PRIu64, tasks);
}

/* "0.20 0.18 0.12 1/80 11206": running and all tasks stand in the fourth word. */
static int read_host_tasks(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)key;
  char line[128];
  int code = lh_files_line(root, path, line, sizeof line);
  if (code < 0) return code;
  const char *slash = strchr(line, '/');
  unsigned all;
  if (!slash || sscanf(slash + 1, "%u", &all) != 1) return -EINVAL;
  return put(out, size, "%u", all);
}

static int read_tcp_pages(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)key;
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  int code = lh_files_read(root, path, &text);
  const char *line = code == 0 ? lh_text_after(text.data, "TCP:") : NULL, *mem = line ? strstr(line, " mem ") : NULL;
  unsigned pages;
  if (code == 0) code = mem && sscanf(mem, " mem %u", &pages) == 1 ? put(out, size, "%u", pages) : -EINVAL;
  lh_buf_free(&text);
  return code;
}

static int read_reserved(const char *root, const char *path, const char *key, char *out, size_t size) {
  (void)path, (void)key;
  uint64_t ports;
  int code = lh_reserved_in_range(root, &ports);
  return code < 0 ? code : put(out, size, "%" PRIu64, ports);
}

#define SYSCTL(name, path)                                                                                                     \
  { name, "/proc/sys/" path, read_line, NULL }

static const struct fact_row rows[] = {
    {"host", "uname", read_uname, "nodename"},
    {"kernel", "uname", read_uname, "release"},
    {"distribution", "/etc/os-release", read_key, "PRETTY_NAME="},
    {"machine", "/sys/class/dmi/id/product_name", read_line, NULL},
    {"cpu", "/proc/cpuinfo", read_key, "model name"},
    {"cpus", "/sys/devices/system/cpu/online", read_cpu_count, NULL},
    {"cpus.usable", "sched_getaffinity and the cgroup's cpu.max", read_usable_cores, NULL},
    {"clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource", read_line, NULL},
    {"user", "geteuid", read_user, NULL},
    {"capabilities", "/proc/self/status", read_key, "CapEff:"},
    {"page_size", "sysconf", read_page_size, NULL},
    {"memory.total", "/proc/meminfo", read_key, "MemTotal"},
    {"memory.available", "/proc/meminfo", read_key, "MemAvailable"},
    {"swap.total", "/proc/meminfo", read_key, "SwapTotal"},
    {"nofile.soft", "getrlimit RLIMIT_NOFILE", read_rlimit, "soft"},
    {"nofile.hard", "getrlimit RLIMIT_NOFILE", read_rlimit, "hard"},
    {"nofile.login.soft", "/etc/security/limits.conf and limits.d", read_login, "soft"},
    {"nofile.login.hard", "/etc/security/limits.conf and limits.d", read_login, "hard"},
    {"nofile.unit.soft", "systemd's DefaultLimitNOFILE", read_unit, "soft"},
    {"nofile.unit.hard", "systemd's DefaultLimitNOFILE", read_unit, "hard"},
    {"nproc.soft", "getrlimit RLIMIT_NPROC", read_rlimit, "soft"},
    {"nproc.hard", "getrlimit RLIMIT_NPROC", read_rlimit, "hard"},
    {"nproc.used", "/proc, processes and threads of this user", read_user_tasks, NULL},
    {"address_space.soft", "getrlimit RLIMIT_AS", read_rlimit, "soft"},
    {"address_space.hard", "getrlimit RLIMIT_AS", read_rlimit, "hard"},
    {"address_space.self", "/proc/self/status", read_key, "VmSize:"},
    {"address_space.data", "/proc/self/status", read_key, "VmData:"},
    SYSCTL("fs.nr_open", "fs/nr_open"),
    SYSCTL("fs.file-max", "fs/file-max"),
    SYSCTL("fs.file-nr", "fs/file-nr"),
    SYSCTL("kernel.threads-max", "kernel/threads-max"),
    SYSCTL("kernel.pid_max", "kernel/pid_max"),
    {"kernel.tasks", "/proc/loadavg", read_host_tasks, NULL},
    SYSCTL("fs.epoll.max_user_watches", "fs/epoll/max_user_watches"),
    {"cgroup.memory.max", "/sys/fs/cgroup, memory.max, the least on this process's way", read_cgroup, "memory"},
    {"cgroup.pids.max", "/sys/fs/cgroup, pids.max, the least on this process's way", read_cgroup, "pids"},
    {"cgroup.memory.used", "/sys/fs/cgroup, memory.current there, less file pages", read_cgroup_used, "memory"},
    {"cgroup.memory.file", "/sys/fs/cgroup, where that limit stands", read_cgroup_file, "memory"},
    {"cgroup.pids.used", "/sys/fs/cgroup, pids.current there", read_cgroup_used, "pids"},
    {"cgroup.pids.file", "/sys/fs/cgroup, where that limit stands", read_cgroup_file, "pids"},
    {"cgroup.cpu.max", "/sys/fs/cgroup, cpu.max, the least on this process's way", read_cgroup_cpu, NULL},
    SYSCTL("net.ipv4.ip_local_port_range", "net/ipv4/ip_local_port_range"),
    {"net.ipv4.ip_local_reserved_ports", "/proc/sys/net/ipv4/ip_local_reserved_ports", read_list, NULL},
    {"ports.reserved_in_range", "ip_local_reserved_ports within ip_local_port_range", read_reserved, NULL},
    SYSCTL("net.ipv4.tcp_mem", "net/ipv4/tcp_mem"),
    {"tcp_mem.used", "/proc/net/sockstat", read_tcp_pages, NULL},
    SYSCTL("net.ipv4.tcp_rmem", "net/ipv4/tcp_rmem"),
    SYSCTL("net.ipv4.tcp_wmem", "net/ipv4/tcp_wmem"),
    SYSCTL("net.ipv4.tcp_max_orphans", "net/ipv4/tcp_max_orphans"),
    SYSCTL("net.ipv4.tcp_max_tw_buckets", "net/ipv4/tcp_max_tw_buckets"),
    SYSCTL("net.ipv4.tcp_tw_reuse", "net/ipv4/tcp_tw_reuse"),
    SYSCTL("net.ipv4.tcp_timestamps", "net/ipv4/tcp_timestamps"),
    SYSCTL("net.ipv4.tcp_fin_timeout", "net/ipv4/tcp_fin_timeout"),
    SYSCTL("net.ipv4.tcp_keepalive_time", "net/ipv4/tcp_keepalive_time"),
    SYSCTL("net.ipv4.tcp_keepalive_intvl", "net/ipv4/tcp_keepalive_intvl"),
    SYSCTL("net.ipv4.tcp_keepalive_probes", "net/ipv4/tcp_keepalive_probes"),
    SYSCTL("net.ipv4.tcp_syn_retries", "net/ipv4/tcp_syn_retries"),
    SYSCTL("net.ipv4.tcp_retries2", "net/ipv4/tcp_retries2"),
    SYSCTL("net.ipv4.tcp_max_syn_backlog", "net/ipv4/tcp_max_syn_backlog"),
    SYSCTL("net.ipv4.tcp_syncookies", "net/ipv4/tcp_syncookies"),
    SYSCTL("net.ipv4.tcp_congestion_control", "net/ipv4/tcp_congestion_control"),
    SYSCTL("net.core.somaxconn", "net/core/somaxconn"),
    SYSCTL("net.core.netdev_max_backlog", "net/core/netdev_max_backlog"),
    SYSCTL("net.netfilter.nf_conntrack_max", "net/netfilter/nf_conntrack_max"),
    SYSCTL("net.netfilter.nf_conntrack_count", "net/netfilter/nf_conntrack_count"),
    SYSCTL("net.netfilter.nf_conntrack_tcp_timeout_established", "net/netfilter/nf_conntrack_tcp_timeout_established"),
};

bool lh_fact_is_volatile(const char *name) {
  static const char *const names[] = {"memory.available", "nproc.used", "address_space.self", "address_space.data", "fs.file-nr",
                                      "kernel.tasks", "cgroup.memory.used", "cgroup.pids.used", "tcp_mem.used",
                                      "net.netfilter.nf_conntrack_count"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return true;
  return false;
}

/* Words for what mostly goes wrong, where the errno's own would puzzle. */
static const char *why(int code) {
  switch (code) {
  case -ENOENT: return "not there on this kernel or in this container";
  case -ENODATA: return "empty, or without the line looked for";
  case -ERANGE: return "longer than expected";
  case -EINVAL: return "not of the form expected";
  default: return strerror(-code);
  }
}

/* A list of reserved ports may be longer than a fact holds; the cut shows. */
static void put_value(const char *value, char out[LH_FACT_VALUE_MAX]) {
  static const char cut[] = " ... (cut)";
  size_t len = strlen(value);
  if (len < LH_FACT_VALUE_MAX) {
    memcpy(out, value, len + 1);
  } else {
    memcpy(out, value, LH_FACT_VALUE_MAX - sizeof cut);
    memcpy(out + LH_FACT_VALUE_MAX - sizeof cut, cut, sizeof cut);
  }
}

uint32_t lh_host_facts_at(const char *root, struct lh_fact *facts, uint32_t most) {
  uint32_t count = sizeof rows / sizeof rows[0];
  if (count > most) count = most;
  for (uint32_t i = 0; i < count; i++) {
    struct lh_fact *fact = &facts[i];
    fact->name = rows[i].name;
    fact->source = rows[i].source;
    char value[VALUE_ROOM];
    int code = rows[i].read(root, rows[i].source, rows[i].key, value, sizeof value);
    if (code < 0)
      snprintf(fact->value, sizeof fact->value, "unreadable: %s", why(code));
    else
      put_value(value, fact->value);
  }
  return count;
}

uint32_t lh_host_facts(struct lh_fact *facts, uint32_t most) {
  return lh_host_facts_at("", facts, most);
}

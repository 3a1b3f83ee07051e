/* How each limit is raised: what to type now, and what to keep for good. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/judge.h"
#include "longhaul/base/units.h"

#define SYSCTL_FILE "/etc/sysctl.d/90-longhaul.conf"
#define LIMITS_FILE "/etc/security/limits.d/90-longhaul.conf"
#define UNIT_FILE "/etc/systemd/system/longhaul.service.d/limits.conf"

static void add(struct lh_rung *rung, enum lh_remedy_kind kind, const char *file, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void add(struct lh_rung *rung, enum lh_remedy_kind kind, const char *file, const char *format, ...) {
  if (rung->remedy_count == LH_REMEDIES_MAX) return;
  struct lh_remedy *remedy = &rung->remedies[rung->remedy_count++];
  *remedy = (struct lh_remedy){.kind = kind, .file = file};
  va_list args;
  va_start(args, format);
  vsnprintf(remedy->text, sizeof remedy->text, format, args);
  va_end(args);
}

static void say_raised(struct lh_rung *rung, uint64_t value) {
  lh_format_count(value, rung->raised, sizeof rung->raised);
}

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

/* The next power of two: room beyond what is asked, and a number that people know. */
static uint64_t round_up(uint64_t n) {
  uint64_t power = 1;
  while (power < n && power < UINT64_C(1) << 62) power *= 2;
  return power;
}

static uint64_t known_or(uint64_t value, uint64_t otherwise) {
  return value == LH_ANY ? otherwise : value;
}

/* A line for this user alone does where root runs it, since "*" does not reach root. */
static const char *limits_domain(const struct lh_maker *m) {
  return lh_maker_number(m, "user", 0) == 0 ? "root" : "*";
}

static void add_sysctl(struct lh_rung *rung, const char *name, const char *value, bool of_namespace) {
  bool words = strchr(value, ' ') != NULL;
  add(rung, LH_REMEDY_SYSCTL, NULL, "sysctl -w %s%s%s%s%s", words ? "\"" : "", name, "=", value, words ? "\"" : "");
  add(rung, LH_REMEDY_SYSCTL_D, SYSCTL_FILE, "%s = %s", name, value);
  if (of_namespace)
    add(rung, LH_REMEDY_CONTAINER, NULL, "--sysctl %s%s=%s%s", words ? "\"" : "", name, value, words ? "\"" : "");
}

static void add_number(struct lh_rung *rung, const char *name, uint64_t value, bool of_namespace) {
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, value);
  add_sysctl(rung, name, text, of_namespace);
  say_raised(rung, value);
}

/* ---- descriptors ---- */
static uint64_t held_at(const struct lh_maker *m, uint64_t descriptors) {
  return lh_maker_usable(m, descriptors) * lh_maker_workers(m, descriptors);
}

static uint64_t descriptors_for(const struct lh_maker *m, uint64_t goal) {
  uint64_t sockets = lh_maker_sockets(m, goal), value = round_up(m->needs->reserve + 1);
  while (value < LH_DESCRIPTORS_MOST && held_at(m, value) < sockets) value *= 2;
  return least(value, LH_DESCRIPTORS_MOST);
}

/* A limit of the process: in the shell of root, or by root upon the shell of another user. `before` may be another command
 * and " && ". */
static void add_process_limit(const struct lh_maker *m, struct lh_rung *rung, char letter, const char *before,
                              const char *value) {
  const char *option = letter == 'n' ? "nofile" : letter == 'u' ? "nproc" : "as";
  if (!m->may_raise)
    add(rung, LH_REMEDY_ADVICE, NULL, "a higher `ulimit -%c` (%s) where this container is started: root may not raise it here",
        letter, value);
  else if (lh_maker_number(m, "user", 0) == 0)
    add(rung, LH_REMEDY_ULIMIT, NULL, "%sulimit -%c %s", before, letter, value);
  else
    add(rung, LH_REMEDY_PRLIMIT, NULL, "%sprlimit --pid $$ --%s=%s:%s", before, option, value, value);
}

/* A line for every login is not to lower what they have: mostly systemd's default. */
static uint64_t for_logins(const struct lh_maker *m, uint64_t value) {
  uint64_t unit = lh_maker_number(m, "nofile.unit.hard", 0);
  return unit != LH_ANY && unit > value ? unit : value;
}

static uint64_t raise_nofile(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  uint64_t value = descriptors_for(m, goal), hard = lh_maker_number(m, "nofile.hard", 0),
           most = lh_maker_number(m, "fs.nr_open", 0);
  char text[24], before[64] = "";
  snprintf(text, sizeof text, "%" PRIu64, value);
  if (value > most) snprintf(before, sizeof before, "sysctl -w fs.nr_open=%" PRIu64 " && ", value);
  if (!m->may_raise && m->needs->workers > 0) add(rung, LH_REMEDY_CONFIG, NULL, "--set run.workers=auto");
  if (value > hard) add_process_limit(m, rung, 'n', before, text);
  if (m->may_raise && m->needs->workers > 0) add(rung, LH_REMEDY_CONFIG, NULL, "--set run.workers=auto");
  if (value <= hard) return rung->clients;
  if (value > most) add(rung, LH_REMEDY_SYSCTL_D, SYSCTL_FILE, "fs.nr_open = %" PRIu64, value);
  add(rung, LH_REMEDY_LIMITS_D, LIMITS_FILE, "%s - nofile %" PRIu64, limits_domain(m), for_logins(m, value));
  add(rung, LH_REMEDY_SYSTEMD, UNIT_FILE, "[Service]\nLimitNOFILE=%" PRIu64, value);
  add(rung, LH_REMEDY_CONTAINER, NULL, "--ulimit nofile=%" PRIu64 ":%" PRIu64, value, value);
  say_raised(rung, value);
  return lh_maker_clients(m, held_at(m, value));
}

static uint64_t raise_nr_open(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  uint64_t value = descriptors_for(m, goal);
  if (value <= lh_maker_number(m, "fs.nr_open", 0)) return rung->clients;
  add_number(rung, "fs.nr_open", value, false);
  return lh_maker_clients(m, held_at(m, value));
}

static uint64_t raise_file_max(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  uint64_t used = known_or(lh_maker_number(m, "fs.file-nr", 0), 0);
  uint64_t value = round_up((uint64_t)((double)lh_maker_sockets(m, goal) * (1 + m->local)) + used + 1);
  add_number(rung, "fs.file-max", value, false);
  return lh_maker_clients(m, (uint64_t)((double)(value - used) / (1 + m->local)));
}

static uint64_t raise_epoll(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  uint64_t value = round_up(lh_maker_sockets(m, goal));
  add_number(rung, "fs.epoll.max_user_watches", value, false);
  return lh_maker_clients(m, value);
}

/* ---- ports ---- */
enum { WIDEST_FIRST = 1024, WIDEST_LAST = 65535 };

/* One source address more for each range that the plan fills; loopback needs no set-up for them. */
static void add_sources(const struct lh_maker *m, struct lh_rung *rung) {
  uint64_t now = rung->clients > 0 ? rung->clients : 1, wanted = m->needs->plan.clients;
  uint64_t needed = wanted / now + (wanted % now > 0);
  if (needed < 2) needed = 2; /* each further one adds as much again */
  if (m->local > 0)
    add(rung, LH_REMEDY_CONFIG, NULL, "source_addresses in the group, at least %" PRIu64 ": [127.0.0.2, 127.0.0.3%s]",
        least(needed, LH_ADDRESSES_MAX), needed > 2 ? ", ..." : "");
  else
    add(rung, LH_REMEDY_CONFIG, NULL, "source_addresses in the group, at least %" PRIu64 " addresses of this host",
        least(needed, LH_ADDRESSES_MAX));
}

static uint64_t raise_range(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  (void)goal;
  uint64_t widest = WIDEST_LAST - WIDEST_FIRST + 1, reserved = known_or(lh_maker_number(m, "ports.reserved_in_range", 0), 0);
  bool apart = reserved * 10 >= lh_maker_range(m);
  uint64_t after = lh_maker_by_ports(
      m, &(struct lh_ports){.range = widest, .reserved = apart ? 0 : reserved, .taken = true, .time_wait = true});
  if (lh_maker_range(m) >= widest || after <= rung->clients) {
    add_sources(m, rung);
    return rung->clients;
  }
  add_sysctl(rung, "net.ipv4.ip_local_port_range", "1024 65535", true);
  add_sources(m, rung);
  snprintf(rung->raised, sizeof rung->raised, "1024 to 65535");
  return after;
}

static uint64_t raise_reserved(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  (void)goal;
  add(rung, LH_REMEDY_SYSCTL, NULL, "sysctl -w net.ipv4.ip_local_reserved_ports=");
  add_sources(m, rung);
  add(rung, LH_REMEDY_ADVICE, NULL, "take it out of /etc/sysctl.d, or keep reserved only what a server here needs");
  snprintf(rung->raised, sizeof rung->raised, "none");
  return LH_ANY; /* the range itself is a rung of its own */
}

/* Nothing to type frees a port that another connection holds. */
static uint64_t raise_taken(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  (void)goal;
  add_sources(m, rung);
  add(rung, LH_REMEDY_ADVICE, NULL, "end what holds them: `ss -tanp` names it");
  return rung->clients;
}

/* The kernel uses a port again only when the timestamps of the old connection tell its late segments from the new one's. */
static uint64_t raise_time_wait(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  (void)goal;
  bool stamped = lh_maker_number(m, "net.ipv4.tcp_timestamps", 0) != 0;
  if (lh_maker_number(m, "net.ipv4.tcp_tw_reuse", 0) != 1) {
    add_sysctl(rung, "net.ipv4.tcp_tw_reuse", "1", true);
    if (stamped) snprintf(rung->raised, sizeof rung->raised, "1");
  }
  if (!stamped) add_sysctl(rung, "net.ipv4.tcp_timestamps", "1", true);
  add_sources(m, rung);
  add(rung, LH_REMEDY_ADVICE, NULL, "wait: each is over within a minute%s",
      stamped ? "" : "; without timestamps the kernel uses none of them sooner");
  return stamped ? LH_ANY : rung->clients; /* the range, and what is in use of it, are rungs of their own */
}

/* ---- memory ---- */
static uint64_t raise_tcp_mem(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  uint64_t used = known_or(lh_maker_number(m, "tcp_mem.used", 0), 0);
  uint64_t most = round_up((uint64_t)((double)lh_maker_sockets(m, goal) * (1 + m->local)) + used);
  char value[80];
  snprintf(value, sizeof value, "%" PRIu64 " %" PRIu64 " %" PRIu64, most / 2, most / 3 * 2, most);
  add_sysctl(rung, "net.ipv4.tcp_mem", value, false);
  snprintf(rung->raised, sizeof rung->raised, "%.63s", value);
  return lh_maker_clients(m, (uint64_t)((double)(most - used) / (1 + m->local)));
}

static void say_size(uint64_t bytes, char *out, size_t size) {
  lh_format_size(bytes, out, size);
}

static uint64_t raise_memory(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  char size[32];
  say_size(lh_maker_memory(m, goal, true), size, sizeof size);
  add(rung, LH_REMEDY_ADVICE, NULL, "%s free for it, or the plan split over hosts: --shard 1/2 here, 2/2 there", size);
  return rung->clients;
}

static uint64_t raise_address_space(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  (void)goal;
  if (lh_maker_number(m, "address_space.hard", 0) == LH_ANY) /* the soft limit is anyone's to raise */
    add(rung, LH_REMEDY_SOFT, NULL, "ulimit -S -v unlimited");
  else
    add_process_limit(m, rung, 'v', "", "unlimited");
  add(rung, LH_REMEDY_LIMITS_D, LIMITS_FILE, "%s - as unlimited", limits_domain(m));
  add(rung, LH_REMEDY_SYSTEMD, UNIT_FILE, "[Service]\nLimitAS=infinity");
  snprintf(rung->raised, sizeof rung->raised, "unlimited");
  return LH_ANY;
}

/* The file of the group that limits, for `now`; "" when its name was not read. */
static const char *group_file(const struct lh_maker *m, const char *name) {
  const struct lh_fact *fact = lh_facts_find(m->facts, name);
  return fact && fact->value[0] == '/' ? fact->value : "";
}

static uint64_t raise_cgroup_memory(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  enum { STEP = 64 << 20 };
  uint64_t used = known_or(lh_maker_number(m, "cgroup.memory.used", 0), 0);
  uint64_t value = (lh_maker_memory(m, goal, false) + used + STEP) / STEP * STEP;
  const char *file = group_file(m, "cgroup.memory.file");
  if (*file) add(rung, LH_REMEDY_CGROUP, NULL, "echo %" PRIu64 " > %.240s", value, file);
  add(rung, LH_REMEDY_SYSTEMD, UNIT_FILE, "[Service]\nMemoryMax=%" PRIu64, value);
  add(rung, LH_REMEDY_CONTAINER, NULL, "--memory %" PRIu64, value);
  say_size(value, rung->raised, sizeof rung->raised);
  return lh_maker_by_memory(m, value - used, false);
}

/* ---- tasks ---- */
static uint64_t tasks_for(const struct lh_maker *m, uint64_t goal, const char *used_name) {
  uint64_t used = known_or(lh_maker_number(m, used_name, 0), 0);
  return round_up(used + lh_maker_tasks(m, goal));
}

static uint64_t clients_of_tasks(const struct lh_maker *m, uint64_t value, const char *used_name) {
  return lh_maker_by_tasks(m, value - known_or(lh_maker_number(m, used_name, 0), 0));
}

static uint64_t raise_pids(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  uint64_t value = tasks_for(m, goal, "cgroup.pids.used");
  const char *file = group_file(m, "cgroup.pids.file");
  if (*file) add(rung, LH_REMEDY_CGROUP, NULL, "echo %" PRIu64 " > %.240s", value, file);
  add(rung, LH_REMEDY_SYSTEMD, UNIT_FILE, "[Service]\nTasksMax=%" PRIu64, value);
  add(rung, LH_REMEDY_CONTAINER, NULL, "--pids-limit %" PRIu64, value);
  say_raised(rung, value);
  return clients_of_tasks(m, value, "cgroup.pids.used");
}

static uint64_t raise_nproc(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  enum { TASKS_OF_A_USER = 4096 }; /* for good: of all that the user runs, whenever */
  uint64_t value = tasks_for(m, goal, "nproc.used"), good = value > TASKS_OF_A_USER ? value : TASKS_OF_A_USER;
  char text[24];
  snprintf(text, sizeof text, "%" PRIu64, value);
  if (value <= lh_maker_number(m, "nproc.hard", 0)) /* the soft limit is anyone's to raise */
    add(rung, LH_REMEDY_SOFT, NULL, "ulimit -S -u %" PRIu64, value);
  else
    add_process_limit(m, rung, 'u', "", text);
  add(rung, LH_REMEDY_LIMITS_D, LIMITS_FILE, "%s - nproc %" PRIu64, limits_domain(m), good);
  add(rung, LH_REMEDY_SYSTEMD, UNIT_FILE, "[Service]\nLimitNPROC=%" PRIu64, good);
  add(rung, LH_REMEDY_CONTAINER, NULL, "--ulimit nproc=%" PRIu64 ":%" PRIu64, good, good);
  say_raised(rung, value);
  return clients_of_tasks(m, value, "nproc.used");
}

static uint64_t raise_threads(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  uint64_t value = tasks_for(m, goal, "kernel.tasks");
  add_number(rung, "kernel.threads-max", value, false);
  return clients_of_tasks(m, value, "kernel.tasks");
}

static uint64_t raise_pid_max(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  enum { PID_MOST = 4194304 };
  uint64_t value = least(tasks_for(m, goal, "kernel.tasks"), PID_MOST);
  if (value <= lh_maker_number(m, "kernel.pid_max", 0)) return rung->clients;
  add_number(rung, "kernel.pid_max", value, false);
  return clients_of_tasks(m, value, "kernel.tasks");
}

/* ---- network ---- */
static uint64_t raise_conntrack(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  uint64_t used = known_or(lh_maker_number(m, "net.netfilter.nf_conntrack_count", 0), 0);
  uint64_t value = round_up(lh_maker_sockets(m, goal) + used + 1);
  add_number(rung, "net.netfilter.nf_conntrack_max", value, false);
  add(rung, LH_REMEDY_ADVICE, NULL, "or leave the traffic to the targets untracked, with a notrack rule of nftables");
  return lh_maker_clients(m, value - used);
}

static uint64_t raise_somaxconn(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  uint64_t value = round_up(least(goal, m->needs->connecting_max));
  add_number(rung, "net.core.somaxconn", value, true);
  add(rung, LH_REMEDY_CONFIG, NULL, "--set run.connecting_max=%" PRIu64, rung->clients > 0 ? rung->clients : 1);
  return value + 1 >= m->needs->connecting_max ? LH_ANY : value + 1;
}

static uint64_t raise_syn_backlog(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  uint64_t value = round_up(least(goal, m->needs->connecting_max) * 4 / 3 + 1);
  add_number(rung, "net.ipv4.tcp_max_syn_backlog", value, true);
  add(rung, LH_REMEDY_CONFIG, NULL, "--set run.connecting_max=%" PRIu64, rung->clients > 0 ? rung->clients : 1);
  uint64_t at_once = value - value / 4 + 1;
  return at_once >= m->needs->connecting_max ? LH_ANY : at_once;
}

/* ---- the target ---- */
/* Descriptors that each process of a server needs for its share of so many clients. */
static uint64_t target_needs(const struct lh_maker *m, const struct lh_needs_server *s, uint64_t goal) {
  uint64_t planned = m->needs->plan.clients > 0 ? m->needs->plan.clients : 1;
  double share = (double)s->clients * (double)goal / (double)planned / s->processes * lh_maker_each(s);
  return (uint64_t)share + s->open / s->processes + 2;
}

/* Raised to the same for each server that is short of it, its hard limit with it where that is lower. */
static void add_target(struct lh_rung *rung, const struct lh_needs_server *s, uint64_t value) {
  char pids[200] = "";
  size_t len = 0;
  uint64_t hard = s->hard != LH_ANY && s->hard > value ? s->hard : value;
  if (s->processes > LH_SERVER_PIDS) {
    add(rung, LH_REMEDY_ADVICE, NULL, "`prlimit --nofile=%" PRIu64 ":%" PRIu64 " --pid PID` for each of the %u processes", value,
        hard, s->processes);
  } else if (s->processes == 1) {
    add(rung, LH_REMEDY_TARGET, NULL, "prlimit --pid %u --nofile=%" PRIu64 ":%" PRIu64, s->pids[0], value, hard);
  } else {
    for (uint32_t i = 0; i < s->processes; i++)
      len += (size_t)snprintf(pids + len, sizeof pids - len, "%s%u", i > 0 ? " " : "", s->pids[i]);
    add(rung, LH_REMEDY_TARGET, NULL, "for p in %s; do prlimit --pid $p --nofile=%" PRIu64 ":%" PRIu64 "; done", pids, value,
        hard);
  }
}

static bool is_counted(const struct lh_needs_server *s) {
  return s->processes > 0 && lh_maker_each(s) > 0;
}

static uint64_t raise_target(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  uint64_t value = 0, most = known_or(lh_maker_number(m, "fs.nr_open", 0), LH_DESCRIPTORS_MOST);
  for (size_t i = 0; i < m->needs->server_count; i++) {
    const struct lh_needs_server *s = &m->needs->servers[i];
    uint64_t needed = is_counted(s) ? target_needs(m, s, goal) : 0;
    if (!m->may_raise && is_counted(s)) most = least(most, s->foreign ? s->soft : s->hard);
    if (needed > s->soft && needed > value) value = needed;
  }
  value = least(round_up(value), most);
  for (size_t i = 0; i < m->needs->server_count; i++)
    if (is_counted(&m->needs->servers[i]) && m->needs->servers[i].soft < value) add_target(rung, &m->needs->servers[i], value);
  add(rung, LH_REMEDY_ADVICE, NULL,
      "for good where the server is started: LimitNOFILE of its unit, --ulimit of its container, worker_rlimit_nofile of nginx; its own "
      "bounds (worker_connections of nginx, maxconn of HAProxy) bind as well");
  if (rung->remedy_count > 1) say_raised(rung, value);
  return lh_maker_by_servers(m, value);
}

static uint64_t raise_cpu(const struct lh_maker *m, struct lh_rung *rung, uint64_t goal) {
  (void)goal;
  if (m->needs->workers > 0 && m->needs->workers < m->cores) add(rung, LH_REMEDY_CONFIG, NULL, "--set run.workers=auto");
  add(rung, LH_REMEDY_ADVICE, NULL, "fewer messages, more cores, or the plan split over hosts with --shard 1/2");
  return rung->clients;
}

lh_raise *const lh_raises[LH_LIMIT_COUNT] = {
    [LH_LIMIT_NOFILE] = raise_nofile,
    [LH_LIMIT_NR_OPEN] = raise_nr_open,
    [LH_LIMIT_FILE_MAX] = raise_file_max,
    [LH_LIMIT_PORT_RANGE] = raise_range,
    [LH_LIMIT_RESERVED_PORTS] = raise_reserved,
    [LH_LIMIT_TAKEN_PORTS] = raise_taken,
    [LH_LIMIT_TCP_MEM] = raise_tcp_mem,
    [LH_LIMIT_MEMORY] = raise_memory,
    [LH_LIMIT_ADDRESS_SPACE] = raise_address_space,
    [LH_LIMIT_CGROUP_MEMORY] = raise_cgroup_memory,
    [LH_LIMIT_CGROUP_PIDS] = raise_pids,
    [LH_LIMIT_NPROC] = raise_nproc,
    [LH_LIMIT_THREADS_MAX] = raise_threads,
    [LH_LIMIT_PID_MAX] = raise_pid_max,
    [LH_LIMIT_EPOLL_WATCHES] = raise_epoll,
    [LH_LIMIT_CONNTRACK] = raise_conntrack,
    [LH_LIMIT_SOMAXCONN] = raise_somaxconn,
    [LH_LIMIT_SYN_BACKLOG] = raise_syn_backlog,
    [LH_LIMIT_CPU] = raise_cpu,
    [LH_LIMIT_TIME_WAIT] = raise_time_wait,
    [LH_LIMIT_TARGET_NOFILE] = raise_target,
};

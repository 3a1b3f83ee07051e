/* How each limit becomes clients. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "host/judge.h"
#include "longhaul/base/units.h"

#define PUT(field, ...) snprintf(field, sizeof(field), __VA_ARGS__)

struct words {
  char text[32];
};

static struct words count_words(uint64_t n) {
  struct words w;
  if (n == LH_ANY)
    PUT(w.text, "unlimited");
  else
    lh_format_count(n, w.text, sizeof w.text);
  return w;
}

static struct words size_words(uint64_t bytes) {
  struct words w;
  if (bytes == LH_ANY)
    PUT(w.text, "unlimited");
  else
    lh_format_size(bytes, w.text, sizeof w.text);
  return w;
}

static uint64_t less(uint64_t a, uint64_t b) {
  return a == LH_ANY ? a : a > b ? a - b : 0;
}

/* ---- descriptors ---- */
static void say_workers(const struct lh_maker *m, struct lh_rung *rung, uint64_t each, uint64_t workers) {
  if (m->needs->workers > 0)
    PUT(rung->detail, "%s clients in each worker, workers: %s", count_words(each).text, count_words(workers).text);
  else
    PUT(rung->detail, "%s clients in each worker, at most %s workers", count_words(each).text, count_words(workers).text);
}

/* The soft limit does not count: longhaul raises it to the hard one. */
static bool judge_nofile(const struct lh_maker *m, struct lh_rung *rung) {
  if (!lh_maker_has(m, "nofile.hard")) return false;
  uint64_t hard = lh_maker_number(m, "nofile.hard", 0), usable = lh_maker_usable(m, hard);
  PUT(rung->value, "%s a process", count_words(hard).text);
  say_workers(m, rung, usable, lh_maker_workers(m, hard));
  rung->clients = lh_maker_held(m, usable);
  return true;
}

static bool judge_nr_open(const struct lh_maker *m, struct lh_rung *rung) {
  if (!lh_maker_has(m, "fs.nr_open")) return false;
  uint64_t most = lh_maker_number(m, "fs.nr_open", 0), usable = lh_maker_usable(m, most);
  PUT(rung->value, "%s a process", count_words(most).text);
  say_workers(m, rung, usable, lh_maker_workers(m, most));
  rung->clients = lh_maker_clients(m, usable * lh_maker_workers(m, most));
  return true;
}

static bool judge_file_max(const struct lh_maker *m, struct lh_rung *rung) {
  if (!lh_maker_has(m, "fs.file-max")) return false;
  uint64_t most = lh_maker_number(m, "fs.file-max", 0), used = lh_maker_number(m, "fs.file-nr", 0);
  if (used == LH_ANY) used = 0;
  PUT(rung->value, "%s, %s in use", count_words(most).text, count_words(used).text);
  PUT(rung->detail, "%s%s", m->local > 0 ? "both ends of a connection count" : "",
      m->is_admin ? (m->local > 0 ? "; root is not held to it" : "root is not held to it") : "");
  rung->clients =
      m->is_admin || most == LH_ANY ? LH_ANY : lh_maker_clients(m, (uint64_t)((double)less(most, used) / (1 + m->local)));
  return true;
}

static bool judge_epoll(const struct lh_maker *m, struct lh_rung *rung) {
  if (!lh_maker_has(m, "fs.epoll.max_user_watches")) return false;
  uint64_t most = lh_maker_number(m, "fs.epoll.max_user_watches", 0);
  PUT(rung->value, "%s", count_words(most).text);
  PUT(rung->detail, "one for each socket");
  rung->clients = lh_maker_clients(m, most);
  return true;
}

/* ---- ports ---- */
/* Ports set aside, in use and in TIME_WAIT are rungs of their own when they are what makes the range small: at least a tenth of
 * it. Less than that is taken off the range's rung. Each such rung stands on the one before it: the range less what is set
 * aside, that less what is in use, that less what is in TIME_WAIT. */
enum layer { BARE = -1, RESERVED, TAKEN, TIME_WAIT, LAYERS };

struct ports {
  uint64_t range, off[LAYERS];
};

static bool read_ports(const struct lh_maker *m, struct ports *p) {
  uint64_t reserved = lh_maker_number(m, "ports.reserved_in_range", 0);
  *p = (struct ports){
      .range = lh_maker_range(m),
      .off = {
          [RESERVED] = reserved == LH_ANY ? 0 : reserved, [TAKEN] = lh_maker_taken(m), [TIME_WAIT] = lh_maker_time_wait(m)}};
  return p->range != LH_ANY;
}

static bool is_apart(const struct ports *p, enum layer layer) {
  return p->off[layer] > 0 && p->off[layer] * 10 >= p->range;
}

/* With what is taken off down to that layer, and what is too little for a rung of its own. */
static uint64_t clients_down_to(const struct lh_maker *m, const struct ports *p, enum layer deepest) {
  bool off[LAYERS];
  for (int i = 0; i < LAYERS; i++) off[i] = i <= (int)deepest || !is_apart(p, (enum layer)i);
  return lh_maker_by_ports(m, &(struct lh_ports){.range = p->range,
                                                 .reserved = off[RESERVED] ? p->off[RESERVED] : 0,
                                                 .taken = off[TAKEN],
                                                 .time_wait = off[TIME_WAIT]});
}

static bool judge_layer(const struct lh_maker *m, struct lh_rung *rung, enum layer layer) {
  struct ports p;
  if (!read_ports(m, &p) || !is_apart(&p, layer)) return false;
  PUT(rung->value, "%s of the range's %s", count_words(p.off[layer]).text, count_words(p.range).text);
  rung->clients = clients_down_to(m, &p, layer);
  return true;
}

static void say_paths(const struct lh_maker *m, struct lh_rung *rung) {
  size_t count = m->needs->path_count;
  PUT(rung->detail,
      count == 1 ? "from one source address to one destination" : "on each of %zu pairs of source and destination", count);
}

static bool judge_range(const struct lh_maker *m, struct lh_rung *rung) {
  struct ports p;
  if (!read_ports(m, &p)) return false;
  uint64_t first = lh_maker_number(m, "net.ipv4.ip_local_port_range", 0);
  PUT(rung->value, "%" PRIu64 " to %" PRIu64 ", %s ports", first, first + p.range - 1, count_words(p.range).text);
  say_paths(m, rung);
  rung->clients = clients_down_to(m, &p, BARE);
  return true;
}

static bool judge_reserved(const struct lh_maker *m, struct lh_rung *rung) {
  if (!judge_layer(m, rung, RESERVED)) return false;
  say_paths(m, rung);
  return true;
}

static bool judge_taken(const struct lh_maker *m, struct lh_rung *rung) {
  if (!judge_layer(m, rung, TAKEN)) return false;
  PUT(rung->detail, "listeners, and connections to the same destination");
  return true;
}

static bool judge_time_wait(const struct lh_maker *m, struct lh_rung *rung) {
  if (!judge_layer(m, rung, TIME_WAIT)) return false;
  PUT(rung->detail, "each for a minute after a connection that this side closed first, to the same destination");
  return true;
}

/* ---- memory ---- */
static void say_bytes(const struct lh_maker *m, struct lh_rung *rung, bool whole_host) {
  PUT(rung->detail, "about %s a client", size_words((uint64_t)lh_maker_client_bytes(m, whole_host)).text);
  rung->estimated = true;
}

/* The third number is where the kernel refuses; a socket with bytes in flight holds at least a page of it. */
static bool judge_tcp_mem(const struct lh_maker *m, struct lh_rung *rung) {
  uint64_t pages = lh_maker_number(m, "net.ipv4.tcp_mem", 2), used = lh_maker_number(m, "tcp_mem.used", 0);
  uint64_t page = lh_maker_number(m, "page_size", 0);
  if (pages == LH_ANY) return false;
  if (used == LH_ANY) used = 0;
  if (page == LH_ANY) page = 4096;
  PUT(rung->value, "%s, %s in use", size_words(pages * page).text, size_words(used * page).text);
  PUT(rung->detail, "when every socket has bytes in flight: a page each");
  rung->estimated = rung->soft = true;
  rung->clients = lh_maker_clients(m, (uint64_t)((double)less(pages, used) / (1 + m->local)));
  return true;
}

static bool judge_memory(const struct lh_maker *m, struct lh_rung *rung) {
  uint64_t kib = lh_maker_number(m, "memory.available", 0);
  if (kib == LH_ANY) return false;
  PUT(rung->value, "%s available", size_words(kib * 1024).text);
  say_bytes(m, rung, true);
  rung->clients = lh_maker_by_memory(m, kib * 1024, true);
  return true;
}

static bool judge_address_space(const struct lh_maker *m, struct lh_rung *rung) {
  if (!lh_maker_has(m, "address_space.soft")) return false;
  uint64_t most = lh_maker_number(m, "address_space.soft", 0), space = lh_maker_worker_space(m);
  PUT(rung->value, most == LH_ANY ? "%s" : "%s a process", size_words(most).text);
  rung->clients = LH_ANY;
  if (most == LH_ANY) return true;
  rung->estimated = true;
  if (most < lh_maker_supervisor_space(m)) {
    PUT(rung->detail, "the supervisor alone takes about %s", size_words(lh_maker_supervisor_space(m)).text);
    rung->clients = 0;
    return true;
  }
  PUT(rung->detail, "a worker takes about %s, and %" PRIu64 " B a client", size_words(space).text, m->needs->client_bytes);
  rung->clients = lh_maker_held(m, lh_maker_held_in(m, less(most, space)));
  return true;
}

static bool judge_cgroup_memory(const struct lh_maker *m, struct lh_rung *rung) {
  if (!lh_maker_has(m, "cgroup.memory.max")) return false;
  uint64_t most = lh_maker_number(m, "cgroup.memory.max", 0), used = lh_maker_number(m, "cgroup.memory.used", 0);
  if (used == LH_ANY) used = 0;
  rung->clients = LH_ANY;
  PUT(rung->value, "%s", size_words(most).text);
  if (most == LH_ANY) return true;
  PUT(rung->value, "%s, %s in use", size_words(most).text, size_words(used).text);
  say_bytes(m, rung, false);
  rung->clients = lh_maker_by_memory(m, less(most, used), false);
  return true;
}

/* ---- tasks ---- */
static bool judge_tasks(const struct lh_maker *m, struct lh_rung *rung, const char *max_name, const char *used_name) {
  if (!lh_maker_has(m, max_name)) return false;
  uint64_t most = lh_maker_number(m, max_name, 0), used = lh_maker_number(m, used_name, 0);
  if (used == LH_ANY) used = 0;
  if (most == LH_ANY)
    PUT(rung->value, "unlimited");
  else
    PUT(rung->value, "%s, %s in use", count_words(most).text, count_words(used).text);
  if (m->needs->supervisor_threads > 0)
    PUT(rung->detail, "%u for the supervisor's threads, %u for a worker", m->needs->supervisor_threads, m->needs->tasks_each);
  else
    PUT(rung->detail, "%u for a worker", m->needs->tasks_each);
  rung->clients = lh_maker_by_tasks(m, less(most, used));
  return true;
}

static bool judge_pids(const struct lh_maker *m, struct lh_rung *rung) {
  return judge_tasks(m, rung, "cgroup.pids.max", "cgroup.pids.used");
}

static bool judge_nproc(const struct lh_maker *m, struct lh_rung *rung) {
  if (!judge_tasks(m, rung, "nproc.soft", "nproc.used")) return false;
  if (!m->is_root) return true;
  PUT(rung->detail, "root is not held to it");
  rung->clients = LH_ANY;
  return true;
}

static bool judge_threads(const struct lh_maker *m, struct lh_rung *rung) {
  return judge_tasks(m, rung, "kernel.threads-max", "kernel.tasks");
}

static bool judge_pid_max(const struct lh_maker *m, struct lh_rung *rung) {
  return judge_tasks(m, rung, "kernel.pid_max", "kernel.tasks");
}

/* ---- network ---- */
/* Where nothing is tracked now, no rule may ask for it at all. */
static bool judge_conntrack(const struct lh_maker *m, struct lh_rung *rung) {
  if (!lh_maker_has(m, "net.netfilter.nf_conntrack_max")) return false;
  uint64_t most = lh_maker_number(m, "net.netfilter.nf_conntrack_max", 0);
  uint64_t used = lh_maker_number(m, "net.netfilter.nf_conntrack_count", 0);
  if (used == LH_ANY) used = 0;
  if (most == 0) most = LH_ANY; /* the kernel takes 0 as no limit */
  PUT(rung->value, "%s, %s in use", count_words(most).text, count_words(used).text);
  PUT(rung->detail, used > 0 ? "where a firewall rule has connections tracked"
                             : "only where a firewall rule has connections tracked: none is tracked now");
  rung->soft = used == 0;
  rung->clients = lh_maker_clients(m, less(most, used));
  return true;
}

/* A burst binds only a plan that would have more handshakes under way than that. */
static void judge_burst(const struct lh_maker *m, struct lh_rung *rung, uint64_t at_once) {
  rung->burst = rung->soft = true;
  rung->clients = m->needs->connecting_max > at_once ? at_once : LH_ANY;
}

/* The accept queue holds one more than its limit. */
static bool judge_somaxconn(const struct lh_maker *m, struct lh_rung *rung) {
  if (m->local <= 0 || !lh_maker_has(m, "net.core.somaxconn")) return false;
  uint64_t most = lh_maker_number(m, "net.core.somaxconn", 0);
  PUT(rung->value, "%s", count_words(most).text);
  PUT(rung->detail, "at one moment, at a server of this host that accepts late; its own listen() may ask for less");
  judge_burst(m, rung, most == LH_ANY ? LH_ANY : most + 1);
  return true;
}

/* Without SYN cookies the kernel drops what a new peer sends once more than three quarters of it are in progress: the client
 * asks again after a second, and sees a slow connect, or a timeout. Peers that it has a round-trip time of are let in. */
static bool judge_syn_backlog(const struct lh_maker *m, struct lh_rung *rung) {
  if (m->local <= 0 || !lh_maker_has(m, "net.ipv4.tcp_max_syn_backlog")) return false;
  uint64_t most = lh_maker_number(m, "net.ipv4.tcp_max_syn_backlog", 0),
           cookies = lh_maker_number(m, "net.ipv4.tcp_syncookies", 0);
  PUT(rung->value, "%s", count_words(most).text);
  bool on = cookies != 0 && cookies != LH_ANY;
  PUT(rung->detail,
      on ? "SYN cookies are on: beyond it they take its place"
         : "at one moment, of peers new to a server of this host; SYN cookies are off, and the next ones ask again after a second");
  judge_burst(m, rung, on ? LH_ANY : most - most / 4 + 1);
  return true;
}

/* ---- processor ---- */
/* A message costs a worker about 12 us (src/plan/needs.c). */
static bool judge_cpu(const struct lh_maker *m, struct lh_rung *rung) {
  enum { CORE_MESSAGES_PER_S = 80000 };
  const struct lh_plan_needs *plan = &m->needs->plan;
  uint32_t cores = m->needs->workers > 0 && m->needs->workers < m->cores ? m->needs->workers : m->cores;
  if (!lh_maker_has(m, "cpus.usable")) return false;
  PUT(rung->value, "%u", m->cores);
  rung->estimated = rung->soft = true;
  rung->clients = LH_ANY;
  if (plan->clients == 0 || plan->messages_per_second <= 0) {
    PUT(rung->detail, "a held connection costs next to nothing; messages do");
    return true;
  }
  double clients = (double)cores * CORE_MESSAGES_PER_S / (plan->messages_per_second / (double)plan->clients);
  PUT(rung->detail, "%.0f messages a second, of about %s on %u", ceil(plan->messages_per_second),
      count_words((uint64_t)cores * CORE_MESSAGES_PER_S).text, cores);
  if (clients < 9e18) rung->clients = (uint64_t)clients;
  return true;
}

/* ---- the target ---- */
/* Soft: to find where a server ends may be what the plan is for. */
static bool judge_target(const struct lh_maker *m, struct lh_rung *rung) {
  const struct lh_needs_server *s = lh_maker_fullest(m);
  char who[48];
  if (!s) return false;
  if (s->processes == 1)
    PUT(who, "%s, process %u", s->name, s->pids[0]);
  else
    PUT(who, "%u processes of %s", s->processes, s->name);
  PUT(rung->value, "%s a process, %s open", count_words(s->soft).text, count_words(s->open).text);
  if (s->measured)
    PUT(rung->detail, "%s, at %.80s:%u; %.3g of them for each connection, as measured", who, s->host, s->port, s->each);
  else
    PUT(rung->detail, "%s, at %.80s:%u; one for each connection is assumed, but a proxy takes two: --probe --targets measures it",
        who, s->host, s->port);
  rung->soft = true;
  rung->clients = lh_maker_by_servers(m, 0);
  return true;
}

lh_judge *const lh_judges[LH_LIMIT_COUNT] = {
    [LH_LIMIT_NOFILE] = judge_nofile,
    [LH_LIMIT_NR_OPEN] = judge_nr_open,
    [LH_LIMIT_FILE_MAX] = judge_file_max,
    [LH_LIMIT_PORT_RANGE] = judge_range,
    [LH_LIMIT_RESERVED_PORTS] = judge_reserved,
    [LH_LIMIT_TAKEN_PORTS] = judge_taken,
    [LH_LIMIT_TCP_MEM] = judge_tcp_mem,
    [LH_LIMIT_MEMORY] = judge_memory,
    [LH_LIMIT_ADDRESS_SPACE] = judge_address_space,
    [LH_LIMIT_CGROUP_MEMORY] = judge_cgroup_memory,
    [LH_LIMIT_CGROUP_PIDS] = judge_pids,
    [LH_LIMIT_NPROC] = judge_nproc,
    [LH_LIMIT_THREADS_MAX] = judge_threads,
    [LH_LIMIT_PID_MAX] = judge_pid_max,
    [LH_LIMIT_EPOLL_WATCHES] = judge_epoll,
    [LH_LIMIT_CONNTRACK] = judge_conntrack,
    [LH_LIMIT_SOMAXCONN] = judge_somaxconn,
    [LH_LIMIT_SYN_BACKLOG] = judge_syn_backlog,
    [LH_LIMIT_CPU] = judge_cpu,
    [LH_LIMIT_TIME_WAIT] = judge_time_wait,
    [LH_LIMIT_TARGET_NOFILE] = judge_target,
};

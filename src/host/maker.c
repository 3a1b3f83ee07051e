/* The arithmetic that the judges and the remedies share. */
#include <string.h>

#include "host/judge.h"

uint64_t lh_maker_number(const struct lh_maker *m, const char *name, uint32_t n) {
  uint64_t value;
  return lh_facts_number(m->facts, name, n, &value) == 0 ? value : LH_ANY;
}

bool lh_maker_has(const struct lh_maker *m, const char *name) {
  uint64_t value;
  return lh_facts_number(m->facts, name, 0, &value) == 0;
}

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static uint64_t times(uint64_t a, double factor) {
  double product = (double)a * factor;
  return a == LH_ANY || product >= 9e18 ? LH_ANY : (uint64_t)product;
}

/* ---- clients and their sockets ---- */
/* Clients of the null kind hold no socket: they come up whatever binds the others. A client whose login is under way holds
 * two: where a plan has more sockets than clients, they come up in proportion. */
static uint64_t without_socket(const struct lh_plan_needs *plan) {
  return plan->clients > plan->sockets ? plan->clients - plan->sockets : 0;
}

uint64_t lh_maker_clients(const struct lh_maker *m, uint64_t sockets) {
  const struct lh_plan_needs *plan = &m->needs->plan;
  if (sockets == LH_ANY || plan->clients == 0) return sockets;
  if (plan->sockets == 0) return LH_ANY;
  if (sockets < plan->sockets && plan->sockets <= plan->clients) return sockets + without_socket(plan);
  return times(sockets, (double)plan->clients / (double)plan->sockets);
}

uint64_t lh_maker_sockets(const struct lh_maker *m, uint64_t clients) {
  const struct lh_plan_needs *plan = &m->needs->plan;
  if (clients == LH_ANY || plan->clients == 0 || plan->sockets == plan->clients) return clients;
  uint64_t without = without_socket(plan);
  if (clients < plan->clients && plan->sockets <= plan->clients) return clients > without ? clients - without : 0;
  return times(clients, (double)plan->sockets / (double)plan->clients) + 1;
}

/* ---- workers ---- */
uint64_t lh_maker_usable(const struct lh_maker *m, uint64_t descriptors) {
  uint64_t most = least(descriptors, LH_DESCRIPTORS_MOST);
  return most > m->needs->reserve ? most - m->needs->reserve : 0;
}

static uint64_t usable_now(const struct lh_maker *m) {
  return lh_maker_usable(m, lh_maker_number(m, "nofile.hard", 0));
}

/* The supervisor has a pipe to and one from each worker, beside its loop, the run file, the log, a dashboard, and what a start
 * takes for a moment. A low limit so binds twice: at 64 there are 20 workers at most. */
uint64_t lh_maker_workers(const struct lh_maker *m, uint64_t descriptors) {
  enum { OWN = 24, PIPES = 2 };
  uint64_t asked = m->needs->workers > 0 ? m->needs->workers : LH_WORKERS_MAX;
  return least(asked, descriptors > OWN + PIPES ? (descriptors - OWN) / PIPES : 1);
}

/* `workers: auto` starts one worker for each 10,000 clients as far as there are cores, and beyond that as many as the
 * descriptors ask for (src/plan/needs.c). Other limits of a process make it start none: with w workers the plan holds up to
 * w times `each`, as long as it is not large enough for the next one. */
uint64_t lh_maker_held(const struct lh_maker *m, uint64_t each) {
  enum { CLIENTS_EACH = 10000 };
  if (each == LH_ANY) return LH_ANY;
  uint64_t most = lh_maker_workers(m, lh_maker_number(m, "nofile.hard", 0));
  if (m->needs->workers > 0) return lh_maker_clients(m, times(each, (double)most));
  uint64_t usable = usable_now(m);
  for (uint64_t w = 1; w < most; w++) {
    uint64_t next_at = w * (w < m->cores ? least(usable, CLIENTS_EACH) : usable);
    if (w * each < next_at) return lh_maker_clients(m, w * each);
  }
  return lh_maker_clients(m, times(each, (double)most));
}

/* ---- ports ---- */
uint64_t lh_maker_range(const struct lh_maker *m) {
  uint64_t first = lh_maker_number(m, "net.ipv4.ip_local_port_range", 0);
  uint64_t last = lh_maker_number(m, "net.ipv4.ip_local_port_range", 1);
  return first == LH_ANY || last == LH_ANY || last < first ? LH_ANY : last - first + 1;
}

uint64_t lh_maker_taken(const struct lh_maker *m) {
  uint64_t most = 0;
  for (size_t i = 0; i < m->needs->path_count; i++)
    if (m->needs->paths[i].taken > most) most = m->needs->paths[i].taken;
  return most;
}

uint64_t lh_maker_time_wait(const struct lh_maker *m) {
  uint64_t most = 0;
  for (size_t i = 0; i < m->needs->path_count; i++)
    if (m->needs->paths[i].time_wait > most) most = m->needs->paths[i].time_wait;
  return most;
}

/* When a path is too small for its clients, the others still fill up: the sum of what fits. Else the plan may grow until the
 * first path is full. Example: 30,000 and 100 clients on two paths of 28,232 ports hold 28,332; 20,000 and 100 could grow
 * 1.41-fold, to 28,373. */
uint64_t lh_maker_by_ports(const struct lh_maker *m, const struct lh_ports *p) {
  uint64_t held = 0, wanted = 0;
  double growth = 0;
  for (size_t i = 0; i < m->needs->path_count; i++) {
    const struct lh_needs_path *path = &m->needs->paths[i];
    uint64_t without = p->reserved + (p->taken ? path->taken : 0) + (p->time_wait ? path->time_wait : 0);
    uint64_t ports = p->range > without ? p->range - without : 0;
    if (m->needs->plan.clients == 0) return ports;
    if (path->clients == 0) continue;
    held += least(ports, path->clients);
    wanted += path->clients;
    double grows = (double)ports / (double)path->clients;
    if (growth == 0 || grows < growth) growth = grows;
  }
  if (wanted == 0) return LH_ANY;
  uint64_t come_up = held < wanted ? held : times(wanted, growth);
  return m->needs->plan.sockets > m->needs->plan.clients ? come_up : lh_maker_clients(m, come_up); /* logins go elsewhere */
}

/* ---- the targets' own processes ---- */
double lh_maker_each(const struct lh_needs_server *s) {
  return s->measured ? s->each : 1;
}

/* Connections that it has room for. Some servers hand them to processes that do not listen: those are not known. */
static uint64_t room_of(const struct lh_needs_server *s, uint64_t raised) {
  uint64_t descriptors = raised > s->soft ? s->room + s->processes * (raised - s->soft) : s->room;
  double each = lh_maker_each(s);
  return each > 0 ? (uint64_t)((double)descriptors / each) : LH_ANY;
}

const struct lh_needs_server *lh_maker_fullest(const struct lh_maker *m) {
  const struct lh_needs_server *fullest = NULL;
  for (size_t i = 0; i < m->needs->server_count; i++) {
    const struct lh_needs_server *s = &m->needs->servers[i];
    if (s->processes == 0 || s->clients == 0) continue;
    if (room_of(s, 0) == LH_ANY) continue;
    if (!fullest || (double)room_of(s, 0) / (double)s->clients < (double)room_of(fullest, 0) / (double)fullest->clients)
      fullest = s;
  }
  return fullest;
}

/* As with ports: a full server leaves the others to fill up, else the plan may grow until the first is full. */
uint64_t lh_maker_by_servers(const struct lh_maker *m, uint64_t raised) {
  uint64_t held = 0, wanted = 0;
  double growth = 0;
  for (size_t i = 0; i < m->needs->path_count; i++) held += m->needs->paths[i].clients;
  wanted = held;
  for (size_t i = 0; i < m->needs->server_count; i++) {
    const struct lh_needs_server *s = &m->needs->servers[i];
    if (s->processes == 0 || s->clients == 0) continue;
    uint64_t room = room_of(s, raised);
    if (room == LH_ANY) continue;
    held -= room < s->clients ? s->clients - room : 0;
    double grows = (double)room / (double)s->clients;
    if (growth == 0 || grows < growth) growth = grows;
  }
  return lh_maker_clients(m, held < wanted ? held : times(wanted, growth));
}

/* ---- memory ---- */
double lh_maker_client_bytes(const struct lh_maker *m, bool whole_host) {
  return (double)m->needs->client_bytes + LH_SOCKET_BYTES * (whole_host ? 1 + m->local : 1);
}

/* What a group is charged for is less than what is resident: pages of the program are there already, and count as in use. */
static double supervisor_bytes(bool whole_host) {
  return whole_host ? LH_SUPERVISOR_BYTES : LH_GROUP_SUPERVISOR_BYTES;
}

static double worker_bytes(const struct lh_maker *m, bool whole_host) {
  return whole_host ? LH_WORKER_BYTES : (double)m->needs->worker_bytes + LH_GROUP_WORKER_BYTES;
}

/* With `workers: auto` a further worker comes with each full one. */
static uint64_t workers_for(const struct lh_maker *m, uint64_t clients) {
  uint64_t usable = usable_now(m), sockets = lh_maker_sockets(m, clients);
  if (m->needs->workers > 0) return m->needs->workers;
  if (usable == 0) return LH_WORKERS_MAX;
  uint64_t workers = sockets / usable + (sockets % usable > 0);
  return workers > 1 ? workers : 1;
}

uint64_t lh_maker_by_memory(const struct lh_maker *m, uint64_t bytes, bool whole_host) {
  double each = lh_maker_client_bytes(m, whole_host), worker = worker_bytes(m, whole_host);
  double left = (double)bytes - supervisor_bytes(whole_host) - worker * (m->needs->workers > 0 ? m->needs->workers : 1);
  if (left <= 0) return 0;
  uint64_t clients = (uint64_t)(left / each), usable = usable_now(m);
  if (m->needs->workers > 0 || usable == 0 || clients <= usable) return clients;
  uint64_t shared = (uint64_t)((left + worker) / (each + worker / (double)usable));
  return shared > usable ? shared : usable;
}

uint64_t lh_maker_memory(const struct lh_maker *m, uint64_t clients, bool whole_host) {
  return (uint64_t)(supervisor_bytes(whole_host) + worker_bytes(m, whole_host) * (double)workers_for(m, clients) +
                    (double)clients * lh_maker_client_bytes(m, whole_host) + 0.999);
}

/* ---- tasks ---- */
/* What asks is itself one of the tasks in use, and is the supervisor of a run: so all that is left is there for
 * its threads and for workers. */
uint64_t lh_maker_by_tasks(const struct lh_maker *m, uint64_t tasks) {
  if (tasks == LH_ANY) return LH_ANY;
  uint64_t threads = m->needs->supervisor_threads, left = tasks > threads ? tasks - threads : 0;
  uint64_t workers = left / m->needs->tasks_each, wanted = m->needs->workers;
  if (wanted == 0) {
    uint64_t usable = usable_now(m);
    return workers >= LH_WORKERS_MAX ? LH_ANY : lh_maker_clients(m, workers * usable);
  }
  if (workers >= wanted) return LH_ANY;
  return lh_maker_clients(m, m->needs->plan.sockets * workers / wanted);
}

uint64_t lh_maker_tasks(const struct lh_maker *m, uint64_t clients) {
  return least(workers_for(m, clients), LH_WORKERS_MAX) * m->needs->tasks_each + m->needs->supervisor_threads;
}

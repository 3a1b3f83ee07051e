/* One limit judged: facts and needs in, a rung out; and how it is raised. Private to the ladder. */
#ifndef LONGHAUL_SRC_HOST_JUDGE_H
#define LONGHAUL_SRC_HOST_JUDGE_H

#include "longhaul/host/ladder.h"

struct lh_maker {
  const struct lh_facts *facts;
  const struct lh_needs *needs;
  bool is_root;   /* user 0, or the capability that is not held to RLIMIT_NPROC */
  bool may_raise; /* hard limits of a process: as root, unless the container has taken that from root */
  bool is_admin;  /* CAP_SYS_ADMIN: not held to fs.file-max */
  double local;   /* share of the sockets whose both ends are here */
  uint32_t cores;
};

/* Fills value, detail, clients. False: unreadable, or it says nothing about this plan. */
typedef bool lh_judge(const struct lh_maker *maker, struct lh_rung *rung);
/* Fills remedies and `raised` so that the rung allows `goal` clients, or as many as the limit can be raised to; returns how
 * many that are. */
typedef uint64_t lh_raise(const struct lh_maker *maker, struct lh_rung *rung, uint64_t goal);

/* Row n judges limit n. */
extern lh_judge *const lh_judges[LH_LIMIT_COUNT];
extern lh_raise *const lh_raises[LH_LIMIT_COUNT];

/* LH_ANY without that fact: what is not known is not judged. */
uint64_t lh_maker_number(const struct lh_maker *maker, const char *name, uint32_t n);
bool lh_maker_has(const struct lh_maker *maker, const char *name);
/* Clients of the plan that come up when `sockets` of them may hold one; and the other way round: how many sockets it takes
 * to hold that many clients. */
uint64_t lh_maker_clients(const struct lh_maker *maker, uint64_t sockets);
uint64_t lh_maker_sockets(const struct lh_maker *maker, uint64_t clients);
/* Workers that there can be under that limit: the plan's own number or LH_WORKERS_MAX, and no more than the supervisor has
 * descriptors for. LH_ANY: no limit is known. */
uint64_t lh_maker_workers(const struct lh_maker *maker, uint64_t descriptors);
/* What n workers can hold when each has `each`: of the plan's own number of workers, or of as many as it takes. */
uint64_t lh_maker_held(const struct lh_maker *maker, uint64_t each);
/* Descriptors that each worker has for clients under that limit. */
uint64_t lh_maker_usable(const struct lh_maker *maker, uint64_t descriptors);
/* Clients that fit when each path has the range less what is set aside, in use, and in TIME_WAIT. */
struct lh_ports {
  uint64_t range, reserved;
  bool taken, time_wait; /* whether those are taken off */
};
uint64_t lh_maker_by_ports(const struct lh_maker *maker, const struct lh_ports *ports);
uint64_t lh_maker_range(const struct lh_maker *maker);     /* ports of the range; LH_ANY: unreadable */
uint64_t lh_maker_taken(const struct lh_maker *maker);     /* of the path that has the most taken */
uint64_t lh_maker_time_wait(const struct lh_maker *maker); /* likewise */
/* Clients that the targets' own processes can hold, when each process may have `raised` descriptors (0: as it stands). */
uint64_t lh_maker_by_servers(const struct lh_maker *maker, uint64_t raised);
double lh_maker_each(const struct lh_needs_server *server); /* descriptors of a connection there */
/* Of the servers, the one that its clients fill first; NULL: none is known. */
const struct lh_needs_server *lh_maker_fullest(const struct lh_maker *maker);
/* Bytes of memory that one client takes: ours, and the kernel's for its socket; of the whole host for both ends when the peer is here. */
double lh_maker_client_bytes(const struct lh_maker *maker, bool whole_host);
/* Clients that fit into so much memory, and the memory that so many take: with the supervisor and the workers. */
uint64_t lh_maker_by_memory(const struct lh_maker *maker, uint64_t bytes, bool whole_host);
uint64_t lh_maker_memory(const struct lh_maker *maker, uint64_t clients, bool whole_host);
/* Clients that fit when so many tasks are left, and the tasks that so many clients take. */
uint64_t lh_maker_by_tasks(const struct lh_maker *maker, uint64_t tasks);
uint64_t lh_maker_tasks(const struct lh_maker *maker, uint64_t clients);
/* One worker's address space without clients, and the clients that it holds in so much more. */
uint64_t lh_maker_worker_space(const struct lh_maker *maker);
uint64_t lh_maker_held_in(const struct lh_maker *maker, uint64_t bytes);
uint64_t lh_maker_supervisor_space(const struct lh_maker *maker); /* the supervisor's */

#endif

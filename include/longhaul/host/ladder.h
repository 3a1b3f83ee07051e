/* The limits ladder: what this host lets a plan hold, limit by limit, what binds first, and how to raise it.
 *
 * lh_ladder_make is pure: (facts, needs) in, rungs out. Facts come from this host (lh_facts_read), from a made-up tree (its
 * root), or from a run file; needs come from a config (lh_needs_make) or stand for one plain target (lh_needs_plain).
 *
 * Glossary
 *   rung     one limit, its value, and the clients it allows; the first rung binds first
 *   clients  how many clients of this plan the host can hold under that limit alone: when the plan is larger than that, how
 *            many of it come up; else how far it could grow with its groups in proportion. LH_ANY: it sets no bound
 *   burst    a rung that bounds how many may connect at one moment, not how many may be held
 *   soft     past it a plan is slowed down, or depends on the server: nothing refuses it
 *   remedy   one way to raise a limit: a shell command for now, or what to put into a file for good
 *   gap      a limit that could not be read, with the reason
 *   note     a setting that caps nothing, but colours a run
 *   path     (source address, destination): each has the whole ephemeral port range to itself
 *   knee     half of that range: past it the kernel's search for a free port costs a multiple of time per connection
 *   reserve  descriptors of a worker that are not clients: pipes, epoll sets, timers, files; counted in a worker of each kind
 */
#ifndef LONGHAUL_HOST_LADDER_H
#define LONGHAUL_HOST_LADDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"
#include "longhaul/host/host.h"
#include "longhaul/plan/plan.h"

#define LH_ANY UINT64_MAX /* no bound */

enum { LH_REMEDIES_MAX = 6, LH_NOTES_MAX = 16 };

/* Measured on Debian 12 over loopback: user space of one held client by kind, of which a slot is there from the start for
 * each client of the plan; of processes without clients; and the kernel's part of one socket (socket, file, inode, epoll
 * entry) as its control group is charged for it. */
enum {
  LH_WEBSOCKET_BYTES = 1876,
  LH_WEBSOCKET_SLOT_BYTES = 248,
  LH_HTTP_BYTES = 475,
  LH_SSE_BYTES = 1085,
  LH_STREAM_BYTES = 1030,
  LH_TCP_BYTES = 248,
  LH_SLOT_BYTES = 240,
  LH_MESSAGE_BYTES = 24, /* on top of the slot: the schedule of each message of the group */
  LH_TLS_BYTES = 14240,  /* on top, once the handshake is over */
  LH_SOCKET_BYTES = 4128,
  LH_THREAD_SPACE = 8 << 20, /* address space of a thread: its stack */
  LH_WORKER_BYTES = 16 << 20,     /* resident, with the program's own pages, which all of them share */
  LH_SUPERVISOR_BYTES = 24 << 20,
  LH_GROUP_WORKER_BYTES = 256 << 10, /* of a control group: without those pages; a worker has its data as well (worker_bytes) */
  LH_GROUP_SUPERVISOR_BYTES = 6 << 20
};

/* ---- facts ---- */
struct lh_facts {
  struct lh_fact *items; /* owned */
  uint32_t count;
};
/* Reads every fact under root ("": this host). 0 or -ENOMEM; what could not be read says so in its value. */
int lh_facts_read(struct lh_facts *facts, const char *root);
void lh_facts_free(struct lh_facts *facts);
/* NULL: there is no such fact (an older run file has fewer). */
const struct lh_fact *lh_facts_find(const struct lh_facts *facts, const char *name);
/* Why it could not be read; NULL: it was read. */
const char *lh_fact_unreadable(const struct lh_fact *fact);
/* The n-th number (0, 1, ...) of a fact's value. LH_ANY for "unlimited" and "max". 0; -ENOENT without that fact, -ENODATA
 * when it was unreadable, -EINVAL when there is no such number in it. */
int lh_facts_number(const struct lh_facts *facts, const char *name, uint32_t n, uint64_t *value);

/* ---- needs ---- */
struct lh_needs_path {
  const char *host;   /* borrowed from the config; NULL: any one destination (lh_needs_plain) */
  const char *source; /* borrowed from the config; NULL: the kernel chooses */
  uint16_t port;
  uint64_t clients;
  bool local;         /* the destination is this host, as far as its address tells: both ends count */
  uint64_t taken;     /* ports of the range that this path cannot have: listeners' and other connections' */
  uint64_t time_wait; /* and those that only a TIME_WAIT holds, which the kernel may not use again */
};

/* What listens at a destination of the plan on this host. */
enum { LH_SERVER_PIDS = 16 };
struct lh_needs_server {
  const char *host; /* borrowed from the config */
  uint16_t port;
  bool hidden;      /* a process has it that may not be looked into: another user's */
  bool foreign;     /* some of them are another user's than ours */
  uint64_t clients;
  uint32_t processes;            /* that accept there; 0: none was found */
  uint32_t pids[LH_SERVER_PIDS]; /* of the first ones */
  char name[16];                 /* of the last one */
  uint64_t open, room;           /* descriptors of all of them: open, and left below the soft limit */
  uint64_t soft, hard;           /* RLIMIT_NOFILE, the least of theirs; LH_ANY: unlimited */
  bool measured;                 /* by a probe; else `each` is not known, and one is assumed */
  double each;                   /* descriptors that they open for a connection: a proxy two; 0: others hold it */
};

struct lh_needs {
  struct lh_plan_needs plan; /* of this shard; of a plain target all are 0: as many clients as possible */
  uint32_t workers;          /* 0: as many as it takes */
  uint32_t supervisor_threads; /* beside its first one: for names, and for what `watch` reads; the probe's process has none */
  uint32_t tasks_each;       /* processes and threads of one worker: more than one when names are to be resolved */
  uint32_t reserve;          /* descriptors of one worker that are not clients */
  uint64_t connecting_max;   /* handshakes at once */
  uint64_t client_bytes;     /* user space of the plan's average client */
  uint64_t slot_bytes;       /* of those: there from the start */
  uint64_t worker_bytes;     /* address space of a worker's own data: what is there without clients */
  double websockets;         /* share of the clients that libwebsockets holds */
  uint64_t local_sockets;    /* of plan.sockets: both ends are on this host */
  struct lh_needs_path *paths; /* owned */
  size_t path_count;
  struct lh_needs_server *servers; /* owned */
  size_t server_count;
};
/* shard counts from 1. Pure: nothing is taken yet. 0 or -ENOMEM. */
int lh_needs_make(struct lh_needs *needs, const struct lh_config *config, uint32_t shard, uint32_t shards, struct lh_err *err);
/* The reserve of a worker that carries groups of this config. */
uint32_t lh_needs_reserve(const struct lh_config *config);
/* One group of plain WebSockets to one address of another host (local: of this one), from one source address. */
int lh_needs_plain(struct lh_needs *needs, bool local, struct lh_err *err);
/* Counts what is taken and in TIME_WAIT on each path, from /proc/net/tcp and tcp6 under root. 0 or -errno (then nothing is
 * counted). */
int lh_needs_count_taken(struct lh_needs *needs, const char *root, const struct lh_facts *facts, struct lh_err *err);
/* Finds the processes that listen at the plan's destinations of this host, from /proc under root: only as far as they are there
 * and may be seen. Reads the descriptors of every process, about 1 us for each. 0 or -errno (then none is found). */
int lh_needs_find_servers(struct lh_needs *needs, const char *root, struct lh_err *err);
/* The one at this destination; NULL: none is known there. */
struct lh_needs_server *lh_needs_server_at(const struct lh_needs *needs, const char *host, uint16_t port);
/* The descriptors that its processes, as they were found, have open now. */
uint64_t lh_needs_server_open(const struct lh_needs_server *server, const char *root);
/* Both, each under its root, NULL: not at all; what could not be read is a sentence in `missed` and left out. 0 or -ENOMEM. */
struct lh_roots {
  const char *ports, *servers;
};
int lh_needs_look_around(struct lh_needs *needs, struct lh_roots roots, const struct lh_facts *facts, struct lh_strings *missed);
void lh_needs_free(struct lh_needs *needs); /* accepts a half-built one */

/* ---- the ladder ---- */
/* X(ID, name, what it caps). Append only: run files keep the names. */
#define LH_LIMIT_LIST(X)                                                                                                       \
  X(NOFILE, "RLIMIT_NOFILE", "descriptors of one process")                                                                     \
  X(NR_OPEN, "fs.nr_open", "what RLIMIT_NOFILE may be raised to")                                                              \
  X(FILE_MAX, "fs.file-max", "open files of the whole host")                                                                   \
  X(PORT_RANGE, "net.ipv4.ip_local_port_range", "local ports towards one destination")                                         \
  X(RESERVED_PORTS, "net.ipv4.ip_local_reserved_ports", "local ports left out of the range")                                   \
  X(TAKEN_PORTS, "ports in use", "local ports that other connections hold")                                                    \
  X(TCP_MEM, "net.ipv4.tcp_mem", "memory of all TCP buffers")                                                                  \
  X(MEMORY, "memory", "memory of the host")                                                                                    \
  X(ADDRESS_SPACE, "RLIMIT_AS", "address space of one process")                                                                \
  X(CGROUP_MEMORY, "memory.max", "memory of the control group")                                                                \
  X(CGROUP_PIDS, "pids.max", "tasks of the control group")                                                                     \
  X(NPROC, "RLIMIT_NPROC", "tasks of this user")                                                                               \
  X(THREADS_MAX, "kernel.threads-max", "tasks of the whole host")                                                              \
  X(PID_MAX, "kernel.pid_max", "process numbers of the whole host")                                                            \
  X(EPOLL_WATCHES, "fs.epoll.max_user_watches", "descriptors in epoll sets of this user")                                      \
  X(CONNTRACK, "net.netfilter.nf_conntrack_max", "connections the firewall tracks")                                            \
  X(SOMAXCONN, "net.core.somaxconn", "connections that wait to be accepted")                                                   \
  X(SYN_BACKLOG, "net.ipv4.tcp_max_syn_backlog", "handshakes in progress at a listener")                                       \
  X(CPU, "cores", "processor time for the messages")                                                                           \
  X(TIME_WAIT, "ports in TIME_WAIT", "local ports that connections of the last minute hold")                                   \
  X(TARGET_NOFILE, "the target's RLIMIT_NOFILE", "descriptors of the process that listens there")

enum lh_limit {
#define X(id, name, what) LH_LIMIT_##id,
  LH_LIMIT_LIST(X)
#undef X
      LH_LIMIT_COUNT
};
const char *lh_limit_name(enum lh_limit limit);
const char *lh_limit_what(enum lh_limit limit);
bool lh_limit_is_theirs(enum lh_limit limit); /* the target's, not the tester's: what a plan may well be there to find */

/* X(ID, name, when it acts, what it takes) */
#define LH_REMEDY_LIST(X)                                                                                                      \
  X(ULIMIT, "ulimit", NOW, "root, in the shell that starts longhaul")                                                          \
  X(PRLIMIT, "prlimit", NOW, "root, from the shell that starts longhaul")                                                      \
  X(SYSCTL, "sysctl", NOW, "root")                                                                                             \
  X(CGROUP, "control group", NOW, "root")                                                                                      \
  X(CONFIG, "config", NOW, "")                                                                                                 \
  X(SYSCTL_D, "sysctl.d", FOR_GOOD, "root")                                                                                    \
  X(LIMITS_D, "limits.d", FOR_GOOD, "root and a new login")                                                                    \
  X(SYSTEMD, "systemd", FOR_GOOD, "root and a restart of the unit")                                                            \
  X(CONTAINER, "container", FOR_GOOD, "a new container")                                                                       \
  X(ADVICE, "advice", FOR_GOOD, "")                                                                                            \
  X(TARGET, "target", NOW, "root, or its own user up to its hard limit")                                                       \
  X(SOFT, "ulimit", NOW, "in the shell that starts longhaul")

enum lh_remedy_kind {
#define X(id, name, when, takes) LH_REMEDY_##id,
  LH_REMEDY_LIST(X)
#undef X
      LH_REMEDY_COUNT
};
const char *lh_remedy_name(enum lh_remedy_kind kind);
const char *lh_remedy_takes(enum lh_remedy_kind kind);
bool lh_remedy_is_for_good(enum lh_remedy_kind kind);

struct lh_remedy {
  enum lh_remedy_kind kind;
  const char *file; /* static: where `text` goes, NULL: `text` is a command, a flag or words */
  char text[320];   /* a line or several; no sudo before it */
};

struct lh_rung {
  enum lh_limit limit;
  bool burst, soft; /* see the glossary */
  bool estimated;  /* rests on measured figures of memory or processor time, not on a count */
  uint64_t clients;
  char value[96];  /* as it stands: "1,024 a process", "32768 to 60999, 28,232 ports" */
  char detail[240]; /* how value becomes clients: "960 a worker, 2 workers"; may be empty */
  char raised[64]; /* what the remedies make of it, "" when nothing can be typed */
  uint64_t next_clients; /* what binds once it, and those before it, are raised so; LH_ANY: nothing */
  int next_limit;        /* enum lh_limit, -1: nothing */
  struct lh_remedy remedies[LH_REMEDIES_MAX]; /* the first is the one that helps soonest */
  uint32_t remedy_count;
};

struct lh_gap {
  const char *name;   /* of the fact: static or borrowed from the facts */
  const char *source;
  const char *reason; /* borrowed from the facts */
};

struct lh_note {
  const char *name; /* static */
  char value[96], text[240];
};

struct lh_ladder {
  uint64_t wanted;  /* clients of the plan; 0: as many as possible */
  uint64_t clients; /* of the first rung */
  struct lh_rung rungs[LH_LIMIT_COUNT]; /* what binds first stands first */
  uint32_t count;
  struct lh_gap *gaps; /* owned */
  uint32_t gap_count;
  struct lh_note notes[LH_NOTES_MAX];
  uint32_t note_count;
};

/* Borrows from facts until it is freed. 0 or -ENOMEM. */
int lh_ladder_make(struct lh_ladder **ladder, const struct lh_facts *facts, const struct lh_needs *needs, struct lh_err *err);
/* Of this host as it is now: reads the facts and looks around; and makes the ladder of both. The caller frees all, whatever is
 * returned. */
int lh_ladder_look(struct lh_facts *facts, struct lh_needs *needs, struct lh_strings *missed, struct lh_err *err);
int lh_ladder_read(struct lh_ladder **ladder, struct lh_facts *facts, struct lh_needs *needs, struct lh_strings *missed,
                   struct lh_err *err);
void lh_ladder_free(struct lh_ladder *ladder); /* accepts NULL */
/* NULL: that limit has no rung (it was unreadable: see the gaps; or it says nothing about this plan). */
const struct lh_rung *lh_ladder_find(const struct lh_ladder *ladder, enum lh_limit limit);
/* How many rungs, from the first on, allow fewer clients than the plan wants. */
uint32_t lh_ladder_short(const struct lh_ladder *ladder);
/* Whether none of those refuses the plan. */
bool lh_ladder_fits(const struct lh_ladder *ladder);
/* "RLIMIT_NOFILE allows 1,000 of 2,000 clients (1,024 a process): `ulimit -n 2048` (root, ...)": for preflight. Returns out. */
char *lh_rung_sentence(const struct lh_rung *rung, uint64_t wanted, char *out, size_t size);

#endif

/* What the host allows and how it fares: limits from /proc, /sys and prlimit, samples during a run.
 *
 * Glossary
 *   fact    one limit or property with its value and source; what could not be read says so
 *   sample  counters and gauges of the host at one time
 */
#ifndef LONGHAUL_HOST_HOST_H
#define LONGHAUL_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/err.h"

enum { LH_FACT_VALUE_MAX = 256 };

struct lh_fact {
  const char *name;   /* "nofile.hard", "net.ipv4.ip_local_port_range", "kernel", "cpus" ...; static */
  const char *source; /* where it was read: static */
  char value[LH_FACT_VALUE_MAX]; /* as text; "unreadable: REASON" when it could not be read */
};

/* Whether a fact counts what is in use, and so differs from one moment to the next on a host that nobody changed. */
bool lh_fact_is_volatile(const char *name);
/* Fills up to `most` facts; returns how many. Reads files, opens no connection. */
uint32_t lh_host_facts(struct lh_fact *facts, uint32_t most);

struct lh_host_sample {
  uint64_t cpu_busy_us, cpu_total_us, cpu_steal_us; /* since boot, all cores */
  uint64_t mem_available_bytes, mem_total_bytes;
  uint64_t sockets_used, tcp_in_use, tcp_time_wait, tcp_mem_pages;
  uint64_t files_open;            /* fs.file-nr */
  uint64_t tcp_retransmits, tcp_listen_drops, tcp_out_segments; /* since boot */
  uint64_t net_bytes_in, net_bytes_out, net_drops; /* all interfaces, since boot */
  uint64_t context_switches;      /* since boot */
  uint64_t tcp_established, tcp_orphans; /* as the kernel counts, CLOSE_WAIT is among the established */
  uint64_t tcp_syn_sent, tcp_syn_received, tcp_fin_wait, tcp_close_wait, tcp_closing; /* by lh_host_states_read */
  uint64_t slab_bytes;            /* the kernel's own objects, sockets among them */
  uint64_t conntrack_entries;     /* 0 without connection tracking */
};
/* What could not be read stays 0 and sets a bit: bit n for the n-th source (enum lh_sample_source). 0 or -errno when nothing could. */
int lh_host_sample_read(struct lh_host_sample *sample, uint32_t *unread);

/* Who a process is, for others to find out whether it still runs: boot id, pid namespace, pid and start time, as text. A pid
 * alone is given away again. "" when it cannot be told. */
enum { LH_PROCESS_MAX = 128 };
void lh_host_process(char out[LH_PROCESS_MAX]); /* this one */
enum lh_process_state {
  LH_PROCESS_UNKNOWN, /* another machine's, or another pid namespace's */
  LH_PROCESS_RUNS,
  LH_PROCESS_GONE
};
enum lh_process_state lh_host_process_state(const char *process);

enum { LH_DESCRIPTORS_MOST = 1048576 }; /* libwebsockets allocates 16 bytes for each possible descriptor of a process */
/* Fills in the TCP states that no file of /proc counts (closing: CLOSING and LAST_ACK), and takes CLOSE_WAIT off the
 * established ones. Walks the kernel's table of connections: up to 20 ms where that has 262,144 places, so not for every
 * second. 0 or -errno, then *sample is as it was. */
int lh_host_states_read(struct lh_host_sample *sample);

/* RLIMIT_NOFILE: raises the soft limit to the hard one, at most to LH_DESCRIPTORS_MOST.
 * Returns the limit now in force, or -errno. */
long lh_host_raise_descriptors(struct lh_err *err);
uint32_t lh_host_cores(void); /* usable by this process (affinity and cgroup quota, rounded up), at least 1 */
/* First and last ephemeral port; false when unreadable. */
bool lh_host_ports(uint32_t *first, uint32_t *last);

#endif

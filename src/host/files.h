/* Reading /proc and /sys under a root, so that tests can bring their own.
 *
 * Glossary
 *   root  what stands before every path: "" for the real machine, a folder for tests
 */
#ifndef LONGHAUL_SRC_HOST_FILES_H
#define LONGHAUL_SRC_HOST_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "longhaul/base/buf.h"
#include "longhaul/host/host.h"

enum { LH_HOST_FILE_MAX = 4 << 20 }; /* /proc/stat and /proc/cpuinfo grow with the cores */

/* Puts the file's text in place of what is in out. 0 or -errno; -EFBIG past out's limit. */
int lh_files_read(const char *root, const char *path, struct lh_buf *out);
/* First line of the file without its end; tabs become single spaces. 0, -errno, -ENODATA when it is empty, -ERANGE when
 * it is longer than size. */
int lh_files_line(const char *root, const char *path, char *out, size_t size);
/* First number of the file, by decimal digits. 0, -errno, or -EINVAL when it begins otherwise. */
int lh_files_number(const char *root, const char *path, uint64_t *out);
/* The text after the first line start that equals key, up to the line's end; NULL when there is none. Not NUL-terminated
 * there: ends at '\n' or NUL. */
const char *lh_text_after(const char *text, const char *key);

/* The least value on the way from this process's cgroup up to the root, of version 2 or else version 1.
 * LH_CGROUP_NONE: no limit. 0 or -errno. */
#define LH_CGROUP_NONE UINT64_MAX
int lh_cgroup_memory_max(const char *root, uint64_t *bytes);
int lh_cgroup_pids_max(const char *root, uint64_t *tasks);
int lh_cgroup_cpu_max(const char *root, double *cores); /* INFINITY: no quota */
/* In use at the level whose limit is that least one, memory without what the kernel drops when it is needed (file pages). And
 * that limit's file. -ENODATA when nothing limits. */
int lh_cgroup_memory_used(const char *root, uint64_t *bytes);
int lh_cgroup_pids_used(const char *root, uint64_t *tasks);
int lh_cgroup_file(const char *root, bool memory, char *out, size_t size);

/* RLIMIT_NOFILE of a new login of that user ("not set: ..." where limits.conf says nothing), and of a systemd unit. */
int lh_login_descriptors(const char *root, unsigned user, bool hard, char *out, size_t size);
int lh_unit_descriptors(const char *root, bool hard, char *out, size_t size);

/* Processes and threads of one user, from /proc under root. */
int lh_tasks_of(const char *root, unsigned user, uint64_t *tasks);
/* Ports of the ephemeral range that ip_local_reserved_ports leaves out. */
int lh_reserved_in_range(const char *root, uint64_t *ports);

/* As in host.h, under a root. `affinity`: cores this process may be scheduled on. */
uint32_t lh_host_facts_at(const char *root, struct lh_fact *facts, uint32_t most);
int lh_host_sample_at(const char *root, struct lh_host_sample *sample, uint32_t *unread);
uint32_t lh_host_cores_at(const char *root, uint32_t affinity);
bool lh_host_ports_at(const char *root, uint32_t *first, uint32_t *last);

struct lh_process_pick;
struct lh_process_sample;
int lh_process_read_at(const char *root, const struct lh_process_pick *pick, struct lh_process_sample *sample);

/* Bits of `unread`, in the order of the sources. */
enum lh_sample_source {
  LH_SAMPLE_STAT,     /* /proc/stat */
  LH_SAMPLE_MEMINFO,  /* /proc/meminfo */
  LH_SAMPLE_SOCKSTAT, /* /proc/net/sockstat */
  LH_SAMPLE_FILE_NR,  /* /proc/sys/fs/file-nr */
  LH_SAMPLE_SNMP,     /* /proc/net/snmp */
  LH_SAMPLE_NETSTAT,  /* /proc/net/netstat */
  LH_SAMPLE_DEV,      /* /proc/net/dev */
  LH_SAMPLE_SOURCES
};

#endif

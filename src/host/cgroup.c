/* Limits of the control groups that hold this process. A limit counts wherever it stands between the process's own group
 * and the root, so the least one on that way is the one in force.
 *
 * Inside a container the path in /proc/self/cgroup may name folders that only the host can see; levels that cannot be read
 * are passed over, and the root of what is mounted is always looked at.
 */
#include "host/files.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_ROOM = 4096 };

#define CGROUP "/sys/fs/cgroup"
static const uint64_t v1_memory_none = UINT64_C(1) << 60; /* version 1 writes "no limit" as the largest multiple of a page */

struct limit_file {
  const char *controller; /* of version 1: its folder under /sys/fs/cgroup */
  const char *v2, *v1;
};

/* One level's value: a number, or INFINITY for "max". */
typedef int level_reader(const char *root, const char *folder, const struct limit_file *file, int version, double *value);

/* Whether `controller` is one of the comma-separated names; "" only names version 2, whose list is empty. */
static bool is_named(char *names, const char *controller) {
  if (*controller == '\0' || *names == '\0') return *controller == *names;
  for (char *save = NULL, *name = strtok_r(names, ",", &save); name; name = strtok_r(NULL, ",", &save))
    if (strcmp(name, controller) == 0) return true;
  return false;
}

/* Writes the path of this process in the hierarchy of `controller` ("" for version 2). Lines look like "4:cpu,cpuacct:/a/b". */
static int own_path(const char *root, const char *controller, char *out, size_t size) {
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  int code = lh_files_read(root, "/proc/self/cgroup", &text);
  char *save = NULL;
  char *line = code == 0 ? strtok_r(text.data, "\n", &save) : NULL;
  if (code == 0) code = -ENOENT;
  for (; line; line = strtok_r(NULL, "\n", &save)) {
    char *names = strchr(line, ':');
    char *path = names ? strchr(names + 1, ':') : NULL;
    if (!path) continue;
    *path++ = '\0';
    if (!is_named(names + 1, controller)) continue;
    int len = snprintf(out, size, "%s", path);
    code = len >= 0 && (size_t)len < size ? 0 : -ENAMETOOLONG;
    break;
  }
  lh_buf_free(&text);
  return code;
}

static int read_number(const char *root, const char *folder, const struct limit_file *file, int version, double *value) {
  char path[PATH_ROOM], text[64];
  int len = snprintf(path, sizeof path, "%s/%s", folder, version == 2 ? file->v2 : file->v1);
  if (len < 0 || (size_t)len >= sizeof path) return -ENAMETOOLONG;
  int code = lh_files_line(root, path, text, sizeof text);
  if (code < 0) return code;
  if (strcmp(text, "max") == 0) {
    *value = INFINITY;
    return 0;
  }
  char *end;
  unsigned long long number = strtoull(text, &end, 10);
  if (end == text || *end) return -EINVAL;
  *value = version == 1 && number >= v1_memory_none ? INFINITY : (double)number;
  return 0;
}

/* Version 2: "QUOTA PERIOD" or "max PERIOD" in one file; version 1: a file each, quota -1 for none. */
static int read_cpu(const char *root, const char *folder, const struct limit_file *file, int version, double *value) {
  char path[PATH_ROOM], text[64];
  int len = snprintf(path, sizeof path, "%s/%s", folder, version == 2 ? file->v2 : file->v1);
  if (len < 0 || (size_t)len >= sizeof path) return -ENAMETOOLONG;
  int code = lh_files_line(root, path, text, sizeof text);
  if (code < 0) return code;
  uint64_t period = 100000;
  long long quota = -1;
  if (version == 2) {
    unsigned long long second = period;
    int got = strncmp(text, "max", 3) == 0 ? 1 : sscanf(text, "%lld %llu", &quota, &second);
    if (got < 1) return -EINVAL;
    period = second;
  } else {
    if (sscanf(text, "%lld", &quota) != 1) return -EINVAL;
    len = snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
    if (len < 0 || (size_t)len >= sizeof path) return -ENAMETOOLONG;
    code = lh_files_number(root, path, &period);
    if (code < 0) return code;
  }
  if (period == 0) return -EINVAL;
  *value = quota < 0 ? INFINITY : (double)quota / (double)period;
  return 0;
}

/* The least limit, and the folder in which it stands ("" when nothing limits). */
struct least {
  double value;
  char folder[PATH_ROOM];
  int version;
};

/* Walks from the process's own folder up. A level without the file limits nothing (the root of a plain host has none), as
 * long as the hierarchy itself is there to be seen. */
static int least_on_the_way(const char *root, const struct limit_file *file, level_reader *read_level, struct least *least) {
  char base[128] = CGROUP, own[PATH_ROOM - 256] = "/", folder[PATH_ROOM - 64], procs[192];
  char line[16];
  int version = lh_files_line(root, CGROUP "/cgroup.controllers", line, sizeof line) != -ENOENT ? 2 : 1;
  if (version == 1) snprintf(base, sizeof base, CGROUP "/%s", file->controller);
  snprintf(procs, sizeof procs, "%s/cgroup.procs", base);
  int code = lh_files_line(root, procs, line, sizeof line) == -ENOENT ? -ENOENT : 0;
  if (code == 0) code = own_path(root, version == 2 ? "" : file->controller, own, sizeof own);
  if (code < 0) return code;
  struct least found = {.value = INFINITY, .version = version};
  for (;;) {
    double value;
    size_t len = strlen(own);
    while (len > 0 && own[len - 1] == '/') own[--len] = '\0';
    snprintf(folder, sizeof folder, "%s%s", base, own);
    code = read_level(root, folder, file, version, &value);
    if (code < 0 && code != -ENOENT) return code;
    if (code == 0 && value < found.value) {
      found.value = value;
      snprintf(found.folder, sizeof found.folder, "%s", folder);
    }
    char *slash = strrchr(own, '/');
    if (!slash) break;
    *slash = '\0';
  }
  *least = found;
  return 0;
}

static const struct limit_file memory_max = {"memory", "memory.max", "memory.limit_in_bytes"},
                               memory_used = {"memory", "memory.current", "memory.usage_in_bytes"},
                               pids_max = {"pids", "pids.max", "pids.max"}, pids_used = {"pids", "pids.current", "pids.current"},
                               cpu_max = {"cpu", "cpu.max", "cpu.cfs_quota_us"};

static int least_number(const char *root, const struct limit_file *file, uint64_t *out) {
  struct least least;
  int code = least_on_the_way(root, file, read_number, &least);
  if (code == 0) *out = isinf(least.value) ? LH_CGROUP_NONE : (uint64_t)least.value;
  return code;
}

int lh_cgroup_memory_max(const char *root, uint64_t *bytes) {
  return least_number(root, &memory_max, bytes);
}

int lh_cgroup_pids_max(const char *root, uint64_t *tasks) {
  return least_number(root, &pids_max, tasks);
}

int lh_cgroup_cpu_max(const char *root, double *cores) {
  struct least least;
  int code = least_on_the_way(root, &cpu_max, read_cpu, &least);
  if (code == 0) *cores = least.value;
  return code;
}

/* ---- in use, where the least limit stands ---- */
static int used_at_least(const char *root, const struct limit_file *max, const struct limit_file *used, struct least *least,
                         uint64_t *out) {
  int code = least_on_the_way(root, max, read_number, least);
  if (code < 0) return code;
  if (least->folder[0] == '\0') return -ENODATA; /* nothing limits: nothing to count against */
  double value;
  code = read_number(root, least->folder, used, least->version, &value);
  if (code == 0) *out = isinf(value) ? 0 : (uint64_t)value;
  return code;
}

/* File pages that have not been asked for again: the kernel takes them back before it calls the group full. */
static uint64_t file_pages(const char *root, const struct least *least) {
  char path[PATH_ROOM];
  unsigned long long bytes = 0;
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  int len = snprintf(path, sizeof path, "%s/memory.stat", least->folder);
  if (len > 0 && (size_t)len < sizeof path && lh_files_read(root, path, &text) == 0) {
    const char *at = lh_text_after(text.data, least->version == 2 ? "inactive_file " : "total_inactive_file ");
    if (!at || sscanf(at, "%llu", &bytes) != 1) bytes = 0;
  }
  lh_buf_free(&text);
  return bytes;
}

int lh_cgroup_memory_used(const char *root, uint64_t *bytes) {
  struct least least;
  uint64_t used = 0;
  int code = used_at_least(root, &memory_max, &memory_used, &least, &used);
  if (code < 0) return code;
  uint64_t pages = file_pages(root, &least);
  *bytes = used > pages ? used - pages : 0;
  return 0;
}

int lh_cgroup_pids_used(const char *root, uint64_t *tasks) {
  struct least least;
  return used_at_least(root, &pids_max, &pids_used, &least, tasks);
}

int lh_cgroup_file(const char *root, bool memory, char *out, size_t size) {
  const struct limit_file *file = memory ? &memory_max : &pids_max;
  struct least least;
  int code = least_on_the_way(root, file, read_number, &least);
  if (code < 0) return code;
  if (least.folder[0] == '\0') return -ENODATA;
  int len = snprintf(out, size, "%s/%s", least.folder, least.version == 2 ? file->v2 : file->v1);
  return len >= 0 && (size_t)len < size ? 0 : -ERANGE;
}

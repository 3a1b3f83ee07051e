#include "longhaul/host/census.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/files.h"

enum { PATH_ROOM = 4096, COMM_LEN = 15 /* what the kernel keeps of a name */ };

const char *lh_process_value_name(enum lh_process_value value) {
  static const char *const names[] = {
#define X(name, sort, unit, help) #name,
      LH_PROCESS_LIST(X)
#undef X
  };
  return (unsigned)value < LH_PROCESS_COUNT ? names[value] : "?";
}

/* ---- one process ---- */
struct reading {
  const char *root;
  struct lh_process_sample *sample;
};

static void add(struct lh_process_sample *s, enum lh_process_value value, uint64_t n) {
  s->values[value] += n;
}

/* Since Linux 6.2 the folder's size is the number of its entries; before, they have to be counted. */
static int count_descriptors(const char *root, uint32_t pid, uint64_t *count) {
  char path[PATH_ROOM];
  struct stat st;
  snprintf(path, sizeof path, "%s/proc/%u/fd", root, pid);
  if (root[0] == '\0' && stat(path, &st) == 0 && st.st_size > 0 && access(path, R_OK) == 0) {
    *count = (uint64_t)st.st_size;
    return 0;
  }
  DIR *folder = opendir(path);
  if (!folder) return -errno;
  uint64_t n = 0;
  for (const struct dirent *e; (e = readdir(folder));) n += isdigit((unsigned char)e->d_name[0]) != 0;
  closedir(folder);
  *count = n;
  return 0;
}

static int descriptor_limit(const char *root, uint32_t pid, uint64_t *limit) {
  char path[64];
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  snprintf(path, sizeof path, "/proc/%u/limits", pid);
  int code = lh_files_read(root, path, &text);
  const char *at = code == 0 ? lh_text_after(text.data, "Max open files") : NULL;
  if (code == 0 && (!at || sscanf(at, "%" SCNu64, limit) != 1)) code = -EINVAL;
  lh_buf_free(&text);
  return code;
}

static void add_descriptors(const struct reading *r, uint32_t pid) {
  uint64_t count, limit = 0;
  struct lh_process_sample *s = r->sample;
  if (count_descriptors(r->root, pid, &count) < 0) {
    s->unread |= 1u << LH_PROCESS_descriptors;
    return;
  }
  add(s, LH_PROCESS_descriptors, count);
  if (descriptor_limit(r->root, pid, &limit) < 0 || limit == 0) return;
  bool nearer = s->descriptors_limit == 0 ||
                (double)count / (double)limit > (double)s->descriptors_nearest / (double)s->descriptors_limit;
  if (!nearer) return;
  s->descriptors_nearest = count;
  s->descriptors_limit = limit;
}

/* "PID (NAME) S ...": NAME may hold anything, so fields count from its last bracket. False: the process is gone. */
static bool add_stat(const struct reading *r, uint32_t pid) {
  char path[64], line[1024];
  char state;
  uint64_t user, system, threads;
  int64_t pages;
  snprintf(path, sizeof path, "/proc/%u/stat", pid);
  if (lh_files_line(r->root, path, line, sizeof line) < 0) return false;
  const char *at = strrchr(line, ')');
  if (!at || sscanf(at + 1,
                    " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64 " %*s %*s %*s %*s %" SCNu64
                    " %*s %*s %*s %" SCNd64,
                    &state, &user, &system, &threads, &pages) != 5)
    return false;
  if (state == 'Z' || state == 'X') return false; /* it ended; only its parent has not asked yet */
  long hz = sysconf(_SC_CLK_TCK);
  add(r->sample, LH_PROCESS_cpu_us, (user + system) * (UINT64_C(1000000) / (uint64_t)(hz > 0 ? hz : 100)));
  add(r->sample, LH_PROCESS_threads, threads);
  add(r->sample, LH_PROCESS_rss_bytes, (uint64_t)(pages > 0 ? pages : 0) * (uint64_t)sysconf(_SC_PAGESIZE));
  return true;
}

static void add_process(const struct reading *r, uint32_t pid) {
  if (!add_stat(r, pid)) return;
  add(r->sample, LH_PROCESS_processes, 1);
  add_descriptors(r, pid);
}

/* ---- by name ---- */
static bool is_called(const char *root, uint32_t pid, const char *name) {
  char path[64], line[PATH_ROOM];
  snprintf(path, sizeof path, "/proc/%u/comm", pid);
  if (lh_files_line(root, path, line, sizeof line) < 0) return false;
  if (strncmp(line, name, COMM_LEN) == 0 && strlen(line) == strnlen(name, COMM_LEN)) return true;
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  snprintf(path, sizeof path, "/proc/%u/cmdline", pid);
  bool same = false;
  if (lh_files_read(root, path, &text) == 0 && text.len > 0) {
    const char *slash = strrchr(text.data, '/'); /* the command's arguments stand behind its NUL */
    same = strcmp(slash ? slash + 1 : text.data, name) == 0;
  }
  lh_buf_free(&text);
  return same;
}

static int add_by_name(const struct reading *r, const char *name) {
  char path[PATH_ROOM];
  snprintf(path, sizeof path, "%s/proc", r->root);
  DIR *folder = opendir(path);
  if (!folder) return -errno;
  for (const struct dirent *e; (e = readdir(folder));) {
    uint32_t pid = (uint32_t)strtoul(e->d_name, NULL, 10);
    if (pid > 0 && is_called(r->root, pid, name)) add_process(r, pid);
  }
  closedir(folder);
  return 0;
}

/* ---- by control group ---- */
static void add_listed(const struct reading *r, char *text) {
  for (char *save = NULL, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    uint32_t pid = (uint32_t)strtoul(line, NULL, 10);
    if (pid > 0) add_process(r, pid);
  }
}

/* A group's own processes and those of the groups below it. */
static int add_group(const struct reading *r, const char *folder, unsigned depth) {
  enum { DEPTH_MAX = 16 };
  char path[PATH_ROOM];
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  if (snprintf(path, sizeof path, "%s/cgroup.procs", folder) >= (int)sizeof path) return -ENAMETOOLONG;
  int code = lh_files_read(r->root, path, &text);
  if (code == 0) add_listed(r, text.data);
  lh_buf_free(&text);
  if (code < 0 && code != -ENODATA) return code;
  if (snprintf(path, sizeof path, "%s%s", r->root, folder) >= (int)sizeof path) return -ENAMETOOLONG;
  DIR *list = opendir(path);
  if (!list) return -errno;
  for (const struct dirent *e; depth < DEPTH_MAX && (e = readdir(list));) {
    if (e->d_type != DT_DIR || e->d_name[0] == '.') continue;
    if (snprintf(path, sizeof path, "%s/%s", folder, e->d_name) < (int)sizeof path) add_group(r, path, depth + 1);
  }
  closedir(list);
  return 0;
}

static int add_by_cgroup(const struct reading *r, const char *cgroup) {
  static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids"};
  char folder[PATH_ROOM];
  int code = -ENOENT;
  for (size_t i = 0; i < sizeof mounts / sizeof *mounts && code == -ENOENT; i++) {
    if (snprintf(folder, sizeof folder, "%s/%s", mounts[i], cgroup + strspn(cgroup, "/")) >= (int)sizeof folder)
      return -ENAMETOOLONG;
    code = add_group(r, folder, 0);
  }
  return code;
}

int lh_process_read_at(const char *root, const struct lh_process_pick *pick, struct lh_process_sample *sample) {
  struct lh_process_sample read = {0};
  struct reading r = {root, &read};
  int code = 0;
  if (pick->pid > 0)
    add_process(&r, pick->pid);
  else if (pick->name)
    code = add_by_name(&r, pick->name);
  else
    code = add_by_cgroup(&r, pick->cgroup);
  if (code == 0) *sample = read;
  return code;
}

int lh_process_read(const struct lh_process_pick *pick, struct lh_process_sample *sample) {
  return lh_process_read_at("", pick, sample);
}

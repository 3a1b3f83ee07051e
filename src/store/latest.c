/* The newest run files of a folder. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "longhaul/base/limits.h"
#include "longhaul/store/reader.h"

static const char ending[] = ".longhaul";

/* When a run began, sortable as text: the name's own YYYYMMDD-HHMMSS, else the file's time of change in the same form; then
 * the number of a name that was taken; then the time of change. */
struct start {
  char when[16];
  unsigned long again;
  int64_t changed_ns;
};

static bool is_stamp(const char *text) {
  for (int i = 0; i < 15; i++) {
    if (i == 8 ? text[i] != '-' : text[i] < '0' || text[i] > '9') return false;
  }
  return true;
}

/* Looks for the last "-YYYYMMDD-HHMMSS" that ends the name, or stands before "-NUMBER" at its end. */
static bool start_of_name(const char *name, size_t stem, struct start *out) {
  for (size_t at = stem < 15 ? 0 : stem - 15; stem >= 15; at--) {
    if (is_stamp(name + at) && (at == 0 || name[at - 1] == '-')) {
      const char *rest = name + at + 15;
      size_t rest_len = stem - at - 15;
      if (rest_len && (rest[0] != '-' || strspn(rest + 1, "0123456789") != rest_len - 1)) return false;
      memcpy(out->when, name + at, 15);
      out->when[15] = '\0';
      out->again = rest_len ? strtoul(rest + 1, NULL, 10) : 1;
      return true;
    }
    if (at == 0) break;
  }
  return false;
}

static int compare(const struct start *a, const struct start *b) {
  int by_time = strcmp(a->when, b->when);
  if (by_time) return by_time;
  if (a->again != b->again) return a->again < b->again ? -1 : 1;
  return a->changed_ns < b->changed_ns ? -1 : a->changed_ns > b->changed_ns;
}

static char *join(const char *folder, const char *name) {
  size_t folder_len = strlen(folder), name_len = strlen(name);
  const char *slash = folder_len && folder[folder_len - 1] == '/' ? "" : "/";
  size_t size = folder_len + name_len + 2;
  char *path = malloc(size);
  if (path) snprintf(path, size, "%s%s%s", folder, slash, name);
  return path;
}

/* 1 when the file of this name is a run file by its ending, 0 when not, -ENOMEM. */
static int look_at(const char *folder, const char *name, struct start *start, char **path) {
  size_t len = strlen(name), end = sizeof ending - 1;
  if (len <= end || strcmp(name + len - end, ending) != 0) return 0;
  *path = join(folder, name);
  if (!*path) return -ENOMEM;
  struct stat stat_of;
  if (stat(*path, &stat_of) != 0 || !S_ISREG(stat_of.st_mode)) {
    free(*path);
    return 0;
  }
  start->changed_ns = (int64_t)stat_of.st_mtim.tv_sec * INT64_C(1000000000) + stat_of.st_mtim.tv_nsec;
  if (start_of_name(name, len - end, start)) return 1;
  struct tm parts;
  gmtime_r(&stat_of.st_mtim.tv_sec, &parts);
  strftime(start->when, sizeof start->when, "%Y%m%d-%H%M%S", &parts);
  start->again = 1;
  return 1;
}

struct found {
  struct start start;
  char *path; /* owned */
};

struct list {
  struct found *items;
  size_t count, room;
};

static int newest_first(const void *a, const void *b) {
  return compare(&((const struct found *)b)->start, &((const struct found *)a)->start);
}

static int keep(struct list *list, const struct start *start, char *path) {
  if (list->count == list->room) {
    size_t room = list->room ? 2 * list->room : 32;
    struct found *grown = realloc(list->items, room * sizeof *grown);
    if (!grown) return -ENOMEM;
    list->items = grown;
    list->room = room;
  }
  list->items[list->count++] = (struct found){*start, path};
  return 0;
}

static int collect(DIR *dir, const char *folder, struct list *list) {
  for (struct dirent *entry; (entry = readdir(dir));) {
    struct start start = {.when = ""};
    char *path = NULL;
    int found = look_at(folder, entry->d_name, &start, &path);
    if (found < 0) return found;
    if (found && keep(list, &start, path)) {
      free(path);
      return -ENOMEM;
    }
  }
  return 0;
}

int lh_store_nth_latest(const char *folder, size_t back, char **path, struct lh_err *err) {
  if (!*folder) folder = ".";
  DIR *dir = opendir(folder);
  if (!dir)
    return lh_err_set(err, errno,
                      "cannot look for run files in %s: %s. Give the path of a run file, or the folder with --store", folder,
                      strerror(errno));
  struct list list = {0};
  int failed = collect(dir, folder, &list);
  closedir(dir);
  if (list.count) qsort(list.items, list.count, sizeof *list.items, newest_first);
  char *chosen = NULL;
  if (!failed && back < list.count) {
    chosen = list.items[back].path;
    list.items[back].path = NULL;
  }
  for (size_t i = 0; i < list.count; i++) free(list.items[i].path);
  free(list.items);
  if (failed) return lh_err_set(err, failed, "no memory is left to look for run files in %s", folder);
  if (!chosen && list.count)
    return lh_err_set(err, ENOENT, "there is no latest~%zu: %s holds %zu run file%s (*%s), the newest of which is latest~0", back, folder,
                      list.count, list.count == 1 ? "" : "s", ending);
  if (!chosen)
    return lh_err_set(err, ENOENT, "%s holds no run file (*%s); start a run first, or give the path of one", folder, ending);
  *path = chosen;
  return 0;
}

int lh_store_latest(const char *folder, char **path, struct lh_err *err) {
  return lh_store_nth_latest(folder, 0, path, err);
}

/* What has to be counted from lists: tasks of a user, ports of the range that are set aside. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/files.h"

enum { PATH_ROOM = 1024 };

/* ---- tasks ---- */
static bool number_after(const char *text, const char *key, unsigned *value) {
  const char *at = lh_text_after(text, key);
  return at && sscanf(at, "%u", value) == 1;
}

/* A process that ended between the listing and the reading is passed over. */
int lh_tasks_of(const char *root, unsigned user, uint64_t *tasks) {
  char path[PATH_ROOM];
  snprintf(path, sizeof path, "%s/proc", root);
  DIR *dir = opendir(path);
  if (!dir) return -errno;
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  uint64_t found = 0;
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    unsigned owner, threads;
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    snprintf(path, sizeof path, "/proc/%.32s/status", entry->d_name);
    if (lh_files_read(root, path, &text) < 0) continue;
    if (number_after(text.data, "Uid:", &owner) && owner == user && number_after(text.data, "Threads:", &threads))
      found += threads;
  }
  closedir(dir);
  lh_buf_free(&text);
  if (found == 0) return -ENODATA; /* we are one ourselves: what is seen is not /proc */
  *tasks = found;
  return 0;
}

/* ---- ports ---- */
int lh_reserved_in_range(const char *root, uint64_t *ports) {
  uint32_t first, last;
  if (!lh_host_ports_at(root, &first, &last)) return -EINVAL;
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  int code = lh_files_read(root, "/proc/sys/net/ipv4/ip_local_reserved_ports", &text);
  bool *reserved = code == 0 ? calloc(65536, sizeof *reserved) : NULL;
  if (code == 0 && !reserved) code = -ENOMEM;
  char *save = NULL, *part = code == 0 ? strtok_r(text.data, ",\n", &save) : NULL;
  for (; part; part = strtok_r(NULL, ",\n", &save)) {
    unsigned from, to;
    int got = sscanf(part, "%u-%u", &from, &to);
    if (got == 1) to = from;
    if (got < 1 || from > to || to > 65535) code = -EINVAL;
    if (code < 0) break;
    for (unsigned port = from; port <= to; port++) reserved[port] = true;
  }
  if (code == 0) {
    *ports = 0;
    for (uint32_t port = first; port <= last; port++) *ports += reserved[port];
  }
  free(reserved);
  lh_buf_free(&text);
  return code;
}

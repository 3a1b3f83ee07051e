/* The descriptor limits that others would start longhaul with: a new login (limits.conf and limits.d, as pam_limits reads
 * them) and a systemd unit (DefaultLimitNOFILE). */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/files.h"

enum { PATH_ROOM = 1024, NAME_ROOM = 64, FILES_MOST = 128 };

/* ---- users ---- */
/* Field `number` (from 0) of the line of /etc/passwd or /etc/group whose field `at` is `value`. */
static int colon_field(const char *root, const char *path, int at, const char *value, int number, char *out, size_t size) {
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  int code = lh_files_read(root, path, &text);
  if (code < 0) return code;
  code = -ENOENT;
  for (char *save = NULL, *line = strtok_r(text.data, "\n", &save); line && code != 0; line = strtok_r(NULL, "\n", &save)) {
    const char *fields[8] = {line};
    int count = 1;
    for (char *colon = line; count < 8 && (colon = strchr(colon, ':')) != NULL;) {
      *colon++ = '\0';
      fields[count++] = colon;
    }
    if (at >= count || number >= count || strcmp(fields[at], value) != 0) continue;
    int len = snprintf(out, size, "%s", fields[number]);
    code = len >= 0 && (size_t)len < size ? 0 : -ERANGE;
  }
  lh_buf_free(&text);
  return code;
}

static bool is_in_group(const char *root, const char *group, const char *user) {
  char text[4096], gid[16], own[16];
  if (colon_field(root, "/etc/group", 0, group, 3, text, sizeof text) < 0) return false;
  for (char *save = NULL, *name = strtok_r(text, ",", &save); name; name = strtok_r(NULL, ",", &save))
    if (strcmp(name, user) == 0) return true;
  return colon_field(root, "/etc/group", 0, group, 2, gid, sizeof gid) == 0 &&
         colon_field(root, "/etc/passwd", 0, user, 3, own, sizeof own) == 0 && strcmp(gid, own) == 0;
}

/* How closely a line's domain names the user: 0 not at all, 1 everyone, 2 a group, 3 by name. A line for everyone does not
 * reach root (limits.conf(5)). */
static int closeness(const char *root, const char *domain, const char *user) {
  if (strcmp(domain, user) == 0) return 3;
  if (domain[0] == '@') return is_in_group(root, domain + 1, user) ? 2 : 0;
  return strcmp(domain, "*") == 0 && strcmp(user, "root") != 0 ? 1 : 0;
}

/* ---- files in order ---- */
static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of `folder` that end in .conf, sorted, owned. */
static size_t conf_files(const char *root, const char *folder, char **names) {
  char full[PATH_ROOM];
  size_t count = 0;
  snprintf(full, sizeof full, "%s%s", root, folder);
  DIR *dir = opendir(full);
  if (!dir) return 0;
  for (struct dirent *entry; count < FILES_MOST && (entry = readdir(dir)) != NULL;) {
    size_t len = strlen(entry->d_name);
    if (len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0 && (names[count] = strdup(entry->d_name)) != NULL) count++;
  }
  closedir(dir);
  qsort(names, count, sizeof *names, by_name);
  return count;
}

/* What is found, soft and hard, each with how closely it was meant. */
struct found {
  const char *root, *user;
  char value[2][NAME_ROOM];
  int close[2];
  int code; /* of the first file that could not be read */
};

typedef void file_reader(struct found *found, const char *path);

static void read_folder(struct found *found, const char *folder, file_reader *read) {
  char *names[FILES_MOST], path[PATH_ROOM];
  size_t count = conf_files(found->root, folder, names);
  for (size_t i = 0; i < count; i++) {
    if (snprintf(path, sizeof path, "%s/%s", folder, names[i]) < (int)sizeof path) read(found, path);
    free(names[i]);
  }
}

/* ---- limits.conf ---- */
static void take(struct found *found, int which, int close, const char *value) {
  if (close < found->close[which]) return;
  found->close[which] = close;
  bool none = strcmp(value, "unlimited") == 0 || strcmp(value, "infinity") == 0 || strcmp(value, "-1") == 0;
  snprintf(found->value[which], sizeof found->value[which], "%.60s", none ? "unlimited" : value);
}

static void read_limits(struct found *found, const char *path) {
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  int code = lh_files_read(found->root, path, &text);
  if (code < 0 && code != -ENOENT && found->code == 0) found->code = code;
  char *save = NULL, *line = code == 0 ? strtok_r(text.data, "\n", &save) : NULL;
  for (; line; line = strtok_r(NULL, "\n", &save)) {
    char domain[128], type[16], item[32], value[32];
    line[strcspn(line, "#")] = '\0';
    if (sscanf(line, " %127s %15s %31s %31s", domain, type, item, value) != 4 || strcmp(item, "nofile") != 0) continue;
    int close = closeness(found->root, domain, found->user);
    if (close > 0 && strcmp(type, "hard") != 0) take(found, 0, close, value);
    if (close > 0 && strcmp(type, "soft") != 0) take(found, 1, close, value);
  }
  lh_buf_free(&text);
}

int lh_login_descriptors(const char *root, unsigned user, bool hard, char *out, size_t size) {
  char id[16], name[NAME_ROOM] = "";
  snprintf(id, sizeof id, "%u", user);
  if (colon_field(root, "/etc/passwd", 2, id, 0, name, sizeof name) < 0) snprintf(name, sizeof name, "%s", user ? id : "root");
  struct found found = {.root = root, .user = name};
  read_limits(&found, "/etc/security/limits.conf");
  read_folder(&found, "/etc/security/limits.d", read_limits);
  if (found.code < 0) return found.code;
  int len = snprintf(out, size, "%s", found.close[hard] ? found.value[hard] : "not set");
  return len >= 0 && (size_t)len < size ? 0 : -ERANGE;
}

/* ---- systemd ---- */
static void read_unit(struct found *found, const char *path) {
  static const char key[] = "DefaultLimitNOFILE=";
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  int code = lh_files_read(found->root, path, &text);
  if (code < 0 && code != -ENOENT && found->code == 0) found->code = code;
  char *save = NULL, *line = code == 0 ? strtok_r(text.data, "\n", &save) : NULL;
  for (; line; line = strtok_r(NULL, "\n", &save)) {
    line += strspn(line, " \t");
    if (strncmp(line, key, sizeof key - 1) != 0) continue;
    char *soft = line + sizeof key - 1, *hard = strchr(soft, ':');
    soft[strcspn(soft, " \t\r")] = '\0';
    if (hard) *hard++ = '\0';
    take(found, 0, 1, soft);
    take(found, 1, 1, hard ? hard : soft);
  }
  lh_buf_free(&text);
}

/* Later folders win, as systemd reads them; without any line systemd's own default stands (since version 240). */
int lh_unit_descriptors(const char *root, bool hard, char *out, size_t size) {
  static const char *const mains[] = {"/usr/lib/systemd/system.conf", "/run/systemd/system.conf", "/etc/systemd/system.conf"};
  static const char *const folders[] = {"/usr/lib/systemd/system.conf.d", "/run/systemd/system.conf.d",
                                        "/etc/systemd/system.conf.d"};
  char path[PATH_ROOM];
  struct found found = {.root = root, .user = ""};
  snprintf(path, sizeof path, "%s/etc/systemd", root);
  DIR *there = opendir(path);
  if (!there) return -errno;
  closedir(there);
  for (size_t i = 0; i < 3; i++) read_unit(&found, mains[i]);
  for (size_t i = 0; i < 3; i++) read_folder(&found, folders[i], read_unit);
  if (found.code < 0) return found.code;
  int len = snprintf(out, size, "%s", found.close[hard] ? found.value[hard] : hard ? "524288" : "1024");
  return len >= 0 && (size_t)len < size ? 0 : -ERANGE;
}

#include "host/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 4096 };

static int open_under(const char *root, const char *path) {
  char full[PATH_ROOM];
  int len = snprintf(full, sizeof full, "%s%s", root, path);
  if (len < 0 || (size_t)len >= sizeof full) return -ENAMETOOLONG;
  int fd = open(full, O_RDONLY | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

int lh_files_read(const char *root, const char *path, struct lh_buf *out) {
  int fd = open_under(root, path);
  if (fd < 0) return fd;
  lh_buf_reset(out);
  int code = lh_buf_add(out, "", 0);
  if (code == 0) code = lh_buf_addfd(out, fd);
  close(fd);
  if (code == 0 && !out->data) code = -ENODATA;
  return code;
}

int lh_files_line(const char *root, const char *path, char *out, size_t size) {
  struct lh_buf text = LH_BUF_INIT(LH_HOST_FILE_MAX);
  int code = lh_files_read(root, path, &text);
  size_t len = code == 0 ? strcspn(text.data, "\n") : 0;
  if (code == 0 && len == 0) code = -ENODATA;
  if (code == 0 && len >= size) code = -ERANGE;
  if (code == 0) {
    for (size_t i = 0; i < len; i++) out[i] = text.data[i] == '\t' ? ' ' : text.data[i];
    out[len] = '\0';
  }
  lh_buf_free(&text);
  return code;
}

int lh_files_number(const char *root, const char *path, uint64_t *out) {
  char line[256];
  int code = lh_files_line(root, path, line, sizeof line);
  if (code < 0) return code;
  unsigned long long value = 0;
  if (line[0] < '0' || line[0] > '9' || sscanf(line, "%llu", &value) != 1) return -EINVAL;
  *out = value;
  return 0;
}

const char *lh_text_after(const char *text, const char *key) {
  size_t len = strlen(key);
  for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
    if (strncmp(line, key, len) == 0) return line + len;
  return NULL;
}

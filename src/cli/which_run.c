#include "cli/which_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "longhaul/store/reader.h"

/* A path as it is, else a run of the store folder by its name with or without the ending. Owned; NULL when memory is out. */
static char *find_run(const char *folder, const char *name) {
  if (access(name, F_OK) == 0 || strchr(name, '/') != NULL) return strdup(name);
  for (size_t i = 0; i < 2; i++) {
    char *path = NULL;
    int len = i == 0 ? asprintf(&path, "%s/%s", folder, name) : asprintf(&path, "%s/%s.longhaul", folder, name);
    if (len < 0) return NULL;
    if (access(path, F_OK) == 0) return path;
    free(path);
  }
  return strdup(name);
}

/* "latest" is 0, "latest~2" is 2; negative: another name. */
static long back_of(const char *name) {
  static const char latest[] = "latest";
  size_t len = sizeof latest - 1;
  if (strncmp(name, latest, len) != 0) return -1;
  if (name[len] == '\0') return 0;
  size_t digits = name[len] == '~' ? strspn(name + len + 1, "0123456789") : 0;
  if (digits == 0 || digits > 6 || name[len + 1 + digits] != '\0') return -1;
  return strtol(name + len + 1, NULL, 10);
}

int lh_which_run(const struct lh_cli_args *args, const char *name, char **path) {
  const char *store = lh_cli_value(args, "store");
  const char *folder = store != NULL ? store : "runs";
  long back = back_of(name);
  struct lh_err err = {0};
  if (back >= 0) {
    if (lh_store_nth_latest(folder, (size_t)back, path, &err) < 0) return lh_cli_usage_error("%s", err.text);
    return 0;
  }
  *path = find_run(folder, name);
  if (*path == NULL) return lh_cli_fail(LH_EXIT_TESTER, "no memory for a path");
  if (access(*path, F_OK) == 0) return 0;
  return lh_cli_usage_error("there is no run file %s%s%s; `longhaul runs` lists what is there, --store names another folder", name,
                            strchr(name, '/') != NULL ? "" : ", here or in ", strchr(name, '/') != NULL ? "" : folder);
}

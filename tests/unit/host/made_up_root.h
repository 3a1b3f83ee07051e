/* A made-up host: files under a root folder of its own, for the readers that take a root. */
#ifndef LONGHAUL_TESTS_HOST_MADE_UP_ROOT_H
#define LONGHAUL_TESTS_HOST_MADE_UP_ROOT_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROOT_PATH_BYTES = 512 };
static char root[64];

/* Set-up and tear-down of a test. */
static inline int make_root(void **state) {
  (void)state;
  strcpy(root, "/tmp/longhaul-root-XXXXXX");
  return mkdtemp(root) ? 0 : -1;
}

static inline int root_remove_one(const char *path, const struct stat *stat_of, int kind, struct FTW *walk) {
  (void)stat_of, (void)kind, (void)walk;
  return remove(path);
}

static inline int remove_root(void **state) {
  (void)state;
  return nftw(root, root_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes the folders above a path under the root; `full` is the path with the root before it. */
static inline void make_folders(const char *path, char full[ROOT_PATH_BYTES]) {
  snprintf(full, ROOT_PATH_BYTES, "%s%s", root, path);
  for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
    *at = '\0';
    mkdir(full, 0755);
    *at = '/';
  }
}

/* Writes a file under the root, with the folders above it. */
static inline void put(const char *path, const char *text) {
  char full[ROOT_PATH_BYTES];
  make_folders(path, full);
  FILE *file = fopen(full, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
}

#endif

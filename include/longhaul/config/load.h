/* From YAML text to a checked config.
 *
 * Glossary
 *   diagnostic  one thing that is wrong: FILE:LINE:COLUMN: KEY: what, what was expected, the nearest known key
 *   setting     one --set KEY=VALUE from the command line; VALUE is read as a YAML value
 *
 * All diagnostics of a text are reported at once, in the order of the file. Loading reads payload and CA files that the
 * config names (relative to the config's folder) and the environment; it opens no connection and looks up no name.
 */
#ifndef LONGHAUL_CONFIG_LOAD_H
#define LONGHAUL_CONFIG_LOAD_H

#include <stdbool.h>
#include <stddef.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"

struct lh_diagnostics {
  char **items; /* whole sentences, in order; owned */
  size_t count;
};

struct lh_load_args {
  const char *path;            /* for messages, and its folder for relative files; borrowed */
  const char *text;            /* NUL-terminated YAML; NULL: read `path` ("-": stdin) */
  const char *const *settings; /* "groups.chat.connections=100", applied in order after the file; borrowed */
  size_t setting_count;
  const char *(*getenv)(const char *name); /* NULL: the process's environment */
  /* By group number: descriptors of rows that another process has read already (lh_data_fd), -1: none. NULL: the files are
   * read. Borrowed; the descriptors must stay open as long as the config. */
  const int32_t *data_fds;
  size_t data_fd_count;
  bool no_files;                           /* a file that the text names is an error: for texts from outside, and for fuzzing */
};

/* Returns 0 and a config owned by the caller, or -EINVAL with at least one diagnostic, or another negative errno (cannot
 * read the file) with one diagnostic. `diagnostics` may also hold warnings on success (they start with "warning: "). */
int lh_config_load(const struct lh_load_args *args, struct lh_config **config, struct lh_diagnostics *diagnostics);

/* The config of `longhaul run URL -c N -d TIME`: written as YAML text for lh_config_load, so that a quick look and a file
 * go the same way. Returns 0 and an owned text, or -EINVAL with a sentence (scheme not known, ...). */
struct lh_quick_args {
  const char *url;
  unsigned connections;
  const char *duration; /* as written, NULL: "30s" */
  const char *every;    /* message period, NULL: "1s"; "0" sends no messages */
  const char *text;     /* payload template, NULL: a small JSON with the token; http: the body of a POST, NULL: a GET */
  bool sse;             /* the URL is an event stream */
};
int lh_config_quick(const struct lh_quick_args *args, char **text, struct lh_err *err);

/* One argument of a command line as it may be shown and kept: the value of a setting that is a secret, and the secret parts
 * of a URL, as "***". Owned by the caller; NULL when there is no memory. */
char *lh_config_mask_argument(const char *argument);

void lh_diagnostics_free(struct lh_diagnostics *diagnostics);

#endif

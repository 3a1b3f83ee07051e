#include "longhaul/config/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "longhaul/base/buf.h"

#include "load_internal.h"

/* The config's text, owned by the caller; a negative errno when it cannot be read, with a diagnostic. */
static int read_text(struct load *load, char **text, size_t *len) {
  const char *path = load->args->path;
  struct lh_buf out = LH_BUF_INIT(LH_CONFIG_BYTES_MAX);
  bool is_stdin = strcmp(path, "-") == 0;
  int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
  int failed = fd < 0 ? -errno : lh_buf_addfd(&out, fd);
  if (fd >= 0 && !is_stdin) close(fd);
  if (!failed && !out.data) failed = lh_buf_addstr(&out, "");
  if (!failed && memchr(out.data, 0, out.len)) failed = -EILSEQ;
  if (failed) {
    lh_buf_free(&out);
    const char *why = failed == -EFBIG    ? "larger than 4 MiB"
                      : failed == -EILSEQ ? "not a text file: it holds zero bytes"
                                          : strerror(-failed);
    report_place(load, (struct lh_place){0}, 0, NULL, "cannot read the config: %s; expected a YAML file", why);
    return failed == -EILSEQ ? -EINVAL : failed;
  }
  *text = out.data;
  *len = out.len;
  return 0;
}

static bool have_root(struct load *load) {
  if (load->root && load->root->kind == NODE_MAP) return true;
  bool is_empty = !load->root || node_is_null(load->root);
  struct lh_place place = load->root ? load->root->place : (struct lh_place){1, 1};
  if (load->error_count == 0)
    report_place(load, place, 0, NULL, "%s; expected a mapping with run, targets and groups",
                 is_empty ? "the config is empty" : "the config is not a mapping");
  return false;
}

static int check(struct load *load, size_t len) {
  struct lh_config *config = load->config;
  load->root = yaml_read(load, config->text, len, 0);
  if (have_root(load)) {
    load->root->key_place = (struct lh_place){1, 1};
    settings_apply(load);
    env_expand(load, load->root);
    bind_config(load);
    if (!load->arena.out_of_memory) resolve_config(load);
    if (!load->arena.out_of_memory) uses_check(load);
    if (!load->arena.out_of_memory) rules_check(load);
  }
  if (load->arena.out_of_memory) return -ENOMEM;
  if (load->error_count) return -EINVAL;
  int failed = known_secrets(load, &config->secrets);
  return failed ? failed : masked_write(load, &config->masked);
}

static int load_config(struct load *load) {
  struct lh_config *config = load->config;
  size_t len;
  config->path = strdup(load->args->path);
  if (!config->path) return -ENOMEM;
  if (load->args->text) {
    config->text = strdup(load->args->text);
    if (!config->text) return -ENOMEM;
    len = strlen(config->text);
    if (len > LH_CONFIG_BYTES_MAX) {
      report_place(load, (struct lh_place){1, 1}, 0, NULL, "the config is larger than 4 MiB; expected a smaller one");
      return -EINVAL;
    }
  } else {
    int failed = read_text(load, &config->text, &len);
    if (failed) return failed;
  }
  return check(load, len);
}

int lh_config_load(const struct lh_load_args *args, struct lh_config **config, struct lh_diagnostics *diagnostics) {
  struct load load = {.args = args, .config = calloc(1, sizeof *load.config)};
  int failed = load.config ? load_config(&load) : -ENOMEM;
  if (failed == -ENOMEM && load.config && load.config->path)
    report_place(&load, (struct lh_place){0}, 0, NULL, "out of memory while reading the config");
  int lost = diagnostics_finish(&load, diagnostics);
  if (lost) failed = lost;
  arena_free(&load.arena);
  if (failed)
    lh_config_free(load.config);
  else
    *config = load.config;
  return failed;
}

#include "report/objectives.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/buf.h"
#include "longhaul/config/load.h"

/* The lines from "slo:" at the left edge to the next key there. */
static const char *find_slo(const char *text, size_t *len) {
  const char *from = strncmp(text, "slo:", 4) == 0 ? text : NULL;
  if (!from && (from = strstr(text, "\nslo:"))) from++;
  if (!from) return NULL;
  const char *until = strchr(from, '\n');
  while (until && (until[1] == ' ' || until[1] == '-' || until[1] == '\n')) until = strchr(until + 1, '\n');
  *len = until ? (size_t)(until - from) : strlen(from);
  return from;
}

/* The whole text cannot be loaded again: secrets in it are masked, URLs among them, and the files it names may be gone.
 * Objectives need the names of the groups alone, so these stand in for the rest; the longest run there can be, since
 * a shortened one may have objectives that are longer than itself. */
static int write_stub(const struct lh_reader *reader, struct lh_buf *out) {
  size_t len = 0;
  const char *slo = find_slo(lh_reader_run(reader)->config_masked, &len);
  if (!slo) return 0;
  int failed = lh_buf_addstr(out, "run: {name: report, duration: 365d}\ngroups:\n");
  for (uint32_t i = 0; i < lh_reader_run(reader)->group_count && !failed; i++)
    failed = lh_buf_addf(out, "  %s: {kind: \"null\", connections: 1}\n", lh_reader_group(reader, i)->name);
  if (!failed) failed = lh_buf_add(out, slo, len);
  return failed ? failed : lh_buf_addstr(out, "\n");
}

static const char *no_environment(const char *name) {
  (void)name;
  return NULL;
}

int lh_objectives_read(const struct lh_reader *reader, struct lh_config **config, char **note) {
  struct lh_buf text = LH_BUF_INIT(LH_CONFIG_BYTES_MAX);
  *config = NULL;
  int failed = write_stub(reader, &text);
  if (!failed && text.len) {
    struct lh_diagnostics diagnostics = {0};
    struct lh_load_args args = {.path = "config of the run file", .text = text.data, .getenv = no_environment};
    failed = lh_config_load(&args, config, &diagnostics);
    if (failed) {
      *config = NULL;
      *note = strdup(diagnostics.count ? diagnostics.items[0] : "the objectives of the run file cannot be read");
      failed = *note ? -EINVAL : -ENOMEM;
    }
    lh_diagnostics_free(&diagnostics);
  }
  lh_buf_free(&text);
  return failed;
}

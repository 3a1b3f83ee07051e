#include "cli/preflight.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "longhaul/base/log.h"

void lh_preflight_free(struct lh_preflight *p) {
  lh_fit_free(&p->fit);
  lh_scale_free(&p->scale);
  lh_fit_host_free(&p->host);
  free(p->command_line);
}

static int fail(const struct lh_err *err) {
  return lh_cli_fail(LH_EXIT_TESTER, "%s", err->text);
}

static int judge(struct lh_preflight *p, const struct lh_source *source) {
  struct lh_err err = {0};
  lh_fit_free(&p->fit);
  return lh_fit_make(&p->fit, source->config, source->shard, source->shards, &p->host, &err) < 0 ? fail(&err) : 0;
}

/* ---- --fit ---- */
/* As it was typed, and then what was set. */
static char *command_line_with(const char *typed, const struct lh_strings *settings) {
  struct lh_buf line = LH_BUF_INIT(LH_COMMAND_LINE_MAX);
  int code = lh_buf_addstr(&line, typed);
  for (size_t i = 0; i < settings->count && code == 0; i++) {
    code = lh_buf_addstr(&line, " --set");
    if (code == 0) code = lh_cli_add_word(&line, settings->items[i]);
  }
  if (code == 0) return line.data;
  lh_buf_free(&line);
  return NULL;
}

/* Shards that differ are not of one run: `merge` refuses them. So the user gives all of them the same. */
static int refuse_shard(const struct lh_preflight *p, const struct lh_source *source, const char *typed) {
  char *line = command_line_with(typed, &p->scale.settings);
  lh_cli_fail(
      LH_EXIT_HOST,
      "--fit would make shard %u of %u smaller than the others, and they would not be of one run any more. For a plan that "
      "fits here, give this to every shard:\n  %s",
      source->shard, source->shards, line != NULL ? line : "");
  free(line);
  return LH_EXIT_HOST;
}

static int scale_down(struct lh_preflight *p, struct lh_source *source, const struct lh_cli_args *args) {
  struct lh_err err = {0};
  if (lh_ladder_fits(p->fit.ladder)) return 0; /* what does not fit otherwise, such as a run file, fewer clients do not mend */
  if (lh_scale_make(&p->scale, source->config, source->shard, source->shards, &p->host, &p->fit, &err) < 0) return fail(&err);
  if (!p->scale.fits) {
    lh_log(LH_LOG_WARNING, "not even one client of each group fits this host (--fit)");
    return 0;
  }
  if (source->shards > 1) return refuse_shard(p, source, args->command_line);
  for (size_t i = 0; i < p->fit.problems.count; i++)
    lh_log(LH_LOG_WARNING, "this host cannot carry the plan: %s", p->fit.problems.items[i]);
  for (size_t i = 0; i < p->scale.decisions.count; i++) lh_log(LH_LOG_WARNING, "scaled down: %s", p->scale.decisions.items[i]);
  p->command_line = command_line_with(args->command_line, &p->scale.settings);
  int exit_code = lh_source_set(source, &p->scale.settings);
  return exit_code == 0 ? judge(p, source) : exit_code;
}

/* ---- the whole ---- */
static int judge_problems(const struct lh_preflight *p, bool force) {
  const struct lh_strings *problems = &p->fit.problems;
  for (size_t i = 0; i < problems->count; i++) {
    if (force)
      lh_log(LH_LOG_WARNING, "going on all the same (--force): %s", problems->items[i]);
    else
      lh_cli_fail(LH_EXIT_HOST, "this host cannot carry the plan: %s", problems->items[i]);
  }
  if (problems->count == 0 || force) return 0;
  fputs("longhaul: see `longhaul doctor` with this config, or run with --fit (scaled down) or --force (as it is)\n", stderr);
  return LH_EXIT_HOST;
}

int lh_preflight_make(struct lh_preflight *p, struct lh_source *source, const struct lh_cli_args *args) {
  struct lh_err err = {0};
  *p = (struct lh_preflight){0};
  if (lh_fit_host_read(&p->host, source->config, &err) < 0) return fail(&err);
  int exit_code = judge(p, source);
  if (exit_code == 0 && lh_cli_has(args, "fit")) exit_code = scale_down(p, source, args);
  if (exit_code != 0) return exit_code;
  for (size_t i = 0; i < p->fit.warnings.count; i++) lh_log(LH_LOG_WARNING, "%s", p->fit.warnings.items[i]);
  return judge_problems(p, lh_cli_has(args, "force"));
}

/* What `longhaul doctor` found, for its outputs. */
#ifndef LH_CLI_DOCTOR_H
#define LH_CLI_DOCTOR_H

#include "cli/cli.h"
#include "longhaul/config/config.h"
#include "longhaul/host/ladder.h"

/* A fact of a run that reads otherwise now. */
struct lh_doctor_change {
  char *name, *was, *now; /* owned; was or now NULL: not there */
};

struct lh_probe;
struct lh_cli_json;

struct lh_doctor {
  const struct lh_probe *probe;   /* borrowed; NULL: none was made */
  const struct lh_config *config; /* borrowed; NULL: a plain target of another host */
  struct lh_facts facts;          /* owned */
  struct lh_needs needs;          /* owned */
  struct lh_ladder *ladder;       /* owned */
  char *compared;                 /* owned: the run file compared with; NULL: none */
  char *compared_at;              /* owned: when that run began, UTC */
  struct lh_doctor_change *changes; /* owned */
  size_t change_count, same_count;
};

/* Fills compared and what follows it from a run file. 0 or -errno. */
int lh_doctor_compare(struct lh_doctor *doctor, const char *path, struct lh_err *err);
int lh_doctor_text(const struct lh_doctor *doctor, bool color, struct lh_buf *out);
int lh_doctor_json(const struct lh_doctor *doctor, struct lh_buf *out);
/* A shell script that raises what the plan needs (without a plan: the first rung). Never run by longhaul. */
int lh_doctor_script(const struct lh_doctor *doctor, struct lh_buf *out);
/* The rungs that a person is told how to raise: all that are short of the plan, else the first one that binds. */
uint32_t lh_doctor_shown(const struct lh_doctor *doctor);
/* Commands that a user other than root types need sudo. */
bool lh_doctor_is_root(const struct lh_doctor *doctor);

/* ---- doctor_probe.c ---- */
int lh_doctor_probe_text(const struct lh_probe *probe, bool color, struct lh_buf *out);
void lh_doctor_probe_json(const struct lh_probe *probe, struct lh_cli_json *json); /* "probe": {...} */

#endif

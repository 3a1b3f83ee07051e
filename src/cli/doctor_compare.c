/* What reads otherwise on this host than at the start of a run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"
#include "longhaul/base/clock.h"
#include "longhaul/store/reader.h"

struct comparison {
  struct lh_doctor *doctor;
  bool *seen; /* by fact of the doctor */
  uint32_t shard; /* whose facts; 0: none were seen yet */
};

static int add_change(struct lh_doctor *d, const char *name, const char *was, const char *now) {
  struct lh_doctor_change *changes = realloc(d->changes, (d->change_count + 1) * sizeof *changes);
  if (changes == NULL) return -ENOMEM;
  d->changes = changes;
  struct lh_doctor_change *change = &changes[d->change_count++];
  *change = (struct lh_doctor_change){strdup(name), was ? strdup(was) : NULL, now ? strdup(now) : NULL};
  return change->name && (change->was || !was) && (change->now || !now) ? 0 : -ENOMEM;
}

/* Of a merged run the first shard's host is the one held against this one. */
static int on_fact(void *context, const struct lh_fact_row *fact) {
  struct comparison *c = context;
  const char *name = fact->name, *value = fact->value;
  if (c->shard == 0) c->shard = fact->shard;
  if (fact->shard != c->shard) return 0;
  const struct lh_fact *now = lh_facts_find(&c->doctor->facts, name);
  if (now) c->seen[now - c->doctor->facts.items] = true;
  if (lh_fact_is_volatile(name)) return 0;
  if (now == NULL || strcmp(now->value, value) != 0) return add_change(c->doctor, name, value, now ? now->value : NULL);
  c->doctor->same_count++;
  return 0;
}

/* Facts that the run's longhaul did not read yet. */
static int add_new_facts(const struct comparison *c) {
  int code = 0;
  for (uint32_t i = 0; i < c->doctor->facts.count && code == 0; i++) {
    const struct lh_fact *fact = &c->doctor->facts.items[i];
    if (!c->seen[i] && !lh_fact_is_volatile(fact->name)) code = add_change(c->doctor, fact->name, NULL, fact->value);
  }
  return code;
}

static int read_run(struct lh_doctor *d, struct lh_reader *reader, struct lh_err *err) {
  char utc[32];
  struct comparison c = {.doctor = d, .seen = calloc(d->facts.count + 1, sizeof *c.seen)};
  const struct lh_reader_visits visits = {.context = &c, .fact = on_fact};
  d->compared_at = strdup(lh_format_utc(lh_reader_run(reader)->start_wall_us, utc, sizeof utc));
  int code = c.seen && d->compared_at ? lh_reader_visit(reader, 0, 0, &visits, err) : -ENOMEM;
  if (code == 0) code = add_new_facts(&c);
  free(c.seen);
  return code == -ENOMEM ? lh_err_set(err, ENOMEM, "no memory for the comparison") : code;
}

int lh_doctor_compare(struct lh_doctor *d, const char *path, struct lh_err *err) {
  struct lh_reader *reader = NULL;
  int code = lh_reader_open(&reader, path, err);
  if (code < 0) return code;
  d->compared = strdup(path);
  code = d->compared ? read_run(d, reader, err) : lh_err_set(err, ENOMEM, "no memory for a path");
  lh_reader_close(reader);
  return code;
}

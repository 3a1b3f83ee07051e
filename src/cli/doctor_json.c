#include "cli/doctor.h"
#include "cli/json.h"

enum { SCHEMA_VERSION = 1 };

#define TEXTS(json, ...)                                                                                                       \
  lh_cli_json_texts(json, (const struct lh_cli_json_text[]){__VA_ARGS__},                                                      \
                    sizeof((const struct lh_cli_json_text[]){__VA_ARGS__}) / sizeof(struct lh_cli_json_text))

static void put_next(struct lh_cli_json *j, const struct lh_rung *rung) {
  lh_cli_json_open(j, "next", '{');
  lh_cli_json_clients(j, "clients", rung->next_clients);
  lh_cli_json_text(j, "limit", rung->next_limit < 0 ? NULL : lh_limit_name((enum lh_limit)rung->next_limit));
  lh_cli_json_close(j, '}');
}

static void put_rung(struct lh_cli_json *j, const struct lh_rung *rung) {
  lh_cli_json_open(j, NULL, '{');
  lh_cli_json_text(j, "limit", lh_limit_name(rung->limit));
  lh_cli_json_text(j, "what", lh_limit_what(rung->limit));
  lh_cli_json_clients(j, "clients", rung->clients);
  lh_cli_json_bool(j, "burst", rung->burst);
  lh_cli_json_bool(j, "soft", rung->soft);
  lh_cli_json_bool(j, "estimated", rung->estimated);
  lh_cli_json_text(j, "value", rung->value);
  lh_cli_json_text(j, "detail", rung->detail);
  lh_cli_json_text(j, "raised", rung->raised[0] != '\0' ? rung->raised : NULL);
  put_next(j, rung);
  lh_cli_json_open(j, "remedies", '[');
  for (uint32_t i = 0; i < rung->remedy_count; i++) {
    const struct lh_remedy *remedy = &rung->remedies[i];
    TEXTS(j, {"kind", lh_remedy_name(remedy->kind)}, {"when", lh_remedy_is_for_good(remedy->kind) ? "for good" : "now"},
          {"takes", lh_remedy_takes(remedy->kind)}, {"file", remedy->file}, {"text", remedy->text});
  }
  lh_cli_json_close(j, ']');
  lh_cli_json_close(j, '}');
}

static void put_notes(struct lh_cli_json *j, const struct lh_ladder *ladder) {
  lh_cli_json_open(j, "notes", '[');
  for (uint32_t i = 0; i < ladder->note_count; i++)
    TEXTS(j, {"name", ladder->notes[i].name}, {"value", ladder->notes[i].value}, {"text", ladder->notes[i].text});
  lh_cli_json_close(j, ']');
}

static void put_gaps(struct lh_cli_json *j, const struct lh_ladder *ladder) {
  lh_cli_json_open(j, "unreadable", '[');
  for (uint32_t i = 0; i < ladder->gap_count; i++)
    TEXTS(j, {"name", ladder->gaps[i].name}, {"source", ladder->gaps[i].source}, {"reason", ladder->gaps[i].reason});
  lh_cli_json_close(j, ']');
}

static void put_changes(struct lh_cli_json *j, const struct lh_doctor *d) {
  lh_cli_json_open(j, "compared", '{');
  lh_cli_json_text(j, "run", d->compared);
  lh_cli_json_text(j, "started", d->compared_at);
  lh_cli_json_count(j, "same", d->same_count);
  lh_cli_json_open(j, "changed", '[');
  for (size_t i = 0; i < d->change_count; i++)
    TEXTS(j, {"name", d->changes[i].name}, {"was", d->changes[i].was}, {"now", d->changes[i].now});
  lh_cli_json_close(j, ']');
  lh_cli_json_close(j, '}');
}

static void put_facts(struct lh_cli_json *j, const struct lh_facts *facts) {
  lh_cli_json_open(j, "facts", '[');
  for (uint32_t i = 0; i < facts->count; i++)
    TEXTS(j, {"name", facts->items[i].name}, {"value", facts->items[i].value}, {"source", facts->items[i].source});
  lh_cli_json_close(j, ']');
}

int lh_doctor_json(const struct lh_doctor *d, struct lh_buf *out) {
  struct lh_cli_json j = {.out = out};
  const struct lh_ladder *ladder = d->ladder;
  bool bound = ladder->count > 0 && ladder->clients != LH_ANY;
  lh_cli_json_open(&j, NULL, '{');
  lh_cli_json_count(&j, "schema_version", SCHEMA_VERSION);
  lh_cli_json_bool(&j, "fits", lh_ladder_fits(ladder));
  lh_cli_json_text(&j, "name", d->config ? d->config->run.name : NULL);
  lh_cli_json_clients(&j, "wanted", ladder->wanted > 0 ? ladder->wanted : LH_ANY);
  lh_cli_json_clients(&j, "clients", ladder->clients);
  lh_cli_json_text(&j, "binds_first", bound ? lh_limit_name(ladder->rungs[0].limit) : NULL);
  lh_cli_json_open(&j, "rungs", '[');
  for (uint32_t i = 0; i < ladder->count; i++) put_rung(&j, &ladder->rungs[i]);
  lh_cli_json_close(&j, ']');
  put_notes(&j, ladder);
  put_gaps(&j, ladder);
  if (d->compared != NULL) put_changes(&j, d);
  if (d->probe != NULL) lh_doctor_probe_json(d->probe, &j);
  put_facts(&j, &d->facts);
  lh_cli_json_close(&j, '}');
  return j.code;
}

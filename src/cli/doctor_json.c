#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "cli/doctor.h"

enum { SCHEMA_VERSION = 1 };

struct page {
  struct lh_buf *out;
  int code; /* of the first failed addition */
};

static void put(struct page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct page *p, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (p->code == 0) p->code = lh_buf_vaddf(p->out, format, args);
  va_end(args);
}

/* NULL becomes null. */
static void put_text(struct page *p, const char *before, const char *text) {
  put(p, "%s", before);
  if (p->code == 0) p->code = text ? lh_buf_addjson(p->out, text) : lh_buf_addstr(p->out, "null");
}

/* No bound is null. */
static void put_clients(struct page *p, const char *before, uint64_t clients) {
  if (clients == LH_ANY)
    put(p, "%snull", before);
  else
    put(p, "%s%" PRIu64, before, clients);
}

static void put_remedy(struct page *p, const struct lh_remedy *remedy) {
  put_text(p, "\n        {\"kind\": ", lh_remedy_name(remedy->kind));
  put(p, ", \"when\": \"%s\"", lh_remedy_is_for_good(remedy->kind) ? "for good" : "now");
  put_text(p, ", \"takes\": ", lh_remedy_takes(remedy->kind));
  put_text(p, ", \"file\": ", remedy->file);
  put_text(p, ", \"text\": ", remedy->text);
  put(p, "}");
}

static void put_rung(struct page *p, const struct lh_rung *rung) {
  put_text(p, "\n    {\"limit\": ", lh_limit_name(rung->limit));
  put_text(p, ", \"what\": ", lh_limit_what(rung->limit));
  put_clients(p, ", \"clients\": ", rung->clients);
  put(p, ", \"burst\": %s, \"soft\": %s, \"estimated\": %s", rung->burst ? "true" : "false", rung->soft ? "true" : "false",
      rung->estimated ? "true" : "false");
  put_text(p, ",\n     \"value\": ", rung->value);
  put_text(p, ", \"detail\": ", rung->detail);
  put_text(p, ",\n     \"raised\": ", rung->raised[0] != '\0' ? rung->raised : NULL);
  put_clients(p, ", \"next\": {\"clients\": ", rung->next_clients);
  put_text(p, ", \"limit\": ", rung->next_limit < 0 ? NULL : lh_limit_name((enum lh_limit)rung->next_limit));
  put(p, "},\n     \"remedies\": [");
  for (uint32_t i = 0; i < rung->remedy_count; i++) {
    put_remedy(p, &rung->remedies[i]);
    put(p, "%s", i + 1 < rung->remedy_count ? "," : "");
  }
  put(p, "]}");
}

static void put_facts(struct page *p, const struct lh_facts *facts) {
  put(p, ",\n  \"facts\": [");
  for (uint32_t i = 0; i < facts->count; i++) {
    put_text(p, i > 0 ? ",\n    {\"name\": " : "\n    {\"name\": ", facts->items[i].name);
    put_text(p, ", \"value\": ", facts->items[i].value);
    put_text(p, ", \"source\": ", facts->items[i].source);
    put(p, "}");
  }
  put(p, "]");
}

static void put_beside(struct page *p, const struct lh_ladder *ladder) {
  put(p, ",\n  \"notes\": [");
  for (uint32_t i = 0; i < ladder->note_count; i++) {
    put_text(p, i > 0 ? ",\n    {\"name\": " : "\n    {\"name\": ", ladder->notes[i].name);
    put_text(p, ", \"value\": ", ladder->notes[i].value);
    put_text(p, ", \"text\": ", ladder->notes[i].text);
    put(p, "}");
  }
  put(p, "],\n  \"unreadable\": [");
  for (uint32_t i = 0; i < ladder->gap_count; i++) {
    put_text(p, i > 0 ? ",\n    {\"name\": " : "\n    {\"name\": ", ladder->gaps[i].name);
    put_text(p, ", \"source\": ", ladder->gaps[i].source);
    put_text(p, ", \"reason\": ", ladder->gaps[i].reason);
    put(p, "}");
  }
  put(p, "]");
}

static void put_changes(struct page *p, const struct lh_doctor *d) {
  put_text(p, ",\n  \"compared\": {\"run\": ", d->compared);
  put_text(p, ", \"started\": ", d->compared_at);
  put(p, ", \"same\": %zu, \"changed\": [", d->same_count);
  for (size_t i = 0; i < d->change_count; i++) {
    put_text(p, i > 0 ? ",\n    {\"name\": " : "\n    {\"name\": ", d->changes[i].name);
    put_text(p, ", \"was\": ", d->changes[i].was);
    put_text(p, ", \"now\": ", d->changes[i].now);
    put(p, "}");
  }
  put(p, "]}");
}

int lh_doctor_json(const struct lh_doctor *d, struct lh_buf *out) {
  struct page p = {.out = out};
  const struct lh_ladder *ladder = d->ladder;
  bool bound = ladder->count > 0 && ladder->clients != LH_ANY;
  put(&p, "{\n  \"schema_version\": %d,\n  \"fits\": %s", SCHEMA_VERSION, lh_ladder_fits(ladder) ? "true" : "false");
  put_text(&p, ",\n  \"name\": ", d->config ? d->config->run.name : NULL);
  put_clients(&p, ",\n  \"wanted\": ", ladder->wanted > 0 ? ladder->wanted : LH_ANY);
  put_clients(&p, ",\n  \"clients\": ", ladder->clients);
  put_text(&p, ",\n  \"binds_first\": ", bound ? lh_limit_name(ladder->rungs[0].limit) : NULL);
  put(&p, ",\n  \"rungs\": [");
  for (uint32_t i = 0; i < ladder->count; i++) {
    put_rung(&p, &ladder->rungs[i]);
    put(&p, "%s", i + 1 < ladder->count ? "," : "");
  }
  put(&p, "]");
  put_beside(&p, ladder);
  if (d->compared != NULL) put_changes(&p, d);
  put_facts(&p, &d->facts);
  if (d->probe != NULL && p.code == 0) p.code = lh_doctor_probe_json(d->probe, out);
  put(&p, "\n}\n");
  return p.code;
}

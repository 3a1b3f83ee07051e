#include "cli/check.h"
#include "cli/json.h"
#include "longhaul/run/care.h"

static double seconds(uint64_t ns) {
  return (double)ns / 1e9;
}

static void put_groups(struct lh_cli_json *j, const struct lh_check *p) {
  lh_cli_json_open(j, "groups", '[');
  for (size_t i = 0; i < p->config->group_count; i++) {
    const struct lh_group *group = &p->config->groups[i];
    struct lh_check_group g = lh_check_group(p, group);
    lh_cli_json_open(j, NULL, '{');
    lh_cli_json_text(j, "name", group->name);
    lh_cli_json_text(j, "kind", lh_kind_name(group->kind));
    lh_cli_json_text(j, "target", g.target);
    lh_cli_json_count(j, "clients", g.clients);
    lh_cli_json_number(j, "full_after_s", seconds(g.full_after_ns), 3);
    lh_cli_json_number(j, "messages_per_second", g.messages_per_second, 3);
    lh_cli_json_bool(j, "closed_loop", g.closed_loop);
    lh_cli_json_close(j, '}');
  }
  lh_cli_json_close(j, ']');
}

static void put_targets(struct lh_cli_json *j, const struct lh_config *config) {
  lh_cli_json_open(j, "targets", '[');
  for (uint32_t i = 0; i < config->target_count; i++) {
    char address[LH_ADDRESS_TEXT_MAX];
    if (!lh_care_is_used(config, i)) continue;
    lh_cli_json_open(j, NULL, '{');
    lh_cli_json_text(j, "name", config->targets[i].name);
    lh_cli_json_text(j, "host", config->targets[i].host);
    lh_cli_json_text(j, "authorization", lh_outlook_name(lh_care_outlook(config, i, address)));
    lh_cli_json_text(j, "public_address", address[0] != '\0' ? address : NULL);
    lh_cli_json_close(j, '}');
  }
  lh_cli_json_close(j, ']');
}

static void put_needs(struct lh_cli_json *j, const struct lh_check *p) {
  const struct lh_plan_needs *n = &p->fit.needs.plan;
  lh_cli_json_count(j, "clients", n->clients);
  lh_cli_json_count(j, "clients_wanted", n->wanted);
  lh_cli_json_count(j, "tls_clients", n->tls_clients);
  lh_cli_json_number(j, "connects_per_second", n->connects_per_second, 1);
  lh_cli_json_number(j, "messages_per_second", n->messages_per_second, 3);
  lh_cli_json_number(j, "payload_bytes_per_second", n->bytes_per_second_out, 0);
  lh_cli_json_number(j, "wire_bytes_per_second", p->fit.wire_bytes_per_second, 0);
  lh_cli_json_count(j, "workers", p->fit.workers);
  lh_cli_json_count(j, "cores", p->fit.cores);
  lh_cli_json_count(j, "descriptors_each", p->fit.descriptors_each);
  lh_cli_json_count(j, "descriptors_allowed", p->fit.descriptors);
  lh_cli_json_count(j, "memory_bytes", p->fit.memory_bytes);
  lh_cli_json_count(j, "memory_available_bytes", p->fit.memory_available_bytes);
  lh_cli_json_count(j, "run_file_bytes", p->fit.disk_bytes);
  lh_cli_json_count(j, "disk_free_bytes", p->host.disk_free_bytes);
}

static void put_paths(struct lh_cli_json *j, const struct lh_check *p) {
  lh_cli_json_open(j, "paths", '[');
  for (size_t i = 0; i < p->fit.needs.path_count; i++) {
    const struct lh_needs_path *path = &p->fit.needs.paths[i];
    lh_cli_json_open(j, NULL, '{');
    lh_cli_json_text(j, "host", path->host);
    lh_cli_json_count(j, "port", path->port);
    lh_cli_json_text(j, "source", path->source);
    lh_cli_json_count(j, "clients", path->clients);
    lh_cli_json_count(j, "ports", p->fit.ports);
    lh_cli_json_close(j, '}');
  }
  lh_cli_json_close(j, ']');
}

static void put_sentences(struct lh_cli_json *j, const char *name, const struct lh_strings *list) {
  lh_cli_json_open(j, name, '[');
  for (size_t i = 0; i < list->count; i++) lh_cli_json_text(j, NULL, list->items[i]);
  lh_cli_json_close(j, ']');
}

int lh_check_json(const struct lh_check *p, struct lh_buf *out) {
  struct lh_cli_json j = {.out = out};
  const struct lh_run_config *run = &p->config->run;
  lh_cli_json_open(&j, NULL, '{');
  lh_cli_json_bool(&j, "fits", p->fit.problems.count == 0);
  lh_cli_json_text(&j, "name", run->name);
  lh_cli_json_number(&j, "duration_s", seconds(run->duration_ns), 3);
  lh_cli_json_number(&j, "interval_s", seconds(run->interval_ns), 3);
  lh_cli_json_count(&j, "intervals", p->fit.intervals);
  lh_cli_json_count(&j, "shard", p->source->shard);
  lh_cli_json_count(&j, "shards", p->source->shards);
  put_groups(&j, p);
  put_targets(&j, p->config);
  put_needs(&j, p);
  put_paths(&j, p);
  put_sentences(&j, "warnings", &p->fit.warnings);
  put_sentences(&j, "problems", &p->fit.problems);
  lh_cli_json_close(&j, '}');
  return j.code;
}

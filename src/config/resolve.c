/* What follows from several keys together: names to numbers, `auto` to values, ramps to lines. What was worked out is also
 * written into the tree, so that the effective config shows it. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/units.h"

#include "metrics.h"
#include "nearest.h"
#include "row.h"
#include "rules.h"
#include "text.h"
#include "variables.h"

/* `key` below the scope is there, and what it says can be built on. */
static struct node *sound(const struct scope *scope, const char *key) {
  struct node *node = node_at(scope->node, key);
  return node && !node->bad ? node : NULL;
}

static char *copy_or_fail(struct load *load, const char *text) {
  char *copy = strdup(text);
  if (!copy) load->arena.out_of_memory = true;
  return copy;
}

/* ---- run ---- */
static char *name_from_path(struct load *load, const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *point = strrchr(base, '.');
  size_t len = point && point != base ? (size_t)(point - base) : strlen(base);
  if (len > LH_NAME_MAX - 1) len = LH_NAME_MAX - 1;
  char name[LH_NAME_MAX] = "";
  memcpy(name, base, len);
  for (char *at = name; *at; at++) {
    char one[2] = {*at, 0};
    if (text_file_name((char[]){'x', one[0], 0})) *at = '-';
  }
  return copy_or_fail(load, text_file_name(name) ? "longhaul" : name);
}

static void resolve_run(struct load *load) {
  struct lh_run_config *run = &load->config->run;
  struct node *node = node_child(load->root, "run");
  if (!node || node->kind != NODE_MAP) return;
  if (!run->name && !node_child(node, "name")) {
    run->name = name_from_path(load, load->config->path);
    if (run->name) node_set_text(load, node, "name", run->name);
  }
  struct node *interval = node_child(node, "interval");
  bool over_try = interval && is_try(load) && interval_over(run);
  if ((run->interval_ns && !over_try) || (interval && interval->bad)) return;
  const uint64_t hour_ns = 3600 * LH_NS_PER_S;
  uint64_t seconds = run->duration_ns <= hour_ns ? 1 : run->duration_ns <= 24 * hour_ns ? 10 : 60;
  run->interval_ns = seconds * LH_NS_PER_S;
  char text[32];
  lh_format_duration(run->interval_ns, text, sizeof text);
  if (over_try) warn_value(load, interval, "is longer than the run was made by --duration: intervals of %s are stored", text);
  node_set_text(load, node, "interval", text);
}

/* ---- groups ---- */
static const char *target_names(struct load *load) {
  enum { NAMES_SHOWN = 10 };
  const char *list = "";
  for (size_t i = 0; i < load->config->target_count && i <= NAMES_SHOWN; i++) {
    const char *name = i < NAMES_SHOWN ? load->config->targets[i].name : "...";
    const char *more = arena_format(&load->arena, "%s%s%s", list, *list ? ", " : "", name);
    if (more) list = more;
  }
  return *list ? list : "a target to be described under targets";
}

uint32_t target_by_name(struct load *load, struct node *node) {
  const struct lh_config *config = load->config;
  struct nearest nearest = {0};
  for (size_t i = 0; i < config->target_count; i++) {
    if (!config->targets[i].name) continue;
    if (strcmp(config->targets[i].name, node->text) == 0) return (uint32_t)i;
    nearest_try(&nearest, node->text, config->targets[i].name);
  }
  if (nearest.word)
    report_value(load, node, "no target is called %s; did you mean %s?", quoted(load, node), nearest.word);
  else
    report_value(load, node, "no target is called %s; expected %s", quoted(load, node), target_names(load));
  return LH_NO_TARGET;
}

/* Schemes that a kind can talk. */
static bool scheme_fits(enum lh_kind_id kind, enum lh_scheme scheme) {
  switch (kind) {
  case LH_KIND_WEBSOCKET: return scheme == LH_SCHEME_WS || scheme == LH_SCHEME_WSS;
  case LH_KIND_HTTP:
  case LH_KIND_SSE:
  case LH_KIND_STREAM: return scheme == LH_SCHEME_HTTP || scheme == LH_SCHEME_HTTPS;
  case LH_KIND_TCP: return scheme == LH_SCHEME_TCP || scheme == LH_SCHEME_TLS;
  default: return true;
  }
}

static const char *schemes_of(enum lh_kind_id kind) {
  if (kind == LH_KIND_WEBSOCKET) return "ws:// or wss://";
  return kind == LH_KIND_TCP ? "tcp:// or tls://" : "http:// or https://";
}

static void resolve_target(struct load *load, const struct scope *scope) {
  struct lh_group *group = scope->base;
  struct node *written = node_child(scope->node, "target"), *targets = node_child(load->root, "targets");
  group->target = LH_NO_TARGET;
  if (!sound(scope, "kind") || group->kind == LH_KIND_NULL) return;
  if (written && written->bad) return;
  if (targets && (targets->bad || targets->kind != NODE_MAP)) return; /* said already */
  if (written) {
    group->target = target_by_name(load, written);
  } else if (load->config->target_count == 1) {
    group->target = 0;
    if (load->config->targets[0].name) node_set_text(load, scope->node, "target", load->config->targets[0].name);
  } else {
    report_child(load, scope->node, "target", "missing; expected %s", target_names(load));
  }
  if (group->target == LH_NO_TARGET) return;
  struct lh_target *target = &load->config->targets[group->target];
  if (!node_child(scope->node, "redirects") && group->kind != LH_KIND_TCP) group->redirects = target->redirects;
  if (group->redirects) target->may_turn_tls = true;
  if (!target->host || scheme_fits(group->kind, target->scheme)) return;
  report_value(load, sound(scope, written ? "target" : "kind"), "the URL of target %s is %s://; kind %s expects %s",
               target->name, lh_scheme_name(target->scheme), lh_kind_name(group->kind), schemes_of(group->kind));
}

static void set_line(struct load *load, struct lh_group *group, size_t count, struct lh_stage_point last) {
  group->ramp.points = calloc(2, sizeof *group->ramp.points);
  if (!group->ramp.points) {
    load->arena.out_of_memory = true;
    return;
  }
  group->ramp.points[count - 1] = last;
  group->ramp.count = count;
}

/* A line that does not begin at 0s begins there with no clients. */
static void begin_stages_at_zero(struct load *load, struct lh_group *group) {
  struct lh_ramp *ramp = &group->ramp;
  if (ramp->points[0].at_ns > 0) {
    struct lh_stage_point *points = calloc(ramp->count + 1, sizeof *points);
    if (!points) {
      load->arena.out_of_memory = true;
      return;
    }
    memcpy(points + 1, ramp->points, ramp->count * sizeof *points);
    free(ramp->points);
    ramp->points = points;
    ramp->count++;
  }
  for (size_t i = 0; i < ramp->count; i++)
    if (ramp->points[i].connections > group->connections) group->connections = ramp->points[i].connections;
}

static void resolve_ramp(struct load *load, const struct scope *scope) {
  struct lh_group *group = scope->base;
  struct node *over = sound(scope, "ramp.over"), *rate = sound(scope, "ramp.rate");
  if (group->ramp.count) {
    group->is_staged = true;
    begin_stages_at_zero(load, group);
    if (!node_child(scope->node, "connections")) {
      char text[16];
      snprintf(text, sizeof text, "%u", group->connections);
      node_set_text(load, scope->node, "connections", text);
    }
    return;
  }
  struct lh_stage_point last = {.connections = group->connections};
  double per_second;
  if (over && lh_parse_duration(over->text, &last.at_ns) == 0)
    set_line(load, group, 2, last);
  else if (rate && lh_parse_rate(rate->text, &per_second) == 0 && per_second > 0) {
    last.at_ns = (uint64_t)llround(group->connections / per_second * (double)LH_NS_PER_S);
    set_line(load, group, 2, last);
  } else {
    set_line(load, group, 1, last);
  }
}

/* ---- pushed messages ---- */
static enum lh_locator_kind locator_kind(const struct scope *scope, const char *map, const struct lh_locator *locator) {
  const struct node *node = node_at(scope->node, map);
  if (!node || node->kind != NODE_MAP) return LH_LOCATOR_NONE;
  if (node_child(node, "offset")) return LH_LOCATOR_BYTES;
  if (!locator->field) return LH_LOCATOR_TEXT;
  return strcmp(locator->field, "id") == 0 ? LH_LOCATOR_ID : LH_LOCATOR_POINTER;
}

/* The text as reports may show it. Borrowed from the tree. */
static char *shown_text(const struct scope *scope, const char *key) {
  const struct node *node = node_at(scope->node, key);
  return node && node->kind == NODE_SCALAR ? (char *)(uintptr_t)node->masked : NULL;
}

static void resolve_incoming(struct load *load, const struct scope *scope) {
  struct lh_incoming_config *incoming = &((struct lh_group *)scope->base)->incoming;
  if (!incoming->enabled) return;
  incoming->sequence.kind = locator_kind(scope, "incoming.sequence", &incoming->sequence);
  incoming->timestamp.kind = locator_kind(scope, "incoming.timestamp", &incoming->timestamp);
  struct lh_incoming_config shown = *incoming;
  shown.sequence.field = shown_text(scope, "incoming.sequence.field");
  shown.sequence.regex = shown_text(scope, "incoming.sequence.regex");
  shown.timestamp.field = shown_text(scope, "incoming.timestamp.field");
  shown.timestamp.regex = shown_text(scope, "incoming.timestamp.regex");
  char words[INCOMING_WORDS_MAX];
  incoming_words(&shown, words);
  incoming->words = copy_or_fail(load, words);
}

/* ---- messages ---- */
static bool carries_token(const struct lh_message *message) {
  if (message->source == LH_PAYLOAD_SIZE) return true; /* room for it: a rule */
  bool is_template = message->source == LH_PAYLOAD_TEXT || message->source == LH_PAYLOAD_HEX || (message->source == LH_PAYLOAD_FILE && !message->binary);
  return is_template && variables_has(message->payload, message->payload_len, "token");
}

static void resolve_payload(struct load *load, const struct scope *scope) {
  struct lh_message *message = scope->base;
  struct node *frame = sound(scope, "frame"), *file = sound(scope, "file");
  if (!message->payload) message->source = sound(scope, "size") ? LH_PAYLOAD_SIZE : LH_PAYLOAD_NONE;
  bool is_text = message->source == LH_PAYLOAD_TEXT || message->source == LH_PAYLOAD_SIZE ||
                 (message->source == LH_PAYLOAD_FILE && text_is_utf8(message->payload, message->payload_len));
  bool is_auto = !frame || strcmp(frame->text, "auto") == 0;
  message->binary = is_auto ? !is_text : strcmp(frame->text, "binary") == 0;
  if (frame && !message->binary && !is_text && message->source != LH_PAYLOAD_NONE)
    report_value(load, frame, "the payload is not known to be UTF-8 text, which a text frame must be; expected binary");
  if (file && message->source == LH_PAYLOAD_FILE && !message->binary)
    variables_check_bytes(load, file, message->payload, message->payload_len);
  if (is_auto && message->source != LH_PAYLOAD_NONE)
    node_set_text(load, scope->node, "frame", message->binary ? "binary" : "text");
}

static enum lh_match match_from_other_keys(const struct lh_message *message) {
  const char *contains = message->reply.contains;
  if (message->reply.pointer) return LH_MATCH_POINTER;
  if (contains) return variables_has(contains, strlen(contains), "token") ? LH_MATCH_TOKEN : LH_MATCH_NONE;
  return carries_token(message) ? LH_MATCH_TOKEN : LH_MATCH_NONE;
}

/* Every request has a response, which is known by its order; one that does not come leaves its connection of no use. */
static void resolve_response(const struct scope *scope) {
  const struct lh_group *group = scope->parent->base;
  struct lh_reply_config *reply = &((struct lh_message *)scope->base)->reply;
  reply->match = LH_MATCH_ORDER;
  reply->end_when_lost = true;
  if (!reply->status[0]) reply->status[0] = 2;
  if (!reply->lost_after_ns) {
    reply->lost_after_ns = group->request_timeout_ns;
    bool is_shorter = reply->lost_after_ns && reply->lost_after_ns < reply->within_ns;
    if (is_shorter && !node_at(scope->node, "reply.within")) reply->within_ns = reply->lost_after_ns;
  }
  if (reply->lost_after_ns) return;
  uint64_t twice = 2 * reply->within_ns, minute = 60 * LH_NS_PER_S;
  reply->lost_after_ns = twice > minute ? twice : minute;
}

static void resolve_reply(struct load *load, const struct scope *scope) {
  struct lh_message *message = scope->base;
  struct node *reply = sound(scope, "reply"), *match = node_at(scope->node, "reply.match");
  if (!reply || reply->kind != NODE_MAP) return;
  if (!message->reply.lost_after_ns) {
    uint64_t twice = 2 * message->reply.within_ns, minute = 60 * LH_NS_PER_S;
    message->reply.lost_after_ns = twice > minute ? twice : minute;
    char text[32];
    struct node *lost_after = node_child(reply, "lost_after");
    if (!lost_after || !lost_after->bad)
      node_set_text(load, reply, "lost_after", lh_format_duration(message->reply.lost_after_ns, text, sizeof text));
  }
  bool is_auto = !match || (!match->bad && strcmp(match->text, "auto") == 0);
  if (!is_auto || message->source == LH_PAYLOAD_NONE) return;
  message->reply.match = match_from_other_keys(message);
  static const char *const names[] = {"auto", "token", "order", "pointer", "echo"};
  if (message->reply.match != LH_MATCH_NONE)
    node_set_text(load, reply, "match", names[message->reply.match]);
  else if (message->reply.contains)
    report_child(load, reply, "match",
                 "missing, since contains has no ${token} to tell replies apart; expected match: order, "
                 "or ${token} in contains");
  else
    report_child(load, reply, "match",
                 "missing, since the payload carries no ${token}; expected match: order, or ${token} in "
                 "the payload");
}

static void resolve_message(struct load *load, const struct scope *scope) {
  struct lh_message *message = scope->base;
  if (!message->name && !node_child(scope->node, "name") && scope->node->kind == NODE_MAP) {
    char name[32];
    snprintf(name, sizeof name, "message%u", scope->node->index + 1);
    message->name = copy_or_fail(load, name);
    node_set_text(load, scope->node, "name", name);
  }
  bool sound_payload = true;
  static const char *const payloads[] = {"text", "binary", "hex", "file", "size", "frame"};
  for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
    const struct node *node = node_child(scope->node, payloads[i]);
    sound_payload = sound_payload && (!node || !node->bad);
  }
  if (!sound_payload) return;
  resolve_payload(load, scope);
  if (((const struct lh_group *)scope->parent->base)->kind == LH_KIND_HTTP)
    resolve_response(scope);
  else
    resolve_reply(load, scope);
}

/* ---- planned disturbances ---- */
static void resolve_action_group(struct load *load, struct lh_action *action, struct node *written) {
  struct nearest nearest = {0};
  const struct lh_config *config = load->config;
  for (uint32_t g = 0; g < config->group_count; g++) {
    if (!config->groups[g].name) continue;
    if (strcmp(config->groups[g].name, written->text) == 0) {
      action->group = g;
      return;
    }
    nearest_try(&nearest, written->text, config->groups[g].name);
  }
  if (config->group_count)
    report_value(load, written, "no group is called %s; expected %s", quoted(load, written),
                 nearest.word ? nearest.word : "the name of a group");
}

static void resolve_action(struct load *load, const struct scope *scope) {
  struct lh_action *action = scope->base;
  struct node *group = sound(scope, "group"), *drop = sound(scope, "drop");
  action->group = LH_ALL_GROUPS;
  if (group && group->kind == NODE_SCALAR) resolve_action_group(load, action, group);
  action->kind = node_child(scope->node, "pause")   ? LH_ACTION_PAUSE
                 : node_child(scope->node, "close") ? LH_ACTION_CLOSE
                                                    : LH_ACTION_DROP;
  if (drop && action->kind == LH_ACTION_DROP && (drop->kind != NODE_SCALAR || lh_parse_share(drop->text, &action->share)))
    report_value(load, drop, "%s is not a share; expected a percentage such as 20%%, or a fraction from 0 to 1",
                 quoted(load, drop));
}

/* ---- objectives ---- */
/* The metric without its group, when the first part names a group. */
static const char *without_group(const struct lh_config *config, const char *metric) {
  const char *point = strchr(metric, '.');
  if (!point || metric_unit_of(metric) != METRIC_UNKNOWN) return metric;
  for (size_t i = 0; i < config->group_count; i++) {
    const char *name = config->groups[i].name;
    if (name && strlen(name) == (size_t)(point - metric) && strncmp(name, metric, strlen(name)) == 0) return point + 1;
  }
  return metric;
}

static void report_metric(struct load *load, struct node *node, const char *metric) {
  char near[64];
  const char *point = strchr(metric, '.'), *rest = point ? point + 1 : metric;
  struct nearest group = {0};
  if (point && metric_unit_of(rest) != METRIC_UNKNOWN) { /* a good metric of a group that does not exist */
    char *written = arena_copy(&load->arena, metric, (size_t)(point - metric));
    for (size_t i = 0; written && i < load->config->group_count; i++)
      if (load->config->groups[i].name) nearest_try(&group, written, load->config->groups[i].name);
    report_value(load, node, "no group is called %s; expected %s%s%s", quoted_text(load, written ? written : ""),
                 group.word ? group.word : "GROUP.METRIC with the name of a group", group.word ? "." : "",
                 group.word ? rest : "");
    return;
  }
  const char *known = without_group(load->config, metric);
  if (metric_nearest(known, near, sizeof near))
    report_value(load, node, "%s is not a known metric; did you mean %.*s%s?", quoted(load, node), (int)(known - metric),
                 metric, near);
  else
    report_value(load, node,
                 "%s is not a known metric; expected availability, drops_per_client_hour, a counter such as drops, "
                 "or HISTOGRAM.STATISTIC such as response.p99, with GROUP. before it for one group",
                 quoted(load, node));
}

static void set_threshold(struct load *load, struct lh_slo_config *slo, struct node *node, enum metric_unit unit) {
  uint64_t ns = 0;
  double real = 0;
  char per_second[64];
  int failed;
  const char *expected = "a number";
  if (unit == METRIC_LATENCY) {
    failed = lh_parse_duration(node->text, &ns);
    real = (double)ns / (double)LH_NS_PER_US;
    expected = "a duration such as 250ms, since the metric is one";
  } else if (unit == METRIC_SHARE) {
    failed = lh_parse_share(node->text, &real);
    expected = "a share such as 99.9% or 0.999, since the metric is one";
  } else if (unit == METRIC_PERCENT) {
    failed = strchr(node->text, '%') ? lh_parse_share(node->text, &real) : -EINVAL;
    expected = "a percentage with its sign, such as 0.1%, since the metric is one";
  } else {
    snprintf(per_second, sizeof per_second, "%.60s/s", node->text); /* a bare number is a rate without its unit */
    failed = lh_parse_rate(per_second, &real);
    expected = "a number without a unit, since the metric is one";
  }
  if (failed) {
    report_value(load, node, "%s is not a threshold here; expected %s", quoted(load, node), expected);
    return;
  }
  slo->threshold = real;
  slo->threshold_text = copy_or_fail(load, node->text);
}

static void resolve_slo(struct load *load, const struct scope *scope) {
  struct lh_slo_config *slo = scope->base;
  struct node *metric = sound(scope, "metric"), *below = sound(scope, "below"), *above = sound(scope, "above");
  slo->is_below = below != NULL;
  if (!metric || !slo->metric) return;
  enum metric_unit unit = metric_unit_of(without_group(load->config, slo->metric));
  if (unit == METRIC_UNKNOWN)
    report_metric(load, metric, slo->metric);
  else if ((below != NULL) != (above != NULL))
    set_threshold(load, slo, below ? below : above, unit);
}

void resolve_config(struct load *load) {
  resolve_run(load);
  for (struct scope *scope = load->scopes; scope; scope = scope->next) {
    if (!scope->row || scope->node->kind != NODE_MAP) continue;
    if (strcmp(scope->row->key, "groups.*") == 0) {
      resolve_target(load, scope);
      resolve_ramp(load, scope);
      resolve_data(load, scope);
      resolve_incoming(load, scope);
    } else if (strcmp(scope->row->key, "groups.*.messages[]") == 0) {
      resolve_message(load, scope);
    } else if (strcmp(scope->row->key, "actions[]") == 0) {
      resolve_action(load, scope);
    } else if (strcmp(scope->row->key, "slo[]") == 0) {
      resolve_slo(load, scope);
    }
  }
  for (struct scope *scope = load->scopes; scope; scope = scope->next) /* last: it adds targets */
    if (scope->row && scope->node->kind == NODE_MAP && strcmp(scope->row->key, "groups.*") == 0) resolve_login(load, scope);
}

#include "rules.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "longhaul/base/clock.h"
#include "longhaul/config/reach.h"

#include "row.h"
#include "variables.h"

enum { TOKEN_BYTES = 26 }; /* LH_TOKEN_LEN of the plan room */

static bool given(const struct scope *scope, const char *key) {
  return node_at(scope->node, key) != NULL;
}

static unsigned count_given(const struct scope *scope, const char *const *keys, size_t count) {
  unsigned n = 0;
  for (size_t i = 0; i < count; i++) n += given(scope, keys[i]);
  return n;
}

/* ---- run ---- */
bool is_try(const struct load *load) {
  const struct node *duration = node_at(load->root, "run.duration");
  return duration && duration->setting;
}
bool interval_over(const struct lh_run_config *run) {
  return run->duration_ns && run->interval_ns > run->duration_ns && run->interval_ns > LH_NS_PER_S;
}
static bool warmup_over(const struct load *load) {
  const struct lh_run_config *run = &load->config->run;
  return run->duration_ns && run->warmup_ns >= run->duration_ns;
}
static bool warmup_too_long(const struct load *load, const struct scope *scope) {
  (void)scope;
  return !is_try(load) && warmup_over(load);
}
static bool warmup_over_try(const struct load *load, const struct scope *scope) {
  (void)scope;
  return is_try(load) && load->config->slo_count > 0 && warmup_over(load);
}
static bool interval_uneven(const struct load *load, const struct scope *scope) {
  (void)scope;
  return load->config->run.interval_ns % LH_NS_PER_S != 0;
}
static bool interval_too_long(const struct load *load, const struct scope *scope) {
  (void)scope;
  return interval_over(&load->config->run);
}

/* ---- targets ---- */
static bool cert_alone(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "tls.cert") && !given(scope, "tls.key");
}
static bool key_alone(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "tls.key") && !given(scope, "tls.cert");
}
static bool ca_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_target *target = scope->base;
  return target->tls.ca && !target->tls.verify;
}
static bool address_of_other_family(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_target *target = scope->base;
  for (size_t i = 0; i < target->addresses.count && target->family != LH_FAMILY_ANY; i++)
    if ((strchr(target->addresses.items[i], ':') != NULL) != (target->family == LH_FAMILY_6)) return true;
  return false;
}
static bool url_denied(const struct load *load, const struct scope *scope) {
  const struct lh_target *target = scope->base;
  return target->host && lh_deny_host(&load->config->deny, target->host);
}
static bool address_denied(const struct load *load, const struct scope *scope) {
  const struct lh_target *target = scope->base;
  for (size_t i = 0; i < target->addresses.count; i++)
    if (lh_deny_host(&load->config->deny, target->addresses.items[i])) return true;
  return false;
}
static bool socket_with_proxy(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_target *target = scope->base;
  return target->unix_path && target->proxy.host;
}
static bool socket_twice(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct node *url = node_at(scope->node, "url");
  return given(scope, "unix") && url && url->text && strcasestr(url->text, "+unix:");
}
static bool addresses_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_target *target = scope->base;
  return target->addresses.count && (target->unix_path || target->proxy.host);
}
static bool target_unused(const struct load *load, const struct scope *scope) {
  size_t number = (size_t)((const struct lh_target *)scope->base - load->config->targets);
  for (size_t i = 0; i < load->config->group_count; i++) {
    const struct lh_group *group = &load->config->groups[i];
    bool is_unclear = group->target == LH_NO_TARGET && group->kind != LH_KIND_NULL; /* was reported */
    if (group->target == number || group->login.target == number || is_unclear) return false;
  }
  return load->config->group_count > 0; /* without groups that is what was reported */
}

/* ---- groups ---- */
static bool connections_missing(const struct load *load, const struct scope *scope) {
  (void)load;
  return !given(scope, "connections") && !given(scope, "ramp.stages");
}
static bool ramp_unclear(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const ways[] = {"ramp.over", "ramp.rate", "ramp.stages"};
  return given(scope, "ramp") && count_given(scope, ways, 3) != 1;
}
static bool stages_fall_back(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_ramp *ramp = &((const struct lh_group *)scope->base)->ramp;
  for (size_t i = 1; i < ramp->count; i++)
    if (ramp->points[i].at_ns < ramp->points[i - 1].at_ns) return true;
  return false;
}
static bool stages_want_nobody(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_group *group = scope->base;
  return given(scope, "ramp.stages") && group->ramp.count && !given(scope, "connections") && group->connections == 0;
}
static bool stages_below_connections(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_group *group = scope->base;
  for (size_t i = 0; i < group->ramp.count; i++)
    if (group->ramp.points[i].connections >= group->connections) return false;
  return given(scope, "ramp.stages");
}
static bool ramp_outlasts_run(const struct load *load, const struct scope *scope) {
  const struct lh_ramp *ramp = &((const struct lh_group *)scope->base)->ramp;
  uint64_t duration_ns = load->config->run.duration_ns;
  return duration_ns && ramp->count && ramp->points[ramp->count - 1].at_ns > duration_ns;
}
static bool lifetime_jitter_alone(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_group *group = scope->base;
  return group->lifetime_jitter > 0 && !group->lifetime_ns;
}
static bool ping_timeout_long(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_group *group = scope->base;
  return given(scope, "ping.timeout") && group->ping.timeout_ns > group->ping.every_ns;
}
static bool backoff_falls(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_group *group = scope->base;
  return group->reconnect.max_ns < group->reconnect.first_ns;
}
static bool sources_of_socket(const struct load *load, const struct scope *scope) {
  const struct lh_group *group = scope->base;
  return group->target != LH_NO_TARGET && group->source_addresses.count && load->config->targets[group->target].unix_path;
}
static bool too_many_headers(const struct load *load, const struct scope *scope) {
  const struct lh_group *group = scope->base;
  return group->target != LH_NO_TARGET &&
         group->headers.count + load->config->targets[group->target].headers.count > LH_HEADERS_MAX;
}

/* ---- logins ---- */
static const struct lh_login_config *login_of(const struct scope *scope) {
  return &((const struct lh_group *)scope->base)->login;
}
static bool login_unclear(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const ways[] = {"login.url", "login.get", "login.post"};
  return given(scope, "login") && count_given(scope, ways, 3) != 1;
}
static bool login_target_twice(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "login.url") && given(scope, "login.target");
}
static bool login_url_denied(const struct load *load, const struct scope *scope) {
  const struct lh_login_config *login = login_of(scope);
  const struct lh_target *target = login->own_target                                                       ? login->own_target
                                   : login->has_url && login->target < load->config->target_count ? &load->config->targets[login->target]
                                                                                                  : NULL;
  return target && target->host && lh_deny_host(&load->config->deny, target->host);
}
static bool login_authorized_alone(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "login.authorized") && !given(scope, "login.url");
}
static bool login_without_target(const struct load *load, const struct scope *scope) {
  (void)load;
  return login_of(scope)->enabled && ((const struct lh_group *)scope->base)->kind == LH_KIND_NULL;
}
static bool login_body_twice(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "login.text") && given(scope, "login.file");
}
static bool login_backoff_falls(const struct load *load, const struct scope *scope) {
  (void)load;
  return login_of(scope)->enabled && login_of(scope)->retry.max_ns < login_of(scope)->retry.first_ns;
}
static bool extract_unclear(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const ways[] = {"json", "header", "cookie"};
  return count_given(scope, ways, 3) != 1;
}
/* The value of the last header of that name, or NULL. */
static const char *header_of(const struct lh_headers *headers, const char *name) {
  for (size_t i = headers->count; i-- > 0;)
    if (headers->items[i].name && headers->items[i].value && strcasecmp(headers->items[i].name, name) == 0) return headers->items[i].value;
  return NULL;
}
static bool names_cookie(const struct lh_headers *headers) {
  return header_of(headers, "Cookie") != NULL;
}
static bool names_own_cookie(const struct load *load, const struct lh_group *group) {
  bool named = names_cookie(&group->headers) ||
               (group->target < load->config->target_count && names_cookie(&load->config->targets[group->target].headers));
  for (size_t i = 0; i < group->message_count; i++) named |= names_cookie(&group->messages[i].headers);
  return named;
}
/* Either key sets both: the one that is written is told of. */
static bool cookies_twice(const struct load *load, const struct scope *scope) {
  const struct lh_group *group = scope->base;
  return group->keeps_cookies && node_child(scope->node, "cookies") && names_own_cookie(load, group);
}
static bool login_cookies_twice(const struct load *load, const struct scope *scope) {
  const struct lh_group *group = scope->base;
  const struct node *login = node_child(scope->node, "login");
  return group->login.enabled && group->login.keeps_cookies && login && node_child(login, "cookies") && names_own_cookie(load, group);
}

/* ---- messages ---- */
static const struct lh_message *message_of(const struct scope *scope) {
  return scope->base;
}
static bool same_name_before(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_message *message = scope->base;
  const struct lh_group *group = scope->parent->base;
  for (const struct lh_message *other = group->messages; other != message; other++)
    if (other->name && message->name && strcmp(other->name, message->name) == 0) return true;
  return false;
}
static enum lh_kind_id kind_around(const struct scope *scope) {
  return ((const struct lh_group *)scope->parent->base)->kind;
}
/* Bodies are read as they come: what is asked to be packed holds none of the texts that are looked for. */
static bool checks_packed_body(const struct load *load, const struct scope *scope) {
  const struct lh_message *message = scope->base;
  const struct lh_group *group = scope->parent->base;
  const struct lh_reply_config *reply = &message->reply;
  if (group->kind != LH_KIND_HTTP || !(reply->contains || reply->matches || reply->pointer)) return false;
  const char *accepts = header_of(&message->headers, "Accept-Encoding");
  if (!accepts) accepts = header_of(&group->headers, "Accept-Encoding");
  if (!accepts && group->target < load->config->target_count)
    accepts = header_of(&load->config->targets[group->target].headers, "Accept-Encoding");
  return accepts && *accepts && strcasecmp(accepts, "identity") != 0;
}
static bool payload_unclear(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const payloads[] = {"text", "binary", "hex", "file", "size"};
  unsigned count = count_given(scope, payloads, 5);
  return kind_around(scope) == LH_KIND_HTTP ? count > 1 : count != 1;
}
static bool request_unclear(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const methods[] = {"get", "post", "put", "patch", "delete", "head", "options"};
  unsigned count = count_given(scope, methods, 7);
  return kind_around(scope) == LH_KIND_HTTP ? count != 1 : count > 0;
}
static bool request_key_alone(const struct scope *scope, const char *key) {
  return kind_around(scope) != LH_KIND_HTTP && given(scope, key);
}
static bool headers_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  return request_key_alone(scope, "headers");
}
static bool status_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  return request_key_alone(scope, "reply.status");
}
static bool matches_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  return request_key_alone(scope, "reply.matches");
}
static bool equals_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "reply.equals") && (kind_around(scope) != LH_KIND_HTTP || !given(scope, "reply.pointer"));
}
static bool body_max_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  return request_key_alone(scope, "reply.body_max");
}
static bool match_not_order(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct node *match = node_at(scope->node, "reply.match");
  return kind_around(scope) == LH_KIND_HTTP && match && strcmp(match->text, "order") != 0 && strcmp(match->text, "auto") != 0;
}
static bool sends_nothing(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_group *group = scope->base;
  return (group->kind == LH_KIND_SSE || group->kind == LH_KIND_STREAM) && group->message_count > 0;
}
static bool every_missing(const struct load *load, const struct scope *scope) {
  (void)load;
  return !given(scope, "every") && message_of(scope)->after == LH_AFTER_RUN;
}
static bool every_with_reply(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "every") && message_of(scope)->after == LH_AFTER_REPLY;
}
static bool reply_missing(const struct load *load, const struct scope *scope) {
  (void)load;
  return message_of(scope)->after == LH_AFTER_REPLY && !given(scope, "reply") && kind_around(scope) != LH_KIND_HTTP;
}
static bool delay_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  return message_of(scope)->delay_ns && message_of(scope)->after == LH_AFTER_RUN;
}
static bool when_missing(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const ways[] = {"when.equals", "when.begins", "when.contains", "when.pointer", "when.hex"};
  return message_of(scope)->after == LH_AFTER_INCOMING && count_given(scope, ways, 5) == 0;
}
static bool when_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "when") && message_of(scope)->after != LH_AFTER_INCOMING;
}
static bool incoming_unheard(const struct load *load, const struct scope *scope) {
  (void)load;
  return message_of(scope)->after == LH_AFTER_INCOMING && kind_around(scope) == LH_KIND_HTTP;
}
static bool jitter_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  return message_of(scope)->jitter > 0 && !message_of(scope)->every_ns;
}
static bool phase_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  return message_of(scope)->phase == LH_PHASE_TOGETHER && message_of(scope)->after != LH_AFTER_RUN;
}
static bool until_before_from(const struct load *load, const struct scope *scope) {
  (void)load;
  return message_of(scope)->until_ns <= message_of(scope)->from_ns;
}
static bool from_after_run(const struct load *load, const struct scope *scope) {
  uint64_t duration_ns = load->config->run.duration_ns;
  return duration_ns && message_of(scope)->from_ns >= duration_ns;
}
static bool every_outlasts_run(const struct load *load, const struct scope *scope) {
  uint64_t duration_ns = load->config->run.duration_ns;
  return duration_ns && message_of(scope)->after == LH_AFTER_RUN && message_of(scope)->every_ns > duration_ns;
}
static bool lost_before_late(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_reply_config *reply = &message_of(scope)->reply;
  return reply->lost_after_ns && reply->lost_after_ns < reply->within_ns;
}
static bool pointer_missing(const struct load *load, const struct scope *scope) {
  (void)load;
  return message_of(scope)->reply.match == LH_MATCH_POINTER && !given(scope, "reply.pointer");
}
static bool pointer_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "reply.pointer") && message_of(scope)->reply.match != LH_MATCH_POINTER && kind_around(scope) != LH_KIND_HTTP;
}
static bool needs_token(const struct lh_message *message) {
  enum lh_match match = message->reply.match;
  return match == LH_MATCH_TOKEN || match == LH_MATCH_POINTER;
}
static bool token_missing(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_message *message = scope->base;
  if (!needs_token(message)) return false;
  if (message->source == LH_PAYLOAD_BINARY || (message->source == LH_PAYLOAD_FILE && message->binary)) return true;
  return message->payload && !variables_has(message->payload, message->payload_len, "token");
}
static bool size_below_token(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_message *message = scope->base;
  return message->source == LH_PAYLOAD_SIZE && needs_token(message) && message->payload_len < TOKEN_BYTES;
}

/* ---- pushed messages ---- */
static bool checks_nothing(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const checks[] = {"incoming.sequence", "incoming.gap_max", "incoming.timestamp"};
  return given(scope, "incoming") && count_given(scope, checks, 3) == 0;
}
static bool locator_unclear(const struct scope *scope, const char *map, const char *const keys[3]) {
  bool field = given(scope, keys[0]), regex = given(scope, keys[1]), offset = given(scope, keys[2]);
  return given(scope, map) && offset == (field || regex);
}
static bool sequence_unclear(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const keys[] = {"incoming.sequence.field", "incoming.sequence.regex", "incoming.sequence.offset"};
  return locator_unclear(scope, "incoming.sequence", keys);
}
static bool timestamp_unclear(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const keys[] = {"incoming.timestamp.field", "incoming.timestamp.regex", "incoming.timestamp.offset"};
  return locator_unclear(scope, "incoming.timestamp", keys);
}
static bool id_without_events(const struct scope *scope, const struct lh_locator *locator) {
  return ((const struct lh_group *)scope->base)->kind != LH_KIND_SSE && locator->field && strcmp(locator->field, "id") == 0;
}
static bool sequence_id_without_events(const struct load *load, const struct scope *scope) {
  (void)load;
  return id_without_events(scope, &((const struct lh_group *)scope->base)->incoming.sequence);
}
static bool timestamp_id_without_events(const struct load *load, const struct scope *scope) {
  (void)load;
  return id_without_events(scope, &((const struct lh_group *)scope->base)->incoming.timestamp);
}
static bool sequence_bytes_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const keys[] = {"incoming.sequence.width", "incoming.sequence.endian"};
  return count_given(scope, keys, 2) > 0 && !given(scope, "incoming.sequence.offset");
}
static bool timestamp_bytes_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const keys[] = {"incoming.timestamp.width", "incoming.timestamp.endian"};
  return count_given(scope, keys, 2) > 0 && !given(scope, "incoming.timestamp.offset");
}
static bool rfc3339_in_bytes(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "incoming.timestamp.offset") && ((const struct lh_group *)scope->base)->incoming.unit == LH_PUSH_RFC3339;
}
static bool scope_unused(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "incoming.scope") && !given(scope, "incoming.sequence");
}

/* ---- planned disturbances ---- */
static bool action_unclear(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const kinds[] = {"drop", "close", "pause"};
  return count_given(scope, kinds, 3) != 1;
}
static bool share_twice(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "drop") && given(scope, "clients");
}
static bool code_not_ours(const struct load *load, const struct scope *scope) {
  (void)load;
  uint16_t code = ((const struct lh_action *)scope->base)->close_code;
  return given(scope, "close") && ((code >= 1004 && code <= 1006) || code == 1015);
}
static bool pause_too_long(const struct load *load, const struct scope *scope) {
  (void)load;
  const struct lh_action *action = scope->base;
  return action->every_ns && action->pause_ns >= action->every_ns;
}
static bool action_after_run(const struct load *load, const struct scope *scope) {
  uint64_t duration_ns = load->config->run.duration_ns;
  return duration_ns && ((const struct lh_action *)scope->base)->at_ns >= duration_ns;
}

/* ---- the server ---- */
static bool watched_twice(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const ways[] = {"watch.pid", "watch.name", "watch.cgroup"};
  return count_given(scope, ways, 3) > 1;
}
static bool metrics_unnamed(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "watch.metrics") != given(scope, "watch.names");
}
static bool metrics_denied(const struct load *load, const struct scope *scope) {
  (void)scope;
  const struct lh_target *metrics = &load->config->watch.metrics;
  return metrics->host && lh_deny_host(&load->config->deny, metrics->host);
}
static bool processes_unnamed(const struct load *load, const struct scope *scope) {
  (void)load;
  static const char *const ways[] = {"watch.pid", "watch.name", "watch.cgroup"};
  static const char *const maxima[] = {"watch.descriptors_max", "watch.memory_max", "watch.threads_max"};
  return count_given(scope, maxima, 3) > 0 && count_given(scope, ways, 3) == 0;
}

/* ---- objectives ---- */
static bool direction_unclear(const struct load *load, const struct scope *scope) {
  (void)load;
  return given(scope, "below") == given(scope, "above");
}
static bool window_over(const struct load *load, const struct scope *scope) {
  const struct lh_slo_config *slo = scope->base;
  return load->config->run.duration_ns && slo->for_ns > load->config->run.duration_ns;
}
static bool window_too_long(const struct load *load, const struct scope *scope) {
  return !is_try(load) && window_over(load, scope);
}
static bool window_over_try(const struct load *load, const struct scope *scope) {
  return is_try(load) && window_over(load, scope);
}
static bool grace_over(const struct load *load, const struct scope *scope) {
  const struct lh_slo_config *slo = scope->base;
  return load->config->run.duration_ns && slo->after_ns >= load->config->run.duration_ns;
}
static bool grace_too_long(const struct load *load, const struct scope *scope) {
  return !is_try(load) && grace_over(load, scope);
}
static bool grace_over_try(const struct load *load, const struct scope *scope) {
  return is_try(load) && grace_over(load, scope);
}

#define MESSAGE "groups.*.messages[]"
#define MUST(scope, at, reads, broken, ...)                                                                                    \
  { scope, at, reads, false, broken, __VA_ARGS__ }
#define WARN(scope, at, reads, broken, ...)                                                                                    \
  { scope, at, reads, true, broken, __VA_ARGS__ }
#define NOT_IN_SCHEMA NULL
#define FIELD_OR_OFFSET                                                                                                        \
  "{'oneOf': [{'required': ['offset']}, {'anyOf': [{'required': ['field']}, {'required': ['regex']}]}]}"

/* Schemas are JSON with ' for ". */
static const struct rule rows[] = {
    MUST("", "run.warmup", "run.warmup run.duration", warmup_too_long, "must be shorter than run.duration", NOT_IN_SCHEMA),
    WARN("", "run.warmup", "run.warmup run.duration slo", warmup_over_try,
         "takes all of the run, shortened by --duration: no objective can be judged, and the verdict is inconclusive "
         "(--set run.warmup=0s judges them)", NOT_IN_SCHEMA),
    MUST("", "run.interval", "run.interval", interval_uneven, "must be whole seconds", NOT_IN_SCHEMA),
    MUST("", "run.interval", "run.interval run.duration", interval_too_long, "must not be longer than run.duration",
         NOT_IN_SCHEMA),

    MUST("targets.*", "tls.cert", "tls", cert_alone, "needs tls.key beside it",
         "{'properties': {'tls': {'dependentRequired': {'cert': ['key']}}}}"),
    MUST("targets.*", "tls.key", "tls", key_alone, "needs tls.cert beside it",
         "{'properties': {'tls': {'dependentRequired': {'key': ['cert']}}}}"),
    WARN("targets.*", "tls.ca", "tls", ca_unused, "has no effect with tls.verify: false", NOT_IN_SCHEMA),
    MUST("targets.*", "addresses", "addresses family", address_of_other_family, "must be of the family that `family` asks for",
         NOT_IN_SCHEMA),
    MUST("targets.*", "url", "url", url_denied, "is never connected to: its host matches a pattern of `deny`", NOT_IN_SCHEMA),
    MUST("targets.*", "addresses", "addresses", address_denied, "must have none that a pattern of `deny` matches", NOT_IN_SCHEMA),
    MUST("targets.*", "proxy", "proxy unix url", socket_with_proxy, "must be left out for a unix socket, which is on this host",
         NOT_IN_SCHEMA),
    MUST("targets.*", "unix", "unix url", socket_twice, "must be left out with a URL that names the socket itself", NOT_IN_SCHEMA),
    MUST("targets.*", "addresses", "addresses unix url proxy", addresses_unused,
         "must be left out with a unix socket, which has none, and with a proxy, which looks the name up itself", NOT_IN_SCHEMA),
    WARN("targets.*", "", "", target_unused, "no group uses this target", NOT_IN_SCHEMA),

    MUST("groups.*", "connections", "connections ramp", connections_missing, "may be left out only with ramp.stages",
         "{'anyOf': [{'required': ['connections']},"
         " {'required': ['ramp'], 'properties': {'ramp': {'required': ['stages']}}}]}"),
    MUST("groups.*", "ramp", "ramp", ramp_unclear, "needs exactly one of over, rate and stages",
         "{'properties': {'ramp': {'oneOf': [{'required': ['over']}, {'required': ['rate']}, {'required': ['stages']}]}}}"),
    MUST("groups.*", "ramp.stages", "ramp", stages_fall_back, "must not go back in time from one point to the next",
         NOT_IN_SCHEMA),
    MUST("groups.*", "ramp.stages", "ramp connections", stages_want_nobody, "must want at least one client at some time",
         NOT_IN_SCHEMA),
    WARN("groups.*", "connections", "ramp connections", stages_below_connections,
         "is more than the highest point of ramp.stages: the clients above it never start", NOT_IN_SCHEMA),
    WARN("groups.*", "ramp", "ramp connections run.duration", ramp_outlasts_run,
         "takes longer than the run, which ends before its last point", NOT_IN_SCHEMA),
    MUST("groups.*", "lifetime_jitter", "lifetime lifetime_jitter", lifetime_jitter_alone, "needs lifetime beside it",
         NOT_IN_SCHEMA),
    WARN("groups.*", "ping.timeout", "ping", ping_timeout_long,
         "is longer than ping.every: several pings go out before a silent peer is noticed", NOT_IN_SCHEMA),
    MUST("groups.*", "reconnect.max", "reconnect", backoff_falls, "must not be shorter than reconnect.first", NOT_IN_SCHEMA),
    MUST("groups.*", "headers", "headers target", too_many_headers, "with the target's, there must be at most 64 headers",
         NOT_IN_SCHEMA),

    MUST("groups.*", "incoming", "incoming", checks_nothing, "needs at least one of sequence, gap_max and timestamp",
         "{'properties': {'incoming': {'anyOf': [{'required': ['sequence']}, {'required': ['gap_max']},"
         " {'required': ['timestamp']}]}}}"),
    MUST("groups.*", "incoming.sequence", "incoming", sequence_unclear, "needs field, regex or both, or else offset",
         "{'properties': {'incoming': {'properties': {'sequence': " FIELD_OR_OFFSET "}}}}"),
    MUST("groups.*", "incoming.timestamp", "incoming", timestamp_unclear, "needs field, regex or both, or else offset",
         "{'properties': {'incoming': {'properties': {'timestamp': " FIELD_OR_OFFSET "}}}}"),
    MUST("groups.*", "incoming.sequence.field", "incoming kind", sequence_id_without_events,
         "may be id with kind sse only, whose events have one", NOT_IN_SCHEMA),
    MUST("groups.*", "incoming.timestamp.field", "incoming kind", timestamp_id_without_events,
         "may be id with kind sse only, whose events have one", NOT_IN_SCHEMA),
    MUST("groups.*", "incoming.sequence", "incoming", sequence_bytes_unused, "has width and endian with offset only",
         NOT_IN_SCHEMA),
    MUST("groups.*", "incoming.timestamp", "incoming", timestamp_bytes_unused, "has width and endian with offset only",
         NOT_IN_SCHEMA),
    MUST("groups.*", "incoming.timestamp.unit", "incoming", rfc3339_in_bytes, "is text with rfc3339, which offset cannot read",
         NOT_IN_SCHEMA),
    MUST("groups.*", "incoming.scope", "incoming", scope_unused, "needs sequence beside it", NOT_IN_SCHEMA),
    MUST("groups.*", "source_addresses", "source_addresses target", sources_of_socket,
         "must be left out: the target is a unix socket, which is not connected to from an address", NOT_IN_SCHEMA),
    MUST("groups.*", "login", "login", login_unclear, "needs exactly one of url, get and post",
         "{'properties': {'login': {'oneOf': [{'required': ['url']}, {'required': ['get']}, {'required': ['post']}]}}}"),
    MUST("groups.*", "login.target", "login", login_target_twice, "must be left out with url, which is a target itself",
         "{'properties': {'login': {'not': {'required': ['url', 'target']}}}}"),
    MUST("groups.*", "login.authorized", "login", login_authorized_alone,
         "must be left out without url: a target has an `authorized` of its own",
         "{'properties': {'login': {'dependentRequired': {'authorized': ['url']}}}}"),
    MUST("groups.*", "login.url", "login deny", login_url_denied, "is never connected to: its host matches a pattern of `deny`",
         NOT_IN_SCHEMA),
    MUST("groups.*", "login", "login kind", login_without_target, "kind null opens no connection, and logs in nowhere", NOT_IN_SCHEMA),
    MUST("groups.*", "login.file", "login", login_body_twice, "must be left out with text, which is the body already",
         "{'properties': {'login': {'not': {'required': ['text', 'file']}}}}"),
    MUST("groups.*", "login.retry.max", "login", login_backoff_falls, "must not be shorter than login.retry.first", NOT_IN_SCHEMA),
    MUST("groups.*", "cookies", "cookies headers messages", cookies_twice,
         "must be forget when a header of the group, its target or a message is called Cookie: write no such header, or keep none",
         NOT_IN_SCHEMA),
    MUST("groups.*", "login.cookies", "login headers messages", login_cookies_twice,
         "must be forget when a header of the group, its target or a message is called Cookie: extract what it needs instead",
         NOT_IN_SCHEMA),
    MUST("groups.*.login.extract.*", "", "json header cookie", extract_unclear, "needs exactly one of json, header and cookie",
         "{'oneOf': [{'required': ['json']}, {'required': ['header']}, {'required': ['cookie']}]}"),

    MUST(MESSAGE, "name", "name", same_name_before, "must differ from the names of the group's other messages", NOT_IN_SCHEMA),
    MUST(MESSAGE, "", "text binary hex file size", payload_unclear,
         "needs exactly one of text, binary, hex, file and size; kind http at most one, as its body",
         "{'oneOf': [{'required': ['text']}, {'required': ['binary']}, {'required': ['hex']}, {'required': ['file']},"
         " {'required': ['size']},"
         " {'not': {'anyOf': [{'required': ['text']}, {'required': ['binary']}, {'required': ['hex']}, {'required': ['file']},"
         " {'required': ['size']}]},"
         " 'anyOf': [{'required': ['get']}, {'required': ['post']}, {'required': ['put']}, {'required': ['patch']},"
         " {'required': ['delete']}, {'required': ['head']}, {'required': ['options']}]}]}"),
    MUST(MESSAGE, "", "get post put patch delete head options", request_unclear,
         "kind http needs exactly one of get, post, put, patch, delete, head and options; other kinds have none of them",
         NOT_IN_SCHEMA),
    MUST(MESSAGE, "headers", "headers", headers_unused, "belongs to kind http; other kinds have headers of the group only",
         NOT_IN_SCHEMA),
    MUST(MESSAGE, "reply.status", "reply", status_unused, "belongs to kind http", NOT_IN_SCHEMA),
    MUST(MESSAGE, "reply.matches", "reply", matches_unused, "belongs to kind http", NOT_IN_SCHEMA),
    MUST(MESSAGE, "reply.equals", "reply", equals_unused, "belongs to kind http, and needs pointer beside it", NOT_IN_SCHEMA),
    WARN(MESSAGE, "reply", "reply headers", checks_packed_body,
         "looks into the body as it comes, and Accept-Encoding lets the server send it packed", NOT_IN_SCHEMA),
    MUST(MESSAGE, "reply.body_max", "reply", body_max_unused, "belongs to kind http", NOT_IN_SCHEMA),
    MUST(MESSAGE, "reply.match", "reply", match_not_order, "must be order with kind http, where responses come in order",
         NOT_IN_SCHEMA),
    MUST("groups.*", "messages", "messages kind", sends_nothing, "kinds sse and stream send nothing but the request that opens them",
         NOT_IN_SCHEMA),
    MUST(MESSAGE, "every", "every after", every_missing, "may be left out only with after: open, reply or incoming",
         "{'anyOf': [{'required': ['every']}, {'required': ['after']}]}"),
    MUST(MESSAGE, "every", "every after", every_with_reply,
         "must be left out with after: reply, where replies set the pace and `delay` is the wait between",
         "{'if': {'required': ['after'], 'properties': {'after': {'const': 'reply'}}}, 'then': {'properties': {'every': "
         "false}}}"),
    MUST(MESSAGE, "reply", "after reply", reply_missing, "may not be left out with after: reply",
         "{'if': {'required': ['after'], 'properties': {'after': {'const': 'reply'}}}, "
         " 'then': {'anyOf': [{'required': ['reply']}, {'required': ['get']}, {'required': ['post']}, {'required': ['put']},"
         " {'required': ['patch']}, {'required': ['delete']}, {'required': ['head']}, {'required': ['options']}]}}"),
    MUST(MESSAGE, "delay", "delay after", delay_unused, "needs after: open, reply or incoming", NOT_IN_SCHEMA),
    MUST(MESSAGE, "when", "after when", when_missing,
         "may not be left out with after: incoming; expected one or more of equals, begins, contains, pointer and hex",
         NOT_IN_SCHEMA),
    MUST(MESSAGE, "when", "after when", when_unused, "needs after: incoming", NOT_IN_SCHEMA),
    MUST(MESSAGE, "after", "after", incoming_unheard, "may be incoming only with kinds websocket, tcp and null",
         NOT_IN_SCHEMA),
    MUST(MESSAGE, "jitter", "jitter every after", jitter_unused, "needs `every` beside it", NOT_IN_SCHEMA),
    MUST(MESSAGE, "phase", "phase after", phase_unused, "may be together only with after: run", NOT_IN_SCHEMA),
    MUST(MESSAGE, "until", "from until", until_before_from, "must be later than `from`", NOT_IN_SCHEMA),
    WARN(MESSAGE, "from", "from", from_after_run, "is not before the end of the run: nothing is sent", NOT_IN_SCHEMA),
    WARN(MESSAGE, "every", "every after", every_outlasts_run, "is longer than the run: not every client sends it even once",
         NOT_IN_SCHEMA),
    MUST(MESSAGE, "reply.lost_after", "reply", lost_before_late, "must not be shorter than reply.within", NOT_IN_SCHEMA),
    MUST(MESSAGE, "reply.pointer", "reply", pointer_missing, "may not be left out with match: pointer", NOT_IN_SCHEMA),
    MUST(MESSAGE, "reply.pointer", "reply", pointer_unused, "needs match: pointer, or no match at all", NOT_IN_SCHEMA),
    MUST(MESSAGE, "reply", "reply text binary hex file size frame", token_missing,
         "a match by token or pointer needs ${token} in the message's text; without it, match: order", NOT_IN_SCHEMA),
    MUST(MESSAGE, "size", "reply text binary file size", size_below_token, "must be at least 26B, the length of a token",
         NOT_IN_SCHEMA),

    MUST("actions[]", "", "drop close pause", action_unclear, "needs exactly one of drop, close and pause",
         "{'oneOf': [{'required': ['drop']}, {'required': ['close']}, {'required': ['pause']}]}"),
    MUST("actions[]", "clients", "drop clients", share_twice, "must be left out with drop, which is a share itself",
         "{'not': {'required': ['drop', 'clients']}}"),
    MUST("actions[]", "close", "close", code_not_ours, "must be a code that may be sent: not 1004, 1005, 1006 or 1015",
         NOT_IN_SCHEMA),
    MUST("actions[]", "pause", "pause every", pause_too_long, "must be shorter than `every`", NOT_IN_SCHEMA),
    WARN("actions[]", "at", "at", action_after_run, "is not before the end of the run: it never happens", NOT_IN_SCHEMA),

    MUST("", "watch", "watch", watched_twice, "needs at most one of pid, name and cgroup", NOT_IN_SCHEMA),
    MUST("", "watch", "watch", metrics_unnamed, "needs both metrics and names, or neither of them", NOT_IN_SCHEMA),
    MUST("", "watch", "watch", processes_unnamed,
         "needs one of pid, name and cgroup for descriptors_max, memory_max and threads_max", NOT_IN_SCHEMA),
    MUST("", "watch.metrics", "watch.metrics deny", metrics_denied,
         "is never connected to: its host matches a pattern of `deny`", NOT_IN_SCHEMA),

    MUST("slo[]", "", "below above", direction_unclear, "needs exactly one of below and above",
         "{'oneOf': [{'required': ['below']}, {'required': ['above']}]}"),
    MUST("slo[]", "for", "for", window_too_long, "must not be longer than run.duration", NOT_IN_SCHEMA),
    WARN("slo[]", "for", "for", window_over_try,
         "is longer than the run was made by --duration: this objective cannot be judged, and the verdict is inconclusive", NOT_IN_SCHEMA),
    MUST("slo[]", "after", "after", grace_too_long, "must be shorter than run.duration", NOT_IN_SCHEMA),
    WARN("slo[]", "after", "after", grace_over_try,
         "leaves nothing of the run, shortened by --duration: this objective cannot be judged, and the verdict is inconclusive",
         NOT_IN_SCHEMA),
};

const struct rule *rules(size_t *count) {
  *count = sizeof rows / sizeof *rows;
  return rows;
}

static bool is_bad_below(const struct node *node) {
  if (!node) return false;
  if (node->bad) return true;
  for (const struct node *child = node->first; child; child = child->next)
    if (is_bad_below(child)) return true;
  return false;
}

static bool reads_something_bad(const struct rule *rule, const struct scope *scope) {
  char keys[128];
  snprintf(keys, sizeof keys, "%s", rule->reads);
  for (char *save = NULL, *key = strtok_r(keys, " ", &save); key; key = strtok_r(NULL, " ", &save))
    if (is_bad_below(node_at(scope->node, key))) return true;
  return false;
}

/* The sentence is about a key that is not written: it stands where the innermost map around it does. */
static void say_of_missing(struct load *load, const struct rule *rule, const struct scope *scope) {
  char above[64], key[160];
  struct node *around = scope->node;
  snprintf(above, sizeof above, "%s", rule->at);
  for (char *point; (point = strrchr(above, '.')) && around == scope->node;) {
    *point = 0;
    struct node *node = node_at(scope->node, above);
    if (node) around = node;
  }
  struct node missing = {.parent = scope->node, .key = rule->at, .setting = around->setting, .place = around->key_place};
  snprintf(key, sizeof key, "%s%s%s", rule->scope, *rule->scope ? "." : "", rule->at);
  const struct lh_option *row = lh_option_find(key);
  const char *preset = row && row->preset && row->type != LH_OPTION_MAP ? row->preset : "";
  const char *sentence =
      arena_format(&load->arena, "%s%s%s%s", *preset ? "its default, " : "", preset, *preset ? ", " : "", rule->sentence);
  if (!sentence) return;
  if (rule->warning)
    warn_value(load, &missing, "%s", sentence);
  else
    report_value(load, &missing, "%s", sentence);
}

static void say(struct load *load, const struct rule *rule, const struct scope *scope) {
  struct node *node = *rule->at ? node_at(scope->node, rule->at) : scope->node;
  if (!node) {
    say_of_missing(load, rule, scope);
    return;
  }
  struct lh_place value = node->place;
  if (!*rule->at) node->place = node->key_place; /* about the whole: where it begins */
  if (rule->warning)
    warn_value(load, node, "%s", rule->sentence);
  else
    report_value(load, node, "%s", rule->sentence);
  node->place = value;
}

/* Rows that are given where they can have no effect; the key that decides it must be sound. */
static void check_effect(struct load *load, const struct scope *scope) {
  const struct lh_option *row = scope->row;
  const struct node *decides = NULL;
  if (row && strcmp(row->key, "groups.*") == 0)
    decides = node_child(scope->node, "kind");
  else if (row && strcmp(row->key, "targets.*") == 0)
    decides = node_child(scope->node, "url");
  if (!decides || decides->bad) return;
  for (const struct lh_option *child = NULL; (child = row_next_child(row, child));) {
    struct node *node = node_child(scope->node, row_name(child));
    const struct lh_landing *landing = child->landing;
    if (node && !node->bad && landing->applies && !landing->applies(scope->base))
      warn_value(load, node, "has no effect: %s", landing->idle);
  }
}

void rules_check(struct load *load) {
  for (struct scope *scope = load->scopes; scope; scope = scope->next) {
    if (scope->node->kind != NODE_MAP) continue;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
      const char *key = scope->row ? scope->row->key : "";
      if (strcmp(rows[i].scope, key) != 0 || reads_something_bad(&rows[i], scope)) continue;
      if (rows[i].broken(load, scope)) say(load, &rows[i], scope);
    }
    check_effect(load, scope);
  }
}

#include "route.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "endings.h"

int lh_routes_new(struct lh_routes *routes, const struct lh_routes_args *args, struct lh_err *err) {
  routes->config = args->config;
  routes->count = (uint32_t)args->config->target_count;
  routes->room = routes->count + (args->redirects ? LH_DETOUR_ROUTES_MAX : 0);
  routes->items = calloc(routes->room + 1, sizeof *routes->items);
  if (!routes->items) return lh_err_set(err, ENOMEM, "no memory for %u targets", routes->count);
  int failed = lh_resolver_new(&routes->resolver, args->loop, routes->room, args->settled, args->context, err);
  for (uint32_t i = 0; !failed && i < routes->count; i++) {
    routes->items[i] = (struct lh_route){.target = &args->config->targets[i], .base = i};
    failed = lh_resolver_add(routes->resolver, &args->config->targets[i], err);
  }
  return failed;
}

int lh_route_open(struct lh_routes *routes, uint32_t number, struct lh_err *err) {
  struct lh_route *route = &routes->items[number];
  int failed = 0;
  if (route->target->proxy.host && !route->tunnel) failed = lh_tunnel_request(&route->tunnel, route->target, err);
  if (!failed && route->target->tls_scheme && !route->tls) failed = lh_tls_new(&route->tls, route->target, err);
  return failed;
}

/* ---- redirects ---- */

static bool leads_to(const struct lh_route *route, const struct lh_location *to) {
  const struct lh_target *t = route->target;
  return t->tls_scheme == to->tls && t->port == to->port && strcasecmp(t->host, to->host) == 0;
}

/* The target's settings with another host and port. What speaks of its own host stays behind: pinned addresses, sni, and away
 * from it the client's certificate. */
static struct lh_target *other_target(const struct lh_target *target, const struct lh_location *to, bool away) {
  bool is_same_host = strcasecmp(target->host, to->host) == 0;
  struct lh_target *other = malloc(sizeof *other);
  if (!other) return NULL;
  *other = *target;
  other->tls_scheme = to->tls;
  other->scheme = to->tls ? LH_SCHEME_HTTPS : LH_SCHEME_HTTP;
  other->port = to->port;
  other->host = strdup(to->host);
  other->headers = (struct lh_headers){0};
  if (!is_same_host) {
    other->tls.sni = NULL;
    other->addresses = (struct lh_strings){0};
  }
  if (away) other->tls.cert = other->tls.key = NULL;
  if (other->host) return other;
  free(other);
  return NULL;
}

static void free_other_target(struct lh_target *other) {
  free(other->host);
  free(other);
}

int lh_route_to(struct lh_routes *routes, uint32_t target, const struct lh_location *to) {
  const struct lh_target *t = &routes->config->targets[target];
  const struct lh_location_base base = {.tls = t->tls_scheme, .host = t->host, .port = t->port};
  struct lh_err err;
  for (uint32_t i = 0; i < routes->count; i++)
    if (routes->items[i].base == target && leads_to(&routes->items[i], to)) return (int)i;
  if (routes->count == routes->room) return -ENOSPC;
  bool away = !lh_location_keeps_credentials(&base, to);
  struct lh_target *other = other_target(t, to, away);
  if (!other) return -ENOMEM;
  uint32_t number = routes->count;
  routes->items[number] = (struct lh_route){.target = other, .base = target, .away = away};
  int failed = lh_route_open(routes, number, &err);
  if (!failed) failed = lh_resolver_add(routes->resolver, other, &err);
  if (failed) {
    free(routes->items[number].tunnel);
    lh_tls_free(routes->items[number].tls);
    free_other_target(other);
    return failed;
  }
  routes->count++;
  return (int)number;
}

/* ---- endings ---- */

/* What goes wrong on the way to a proxy is not the target's, and says so. */
static void say_proxy(const struct lh_route *route, struct lh_ending *out) {
  const struct lh_proxy *proxy = &route->target->proxy;
  if (proxy->host)
    snprintf(out->text, sizeof out->text, strchr(proxy->host, ':') ? "proxy [%.90s]:%u" : "proxy %.90s:%u", proxy->host, proxy->port);
}

void lh_route_ending(const struct lh_route *route, const struct lh_dialled *dialled, struct lh_ending *out) {
  *out = (struct lh_ending){.stage = LH_STAGE_COUNT};
  if (dialled->refusal.text) {
    out->reason = LH_REASON_PROXY_REFUSED;
    out->code = dialled->refusal.status;
    snprintf(out->text, sizeof out->text, "%s", dialled->refusal.text);
    return;
  }
  lh_ending_from_errno(dialled->error, out);
  say_proxy(route, out);
}

void lh_route_not_resolved(const struct lh_route *route, int error, struct lh_ending *out) {
  bool is_answer = error == UV_EAI_NONAME || error == UV_EAI_NODATA || error == UV_EAI_ADDRFAMILY;
  *out = (struct lh_ending){.stage = LH_STAGE_COUNT, .code = error};
  out->reason = is_answer ? LH_REASON_NAME_NOT_FOUND : LH_REASON_RESOLVER_FAILED;
  if (route->target->proxy.host)
    snprintf(out->text, sizeof out->text, "proxy %.80s: %s", route->target->proxy.host, uv_strerror(error));
  else
    snprintf(out->text, sizeof out->text, "%s", uv_strerror(error));
}

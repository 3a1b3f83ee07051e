#include "route.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endings.h"

int lh_routes_new(struct lh_routes *routes, const struct lh_routes_args *args, struct lh_err *err) {
  routes->count = (uint32_t)args->config->target_count;
  routes->items = calloc(routes->count + 1, sizeof *routes->items);
  if (!routes->items) return lh_err_set(err, ENOMEM, "no memory for %u targets", routes->count);
  int failed = lh_resolver_new(&routes->resolver, args->loop, routes->count, args->settled, args->context, err);
  for (uint32_t i = 0; !failed && i < routes->count; i++) {
    routes->items[i].target = &args->config->targets[i];
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

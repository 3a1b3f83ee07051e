#include "detour.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "location.h"
#include "longhaul/config/reach.h"
#include "request.h"

bool lh_detours_wanted(const struct lh_config *config, bool websocket) {
  for (size_t i = 0; i < config->group_count; i++) {
    const struct lh_group *group = &config->groups[i];
    if (group->redirects && (group->kind == LH_KIND_WEBSOCKET) == websocket) return true;
  }
  return false;
}

int lh_detours_new(struct lh_detours *detours, uint32_t slots, struct lh_err *err) {
  detours->by_slot = calloc((size_t)slots + 1, sizeof *detours->by_slot);
  detours->locations = calloc((size_t)slots + 1, sizeof *detours->locations);
  if (detours->by_slot && detours->locations) return 0;
  return lh_err_set(err, ENOMEM, "no memory for the redirects of %u clients", slots);
}

bool lh_is_redirect(unsigned status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

void lh_detour_note(struct lh_detours *detours, uint32_t slot, const char *value, size_t len) {
  if (!detours->by_slot) return;
  free(detours->locations[slot]);
  detours->locations[slot] = strndup(value, len);
}

/* ---- what is said there ---- */

static bool stays_behind(const char *name) {
  static const char *const names[] = {"Authorization", "Cookie", "Host", "Proxy-Authorization"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcasecmp(name, names[i])) return true;
  return false;
}

/* Target's and group's headers, as far as they may go there, stand as the group's; the target's own are none. */
static int copy_headers(struct lh_detour *d, const struct lh_target *from, const struct lh_group *group, bool away) {
  const struct lh_headers *lists[] = {&from->headers, &group->headers};
  d->headers.items = calloc(from->headers.count + group->headers.count + 1, sizeof *d->headers.items);
  if (!d->headers.items) return -ENOMEM;
  for (size_t k = 0; k < 2; k++)
    for (size_t i = 0; i < lists[k]->count; i++)
      if (!away || !stays_behind(lists[k]->items[i].name)) d->headers.items[d->headers.count++] = lists[k]->items[i];
  return 0;
}

static bool becomes_get(const struct lh_message *message, unsigned status) {
  if (!message || !strcmp(message->method, "HEAD")) return false;
  return status == 303 || (status < 303 && !strcmp(message->method, "POST"));
}

static int compose_request(struct lh_detour *d, const struct lh_message *message, bool away, struct lh_err *err) {
  static char get[] = "GET";
  struct lh_request_args args = {.target = &d->target, .group = &d->group};
  if (!message) return lh_request_new(&d->head, &args, err);
  struct lh_message other = *message;
  struct lh_headers kept = {.items = calloc(message->headers.count + 1, sizeof *kept.items)};
  if (!kept.items) return -ENOMEM;
  for (size_t i = 0; i < message->headers.count; i++)
    if (!away || !stays_behind(message->headers.items[i].name)) kept.items[kept.count++] = message->headers.items[i];
  other.headers = kept;
  other.request_path = NULL; /* the target's, which is no template */
  if (d->is_get) other.method = get;
  args.message = &other;
  int failed = lh_request_new(&d->head, &args, err);
  free(kept.items);
  return failed;
}

static void free_detour(struct lh_detour *d) {
  if (!d) return;
  lh_handshake_free(d->handshake);
  lh_template_free(d->head);
  free(d->headers.items);
  free(d->target.path);
  free(d);
}

static struct lh_detour *make(const struct lh_detours *detours, const struct lh_detour_args *args, uint32_t route,
                              const struct lh_location *to) {
  const struct lh_target *from = &detours->config->targets[args->group->target];
  const struct lh_route *way = &detours->routes->items[route];
  struct lh_detour *d = calloc(1, sizeof *d);
  struct lh_err err;
  if (!d) return NULL;
  const struct lh_detour *before = detours->by_slot[args->slot];
  *d = (struct lh_detour){.route = route, .fresh = true, .target = *way->target, .group = *args->group};
  d->is_get = (before && before->is_get) || becomes_get(args->message, args->status);
  d->target.headers = (struct lh_headers){0};
  d->target.path = strdup(to->path);
  int failed = d->target.path ? copy_headers(d, from, args->group, way->away) : -ENOMEM;
  d->group.headers = d->headers;
  d->group.path = NULL;
  if (!failed && args->group->kind == LH_KIND_WEBSOCKET)
    failed = lh_handshake_new(&d->handshake, &d->group, &d->target, &err);
  else if (!failed)
    failed = compose_request(d, args->message, way->away, &err);
  if (!failed) return d;
  free_detour(d);
  return NULL;
}

/* ---- whether to go there ---- */

/* The one place that says where a redirect may not lead; addresses are judged as each connection is begun (dial.h). */
static const char *refusal(const struct lh_config *config, const struct lh_target *target, const struct lh_location_base *from,
                           const struct lh_location *to) {
  bool is_elsewhere = strcasecmp(from->host, to->host) != 0;
  if (from->tls && !to->tls && !target->redirects_to_plain) return "from TLS to plain, which needs redirects_to_plain";
  if (target->unix_path && (is_elsewhere || from->tls != to->tls)) return "it leads away from the unix socket";
  if (is_elsewhere && lh_deny_host(&config->deny, to->host)) return "`deny` holds its host";
  return NULL;
}

const char *lh_detour_take(struct lh_detours *detours, const struct lh_detour_args *args) {
  const struct lh_detour *before = detours->by_slot[args->slot];
  const struct lh_target *target = &detours->config->targets[args->group->target], *at = before ? &before->target : target;
  const struct lh_location_base from = {
      .tls = at->tls_scheme, .host = at->host, .port = at->port, .path = before ? at->path : args->path ? args->path : "/"};
  const uint32_t hops = before ? before->hops + 1 : 1;
  struct lh_location to;
  char *location = detours->locations[args->slot];
  detours->locations[args->slot] = NULL;
  const char *why = lh_location_resolve(&from, location ? location : "", &to);
  free(location);
  if (!why && hops > args->group->redirects) why = "past the limit of `redirects`";
  if (!why) why = refusal(detours->config, target, &from, &to);
  if (why) return why;
  int route = lh_route_to(detours->routes, args->group->target, &to);
  if (route < 0) return route == -ENOSPC ? "it leads to more servers than are kept" : "TLS there cannot be set up";
  struct lh_detour *d = make(detours, args, (uint32_t)route, &to);
  if (!d) return "its request cannot be made";
  d->hops = hops;
  lh_detour_drop(detours, args->slot);
  detours->by_slot[args->slot] = d;
  return NULL;
}

/* ---- the table ---- */

struct lh_detour *lh_detour_of(const struct lh_detours *detours, uint32_t slot) {
  return detours->by_slot ? detours->by_slot[slot] : NULL;
}

void lh_detour_drop(struct lh_detours *detours, uint32_t slot) {
  if (!detours->by_slot) return;
  free_detour(detours->by_slot[slot]);
  detours->by_slot[slot] = NULL;
}

struct lh_detour *lh_detour_begin(struct lh_detours *detours, uint32_t slot) {
  struct lh_detour *d = lh_detour_of(detours, slot);
  if (d && d->fresh)
    d->fresh = false;
  else if (d)
    lh_detour_drop(detours, slot);
  return lh_detour_of(detours, slot);
}

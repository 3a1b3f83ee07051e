#include <errno.h>
#include <stdlib.h>

#include "desk_private.h"

static int open_counter(struct lh_desk *desk, struct lh_counter *counter, const struct lh_group *group, struct lh_err *err) {
  counter->group = group;
  int failed = lh_login_form_open(&counter->form, desk->args.config, group, err);
  if (!failed) failed = lh_sources_open(&counter->sources, group, err);
  if (!failed) failed = lh_route_open(&desk->routes, group->login.target, err);
  return failed ? lh_err_prefix(err, "groups.%s.login", group->name) : 0;
}

static bool comes_here(const struct lh_group *group) {
  return group->login.enabled && !group->login.shares_connection;
}

static void share(void *context, uint32_t group, uint32_t serial, const struct lh_texts *texts) {
  const struct lh_desk *desk = context;
  desk->args.share(desk->args.context, group, serial, texts);
}

static void want(void *context, uint32_t group, uint32_t serial) {
  const struct lh_desk *desk = context;
  desk->args.want(desk->args.context, group, serial);
}

int lh_desk_new(struct lh_desk **out, const struct lh_desk_args *args, struct lh_err *err) {
  const struct lh_config *config = args->config;
  struct lh_desk *desk = calloc(1, sizeof *desk);
  if (!desk) return lh_err_set(err, ENOMEM, "no memory for logins");
  *out = desk;
  desk->args = *args;
  desk->io = (struct lh_login_io){.context = desk, .begin = lh_desk_begin, .abort = lh_desk_abort, .share = share, .want = want};
  desk->queued = (struct lh_visit_list)LH_VISIT_LIST_EMPTY;
  desk->tag = lh_token_tag(args->run_id);
  desk->counters = calloc(config->group_count + 1, sizeof *desk->counters);
  desk->awaiting = calloc(config->target_count + 1, sizeof *desk->awaiting);
  if (!desk->counters || !desk->awaiting) return lh_err_set(err, ENOMEM, "no memory for logins");
  for (size_t i = 0; i < config->target_count; i++) desk->awaiting[i] = (struct lh_visit_list)LH_VISIT_LIST_EMPTY;
  for (size_t i = 0; i < config->group_count; i++) desk->is_open |= comes_here(&config->groups[i]);
  if (!desk->is_open) return 0;
  const struct lh_routes_args routes = {.loop = args->loop, .config = config, .settled = lh_desk_settled, .context = desk};
  const struct lh_dial_events dial = {.tunnelling = lh_desk_tunnelling, .done = lh_desk_dialled, .context = desk};
  int failed = lh_routes_new(&desk->routes, &routes, err);
  for (size_t i = 0; !failed && i < config->group_count; i++)
    if (comes_here(&config->groups[i])) failed = open_counter(desk, &desk->counters[i], &config->groups[i], err);
  return failed ? failed : lh_dialler_new(&desk->dialler, args->loop, &dial, err);
}

void lh_desk_attach(struct lh_desk *desk, struct lh_engine *engine) {
  desk->engine = engine;
}

const struct lh_login_io *lh_desk_io(const struct lh_desk *desk) {
  return &desk->io;
}

uint32_t lh_desk_descriptors(const struct lh_desk *desk) {
  return desk->sockets;
}

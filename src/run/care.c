#include "longhaul/run/care.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "longhaul/base/clock.h"
#include "longhaul/plan/plan.h"

enum { LOOK_UP_S = 3 };

/* ---- what the plan puts on a target ---- */
int lh_care_charge(const struct lh_config *config, uint32_t target, struct lh_care_target *out) {
  struct lh_config only = *config;
  only.group_count = 0;
  only.groups = calloc(config->group_count + 1, sizeof *only.groups);
  if (only.groups == NULL) return -ENOMEM;
  for (size_t g = 0; g < config->group_count; g++)
    if (config->groups[g].target == target && config->groups[g].kind != LH_KIND_NULL)
      only.groups[only.group_count++] = config->groups[g];
  struct lh_plan_needs needs = lh_plan_needs(&only);
  out->clients = needs.clients;
  out->connects_per_second = needs.connects_per_second;
  out->messages_per_second = needs.messages_per_second;
  free(only.groups);
  return 0;
}

/* ---- addresses ---- */
struct lookup {
  struct gaicb request;
  struct addrinfo hints;
  char name[256]; /* a look-up may outlive the config */
};

/* One look-up for each name; pinned and numeric addresses need no answer from outside and are there at once. */
static void begin_lookups(struct lookup *lookups, struct gaicb **list, const struct lh_config *config) {
  static const int families[] = {[LH_FAMILY_ANY] = AF_UNSPEC, [LH_FAMILY_4] = AF_INET, [LH_FAMILY_6] = AF_INET6};
  for (size_t i = 0; i < config->target_count; i++) {
    struct lookup *l = &lookups[i];
    l->hints = (struct addrinfo){.ai_socktype = SOCK_STREAM, .ai_family = families[config->targets[i].family]};
    snprintf(l->name, sizeof l->name, "%s", config->targets[i].host);
    l->request = (struct gaicb){.ar_name = l->name, .ar_request = &l->hints};
    list[i] = config->targets[i].addresses.count == 0 && !config->targets[i].unix_path ? &l->request : NULL;
  }
  struct sigevent nobody = {.sigev_notify = SIGEV_NONE};
  getaddrinfo_a(GAI_NOWAIT, list, (int)config->target_count, &nobody);
}

static bool is_pending(struct gaicb *const *list, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (list[i] != NULL && gai_error(list[i]) == EAI_INPROGRESS) return true;
  return false;
}

static void await_lookups(struct gaicb **list, size_t count) {
  uint64_t until_ns = lh_now_ns() + LOOK_UP_S * LH_NS_PER_S;
  for (uint64_t now_ns; is_pending(list, count) && (now_ns = lh_now_ns()) < until_ns;) {
    struct timespec wait = {.tv_sec = (time_t)((until_ns - now_ns) / LH_NS_PER_S),
                            .tv_nsec = (long)((until_ns - now_ns) % LH_NS_PER_S)};
    gai_suspend((const struct gaicb *const *)list, (int)count, &wait);
  }
}

static void judge(struct lh_care_target *t, const struct lh_config *config, uint32_t number, const struct sockaddr *address) {
  enum lh_reach reach = lh_reach_judge(config, number, address);
  if (reach == LH_REACH_ALLOWED || t->reach == LH_REACH_DENIED || (t->reach == reach && t->address[0] != '\0')) return;
  const void *bytes = address->sa_family == AF_INET
                          ? (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr
                          : &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
  t->reach = reach;
  t->pattern = lh_deny_address(&config->deny, address);
  if (inet_ntop(address->sa_family, bytes, t->address, sizeof t->address) == NULL) t->address[0] = '\0';
}

static void judge_pinned(struct lh_care_target *t, const struct lh_config *config, uint32_t number) {
  const struct lh_strings *texts = &t->target->addresses;
  for (size_t i = 0; i < texts->count; i++) {
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, texts->items[i], &v4.sin_addr) == 1)
      judge(t, config, number, (const struct sockaddr *)&v4);
    else if (inet_pton(AF_INET6, texts->items[i], &v6.sin6_addr) == 1)
      judge(t, config, number, (const struct sockaddr *)&v6);
  }
}

static bool is_used(const struct lh_config *config, uint32_t target) {
  for (size_t g = 0; g < config->group_count; g++)
    if (config->groups[g].target == target && config->groups[g].kind != LH_KIND_NULL) return true;
  return false;
}

static int judge_all(struct lh_care *care, const struct lh_config *config, struct gaicb *const *list) {
  for (uint32_t i = 0; i < config->target_count; i++) {
    struct lh_care_target t = {.target = &config->targets[i]};
    if (!is_used(config, i)) continue;
    judge_pinned(&t, config, i);
    if (list[i] != NULL && gai_error(list[i]) == 0)
      for (const struct addrinfo *a = list[i]->ar_result; a != NULL; a = a->ai_next)
        if (a->ai_family == AF_INET || a->ai_family == AF_INET6) judge(&t, config, i, a->ai_addr);
    if (t.reach == LH_REACH_ALLOWED) continue;
    if (lh_care_charge(config, i, &t) < 0) return -ENOMEM;
    care->targets[care->count++] = t;
  }
  return 0;
}

int lh_care_look(struct lh_care *care, const struct lh_config *config, struct lh_err *err) {
  /* A look-up that does not end in time writes into its request whenever it does: then that memory is not given back. */
  struct lookup *lookups = calloc(config->target_count + 1, sizeof *lookups);
  struct gaicb **list = calloc(config->target_count + 1, sizeof *list);
  *care = (struct lh_care){.targets = calloc(config->target_count + 1, sizeof *care->targets)};
  int code = lookups != NULL && list != NULL && care->targets != NULL ? 0 : -ENOMEM;
  if (code == 0) {
    begin_lookups(lookups, list, config);
    await_lookups(list, config->target_count);
    code = judge_all(care, config, list);
    for (size_t i = 0; i < config->target_count; i++)
      if (list[i] != NULL && gai_error(list[i]) == 0 && list[i]->ar_result != NULL) freeaddrinfo(list[i]->ar_result);
  }
  if (list == NULL || !is_pending(list, config->target_count)) free(lookups);
  free(list);
  return code < 0 ? lh_err_set(err, ENOMEM, "no memory to judge the targets' addresses") : 0;
}

void lh_care_free(struct lh_care *care) {
  free(care->targets);
  *care = (struct lh_care){0};
}

#include "longhaul/run/care.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "longhaul/base/clock.h"
#include "longhaul/base/ip.h"
#include "longhaul/plan/plan.h"

enum { LOOK_UP_S = 3 };

/* ---- what the plan puts on a target ---- */
static bool loads(const struct lh_group *group, uint32_t target) {
  return group->target == target && group->kind != LH_KIND_NULL;
}

static bool logs_in(const struct lh_group *group, uint32_t target) {
  return group->login.enabled && group->login.target == target;
}

/* A group that only logs in there comes as its clients do, and sends nothing more. */
int lh_care_charge(const struct lh_config *config, uint32_t target, struct lh_care_target *out) {
  struct lh_config only = *config;
  only.group_count = 0;
  only.groups = calloc(config->group_count + 1, sizeof *only.groups);
  if (only.groups == NULL) return -ENOMEM;
  for (size_t g = 0; g < config->group_count; g++) {
    bool all = loads(&config->groups[g], target);
    if (!all && !logs_in(&config->groups[g], target)) continue;
    struct lh_group *group = &only.groups[only.group_count++];
    *group = config->groups[g];
    if (!all) group->message_count = 0;
  }
  struct lh_plan_needs needs = lh_plan_needs(&only);
  out->clients = needs.clients;
  out->connects_per_second = needs.connects_per_second;
  out->messages_per_second = needs.messages_per_second;
  free(only.groups);
  return 0;
}

/* ---- addresses ---- */
/* Names are looked up by a thread of its own, which may outlive the question: whoever is done last frees this. Not by
 * getaddrinfo_a: with two names glibc 2.36 ends the process now and then. */
struct lookup {
  char name[256];
  int family;
  struct addrinfo *result; /* NULL: none, or not there yet */
};

struct lookups {
  pthread_mutex_t lock;
  pthread_cond_t ended;
  bool has_ended, is_left; /* the thread is done; nobody waits for it any more */
  size_t count;
  struct lookup items[]; /* by target number; an empty name needs no answer */
};

static void free_lookups(struct lookups *l) {
  for (size_t i = 0; i < l->count; i++)
    if (l->items[i].result != NULL) freeaddrinfo(l->items[i].result);
  pthread_cond_destroy(&l->ended);
  pthread_mutex_destroy(&l->lock);
  free(l);
}

static struct addrinfo *look_up(const struct lookup *item, int flags) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = item->family, .ai_flags = flags}, *found = NULL;
  return getaddrinfo(item->name, NULL, &hints, &found) == 0 ? found : NULL;
}

static void *run_lookups(void *context) {
  struct lookups *l = context;
  for (size_t i = 0; i < l->count; i++) {
    if (l->items[i].name[0] == '\0' || l->items[i].result != NULL) continue;
    struct addrinfo *found = look_up(&l->items[i], 0);
    pthread_mutex_lock(&l->lock);
    l->items[i].result = found;
    pthread_mutex_unlock(&l->lock);
  }
  pthread_mutex_lock(&l->lock);
  l->has_ended = true;
  bool is_left = l->is_left;
  pthread_cond_signal(&l->ended);
  pthread_mutex_unlock(&l->lock);
  if (is_left) free_lookups(l);
  return NULL;
}

/* Numeric addresses are there at once. True when names are left that must be asked for. */
static bool prepare_lookups(struct lookups *l, const struct lh_config *config) {
  static const int families[] = {[LH_FAMILY_ANY] = AF_UNSPEC, [LH_FAMILY_4] = AF_INET, [LH_FAMILY_6] = AF_INET6};
  bool asks = false;
  for (size_t i = 0; i < l->count; i++) {
    const struct lh_target *target = &config->targets[i];
    struct lookup *item = &l->items[i];
    if (target->addresses.count > 0 || target->unix_path != NULL) continue;
    item->family = families[target->family];
    snprintf(item->name, sizeof item->name, "%s", target->host);
    item->result = look_up(item, AI_NUMERICHOST);
    asks |= item->result == NULL;
  }
  return asks;
}

static struct lookups *new_lookups(const struct lh_config *config) {
  struct lookups *l = calloc(1, sizeof *l + config->target_count * sizeof *l->items);
  pthread_condattr_t monotonic;
  if (l == NULL) return NULL;
  l->count = config->target_count;
  pthread_mutex_init(&l->lock, NULL);
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(&l->ended, &monotonic);
  pthread_condattr_destroy(&monotonic);
  return l;
}

/* Asks, and waits for LOOK_UP_S at most. A thread that cannot be had asks nobody: those names are judged at connect time. */
static void ask(struct lookups *l) {
  pthread_t thread;
  struct timespec until;
  if (pthread_create(&thread, NULL, run_lookups, l) != 0) {
    l->has_ended = true;
    return;
  }
  pthread_detach(thread);
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += LOOK_UP_S;
  pthread_mutex_lock(&l->lock);
  while (!l->has_ended && pthread_cond_timedwait(&l->ended, &l->lock, &until) == 0) continue;
  pthread_mutex_unlock(&l->lock);
}

/* Gives them up: the thread, if it is still at it, frees them. */
static void leave(struct lookups *l) {
  pthread_mutex_lock(&l->lock);
  l->is_left = true;
  bool has_ended = l->has_ended;
  pthread_mutex_unlock(&l->lock);
  if (has_ended) free_lookups(l);
}

static void judge(struct lh_care_target *t, const struct lh_config *config, uint32_t number, const struct sockaddr *address) {
  enum lh_reach reach = lh_reach_judge(config, number, address);
  if (reach == LH_REACH_ALLOWED || t->reach == LH_REACH_DENIED || (t->reach == reach && t->address[0] != '\0')) return;
  struct lh_ip ip;
  t->reach = reach;
  t->pattern = lh_deny_address(&config->deny, address);
  if (lh_ip_of(address, &ip)) lh_ip_text(&ip, t->address);
}

static void judge_pinned(struct lh_care_target *t, const struct lh_config *config, uint32_t number) {
  const struct lh_strings *texts = &t->target->addresses;
  for (size_t i = 0; i < texts->count; i++) {
    struct lh_ip ip;
    struct sockaddr_storage address;
    if (!lh_ip_parse(texts->items[i], &ip)) continue;
    lh_ip_socket(&ip, 0, &address);
    judge(t, config, number, (const struct sockaddr *)&address);
  }
}

/* ---- as it is written ---- */
const char *lh_outlook_name(enum lh_outlook outlook) {
  static const char *const names[] = {
#define X(id, name) [LH_OUTLOOK_##id] = name,
      LH_OUTLOOK_LIST(X)
#undef X
  };
  return names[outlook];
}

/* A name other than localhost may lead anywhere. */
static enum lh_outlook outlook_of_name(const struct lh_target *target) {
  if (strcmp(target->host, "localhost") == 0) return LH_OUTLOOK_PRIVATE;
  return target->authorized ? LH_OUTLOOK_AUTHORIZED : LH_OUTLOOK_NAMED;
}

enum lh_outlook lh_care_outlook(const struct lh_config *config, uint32_t number, char address[LH_ADDRESS_TEXT_MAX]) {
  struct lh_care_target t = {.target = &config->targets[number]};
  const struct lh_strings host = {&config->targets[number].host, 1};
  const struct lh_strings *texts = t.target->addresses.count > 0 ? &t.target->addresses : &host;
  bool is_public = false;
  address[0] = '\0';
  for (size_t i = 0; i < texts->count && t.target->unix_path == NULL; i++) {
    struct lh_ip ip;
    struct sockaddr_storage at;
    if (!lh_ip_parse(texts->items[i], &ip)) return outlook_of_name(t.target);
    lh_ip_socket(&ip, 0, &at);
    judge(&t, config, number, (const struct sockaddr *)&at);
    if (!is_public && !lh_address_is_private((const struct sockaddr *)&at)) lh_ip_text(&ip, address);
    is_public = address[0] != '\0';
  }
  if (t.reach == LH_REACH_ALLOWED) return is_public ? LH_OUTLOOK_AUTHORIZED : LH_OUTLOOK_PRIVATE;
  snprintf(address, LH_ADDRESS_TEXT_MAX, "%s", t.address);
  return t.reach == LH_REACH_DENIED ? LH_OUTLOOK_DENIED : LH_OUTLOOK_ASKED;
}

bool lh_care_is_used(const struct lh_config *config, uint32_t target) {
  for (size_t g = 0; g < config->group_count; g++)
    if (loads(&config->groups[g], target) || logs_in(&config->groups[g], target)) return true;
  return false;
}

static int judge_all(struct lh_care *care, const struct lh_config *config, struct lookups *l) {
  for (uint32_t i = 0; i < config->target_count; i++) {
    struct lh_care_target t = {.target = &config->targets[i]};
    if (!lh_care_is_used(config, i)) continue;
    judge_pinned(&t, config, i);
    pthread_mutex_lock(&l->lock);
    const struct addrinfo *found = l->items[i].result;
    pthread_mutex_unlock(&l->lock);
    for (const struct addrinfo *a = found; a != NULL; a = a->ai_next)
      if (a->ai_family == AF_INET || a->ai_family == AF_INET6) judge(&t, config, i, a->ai_addr);
    if (t.reach == LH_REACH_ALLOWED) continue;
    if (lh_care_charge(config, i, &t) < 0) return -ENOMEM;
    care->targets[care->count++] = t;
  }
  return 0;
}

int lh_care_look(struct lh_care *care, const struct lh_config *config, struct lh_err *err) {
  struct lookups *l = new_lookups(config);
  *care = (struct lh_care){.targets = calloc(config->target_count + 1, sizeof *care->targets)};
  int code = l != NULL && care->targets != NULL ? 0 : -ENOMEM;
  if (code == 0) {
    if (prepare_lookups(l, config))
      ask(l);
    else
      l->has_ended = true;
    code = judge_all(care, config, l);
    leave(l);
  } else if (l != NULL) {
    free_lookups(l);
  }
  return code < 0 ? lh_err_set(err, ENOMEM, "no memory to judge the targets' addresses") : 0;
}

void lh_care_free(struct lh_care *care) {
  free(care->targets);
  *care = (struct lh_care){0};
}

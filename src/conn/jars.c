/* The cookies of a group's clients, where they are kept: a pointer for each client, and nothing more until one is set. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn/engine_private.h"
#include "longhaul/conn/cookies.h"

int lh_jars_new(struct group *g, struct lh_err *err) {
  if (!g->config->keeps_cookies) return 0;
  g->jars = calloc(g->client_count ? g->client_count : 1, sizeof(struct lh_jar *));
  return g->jars ? 0 : lh_err_set(err, ENOMEM, "no memory for the cookies of group '%s'", g->config->name);
}

void lh_jars_free(struct group *g) {
  for (uint32_t i = 0; g->jars && i < g->client_count; i++) free(g->jars[i]);
  free(g->jars);
}

static int64_t wall_s(const struct lh_engine *e) {
  return (e->args.start_wall_us + (int64_t)((e->now_ns - e->args.start_ns) / LH_NS_PER_US)) / (int64_t)(LH_NS_PER_S / LH_NS_PER_US);
}

static struct lh_jar **jar_of(const struct lh_engine *e, uint32_t slot) {
  const struct group *g = &e->groups[e->clients[slot].group];
  return g->jars ? &g->jars[slot - g->first_slot] : NULL;
}

static void take(struct lh_engine *e, uint32_t slot, const struct lh_cookie_site *from, struct lh_text header) {
  struct lh_jar **jar = jar_of(e, slot);
  if (!jar) return;
  const size_t before = lh_jar_bytes(*jar);
  int failed = lh_jar_take(jar, from, header, wall_s(e));
  e->jar_bytes += lh_jar_bytes(*jar) - before;
  if (failed == -ENOMEM) e->faults.no_memory++;
  if (failed) lh_count(lh_group_of(e, &e->clients[slot]), LH_COUNTER_cookies_refused, 1);
}

void lh_engine_on_cookie(struct lh_engine *engine, uint32_t slot, const struct lh_cookie_site *from, struct lh_text header) {
  take(engine, slot, from, header);
}

size_t lh_engine_cookies(const struct lh_engine *engine, uint32_t slot, const struct lh_cookie_site *to, char *out) {
  struct lh_jar **jar = jar_of(engine, slot);
  return jar && *jar ? lh_jar_line(*jar, to, wall_s(engine), out) : 0;
}

/* Where variables stand in the path of a login it is not known: what it sets is for the folder before them. */
static struct lh_cookie_site site_of_login(const struct lh_engine *e, const struct lh_login_config *login) {
  const struct lh_target *target = &e->config->targets[login->target];
  const char *variable = strstr(login->path, "${");
  return (struct lh_cookie_site){.tls = target->tls_scheme,
                                 .host = {target->host, strlen(target->host)},
                                 .path = {login->path, variable ? (size_t)(variable - login->path) : strlen(login->path)}};
}

void lh_jars_take_login(struct lh_engine *e, uint32_t slot, const struct lh_texts *texts) {
  if (!jar_of(e, slot)) return;
  const struct lh_text all = lh_texts_at(texts, 0);
  const struct lh_cookie_site from = site_of_login(e, &lh_group_of(e, &e->clients[slot])->config->login);
  for (const char *at = all.at, *end = all.at + all.len; at < end;) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    if (!stop) stop = end;
    take(e, slot, &from, (struct lh_text){at, (size_t)(stop - at)});
    at = stop + 1;
  }
}

void lh_jars_scrub(const struct lh_engine *e, uint32_t slot, char *text) {
  struct lh_jar **jar = jar_of(e, slot);
  struct lh_text value;
  for (size_t at = 0; jar && *text && lh_jar_next(*jar, &at, &value);) lh_scrub_text(text, value);
}

size_t lh_jars_bytes(const struct group *g) {
  return g->jars ? g->client_count * sizeof(struct lh_jar *) : 0;
}

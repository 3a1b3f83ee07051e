/* What a message costs in the engine alone: no sockets, the null kind on simulated time.
 *
 *   engine_bench [--json]      (make bench-engine)
 *
 * A message is one send and its reply, with everything around them: schedule, wheel, rendering, matching, histograms, and
 * the pretended server's share. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "longhaul/base/clock.h"
#include "longhaul/conn/engine.h"

struct bench_case {
  const char *name;
  uint32_t clients;
  uint64_t every_ns;   /* 0: a closed loop */
  uint64_t service_ns; /* of the pretended server */
  uint64_t messages;   /* how many to run for, about */
};

static const struct bench_case cases[] = {
    {"50 busy clients, echo", 50, 0, 50 * LH_NS_PER_US, 3000000},
    {"18,000 clients, 1,800/s", 18000, 10 * LH_NS_PER_S, LH_NS_PER_MS, 1000000},
    {"100,000 clients, 333/s", 100000, 300 * LH_NS_PER_S, LH_NS_PER_MS, 1000000},
};

static double cpu_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void run_for(struct lh_engine *engine, uint64_t *now, uint64_t until) {
  uint64_t next = lh_engine_next_ns(engine);
  while (next < until) {
    *now = next > *now ? next : *now + 1;
    next = lh_engine_turn(engine, *now);
  }
  *now = until;
}

/* Nanoseconds of CPU for each message. */
static double measure(const struct bench_case *c, double *bytes_each) {
  char name[] = "bench", payload[] = "{\"op\":\"echo\",\"id\":\"${token}\",\"n\":${seq},\"pad\":\"0123456789\"}";
  struct lh_stage_point flat = {0, c->clients};
  struct lh_message message = {.name = name,
                               .every_ns = c->every_ns,
                               .after = c->every_ns ? LH_AFTER_RUN : LH_AFTER_REPLY,
                               .until_ns = LH_NEVER,
                               .source = LH_PAYLOAD_TEXT,
                               .payload = payload,
                               .payload_len = strlen(payload),
                               .reply = {.match = LH_MATCH_TOKEN, .within_ns = LH_NS_PER_S, .lost_after_ns = 60 * LH_NS_PER_S}};
  struct lh_group group = {.name = name,
                           .kind = LH_KIND_NULL,
                           .connections = c->clients,
                           .ramp = {&flat, 1},
                           .connect_timeout_ns = 10 * LH_NS_PER_S,
                           .message_max = LH_REPLY_BYTES_MAX,
                           .reconnect = {.enabled = true, .first_ns = LH_NS_PER_S, .max_ns = LH_NS_PER_S, .factor = 1},
                           .messages = &message,
                           .message_count = 1,
                           .null_service_ns = c->service_ns};
  struct lh_config config = {.groups = &group, .group_count = 1};
  config.run = (struct lh_run_config){.seed = 1, .connect_rate = 1e9, .connecting_max = 16000000, .drain_ns = LH_NS_PER_S};
  const struct lh_engine_args args = {.config = &config, .slice = {0, 1}, .run_id = 1, .start_ns = LH_NS_PER_S, .workers = 1};
  struct lh_engine *engine = NULL;
  struct lh_err err = {0};
  if (lh_engine_new(&engine, &args, &err) < 0) {
    fprintf(stderr, "engine_bench: %s\n", err.text);
    exit(4);
  }
  uint64_t now = args.start_ns, step = c->every_ns ? c->every_ns : LH_NS_PER_S / 10;
  run_for(engine, &now, now + 2 * step);
  const uint64_t *replied = &lh_engine_snapshot(engine, 0, now)->counters[LH_COUNTER_replied], before = *replied;
  double began = cpu_s();
  while (*replied - before < c->messages) run_for(engine, &now, now + step);
  double took = cpu_s() - began;
  double each = took * 1e9 / (double)(*replied - before);
  *bytes_each = (double)lh_engine_bytes(engine) / c->clients;
  lh_engine_free(engine);
  return each;
}

int main(int argc, char **argv) {
  bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
  if (json) printf("[");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double bytes, ns = measure(&cases[i], &bytes);
    if (json)
      printf("%s{\"case\":\"%s\",\"ns_per_message\":%.0f,\"engine_bytes_per_client\":%.0f}", i ? "," : "", cases[i].name, ns,
             bytes);
    else
      printf("%-26s %6.0f ns a message  %5.0f engine bytes a client\n", cases[i].name, ns, bytes);
  }
  if (json) printf("]\n");
  return 0;
}

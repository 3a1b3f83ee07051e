/* Address space of our processes, which RLIMIT_AS limits: counted by table where it is a table, measured where it is not. */
#include "host/judge.h"
#include "longhaul/worker/worker.h"

/* The program and its libraries without data: the same in each process of ours. */
static uint64_t program_space(const struct lh_maker *m) {
  enum { PROGRAM_KIB = 12 * 1024 };
  uint64_t own = lh_maker_number(m, "address_space.self", 0), data = lh_maker_number(m, "address_space.data", 0);
  return (own == LH_ANY || data == LH_ANY || data > own ? PROGRAM_KIB : own - data) * 1024;
}

/* And what a worker leaves to the clients it has. */
uint64_t lh_maker_worker_space(const struct lh_maker *m) {
  uint64_t threads = m->needs->tasks_each - 1;
  return program_space(m) + m->needs->worker_bytes + threads * LH_THREAD_SPACE + LH_SPARE_BYTES;
}

uint64_t lh_maker_supervisor_space(const struct lh_maker *m) {
  enum { DATA_BYTES = 2 << 20 };
  return program_space(m) + DATA_BYTES + (uint64_t)m->needs->supervisor_threads * LH_THREAD_SPACE;
}

/* Of libwebsockets: with 16,000 clients 1.8 MB, with 4,000 0.1 MB. */
static uint64_t contexts_space(const struct lh_maker *m, uint64_t planned) {
  enum { PLACE_BYTES = 16, CONTEXT_BYTES = 14750 };
  uint64_t descriptors = planned + LH_DESCRIPTORS_SPARE, limit = lh_maker_number(m, "nofile.hard", 0);
  if (m->needs->websockets <= 0) return 0;
  uint64_t contexts = 1 + (uint64_t)((double)planned * m->needs->websockets) / LH_CONTEXT_CLIENTS;
  return contexts * (CONTEXT_BYTES + PLACE_BYTES * (descriptors < limit ? descriptors : limit));
}

/* Each client of the plan has its slot from the start, open or not. */
static uint64_t space_for(const struct lh_maker *m, uint64_t planned, uint64_t open) {
  return planned * m->needs->slot_bytes + contexts_space(m, planned) + open * (m->needs->client_bytes - m->needs->slot_bytes);
}

static uint64_t planned_each(const struct lh_maker *m) {
  enum { CLIENTS_EACH = 10000 };
  uint64_t planned = m->needs->plan.wanted;
  if (m->needs->workers > 0) return (planned + m->needs->workers - 1) / m->needs->workers;
  return planned < CLIENTS_EACH ? planned : CLIENTS_EACH;
}

/* Where the plan fits: how far it could grow. */
uint64_t lh_maker_held_in(const struct lh_maker *m, uint64_t bytes) {
  uint64_t planned = planned_each(m), fits = planned, too_many = bytes / m->needs->client_bytes + 1;
  if (space_for(m, planned, planned) > bytes) {
    uint64_t slots = space_for(m, planned, 0);
    return bytes > slots ? (bytes - slots) / (m->needs->client_bytes - m->needs->slot_bytes) : 0;
  }
  while (too_many - fits > 1) {
    uint64_t middle = fits + (too_many - fits) / 2;
    if (space_for(m, middle, middle) > bytes)
      too_many = middle;
    else
      fits = middle;
  }
  return fits;
}

/* What a worker tells: its endings as they come, its numbers each second. Both wait while the pipe is full. */
#ifndef WORKER_REPORTS_H
#define WORKER_REPORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "longhaul/base/buf.h"
#include "longhaul/base/ending.h"
#include "longhaul/conn/engine.h"
#include "health.h"
#include "longhaul/worker/link.h"
#include "panel.h"
#include "desk.h"
#include "raw.h"
#include "ws.h"

struct lh_reports {
  struct lh_link *link;     /* these four are borrowed */
  struct lh_engine *engine;
  const struct lh_ws *ws;
  struct lh_panels *panels;
  const struct lh_raw *raw;
  const struct lh_desk *desk;
  uint32_t group_count;
  uint64_t start_ns, every_ns; /* reports are due at start + k * every */
  uint64_t report_due_ns, rows_due_ns; /* LH_NEVER: none waits */
  struct lh_buf rows;       /* encoded endings */
  uint32_t row_count;
  uint64_t rows_left_out;
  struct lh_engine_faults faults; /* as told so far, to the log and in reports */
  struct lh_vitals vitals;
};

void lh_reports_begin(struct lh_reports *r, uint64_t now_ns);
/* An ending sink of the engine's; context is the struct. */
void lh_reports_ending(void *context, const struct lh_ending *ending);
uint64_t lh_reports_next_ns(const struct lh_reports *r);
/* Sends what is due. */
void lh_reports_turn(struct lh_reports *r, uint64_t now_ns);
/* Sends everything there is, and waits until it has left. */
void lh_reports_last(struct lh_reports *r, uint64_t now_ns);

#endif

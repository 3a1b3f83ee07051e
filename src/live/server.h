/* The sockets of the dashboard: libwebsockets on the process's libuv loop, one vhost for each address listened on.
 *
 *   GET /          the page, the same for every run: what it shows comes over its WebSocket
 *   GET /metrics   for Prometheus
 *   POST /mark     the body becomes a mark on the timeline
 *   WebSocket      protocol longhaul-live: the whole picture, then what changes, and figures each second
 */
#ifndef LIVE_SERVER_H
#define LIVE_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "live/board.h"
#include "live/picture.h"

struct lh_server;

enum { LH_SCRAPE_GAP_MAX_S = 30 /* a scraper that comes more seldom is not waited for at the end */ };

struct lh_server_args {
  uv_loop_t *loop;
  const struct lh_live_start *start; /* borrowed, as all that follows */
  const struct lh_board *board;
  const struct lh_picture *picture;
  void (*mark)(void *context, const char *text);
  void *context;
};

int lh_server_new(struct lh_server **server, const struct lh_server_args *args, struct lh_err *err);
/* A tick or a picture has come: viewers are given what they lack, each as fast as it takes it. */
void lh_server_update(struct lh_server *server, bool tick);
/* No more will come: viewers are told so once they have all of it. */
void lh_server_end(struct lh_server *server);
/* Whether anybody looks on. */
bool lh_server_watched(const struct lh_server *server);
/* Whether the metrics were read at that time or later, and until when the next reading is to be expected from who read them before;
 * 0: nobody reads them regularly, or too seldom to be waited for. */
bool lh_server_scraped_since(const struct lh_server *server, uint64_t ns);
uint64_t lh_server_scrape_due_ns(const struct lh_server *server);
/* Whether a viewer still waits for something, or an answer is on its way. */
bool lh_server_busy(const struct lh_server *server);

#endif

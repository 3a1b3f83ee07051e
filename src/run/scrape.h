/* One page over plain HTTP, fetched on the supervisor's loop without ever making it wait: the server's metrics.
 *
 * HTTP/1.0 with Connection: close, so that the page ends where the connection does. The addresses of a name are tried in turn.
 */
#ifndef LH_RUN_SCRAPE_H
#define LH_RUN_SCRAPE_H

#include <stdbool.h>

#include <uv.h>

#include "longhaul/base/err.h"
#include "longhaul/config/config.h"

enum { LH_SCRAPE_BYTES_MAX = 16 << 20, LH_SCRAPE_MS_MAX = 5000 };

struct lh_scrape;

/* page: NUL-terminated, borrowed for the call; NULL when it failed, then err says why. */
typedef void lh_scrape_done(void *context, const char *page, const struct lh_err *err);

/* The endpoint is config->watch.metrics; its addresses are asked of `deny`. The config is borrowed until close. */
int lh_scrape_new(struct lh_scrape **scrape, uv_loop_t *loop, const struct lh_config *config, lh_scrape_done *done,
                  void *context, struct lh_err *err);
/* `done` follows, never from within the call. False: the one before is not over yet. */
bool lh_scrape_begin(struct lh_scrape *scrape);
/* No `done` follows. Needs further turns of the loop to give everything back. Accepts NULL. */
void lh_scrape_close(struct lh_scrape *scrape);

#endif

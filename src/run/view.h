/* The live screen on a terminal: drawn in place on stderr, log lines above it. */
#ifndef LH_RUN_VIEW_H
#define LH_RUN_VIEW_H

#include <stdbool.h>

#include "run/screen.h"

struct lh_view;

/* Takes over the log lines until free. NULL when memory is out: the run goes on without it. */
struct lh_view *lh_view_new(bool color);
/* Leaves the last screen where it stands. Accepts NULL. */
void lh_view_free(struct lh_view *view);
/* Does nothing while the terminal takes no bytes (Ctrl-S): a stuck terminal must not stop the run. */
void lh_view_draw(struct lh_view *view, const struct lh_screen_facts *facts);
/* The terminal's size changed: what stands there is found and drawn over at the next draw. */
void lh_view_resized(struct lh_view *view);

#endif

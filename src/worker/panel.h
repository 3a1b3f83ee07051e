/* What the kernel knows of the network under open connections: TCP_INFO of a few of them, read with each report.
 *
 * Glossary
 *   panel   the connections of one group that are looked at. Each stays for some readings, so that what was sent again
 *           between two of them can be told, and makes room for the next client in turn, so that in time all are seen
 *   seat    a place of the panel
 *
 * The cost is bounded: at most LH_SEATS_MAX readings a group and LH_READINGS_MAX a worker with each report, whatever the
 * number of clients. A reading is one system call: 32 of them took 23 us.
 */
#ifndef WORKER_PANEL_H
#define WORKER_PANEL_H

#include <stdint.h>

#include "longhaul/conn/engine.h"

enum { LH_SEATS_MAX = 32, LH_READINGS_MAX = 1024 };

/* The descriptor of a client's open connection and its local port; LH_NO_FD when it has none. */
typedef int lh_panel_fd_of(void *context, uint32_t slot, uint16_t *local_port);

struct lh_panels;
/* Clients of `engine` whose kind is one that fd_of knows. They live as long as the process, for which the engine is borrowed.
 * NULL: no memory. */
struct lh_panels *lh_panels_new(struct lh_engine *engine, uint32_t group_count, lh_panel_fd_of *fd_of, void *context);
/* Reads the group's panel into its snapshot: round trips, segments, what was sent again, what is unacknowledged. */
void lh_panel_read(struct lh_panels *panels, uint32_t group, struct lh_snapshot *into);

#endif

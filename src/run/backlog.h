/* A listener that accepts nothing, and how many connections wait at it: net.core.somaxconn, counted. */
#ifndef LH_RUN_BACKLOG_H
#define LH_RUN_BACKLOG_H

#include <stdint.h>

/* Connects a little more than `predicted` times to a listener on 127.0.0.1, at most 5,000 and as descriptors allow, and
 * counts those that are established after 300 ms. 0 when it was not tried. Everything is closed again. */
uint64_t lh_backlog_fill(uint64_t predicted, uint64_t descriptors);

#endif

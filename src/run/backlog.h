/* A listener that takes nothing in, and how many connections wait at it: net.core.somaxconn and net.ipv4.tcp_max_syn_backlog,
 * counted. */
#ifndef LH_RUN_BACKLOG_H
#define LH_RUN_BACKLOG_H

#include <stdint.h>

enum lh_backlog {
  LH_BACKLOG_ACCEPTS,   /* complete, they wait to be accepted */
  LH_BACKLOG_HANDSHAKES /* in progress: they wait for the listener's side to complete them */
};

/* Connects a little more than `predicted` times to such a listener on 127.0.0.1, at most 5,000 and as descriptors allow, and
 * counts those that are established as the client sees it after 300 ms. 0 when it was not tried. Everything is closed again. */
uint64_t lh_backlog_fill(enum lh_backlog which, uint64_t predicted, uint64_t descriptors);

#endif

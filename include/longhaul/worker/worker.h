/* One worker process: a libuv loop with libwebsockets on it, one timing wheel, frames to the supervisor. */
#ifndef LONGHAUL_WORKER_WORKER_H
#define LONGHAUL_WORKER_WORKER_H

/* Address space that a worker leaves unused by connections where RLIMIT_AS limits it (src/worker/spare.h). */
enum { LH_SPARE_BYTES = 1 << 20 };

/* libwebsockets has a context for each so many clients of a worker, and in each a place for every descriptor that the worker may
 * have: one a client, and these (src/worker/ws_setup.c). */
enum { LH_CONTEXT_CLIENTS = 2500, LH_DESCRIPTORS_SPARE = 256 };

/* The hidden subcommand `longhaul worker`: speaks protocol.h on descriptors 0 and 1 until told to stop, or until
 * descriptor 0 closes (the supervisor is gone: it ends at once). Returns the process's exit code. */
int lh_worker_main(void);

/* The probe's own listener, as `longhaul listener PROCESSES [CA]`: prints "LISTEN 127.0.0.1:PORT" and holds what connects until
 * it is killed, at the latest when its parent ends. With CA it speaks TLS as well, with a certificate of its own for the names
 * below; the authority's goes into that file. Returns only when it cannot listen. */
int lh_listener_main(int argc, char **argv);
#define LH_LISTENER_UPGRADES "upgrades.longhaul.test" /* server name of a client that sends a request */
#define LH_LISTENER_HOLDS "holds.longhaul.test"       /* and of one that sends nothing */

#endif

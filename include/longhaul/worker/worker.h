/* One worker process: a libuv loop with libwebsockets on it, one timing wheel, frames to the supervisor. */
#ifndef LONGHAUL_WORKER_WORKER_H
#define LONGHAUL_WORKER_WORKER_H

/* The hidden subcommand `longhaul worker`: speaks protocol.h on descriptors 0 and 1 until told to stop, or until
 * descriptor 0 closes (the supervisor is gone: it ends at once). Returns the process's exit code. */
int lh_worker_main(void);

/* The probe's own listener, as `longhaul listener PROCESSES`: prints "LISTEN 127.0.0.1:PORT" and holds what connects until it
 * is killed, at the latest when its parent ends. Returns only when it cannot listen. */
int lh_listener_main(int argc, char **argv);

#endif

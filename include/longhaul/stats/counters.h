/* What is counted for each group: names, relations and meanings in one place.
 *
 * The books (asserted by lh_snapshot_check, for every group and for the run):
 *   clients          = never_started + waiting + connecting + open + closing + finished
 *   attempts         = ended + connecting + open + closing            (connections)
 *   opened           = ended after being open + open + closing
 *   messages_planned = messages_sent + skipped_not_open + skipped_late + pending
 *   messages_sent    = one_way + replied + lost + in_flight
 *   logins           = logins_succeeded + logins_failed + logins_dropped + logins_under_way
 *   values of response = replied + skipped_charged                    (histogram)
 *   all tallies      = ended + logins_failed + logins_dropped         (when the snapshot carries any)
 * and a subset, as named below, is never larger than what it is a subset of.
 */
#ifndef LONGHAUL_STATS_COUNTERS_H
#define LONGHAUL_STATS_COUNTERS_H

/* X(name, help): only ever grow. */
#define LH_COUNTER_LIST(X)                                                                                          \
  X(attempts, "connections begun")                                                                                  \
  X(opened, "connections that became open; subset of attempts")                                                     \
  X(ended, "connections that ended, at any stage; subset of attempts")                                              \
  X(ended_open, "connections that ended after being open; subset of ended")                                         \
  X(drops, "open connections that ended without the plan asking for it; subset of ended_open")                      \
  X(tester_drops, "drops whose side is tester: not counted against the target; subset of drops")                    \
  X(connect_failures, "connections that ended before they were open and not by plan; subset of ended")              \
  X(reconnects, "connections opened by a client that had been open before; subset of opened")                       \
  X(gave_up, "clients that reached their reconnect limit")                                                          \
  X(rate_waits, "connection attempts that had to wait for the connect-rate cap")                                    \
  X(messages_planned, "messages whose due time came")                                                               \
  X(messages_sent, "messages handed to the connection; subset of planned")                                          \
  X(skipped_not_open, "messages not sent because the client was not open; subset of planned")                       \
  X(skipped_late, "messages not sent because a whole period had passed; subset of planned")                         \
  X(one_way, "messages sent that expect no reply; subset of sent")                                                  \
  X(replied, "messages that got their reply; subset of sent")                                                       \
  X(late, "replies that came after `within`; subset of replied")                                                    \
  X(lost, "messages whose reply did not come in time or before the connection ended; subset of sent")               \
  X(lost_then_replied, "replies to messages already counted as lost; subset of lost")                               \
  X(duplicate, "replies to a message already replied")                                                              \
  X(out_of_order, "replies that came after the reply to a later message of the same client; subset of replied")     \
  X(corrupt, "replies whose content differs from what was to be echoed, or with a damaged token")                   \
  X(incoming, "messages received that answer nothing we sent")                                                      \
  X(truncated, "incoming messages longer than what is kept for matching")                                           \
  X(bytes_sent, "payload bytes sent")                                                                               \
  X(bytes_received, "payload bytes received")                                                                       \
  X(pings_sent, "pings sent")                                                                                       \
  X(pongs, "pongs that answer a ping; subset of pings_sent")                                                        \
  X(peer_pings, "pings of the peer, answered; comments of an event stream")                                                                      \
  X(choked, "sends that had to wait for the socket, or for the response before")                                                     \
  X(open_us, "client-microseconds open")                                                                            \
  X(wanted_us, "client-microseconds wanted: released by the ramp and not planned to be closed")                      \
  X(tcp_readings, "readings of the kernel's TCP_INFO of open connections, a few of each group with each report")    \
  X(tcp_segments, "TCP segments that the connections read sent between two readings")                               \
  X(retransmits, "TCP segments that the connections read sent again between two readings; part of tcp_segments")    \
  X(failed, "replies that failed a check of the config; subset of replied")                                         \
  X(wrong_status, "replies with another status than accepted; subset of failed")                                    \
  X(wrong_content, "replies without the text that `contains` or `matches` asks for; subset of failed")              \
  X(wrong_value, "replies whose value at `pointer` is not `equals`; subset of failed")                              \
  X(too_large, "replies with a body longer than `body_max`; subset of failed")                                      \
  X(stale_keepalive, "requests lost to a connection the server was closing, and sent once more; subset of sent")     \
  X(retry_afters, "waits before a reconnect that Retry-After made longer")                                          \
  X(incoming_numbered, "pushes whose number in the sequence was read; subset of incoming")                          \
  X(incoming_unreadable, "pushes without a number where the sequence should have one; subset of incoming")          \
  X(incoming_gaps, "jumps of the pushed sequence over one or more numbers, on one connection")                      \
  X(incoming_skipped, "numbers that these jumps left out; those that came after all are out of order")              \
  X(incoming_out_of_order, "pushes with a number that a jump had left out; subset of incoming_skipped")             \
  X(incoming_duplicate, "pushes with a number that had come before; subset of incoming_numbered")                   \
  X(incoming_undecided, "pushes so far behind that it is not known whether their number had come before")           \
  X(incoming_missed_away, "numbers that passed between two connections of a client (scope: client)")                \
  X(incoming_caught_up, "pushes with a number missed while away; subset of incoming_missed_away")                   \
  X(incoming_restarts, "sequences that began anew instead of going on")                                             \
  X(incoming_silences, "times an open client heard no push for longer than gap_max")                                \
  X(incoming_untimed, "pushes without a time where `timestamp` should have one; subset of incoming")                \
  X(logins, "login requests begun")                                                                                 \
  X(logins_succeeded, "logins that gave all that is extracted; subset of logins")                                   \
  X(logins_failed, "logins that failed, each with an ending of stage login; subset of logins")                      \
  X(logins_dropped, "logins that we ended: the client was not wanted any more, or the run was over; subset of logins")     \
  X(redirects_followed, "redirects that clients went after")                                                        \
  X(skipped_charged, "skipped_late messages that waited behind another: response holds their wait, to the reply of the next one sent; subset of skipped_late") \
  X(cookies_refused, "cookies that a client did not keep, since they were too long or it had no room for more")

/* X(name, help): as of the end of the interval. */
#define LH_GAUGE_LIST(X)                                                                     \
  X(clients, "clients of the plan")                                                          \
  X(never_started, "clients the ramp has not released yet")                                  \
  X(waiting, "clients between connections: backoff, rate cap, login")                               \
  X(connecting, "clients with a connection on its way: resolve, connect, tls, upgrade")      \
  X(open, "clients open")                                                                    \
  X(closing, "clients whose connection we are closing")                                      \
  X(finished, "clients done by plan: ramped down, gave up, shut down")                       \
  X(wanted, "clients wanted now")                                                            \
  X(in_flight, "messages awaiting a reply")                                                  \
  X(pending, "messages due and held back by a full socket")                               \
  X(tcp_seats, "open connections whose TCP_INFO was read")                                   \
  X(unacked, "TCP segments of these that are sent and not acknowledged")                     \
  X(queued, "clients waiting for the connect-rate cap or for room among the handshakes; subset of waiting") \
  X(logins_under_way, "login requests without an answer yet")

/* X(name, unit help): HDR histograms in microseconds. */
#define LH_HIST_LIST(X)                                                              \
  X(response, "planned time to reply")                                               \
  X(service, "bytes written to reply")                                               \
  X(send_lateness, "planned time to bytes written")                                  \
  X(ping, "ping round trip")                                                         \
  X(resolve, "name resolution")                                                      \
  X(tcp, "TCP connect")                                                              \
  X(tls, "TLS handshake")                                                            \
  X(upgrade, "request sent to upgrade done")                                         \
  X(connect_total, "connection begun to open")                                       \
  X(ttfb, "request written to first byte of the response")                           \
  X(gap, "between incoming events")                                                  \
  X(outage, "drop to open again")                                                    \
  X(lifetime, "open connections, from open to end")                                  \
  X(idle_at_drop, "last byte received to drop")                                      \
  X(detect, "last sign of life to the verdict silent peer")                          \
  X(rtt, "kernel TCP round trip, sampled")                                           \
  X(planned_outage, "planned disturbance to open again")                             \
  X(silence, "silences longer than gap_max, to the next push or the end")            \
  X(delay, "timestamp of a push to its arrival, by two clocks")                      \
  X(delay_ahead, "timestamps of pushes that lie ahead of our clock, by how much")     \
  X(tunnel, "proxy asked for a tunnel to its answer")                                   \
  X(login, "login begun to its whole answer, of those that succeeded")

enum lh_hist_id {
#define X(name, help) LH_HIST_##name,
  LH_HIST_LIST(X)
#undef X
      LH_HIST_COUNT
};

enum lh_counter_id {
#define X(name, help) LH_COUNTER_##name,
  LH_COUNTER_LIST(X)
#undef X
      LH_COUNTER_COUNT
};

enum lh_gauge_id {
#define X(name, help) LH_GAUGE_##name,
  LH_GAUGE_LIST(X)
#undef X
      LH_GAUGE_COUNT
};

const char *lh_counter_name(enum lh_counter_id id);
const char *lh_counter_help(enum lh_counter_id id);
const char *lh_gauge_name(enum lh_gauge_id id);
const char *lh_gauge_help(enum lh_gauge_id id);
const char *lh_hist_name(enum lh_hist_id id);
const char *lh_hist_help(enum lh_hist_id id);

#endif

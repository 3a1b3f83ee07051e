/* The columns that schema.c makes, writers fill and readers read, each named once.
 *
 * X(member, sort, help): member of the struct and column of the table; sort as in table glossary. Members of the TIME list are
 * monotonic, and stored as nanoseconds since the start of the run.
 */
#ifndef LONGHAUL_SRC_STORE_COLUMNS_H
#define LONGHAUL_SRC_STORE_COLUMNS_H

#define LH_HEALTH_TIME_LIST(X)                                                                                                 \
  X(from_ns, "gauge", "start of the slice")                                                                                    \
  X(until_ns, "gauge", "end of the slice")

#define LH_HEALTH_LIST(X)                                                                                                      \
  X(cpu_user_us, "counter", "processor time of the worker in user mode")                                                       \
  X(cpu_system_us, "counter", "processor time of the worker in the kernel")                                                    \
  X(rss_bytes, "gauge", "resident memory of the worker")                                                                       \
  X(engine_bytes, "gauge", "memory that the engine holds for its clients; part of rss_bytes")                                  \
  X(loop_lag_max_us, "gauge", "longest delay from a timer's due time to its turn")                                           \
  X(turns, "counter", "turns of the event loop")                                                                               \
  X(descriptors, "gauge", "open descriptors")                                                                                  \
  X(clients, "gauge", "clients of its slice")                                                                                  \
  X(context_switches, "counter", "context switches of the worker")                                                             \
  X(in_flight_full, "counter", "sends held back since too many messages of the worker awaited their replies")                  \
  X(no_memory, "counter", "sends held back, or incoming messages cut short, since the worker had no memory")

#define LH_SAMPLE_LIST(X)                                                                                                      \
  X(cpu_busy_us, "since boot", "time all cores were at work, stolen time left out")                                            \
  X(cpu_total_us, "since boot", "time of all cores")                                                                           \
  X(cpu_steal_us, "since boot", "time the hypervisor gave to others; part of cpu_total_us")                                    \
  X(mem_available_bytes, "gauge", "memory that could be given to programs")                                                    \
  X(mem_total_bytes, "gauge", "memory of the host")                                                                            \
  X(sockets_used, "gauge", "sockets of every sort")                                                                            \
  X(tcp_in_use, "gauge", "TCP sockets bound or connected, both families")                                                      \
  X(tcp_time_wait, "gauge", "TCP connections in TIME_WAIT")                                                                    \
  X(tcp_mem_pages, "gauge", "kernel memory of TCP, in pages")                                                                  \
  X(files_open, "gauge", "open files of the host (fs.file-nr)")                                                                \
  X(tcp_retransmits, "since boot", "TCP segments sent again")                                                                  \
  X(tcp_listen_drops, "since boot", "connections dropped at a listener, its queue being full and so on")                       \
  X(tcp_out_segments, "since boot", "TCP segments sent")                                                                       \
  X(net_bytes_in, "since boot", "bytes received by all interfaces, loopback included")                                         \
  X(net_bytes_out, "since boot", "bytes sent by all interfaces, loopback included")                                            \
  X(net_drops, "since boot", "packets dropped by all interfaces")                                                              \
  X(context_switches, "since boot", "context switches of the host")                                                            \
  X(tcp_established, "gauge", "TCP connections that are up")                                                                   \
  X(tcp_orphans, "gauge", "TCP connections that no process holds any more")                                                    \
  X(tcp_syn_sent, "gauge", "TCP connections whose first segment is not answered; states are counted each 5 s at most")                                              \
  X(tcp_syn_received, "gauge", "TCP handshakes in progress at listeners")                                                      \
  X(tcp_fin_wait, "gauge", "TCP connections closed by this side first, FIN_WAIT1 and FIN_WAIT2")                               \
  X(tcp_close_wait, "gauge", "TCP connections that the other side closed and a process here did not")                          \
  X(tcp_closing, "gauge", "TCP connections in CLOSING or LAST_ACK")                                                            \
  X(slab_bytes, "gauge", "memory of the kernel's own objects, sockets among them")                                             \
  X(conntrack_entries, "gauge", "connections that the firewall tracks; 0 without tracking")

#endif

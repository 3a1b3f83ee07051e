#include "peer.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "longhaul/base/clock.h"

static struct lh_peer **peers_by_fd;
static uint32_t peers_max;
static lh_peer_pinged *on_ping;
static void *on_ping_context;
static lh_peer_took *on_read;
static void *on_read_context;

int lh_peers_open(uint32_t descriptors_max, struct lh_err *err) {
  assert(!peers_by_fd);
  peers_by_fd = calloc(descriptors_max, sizeof *peers_by_fd);
  if (!peers_by_fd) return lh_err_set(err, ENOMEM, "no memory for a table of %u descriptors", descriptors_max);
  peers_max = descriptors_max;
  return 0;
}

struct lh_peer *lh_peer_of(int fd) {
  return (uint32_t)fd < peers_max ? peers_by_fd[fd] : NULL;
}

void lh_peer_bind(struct lh_peer *peer, int fd) {
  peer->fd = fd;
  if ((uint32_t)fd < peers_max) peers_by_fd[fd] = peer;
}

void lh_peer_unbind(struct lh_peer *peer) {
  if (lh_peer_of(peer->fd) == peer) peers_by_fd[peer->fd] = NULL;
  peer->fd = LH_NO_FD;
}

void lh_peers_on_ping(lh_peer_pinged *pinged, void *context) {
  on_ping = pinged;
  on_ping_context = context;
}

void lh_peers_on_read(lh_peer_took *took, void *context) {
  on_read = took;
  on_read_context = context;
}

bool lh_peer_reads_ahead(const struct lh_peer *peer) {
  const struct lh_wire *wire = &peer->wire;
  bool between_messages = wire->state == LH_WIRE_FRAME && !wire->in_message && !wire->deflate;
  return peer->state == LH_PEER_OPEN && between_messages && !peer->is_tls && !peer->holds_more && !peer->seen && on_read;
}

size_t lh_peer_took_read(struct lh_peer *peer, const char *bytes, size_t len) {
  return on_read(on_read_context, peer, bytes, len);
}

/* With no memory the code is kept and the text is not: the ending is then still told apart by its reason. */
static void keep_seen(struct lh_peer *peer, enum lh_reason reason, int32_t code, const struct lh_wire_seen *seen) {
  if (!peer->seen) peer->seen = calloc(1, sizeof *peer->seen);
  if (!peer->seen) return;
  peer->seen->reason = (uint8_t)reason;
  peer->seen->code = code;
  memcpy(peer->seen->text, seen->text, seen->text_len);
  peer->seen->text[seen->text_len] = 0;
}

bool lh_peer_awaits_body(const struct lh_peer *peer) {
  return peer->wire.state == LH_WIRE_BODY && peer->wire.has_body && peer->seen && !peer->seen->text[0];
}

size_t lh_peer_saw(struct lh_peer *peer, const void *bytes, size_t len) {
  struct lh_wire_seen seen;
  seen.pings = 0;
  seen.closed = false;
  seen.status = 0;
  seen.fault = NULL;
  seen.text_len = 0;
  bool was_head = peer->wire.state == LH_WIRE_HEAD;
  size_t sound = lh_wire_feed(&peer->wire, bytes, len, &seen);
  if (was_head && seen.status) peer->holds_more = peer->wire.state != LH_WIRE_FRAME || peer->wire.first;
  if (seen.status && seen.status != 101)
    keep_seen(peer, LH_REASON_UPGRADE_REFUSED, seen.status, &seen);
  else if (seen.closed)
    keep_seen(peer, LH_REASON_CLOSE_FRAME, seen.code, &seen);
  else if (seen.text_len && lh_peer_awaits_body(peer))
    memcpy(peer->seen->text, seen.text, seen.text_len + 1U);
  if (seen.pings && on_ping) on_ping(on_ping_context, peer, seen.pings);
  if (seen.fault) peer->fault = seen.fault;
  return sound;
}

/* TCP is closed at once by a reset. One that came behind a FIN, mostly the answer to the alert that OpenSSL writes at the end
 * of a stream, leaves EPIPE as the socket's error (tcp_reset in the kernel); one that came first leaves ECONNRESET, or
 * nothing when a write was told already. */
static bool was_reset(int fd) {
  struct tcp_info info = {.tcpi_state = 0};
  int error = 0;
  socklen_t info_len = sizeof info, error_len = sizeof error;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_len) || info.tcpi_state != TCP_CLOSE) return false;
  return !getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) && error != EPIPE;
}

/* Something that arrives on the way to nowhere is sent again and again; else an acknowledgement later than since_ns is one
 * of what was sent before it, or there is nothing left to acknowledge. */
enum lh_taken lh_peer_taken(const struct lh_peer *peer, uint64_t since_ns, uint64_t now_ns) {
  struct tcp_info info = {.tcpi_state = 0};
  socklen_t len = sizeof info;
  if (peer->fd == LH_NO_FD || getsockopt(peer->fd, IPPROTO_TCP, TCP_INFO, &info, &len)) return LH_TAKEN_UNKNOWN;
  if (info.tcpi_retransmits > 0) return LH_NOT_TAKEN;
  bool acknowledged = info.tcpi_unacked == 0 || info.tcpi_last_ack_recv < (now_ns - since_ns) / LH_NS_PER_MS;
  return acknowledged ? LH_TAKEN : LH_TAKEN_UNKNOWN;
}

void lh_peer_saw_eof(struct lh_peer *peer) {
  if (peer->error || peer->eof) return;
  if (was_reset(peer->fd))
    peer->error = ECONNRESET;
  else
    peer->eof = true;
}

void lh_peer_saw_error(struct lh_peer *peer, int error) {
  if (peer->eof) return;
  if (error && error != EAGAIN && error != EINTR && !peer->error) peer->error = error;
}

void lh_peer_reset(struct lh_peer *peer) {
  assert(!peer->wsi && peer->fd == LH_NO_FD);
  free(peer->seen);
  *peer = (struct lh_peer){.fd = LH_NO_FD, .next = LH_NO_PEER};
}

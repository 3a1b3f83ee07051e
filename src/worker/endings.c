#include "endings.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "dial.h"
#include "tls.h"

static void set(struct lh_ending *out, enum lh_reason reason, int code, const char *text) {
  out->reason = (uint8_t)reason;
  out->code = code;
  snprintf(out->text, sizeof out->text, "%s", text ? text : "");
}

/* ---- errno ---- */

void lh_ending_from_errno(int error, struct lh_ending *out) {
  static const struct {
    int error;
    enum lh_reason reason;
  } known[] = {
      {ECONNREFUSED, LH_REASON_REFUSED},
      {ENOENT, LH_REASON_REFUSED}, /* a unix socket that is not there; one whose queue of connections is full */
      {EAGAIN, LH_REASON_REFUSED},
      {ECONNRESET, LH_REASON_RST},
      {ECONNABORTED, LH_REASON_RST},
      {EPIPE, LH_REASON_RST},
      {EHOSTUNREACH, LH_REASON_UNREACHABLE},
      {ENETUNREACH, LH_REASON_UNREACHABLE},
      {EHOSTDOWN, LH_REASON_UNREACHABLE},
      {ENETDOWN, LH_REASON_UNREACHABLE},
      {ENONET, LH_REASON_UNREACHABLE},
      {EINVAL, LH_REASON_UNREACHABLE}, /* what a blackhole route gives */
      {EAFNOSUPPORT, LH_REASON_UNREACHABLE},
      {EACCES, LH_REASON_UNREACHABLE},
      {EPERM, LH_REASON_UNREACHABLE},
      {ETIMEDOUT, LH_REASON_CONNECT_TIMEOUT}, /* the kernel's patience ended before ours */
      {EADDRNOTAVAIL, LH_REASON_NO_LOCAL_PORT},
      {EADDRINUSE, LH_REASON_NO_LOCAL_PORT},
      {EMFILE, LH_REASON_NO_DESCRIPTOR},
      {ENFILE, LH_REASON_NO_DESCRIPTOR},
      {ENOMEM, LH_REASON_NO_MEMORY},
      {ENOBUFS, LH_REASON_NO_MEMORY},
      {ENOSPC, LH_REASON_NO_MEMORY},
      {LH_DIAL_DENIED, LH_REASON_DENIED},
      {LH_DIAL_UNAUTHORIZED, LH_REASON_UNAUTHORIZED},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (known[i].error == error) {
      /* errno says no more than the reason, or there is none */
      bool is_said = known[i].reason == LH_REASON_RST || error >= LH_DIAL_DENIED;
      const char *text = error == ENOENT ? "no such socket" : error == EAGAIN ? "queue of connections full" : "";
      set(out, known[i].reason, is_said ? 0 : error, text);
      return;
    }
  set(out, LH_REASON_UNCLASSIFIED, error, strerror(error));
}

/* An error of a connection that was up. The kernel gives up on a peer that acknowledges nothing. */
void lh_ending_from_socket(int error, struct lh_ending *out) {
  if (error == ETIMEDOUT)
    set(out, LH_REASON_SILENT_PEER, error, "TCP gave up");
  else if (error == ECONNREFUSED)
    set(out, LH_REASON_RST, 0, "");
  else
    lh_ending_from_errno(error, out);
}

/* ---- the socket ---- */

/* A reset overtakes what was received before it, most often the close frame that explains it. */
static void read_rest(const struct lh_demise *d) {
  char bytes[4096];
  if (d->fd == LH_NO_FD || d->peer->eof || d->peer->fault) return;
  for (int reads = 0; reads < 256 && !d->peer->seen; reads++) {
    long got = d->ssl ? SSL_read(d->ssl, bytes, sizeof bytes) : recv(d->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got <= 0) return;
  }
}

static int socket_error(int fd) {
  int error = 0;
  socklen_t len = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) ? 0 : error;
}

static bool from_tcp_state(int fd, struct lh_ending *out) {
  struct tcp_info info;
  socklen_t len = sizeof info;
  memset(&info, 0, sizeof info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len)) return false;
  switch (info.tcpi_state) {
  case TCP_CLOSE_WAIT:
  case TCP_LAST_ACK:
  case TCP_CLOSING: set(out, LH_REASON_FIN, 0, ""); return true;
  case TCP_CLOSE: set(out, LH_REASON_RST, 0, ""); return true;
  default: return false;
  }
}

static const char *where_it_broke_off(const struct lh_wire *w) {
  switch ((enum lh_wire_state)w->state) {
  case LH_WIRE_HEAD: return w->left ? "inside the response" : "";
  case LH_WIRE_LENGTH:
  case LH_WIRE_EXTENDED:
  case LH_WIRE_PAYLOAD: return "inside a frame";
  default: return "";
  }
}

static bool from_socket(const struct lh_demise *d, struct lh_ending *out) {
  const struct lh_peer *p = d->peer;
  int error = p->error || p->eof || d->fd == LH_NO_FD ? p->error : socket_error(d->fd);
  if (error) {
    lh_ending_from_socket(error, out);
    return true;
  }
  if (p->eof) {
    set(out, LH_REASON_FIN, 0, where_it_broke_off(&p->wire));
    return true;
  }
  return d->fd != LH_NO_FD && from_tcp_state(d->fd, out);
}

/* ---- TLS ---- */

static const char *alert_name(int alert) {
  switch (alert) { /* of TLS 1.3, which OpenSSL 3.0 has no words for */
  case SSL_AD_MISSING_EXTENSION: return "missing extension";
  case SSL_AD_CERTIFICATE_REQUIRED: return "certificate required";
  case SSL_AD_NO_APPLICATION_PROTOCOL: return "no application protocol";
  default: return SSL_alert_desc_string_long(alert);
  }
}

bool lh_ending_from_tls(const struct lh_tls_trouble *trouble, struct lh_ending *out) {
  if (trouble->alert)
    set(out, LH_REASON_TLS_ALERT, trouble->alert, alert_name(trouble->alert));
  else if (trouble->verify)
    set(out, lh_tls_verify_reason(trouble->verify), (int)trouble->verify, X509_verify_cert_error_string(trouble->verify));
  else if (trouble->error)
    set(out, LH_REASON_TLS_FAILED, trouble->error, ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, trouble->error)));
  else
    return false;
  return true;
}

static bool from_tls(const struct lh_peer *p, struct lh_ending *out) {
  const struct lh_tls_trouble trouble = {.alert = p->alert, .verify = p->verify, .error = p->tls_error};
  return lh_ending_from_tls(&trouble, out);
}

/* ---- the upgrade ---- */

/* libwebsockets' words for a 101 response that it does not accept. */
static bool from_words(const struct lh_demise *d, struct lh_ending *out) {
  static const struct {
    const char *words;
    enum lh_reason reason;
    const char *text;
  } known[] = {
      {"HS: Accept hash wrong", LH_REASON_BAD_ACCEPT, ""},
      {"HS: ACCEPT missing", LH_REASON_BAD_ACCEPT, "Sec-WebSocket-Accept missing"},
      {"HS: UPGRADE missing", LH_REASON_BAD_HTTP, "Upgrade header missing"},
      {"HS: Upgrade to something other than websocket", LH_REASON_BAD_HTTP, "Upgrade header is not websocket"},
      {"HS: UPGRADE malformed", LH_REASON_BAD_HTTP, "Connection header without Upgrade"},
      {"HS: PROTOCOL malformed", LH_REASON_BAD_HTTP, "subprotocol that was not offered"},
      {"HS: EXT: unknown ext", LH_REASON_BAD_HTTP, "extension that was not offered"},
      {"HS: EXT", LH_REASON_BAD_HTTP, "extension parameters that cannot be used"},
      {"HS: URI missing", LH_REASON_BAD_HTTP, "no status line"},
      {"HS: OOM", LH_REASON_NO_MEMORY, ""},
      {"problems parsing header", LH_REASON_BAD_HTTP, "response head cannot be read, or is longer than 32 KiB"},
      {"tls restriction limit", LH_REASON_NO_MEMORY, ""},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (!strncmp(d->words, known[i].words, strlen(known[i].words))) {
      set(out, known[i].reason, 0, known[i].text);
      return true;
    }
  return false;
}

void lh_ending_find(const struct lh_demise *d, struct lh_ending *out) {
  *out = (struct lh_ending){.stage = (uint8_t)d->stage};
  bool is_handshake = d->stage == LH_STAGE_TLS;
  if (!is_handshake && !d->peer->seen) read_rest(d);
  const struct lh_peer *p = d->peer;
  if (p->seen) {
    bool is_redirect = p->is_redirect && p->seen->reason == LH_REASON_UPGRADE_REFUSED;
    enum lh_reason redirect = p->follows ? LH_REASON_REDIRECT_FOLLOWED : LH_REASON_REDIRECT;
    set(out, is_redirect ? redirect : p->seen->reason, p->seen->code, p->seen->text);
    out->retry_after_ns = p->seen->retry_after_ns;
  } else if (p->fault) {
    set(out, d->stage == LH_STAGE_OPEN ? LH_REASON_BAD_FRAME : LH_REASON_BAD_HTTP, 0, p->fault);
  } else if (!from_words(d, out) && !from_tls(p, out) && !from_socket(d, out)) {
    if (!strcmp(d->words, LH_COULD_NOT_BEGIN)) /* nothing was wrong yet: all that is left is that it allocates */
      set(out, LH_REASON_NO_MEMORY, 0, LH_COULD_NOT_BEGIN);
    else
      set(out, LH_REASON_UNCLASSIFIED, 0, d->words[0] ? d->words : "libwebsockets closed the connection");
  }
}

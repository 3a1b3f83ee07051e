#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

struct lh_tls {
  SSL_CTX *context;
  const struct lh_target *target;
};

enum lh_reason lh_tls_verify_reason(long result) {
  switch (result) {
  case X509_V_ERR_CERT_HAS_EXPIRED: return LH_REASON_CERT_EXPIRED;
  case X509_V_ERR_CERT_NOT_YET_VALID: return LH_REASON_CERT_NOT_YET_VALID;
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH: return LH_REASON_CERT_WRONG_HOST;
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return LH_REASON_CERT_SELF_SIGNED;
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: return LH_REASON_CERT_UNKNOWN_CA;
  default: return LH_REASON_CERT_REFUSED;
  }
}

/* Keeps the first thing found wrong; when libwebsockets tells of the failure the SSL may be gone. */
static int keep_result(int ok, X509_STORE_CTX *store) {
  SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  struct lh_peer *peer = lh_peer_of(SSL_get_fd(ssl));
  if (!ok && peer && !peer->verify) peer->verify = (uint8_t)X509_STORE_CTX_get_error(store);
  return ok;
}

/* `verify: false`: every certificate will do, and the result says so, since libwebsockets looks at it again. */
static int accept_any(int ok, X509_STORE_CTX *store) {
  (void)ok;
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

/* libwebsockets derives name, SNI and checks from the Host header, which is wrong for IPv6 literals and knows no `sni` key.
 * What it set is put right just before the first message goes out. */
static void before_handshake(SSL *ssl, const struct lh_target *target) {
  char *name = target->tls.sni ? target->tls.sni : target->host;
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  bool is_address = X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
  X509_VERIFY_PARAM_set1_host(param, NULL, 0);
  SSL_set_tlsext_host_name(ssl, is_address ? NULL : name);
  if (!target->tls.verify) {
    X509_VERIFY_PARAM_set1_ip(param, NULL, 0);
    SSL_set_verify(ssl, SSL_VERIFY_PEER, accept_any);
    return;
  }
  if (!is_address) X509_VERIFY_PARAM_set1_host(param, name, 0);
  SSL_set_verify(ssl, SSL_VERIFY_PEER, keep_result);
}

static void on_info(const SSL *ssl, int where, int value) {
  if (where & SSL_CB_HANDSHAKE_START) {
    const struct lh_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    before_handshake((SSL *)ssl, tls->target);
  } else if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT) {
    struct lh_peer *peer = lh_peer_of(SSL_get_fd(ssl));
    uint8_t *place = peer ? &peer->alert : SSL_get_app_data(ssl);
    int alert = value & 0xff;
    if (place && alert != SSL_AD_CLOSE_NOTIFY && alert != SSL_AD_USER_CANCELLED) *place = (uint8_t)alert;
  }
}

static int unusable(const struct lh_target *target, const char *key, const char *file, struct lh_err *err) {
  unsigned long code = ERR_peek_last_error();
  const char *why = ERR_reason_error_string(code);
  int result = lh_err_set(err, EINVAL, "targets.%s.tls.%s: %s cannot be used (%s); expected a PEM file", target->name, key,
                          file, why ? why : "unknown error");
  ERR_clear_error();
  return result;
}

static int load_files(SSL_CTX *context, const struct lh_target *target, struct lh_err *err) {
  const struct lh_tls_config *c = &target->tls;
  const char *key = c->key ? c->key : c->cert;
  ERR_clear_error();
  if (c->ca && SSL_CTX_load_verify_file(context, c->ca) != 1) return unusable(target, "ca", c->ca, err);
  if (!c->ca && SSL_CTX_set_default_verify_paths(context) != 1) return unusable(target, "ca", "the system's store", err);
  if (!c->cert) return 0;
  if (SSL_CTX_use_certificate_chain_file(context, c->cert) != 1) return unusable(target, "cert", c->cert, err);
  if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) return unusable(target, "key", key, err);
  if (SSL_CTX_check_private_key(context) == 1) return 0;
  ERR_clear_error();
  return lh_err_set(err, EINVAL, "targets.%s.tls: the key in %s does not belong to the certificate in %s", target->name, key,
                    c->cert);
}

int lh_tls_new(struct lh_tls **tls, const struct lh_target *target, struct lh_err *err) {
  struct lh_tls *t = calloc(1, sizeof *t);
  if (!t || !(t->context = SSL_CTX_new(TLS_client_method()))) {
    free(t);
    return lh_err_set(err, ENOMEM, "no memory for the TLS settings of target %s", target->name);
  }
  t->target = target;
  /* 36 KB of buffers a connection without RELEASE_BUFFERS; and sessions are not resumed, so keeping them buys nothing. */
  SSL_CTX_set_mode(t->context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(t->context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(t->context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_app_data(t->context, t);
  SSL_CTX_set_info_callback(t->context, on_info);
  int failed = load_files(t->context, target, err);
  if (failed) {
    lh_tls_free(t);
    return failed;
  }
  *tls = t;
  return 0;
}

SSL_CTX *lh_tls_context(const struct lh_tls *tls) {
  return tls->context;
}

/* Not in the middle of a record: before 3.0.14 OpenSSL would go on in the freed buffer (CVE-2024-4741). */
void lh_tls_rest(SSL *ssl) {
  bool is_between_records = !SSL_has_pending(ssl) && strcmp(SSL_rstate_string(ssl), "RH") == 0;
  if (is_between_records) SSL_free_buffers(ssl);
}

void lh_tls_free(struct lh_tls *tls) {
  if (!tls) return;
  SSL_CTX_free(tls->context);
  free(tls);
}

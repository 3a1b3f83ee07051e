#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"

/* ---- made certificates ---- */

struct pair {
  X509 *cert;
  EVP_PKEY *key;
};

static void free_pair(struct pair *pair) {
  X509_free(pair->cert);
  EVP_PKEY_free(pair->key);
  *pair = (struct pair){0};
}

struct cert_facts {
  const char *name;  /* common name */
  const char *names; /* subjectAltName, or NULL: a CA */
  long from_s, to_s; /* validity, relative to now */
};

static int add_extension(X509 *cert, X509 *issuer, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  int ok = extension && X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
  return ok;
}

/* Makes a certificate signed by `issuer`, or by itself when that is NULL. Returns false when OpenSSL cannot. */
static bool make_pair(struct pair *out, const struct cert_facts *facts, const struct pair *issuer) {
  struct pair pair = {.cert = X509_new(), .key = EVP_EC_gen("P-256")};
  uint8_t serial_bytes[8];
  bool ok = pair.cert && pair.key && RAND_bytes(serial_bytes, sizeof serial_bytes) == 1;
  if (ok) {
    const struct pair *by = issuer ? issuer : &pair;
    X509_NAME *subject = X509_get_subject_name(pair.cert);
    uint64_t serial;
    memcpy(&serial, serial_bytes, sizeof serial);
    ok = X509_set_version(pair.cert, 2) && ASN1_INTEGER_set_uint64(X509_get_serialNumber(pair.cert), serial >> 1) &&
         X509_gmtime_adj(X509_getm_notBefore(pair.cert), facts->from_s) &&
         X509_gmtime_adj(X509_getm_notAfter(pair.cert), facts->to_s) &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)facts->name, -1, -1, 0) &&
         X509_set_issuer_name(pair.cert, X509_get_subject_name(by->cert)) && X509_set_pubkey(pair.cert, pair.key) &&
         add_extension(pair.cert, by->cert, NID_basic_constraints, facts->names ? "critical,CA:FALSE" : "critical,CA:TRUE") &&
         (!facts->names || add_extension(pair.cert, by->cert, NID_subject_alt_name, facts->names)) &&
         X509_sign(pair.cert, by->key, EVP_sha256()) > 0;
  }
  if (ok)
    *out = pair;
  else
    free_pair(&pair);
  return ok;
}

static int write_ca(const char *path, X509 *cert, struct lh_err *err) {
  FILE *file = fopen(path, "w");
  if (!file) return lh_err_set(err, errno, "cannot write the CA to %s: %s", path, strerror(errno));
  int ok = PEM_write_X509(file, cert);
  return fclose(file) == 0 && ok ? 0 : lh_err_set(err, EIO, "cannot write the CA to %s", path);
}

static int use_made(SSL_CTX *context, const struct options *options, struct lh_err *err) {
  static const char here[] = "DNS:localhost,IP:127.0.0.1,IP:::1";
  enum { DAY_S = 86400 };
  static const struct {
    const char *kind;
    struct cert_facts facts;
  } kinds[] = {{"good", {"localhost", here, -DAY_S, 30 * DAY_S}},
               {"expired", {"localhost", here, -30 * DAY_S, -DAY_S}},
               {"not-yet-valid", {"localhost", here, DAY_S, 30 * DAY_S}},
               {"wrong-host", {"other.example.test", "DNS:other.example.test", -DAY_S, 30 * DAY_S}},
               {"self-signed", {"localhost", here, -DAY_S, 30 * DAY_S}}};
  size_t kind = 0, count = sizeof kinds / sizeof *kinds;
  while (kind < count && strcmp(kinds[kind].kind, options->tls_make) != 0) kind++;
  if (kind == count)
    return lh_err_set(err, EINVAL, "--tls-make %s: expected good, expired, not-yet-valid, wrong-host or self-signed",
                      options->tls_make);
  struct pair ca = {0}, leaf = {0};
  char ca_name[40]; /* its own for each start: a CA of the same name with another key is a bad signature, not an unknown CA */
  snprintf(ca_name, sizeof ca_name, "faultd test CA %d", (int)getpid());
  bool by_itself = strcmp(options->tls_make, "self-signed") == 0;
  bool ok = make_pair(&ca, &(struct cert_facts){ca_name, NULL, -30 * DAY_S, 30 * DAY_S}, NULL) &&
            make_pair(&leaf, &kinds[kind].facts, by_itself ? NULL : &ca) && SSL_CTX_use_certificate(context, leaf.cert) == 1 &&
            SSL_CTX_use_PrivateKey(context, leaf.key) == 1;
  int failed = ok ? 0 : lh_err_set(err, EIO, "cannot make a certificate: %s", tls_error_text());
  if (!failed && options->tls_ca) failed = write_ca(options->tls_ca, ca.cert, err);
  free_pair(&leaf);
  free_pair(&ca);
  return failed;
}

/* ---- the context ---- */

static int answer_hello(SSL *ssl, int *alert, void *argument) {
  (void)argument;
  if (!SSL_get_app_data(ssl)) return SSL_CLIENT_HELLO_SUCCESS;
  *alert = SSL_AD_HANDSHAKE_FAILURE;
  return SSL_CLIENT_HELLO_ERROR;
}

static int use_certificate(SSL_CTX *context, const struct options *options, struct lh_err *err) {
  if (!options->tls_cert) return use_made(context, options, err);
  if (SSL_CTX_use_certificate_chain_file(context, options->tls_cert) != 1)
    return lh_err_set(err, EINVAL, "--tls-cert %s: %s", options->tls_cert, tls_error_text());
  if (SSL_CTX_use_PrivateKey_file(context, options->tls_key, SSL_FILETYPE_PEM) != 1)
    return lh_err_set(err, EINVAL, "--tls-key %s: %s", options->tls_key, tls_error_text());
  return 0;
}

static int ask_for_clients(SSL_CTX *context, const char *path, struct lh_err *err) {
  if (!path) return 0;
  if (SSL_CTX_load_verify_locations(context, path, NULL) != 1)
    return lh_err_set(err, EINVAL, "--tls-client-ca %s: %s", path, tls_error_text());
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(path));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
  return 0;
}

int tls_context(SSL_CTX **out, const struct options *options, struct lh_err *err) {
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  if (!context) return lh_err_set(err, ENOMEM, "cannot set up TLS: %s", tls_error_text());
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_client_hello_cb(context, answer_hello, NULL);
  int failed = use_certificate(context, options, err);
  if (!failed) failed = ask_for_clients(context, options->tls_client_ca, err);
  if (failed)
    SSL_CTX_free(context);
  else
    *out = context;
  return failed;
}

int tls_begin(SSL_CTX *context, struct conn *conn, bool alert) {
  conn->ssl = SSL_new(context);
  if (!conn->ssl || SSL_set_fd(conn->ssl, conn->fd) != 1) return -ENOMEM;
  if (alert) SSL_set_app_data(conn->ssl, conn);
  SSL_set_accept_state(conn->ssl);
  return 0;
}

const char *tls_error_text(void) {
  static char text[256];
  unsigned long code = ERR_get_error();
  ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return code ? text : "no detail";
}

#include "worker/certificate.h"

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>

enum { DAY_S = 24 * 3600, VERSION_3 = 2 };

/* What signs: an authority and its key. */
struct signer {
  X509 *certificate;
  EVP_PKEY *key;
};

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

/* Two certificates of one issuer must not have one number. */
static bool set_serial(X509 *certificate) {
  unsigned char bytes[8];
  uint64_t number = 1;
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  for (size_t i = 0; i < sizeof bytes; i++) number = number << 7 | (bytes[i] & 0x7f);
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number) == 1;
}

/* Signed by `by`, or by itself without one. `names` NULL: an authority. */
static X509 *make(const char *common_name, const char *names, EVP_PKEY *key, const struct signer *by) {
  X509 *x = X509_new();
  if (x == NULL) return NULL;
  X509 *issuer = by != NULL ? by->certificate : x;
  X509_NAME *name = X509_get_subject_name(x);
  bool made = X509_set_version(x, VERSION_3) == 1 && set_serial(x) && X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S) != NULL &&
              X509_gmtime_adj(X509_getm_notAfter(x), DAY_S) != NULL &&
              X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1, 0) == 1 &&
              X509_set_issuer_name(x, X509_get_subject_name(issuer)) == 1 && X509_set_pubkey(x, key) == 1;
  if (made && names == NULL)
    made = add_extension(x, issuer, NID_basic_constraints, "critical,CA:TRUE") &&
           add_extension(x, issuer, NID_key_usage, "critical,keyCertSign");
  if (made && names != NULL) made = add_extension(x, issuer, NID_subject_alt_name, names);
  if (made && X509_sign(x, by != NULL ? by->key : key, EVP_sha256()) > 0) return x;
  X509_free(x);
  return NULL;
}

static bool write_pem(X509 *certificate, const char *path) {
  FILE *file = fopen(path, "we");
  if (file == NULL) return false;
  bool written = PEM_write_X509(file, certificate) == 1;
  return fclose(file) == 0 && written;
}

/* The chain takes the authority over when it is added. */
static bool use(SSL_CTX *context, X509 *leaf, EVP_PKEY *key, X509 *authority) {
  return SSL_CTX_use_certificate(context, leaf) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1 &&
         SSL_CTX_add1_chain_cert(context, authority) == 1;
}

SSL_CTX *lh_certificate_server(const char *names, const char *ca_path) {
  struct signer authority = {.key = EVP_EC_gen("P-256")};
  EVP_PKEY *key = EVP_EC_gen("P-256");
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  X509 *leaf = NULL;
  if (authority.key != NULL) authority.certificate = make("longhaul probe", NULL, authority.key, NULL);
  if (authority.certificate != NULL && key != NULL) leaf = make("longhaul listener", names, key, &authority);
  bool made = leaf != NULL && context != NULL && use(context, leaf, key, authority.certificate) &&
              write_pem(authority.certificate, ca_path);
  X509_free(leaf);
  X509_free(authority.certificate);
  EVP_PKEY_free(authority.key);
  EVP_PKEY_free(key);
  if (made) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
  }
  SSL_CTX_free(context);
  return NULL;
}

/* Certificates with the same bytes are one object. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "worker/chain.h"

struct encoded {
  unsigned char *bytes; /* owned */
  int len;
};

/* Of its own number, signed by itself. */
static struct encoded encode(long number) {
  struct encoded e = {0};
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *x = X509_new();
  assert_true(key && x && X509_set_version(x, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x), number));
  assert_true(X509_gmtime_adj(X509_getm_notBefore(x), 0) && X509_gmtime_adj(X509_getm_notAfter(x), 60));
  assert_true(X509_set_pubkey(x, key) && X509_sign(x, key, EVP_sha256()) > 0);
  e.len = i2d_X509(x, &e.bytes);
  assert_true(e.len > 0);
  X509_free(x);
  EVP_PKEY_free(key);
  return e;
}

/* As OpenSSL does with what a handshake brought. */
static X509 *decode(const struct encoded *e, long len, long *took) {
  const unsigned char *at = e->bytes;
  X509 *x = X509_new();
  X509 *made = d2i_X509(&x, &at, len);
  *took = at - e->bytes;
  if (made) assert_ptr_equal(made, x);
  if (!made) X509_free(x);
  return made;
}

static void the_same_bytes_are_the_same_object(void **state) {
  (void)state;
  struct encoded one = encode(1), other = encode(2);
  long took;
  X509 *first = decode(&one, one.len, &took), *again = decode(&one, one.len, &took), *second = decode(&other, other.len, &took);
  assert_ptr_equal(first, again);
  assert_ptr_not_equal(first, second);
  assert_int_equal(took, other.len);
  X509_free(first);
  X509_free(again); /* each has a reference of its own */
  assert_int_equal(ASN1_INTEGER_get(X509_get0_serialNumber(lh_chain_find(one.bytes, (size_t)one.len))), 1);
  X509_free(second);
  free(one.bytes);
  free(other.bytes);
}

static void what_is_not_whole_is_not_kept(void **state) {
  (void)state;
  struct encoded one = encode(3);
  unsigned char *longer = calloc(1, (size_t)one.len + 1);
  memcpy(longer, one.bytes, (size_t)one.len);
  long took;
  assert_null(decode(&one, one.len - 1, &took));
  X509 *made = decode(&(struct encoded){.bytes = longer}, one.len + 1, &took); /* a byte behind it is left, as it always was */
  assert_non_null(made);
  assert_int_equal(took, one.len);
  assert_null(lh_chain_find(longer, (size_t)one.len + 1));
  X509_free(made);
  assert_null(lh_chain_find(one.bytes, (size_t)one.len)); /* nor without the byte behind it */
  X509_free(decode(&one, one.len, &took));
  assert_non_null(lh_chain_find(one.bytes, (size_t)one.len));
  one.bytes[one.len - 1] ^= 1; /* of the signature */
  assert_null(lh_chain_find(one.bytes, (size_t)one.len));
  free(longer);
  free(one.bytes);
}

static void the_oldest_is_forgotten(void **state) {
  (void)state;
  struct encoded all[LH_CHAIN_KEPT + 1];
  long took;
  for (int i = 0; i <= LH_CHAIN_KEPT; i++) {
    all[i] = encode(100 + i);
    X509_free(decode(&all[i], all[i].len, &took));
  }
  assert_null(lh_chain_find(all[0].bytes, (size_t)all[0].len));
  for (int i = 1; i <= LH_CHAIN_KEPT; i++) assert_non_null(lh_chain_find(all[i].bytes, (size_t)all[i].len));
  for (int i = 0; i <= LH_CHAIN_KEPT; i++) free(all[i].bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_bytes_are_the_same_object),
                                     cmocka_unit_test(what_is_not_whole_is_not_kept),
                                     cmocka_unit_test(the_oldest_is_forgotten)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SHA-256 (FIPS 180-4), so that a file that a run used can be told from another by `sha256sum`.
 *
 * Not for secrets: nothing here is wiped, and time depends on the length alone.
 */
#ifndef LONGHAUL_BASE_SHA256_H
#define LONGHAUL_BASE_SHA256_H

#include <stddef.h>

enum { LH_SHA256_HEX = 64 };

/* The digest of len bytes as lower-case hexadecimal digits and a NUL. */
void lh_sha256_hex(const void *bytes, size_t len, char out[LH_SHA256_HEX + 1]);

#endif

/* SPDX-License-Identifier: MIT */
/* What connections and tasks are signed with: HMAC-SHA256 and SHA-256 of OpenSSL's libcrypto, and
 * random bytes of the system.
 *
 * The library is looked for when it is first needed, so that programs that load our module need not
 * have it. Any thread.
 */
#ifndef OS_CRYPTO_H
#define OS_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { CRYPTO_MAC_SIZE = 32, CRYPTO_RANDOM_MAX = 256 };

/* -ELIBACC: there is no libcrypto (Debian: libssl3). */
MUST_CHECK status crypto_hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
                                     uint8_t mac[CRYPTO_MAC_SIZE]);
/* -ELIBACC, as above. */
MUST_CHECK status crypto_sha256(const void *data, size_t size, uint8_t digest[CRYPTO_MAC_SIZE]);
/* At most CRYPTO_RANDOM_MAX bytes. */
MUST_CHECK status crypto_random(void *out, size_t size);
/* Takes as long whatever differs. */
bool crypto_is_same(const void *a, const void *b, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
#include "os/crypto.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#include "os/library.h"

/* As in openssl/hmac.h, openssl/evp.h and openssl/sha.h, 1.1 and 3; the types are opaque there. */
typedef const void *(*evp_sha256_function)(void);
typedef unsigned char *(*hmac_function)(const void *digest, const void *key, int key_size,
                                        const unsigned char *data, size_t size, unsigned char *mac,
                                        unsigned int *mac_size);
typedef unsigned char *(*sha256_function)(const unsigned char *data, size_t size, unsigned char *digest);

/* Written once, under `once`, and never unloaded. */
static struct {
  pthread_once_t once;
  bool is_there;
  evp_sha256_function sha256;
  hmac_function hmac;
  sha256_function digest;
} library = {.once = PTHREAD_ONCE_INIT};

static void load(void) {
  static const char *const names[] = {"libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.so"};
  const struct library_symbol symbols[] = {
      {"EVP_sha256", &library.sha256}, {"HMAC", &library.hmac}, {"SHA256", &library.digest}};
  void *const handle = library_open(names, sizeof names / sizeof *names);
  library.is_there = handle && library_find(handle, symbols, sizeof symbols / sizeof *symbols);
}

status crypto_hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
                          uint8_t mac[CRYPTO_MAC_SIZE]) {
  pthread_once(&library.once, load);
  if (!library.is_there) return -ELIBACC;
  if (key_size > INT_MAX) return -E2BIG;
  unsigned int mac_size = 0;
  if (!library.hmac(library.sha256(), key, (int)key_size, data, size, mac, &mac_size)) return -EIO;
  return mac_size == CRYPTO_MAC_SIZE ? STATUS_OK : -EIO;
}

status crypto_sha256(const void *data, size_t size, uint8_t digest[CRYPTO_MAC_SIZE]) {
  pthread_once(&library.once, load);
  if (!library.is_there) return -ELIBACC;
  return library.digest(data, size, digest) ? STATUS_OK : -EIO;
}

status crypto_random(void *out, size_t size) {
  if (size > CRYPTO_RANDOM_MAX) return -E2BIG;
  return getentropy(out, size) ? -errno : STATUS_OK;
}

bool crypto_is_same(const void *a, const void *b, size_t size) {
  const volatile uint8_t *x = a;
  const volatile uint8_t *y = b;
  uint8_t differs = 0;
  for (size_t i = 0; i < size; i++) differs |= (uint8_t)(x[i] ^ y[i]);
  return differs == 0;
}

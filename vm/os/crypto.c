/* SPDX-License-Identifier: MIT */
#include "os/crypto.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

/* As in openssl/hmac.h and openssl/evp.h, 1.1 and 3; the types are opaque there. */
typedef const void *(*evp_sha256_function)(void);
typedef unsigned char *(*hmac_function)(const void *digest, const void *key, int key_size,
                                        const unsigned char *data, size_t size, unsigned char *mac,
                                        unsigned int *mac_size);

/* Written once, under `once`, and never unloaded. */
static struct {
  pthread_once_t once;
  evp_sha256_function sha256;
  hmac_function hmac;
} library = {.once = PTHREAD_ONCE_INIT};

/* ISO C has no conversion from dlsym's result; POSIX means this one. */
static void find(void *handle, const char *name, void *place, size_t size) {
  void *const address = dlsym(handle, name);
  memcpy(place, &address, size);
}

static void load(void) {
  static const char *const names[] = {"libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.so"};
  void *handle = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !handle; i++)
    handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
  find(handle, "EVP_sha256", &library.sha256, sizeof library.sha256);
  find(handle, "HMAC", &library.hmac, sizeof library.hmac);
}

status crypto_hmac_sha256(const void *key, size_t key_size, const void *data, size_t size,
                          uint8_t mac[CRYPTO_MAC_SIZE]) {
  pthread_once(&library.once, load);
  if (!library.sha256 || !library.hmac) return -ELIBACC;
  if (key_size > INT_MAX) return -E2BIG;
  unsigned int mac_size = 0;
  if (!library.hmac(library.sha256(), key, (int)key_size, data, size, mac, &mac_size)) return -EIO;
  return mac_size == CRYPTO_MAC_SIZE ? STATUS_OK : -EIO;
}

status crypto_random(void *out, size_t size) {
  if (size > CRYPTO_RANDOM_MAX) return -E2BIG;
  return getrandom(out, size, 0) == (ssize_t)size ? STATUS_OK : -errno;
}

bool crypto_is_same(const void *a, const void *b, size_t size) {
  const volatile uint8_t *x = a;
  const volatile uint8_t *y = b;
  uint8_t differs = 0;
  for (size_t i = 0; i < size; i++) differs |= (uint8_t)(x[i] ^ y[i]);
  return differs == 0;
}

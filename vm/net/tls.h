/* SPDX-License-Identifier: MIT */
/* TLS from bytes to bytes, without a descriptor: the caller sends the bytes that tls_take returns
 * and passes received ones to tls_put. OpenSSL's libssl (1.1 or 3) is loaded when it is first
 * needed.
 *
 * The server's certificate and its name are always checked. One thread at a time.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stddef.h>

#include "base/bytes.h"
#include "base/status.h"

struct tls;

struct tls_settings {
  const char *host; /* as in the server's certificate: a name or an address */
  const char *ca;   /* files in PEM; NULL: the system's authorities */
  const char *cert; /* of this client, with `key`; NULL: none */
  const char *key;
};

enum { TLS_WHY_MAX = 200 };

/* -ELIBACC: no libssl (Debian: libssl3); -EINVAL: a file cannot be used, `why` names it. */
MUST_CHECK status tls_open(const struct tls_settings *settings, struct tls **out, char why[TLS_WHY_MAX]);
/* Frees it without a word to the peer; the descriptor stays the caller's. NULL is allowed. */
void tls_close(struct tls *t);
/* Adds bytes that came from the network. -ENOMEM. */
MUST_CHECK status tls_put(struct tls *t, const void *data, size_t size);
/* Appends the bytes that are to be sent to the network. -ENOMEM. */
MUST_CHECK status tls_take(struct tls *t, struct bytes *out);
/* STATUS_EMPTY: more bytes from the network are needed. -EPROTO: the handshake failed, `why` gives
 * the reason. */
MUST_CHECK status tls_handshake(struct tls *t, char why[TLS_WHY_MAX]);
/* Encrypts bytes; tls_take returns them. */
MUST_CHECK status tls_write(struct tls *t, const void *data, size_t size);
/* Decrypts at most `size` bytes. STATUS_EMPTY: more bytes from the network are needed;
 * STATUS_CLOSED: the peer sent close_notify. */
MUST_CHECK status tls_read(struct tls *t, void *data, size_t size, size_t *got);

#endif

/* SPDX-License-Identifier: MIT */
/* TLS between bytes and bytes: the caller takes from it what is to go over the network, and puts
 * into it what came; it touches no descriptor. OpenSSL's libssl (1.1 or 3) is looked for when it is
 * first needed.
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
  const char *host; /* as it must stand in the server's certificate: a name or an address */
  const char *ca;   /* files in PEM; NULL: the system's authorities */
  const char *cert; /* of this client, with `key`; NULL: none */
  const char *key;
};

enum { TLS_WHY_MAX = 200 };

/* -ELIBACC: no libssl (Debian: libssl3); -EINVAL: a file that cannot be used, named in `why`. */
MUST_CHECK status tls_open(const struct tls_settings *settings, struct tls **out, char why[TLS_WHY_MAX]);
void tls_close(struct tls *t);
/* Bytes from the network. */
MUST_CHECK status tls_put(struct tls *t, const void *data, size_t size);
/* Appends what is to go to the network. */
MUST_CHECK status tls_take(struct tls *t, struct bytes *out);
/* STATUS_EMPTY: it needs more from the network. -EPROTO: refused, and `why` says by whom. */
MUST_CHECK status tls_handshake(struct tls *t, char why[TLS_WHY_MAX]);
/* Plain bytes to be sent; take them afterwards. */
MUST_CHECK status tls_write(struct tls *t, const void *data, size_t size);
/* Plain bytes that came. STATUS_EMPTY; STATUS_CLOSED: the peer sent close_notify. */
MUST_CHECK status tls_read(struct tls *t, void *data, size_t size, size_t *got);

#endif

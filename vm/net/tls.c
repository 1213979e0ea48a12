/* SPDX-License-Identifier: MIT */
/* OpenSSL with two memory BIOs. Its types are opaque, so its headers are not needed; the constants
 * are those of openssl/ssl.h, the same in 1.1 and 3.
 */
#include "net/tls.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/memory.h"
#include "os/library.h"
#include "os/mutex.h"

enum {
  VERIFY_PEER = 1,
  FILETYPE_PEM = 1,
  ERROR_WANT_READ = 2,
  ERROR_ZERO_RETURN = 6,
  CTRL_SET_MIN_PROTO_VERSION = 123,
  CTRL_SET_SERVER_NAME = 55,
  NAMETYPE_HOST = 0,
  TLS_1_2 = 0x0303,
  CHUNK = 16 * 1024,
};

static struct {
  struct mutex lock; /* no rank: a leaf. Everything here is written once, under it */
  bool was_looked_for, is_there;
  const void *(*client_method)(void);
  void *(*context_new)(const void *);
  void (*context_free)(void *);
  long (*context_control)(void *, int, long, void *);
  void (*context_verify)(void *, int, void *);
  int (*context_default_paths)(void *);
  int (*context_locations)(void *, const char *, const char *);
  int (*context_certificate)(void *, const char *);
  int (*context_key)(void *, const char *, int);
  void *(*ssl_new)(void *);
  void (*ssl_free)(void *);
  long (*ssl_control)(void *, int, long, void *);
  void *(*ssl_parameters)(void *);
  int (*ssl_set_host)(void *, const char *);
  void (*ssl_set_bio)(void *, void *, void *);
  void (*ssl_set_connect)(void *);
  int (*ssl_handshake)(void *);
  int (*ssl_read)(void *, void *, int);
  int (*ssl_write)(void *, const void *, int);
  int (*ssl_error)(const void *, int);
  long (*ssl_verify_result)(const void *);
  int (*set_address)(void *, const char *);
  const char *(*verify_text)(long);
  void *(*bio_new)(const void *);
  const void *(*bio_memory)(void);
  int (*bio_read)(void *, void *, int);
  int (*bio_write)(void *, const void *, int);
  unsigned long (*get_error)(void);
  void (*error_text)(unsigned long, char *, size_t);
  void (*clear_errors)(void);
} ssl = {.lock = MUTEX_INITIALIZER};

struct tls {
  void *context, *ssl, *inbox, *outbox; /* the ssl owns the BIOs */
};

static bool find_all(void *libssl, void *libcrypto) {
  const struct library_symbol of_ssl[] = {
      {"TLS_client_method", &ssl.client_method},
      {"SSL_CTX_new", &ssl.context_new},
      {"SSL_CTX_free", &ssl.context_free},
      {"SSL_CTX_ctrl", &ssl.context_control},
      {"SSL_CTX_set_verify", &ssl.context_verify},
      {"SSL_CTX_set_default_verify_paths", &ssl.context_default_paths},
      {"SSL_CTX_load_verify_locations", &ssl.context_locations},
      {"SSL_CTX_use_certificate_chain_file", &ssl.context_certificate},
      {"SSL_CTX_use_PrivateKey_file", &ssl.context_key},
      {"SSL_new", &ssl.ssl_new},
      {"SSL_free", &ssl.ssl_free},
      {"SSL_ctrl", &ssl.ssl_control},
      {"SSL_get0_param", &ssl.ssl_parameters},
      {"SSL_set1_host", &ssl.ssl_set_host},
      {"SSL_set_bio", &ssl.ssl_set_bio},
      {"SSL_set_connect_state", &ssl.ssl_set_connect},
      {"SSL_do_handshake", &ssl.ssl_handshake},
      {"SSL_read", &ssl.ssl_read},
      {"SSL_write", &ssl.ssl_write},
      {"SSL_get_error", &ssl.ssl_error},
      {"SSL_get_verify_result", &ssl.ssl_verify_result},
  };
  const struct library_symbol of_crypto[] = {
      {"X509_VERIFY_PARAM_set1_ip_asc", &ssl.set_address},
      {"X509_verify_cert_error_string", &ssl.verify_text},
      {"BIO_new", &ssl.bio_new},
      {"BIO_s_mem", &ssl.bio_memory},
      {"BIO_read", &ssl.bio_read},
      {"BIO_write", &ssl.bio_write},
      {"ERR_get_error", &ssl.get_error},
      {"ERR_error_string_n", &ssl.error_text},
      {"ERR_clear_error", &ssl.clear_errors},
  };
  return library_find(libssl, of_ssl, sizeof of_ssl / sizeof *of_ssl) &&
         library_find(libcrypto, of_crypto, sizeof of_crypto / sizeof *of_crypto);
}

static bool has_openssl(void) {
  static const char *const names[][2] = {{"libssl.so.3", "libcrypto.so.3"},
                                         {"libssl.so.1.1", "libcrypto.so.1.1"}};
  mutex_lock(&ssl.lock);
  for (size_t i = 0; i < 2 && !ssl.was_looked_for && !ssl.is_there; i++) {
    void *const libssl = library_open(&names[i][0], 1);
    void *const libcrypto = libssl ? library_open(&names[i][1], 1) : NULL;
    ssl.is_there = libcrypto && find_all(libssl, libcrypto);
  }
  ssl.was_looked_for = true;
  const bool is_there = ssl.is_there;
  mutex_unlock(&ssl.lock);
  return is_there;
}

static status refuse(char *why, const char *what, const char *name) {
  char reason[TLS_WHY_MAX / 2] = "";
  const unsigned long error = ssl.get_error();
  if (error) ssl.error_text(error, reason, sizeof reason);
  ssl.clear_errors();
  snprintf(why, TLS_WHY_MAX, "%s %s%s%s", what, name ? name : "", reason[0] ? ": " : "", reason);
  return -EINVAL;
}

static status prepare_context(struct tls *t, const struct tls_settings *s, char *why) {
  t->context = ssl.context_new(ssl.client_method());
  if (!t->context) return -ENOMEM;
  ssl.context_control(t->context, CTRL_SET_MIN_PROTO_VERSION, TLS_1_2, NULL);
  ssl.context_verify(t->context, VERIFY_PEER, NULL);
  if (s->ca ? ssl.context_locations(t->context, s->ca, NULL) != 1
            : ssl.context_default_paths(t->context) != 1)
    return refuse(why, "cannot use the certificates of", s->ca ? s->ca : "the system");
  if (!s->cert) return STATUS_OK;
  if (ssl.context_certificate(t->context, s->cert) != 1)
    return refuse(why, "cannot use the certificate", s->cert);
  const char *key = s->key ? s->key : s->cert;
  if (ssl.context_key(t->context, key, FILETYPE_PEM) != 1) return refuse(why, "cannot use the key", key);
  return STATUS_OK;
}

static status prepare_connection(struct tls *t, const struct tls_settings *s) {
  t->ssl = ssl.ssl_new(t->context);
  t->inbox = t->ssl ? ssl.bio_new(ssl.bio_memory()) : NULL;
  t->outbox = t->inbox ? ssl.bio_new(ssl.bio_memory()) : NULL;
  if (!t->outbox) return -ENOMEM;
  ssl.ssl_set_bio(t->ssl, t->inbox, t->outbox);
  const bool is_address = ssl.set_address(ssl.ssl_parameters(t->ssl), s->host) == 1;
  ssl.clear_errors();
  if (!is_address && ssl.ssl_set_host(t->ssl, s->host) != 1) return -ENOMEM;
  if (!is_address) ssl.ssl_control(t->ssl, CTRL_SET_SERVER_NAME, NAMETYPE_HOST, (void *)(uintptr_t)s->host);
  ssl.ssl_set_connect(t->ssl);
  return STATUS_OK;
}

status tls_open(const struct tls_settings *settings, struct tls **out, char why[TLS_WHY_MAX]) {
  why[0] = '\0';
  if (!has_openssl()) return -ELIBACC;
  struct tls *t = memory_alloc(sizeof *t);
  if (!t) return -ENOMEM;
  status st = prepare_context(t, settings, why);
  if (st == STATUS_OK) st = prepare_connection(t, settings);
  if (st) {
    tls_close(t);
    return st;
  }
  *out = t;
  return STATUS_OK;
}

void tls_close(struct tls *t) {
  if (!t) return;
  if (t->ssl) ssl.ssl_free(t->ssl);
  if (t->context) ssl.context_free(t->context);
  memory_free(t);
}

status tls_put(struct tls *t, const void *data, size_t size) {
  const char *from = data;
  for (size_t done = 0; done < size;) {
    const size_t part = size - done < CHUNK ? size - done : CHUNK;
    if (ssl.bio_write(t->inbox, from + done, (int)part) != (int)part) return -ENOMEM;
    done += part;
  }
  return STATUS_OK;
}

status tls_take(struct tls *t, struct bytes *out) {
  for (;;) {
    const status st = bytes_reserve(out, CHUNK);
    if (st) return st;
    const int got = ssl.bio_read(t->outbox, out->data + out->len, CHUNK);
    if (got <= 0) return STATUS_OK;
    out->len += (size_t)got;
  }
}

status tls_handshake(struct tls *t, char why[TLS_WHY_MAX]) {
  ssl.clear_errors();
  const int result = ssl.ssl_handshake(t->ssl);
  if (result == 1) return STATUS_OK;
  if (ssl.ssl_error(t->ssl, result) == ERROR_WANT_READ) return STATUS_EMPTY;
  const long verdict = ssl.ssl_verify_result(t->ssl);
  if (verdict)
    snprintf(why, TLS_WHY_MAX, "the server's certificate is refused: %s", ssl.verify_text(verdict));
  else
    (void)refuse(why, "the handshake failed", NULL);
  ssl.clear_errors();
  return -EPROTO;
}

status tls_write(struct tls *t, const void *data, size_t size) {
  const char *from = data;
  for (size_t done = 0; done < size;) {
    const size_t part = size - done < CHUNK ? size - done : CHUNK;
    ssl.clear_errors();
    const int written = ssl.ssl_write(t->ssl, from + done, (int)part);
    if (written <= 0) return -EPROTO;
    done += (size_t)written;
  }
  return STATUS_OK;
}

status tls_read(struct tls *t, void *data, size_t size, size_t *got) {
  ssl.clear_errors();
  const int count = ssl.ssl_read(t->ssl, data, size < CHUNK ? (int)size : CHUNK);
  if (count > 0) {
    *got = (size_t)count;
    return STATUS_OK;
  }
  const int error = ssl.ssl_error(t->ssl, count);
  if (error == ERROR_WANT_READ) return STATUS_EMPTY;
  return error == ERROR_ZERO_RETURN ? STATUS_CLOSED : -EPROTO;
}

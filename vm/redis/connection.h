/* SPDX-License-Identifier: MIT */
/* One connection to a Redis or Valkey server: commands are sent in order, and each gets one reply.
 *
 * No function retries. The owner closes a broken connection and opens another one. One thread at a
 * time.
 */
#ifndef REDIS_CONNECTION_H
#define REDIS_CONNECTION_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/status.h"
#include "net/tls.h"
#include "redis/resp.h"

enum { REDIS_TEXT_MAX = 1024, REDIS_PASSWORD_MAX = 4096, REDIS_WHY_MAX = 400 };

/* Contains no pointers, so it may be copied. "" means: not set. */
struct redis_settings {
  char address[REDIS_TEXT_MAX]; /* in the form of os/stream.h */
  char user[REDIS_TEXT_MAX];
  char password[REDIS_PASSWORD_MAX];
  char name[REDIS_TEXT_MAX]; /* the name in CLIENT LIST */
  int database;
  bool is_encrypted;
  char host[REDIS_TEXT_MAX]; /* the rest as in tls_settings */
  char ca[REDIS_TEXT_MAX];
  char cert[REDIS_TEXT_MAX];
  char key[REDIS_TEXT_MAX];
};

struct redis_connection;

/* The words for STATUS_MALFORMED. */
extern const char redis_no_reply[];

/* Connects, does the TLS handshake, and sends AUTH, SELECT and CLIENT SETNAME, each if it is set.
 * On failure `why` is a text that says more than the status, or "". */
MUST_CHECK status redis_open(const struct redis_settings *settings, deadline until,
                             struct redis_connection **out, char why[REDIS_WHY_MAX]);
/* Without a word to the server. NULL is allowed. */
void redis_close(struct redis_connection *c);
/* The socket, to poll for reading. */
int redis_descriptor(const struct redis_connection *c);

/* Buffers a command until redis_flush. On failure the connection must be closed. */
MUST_CHECK status redis_append(struct redis_connection *c, int count, const char **words,
                               const size_t *sizes);
/* Sends the buffered commands. STATUS_TIMEOUT: some are left; STATUS_INTERRUPTED; STATUS_CLOSED. */
MUST_CHECK status redis_flush(struct redis_connection *c, deadline until);
/* Reads received bytes, without waiting. STATUS_EMPTY: there are none; STATUS_CLOSED. */
MUST_CHECK status redis_pull(struct redis_connection *c);
/* The next reply among the bytes that were read; the caller frees it. STATUS_EMPTY: none is
 * complete; STATUS_MALFORMED. */
MUST_CHECK status redis_next(struct redis_connection *c, struct resp_reply **out);
/* Flushes, and waits for the next reply. */
MUST_CHECK status redis_call(struct redis_connection *c, deadline until, struct resp_reply **out);

#endif

/* SPDX-License-Identifier: MIT */
/* One connection to a Redis or Valkey server: commands go out in order, and each brings one reply.
 *
 * Nothing here tries again: a connection that broke is closed by its owner, which opens another
 * one. One thread at a time.
 */
#ifndef REDIS_CONNECTION_H
#define REDIS_CONNECTION_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/status.h"
#include "net/tls.h"
#include "redis/resp.h"

enum { REDIS_TEXT_MAX = 1024, REDIS_PASSWORD_MAX = 4096, REDIS_WHY_MAX = 400 };

/* Everything in it is its own: it may be copied. What is "" is not there. */
struct redis_settings {
  char address[REDIS_TEXT_MAX]; /* as os/stream.h takes it */
  char user[REDIS_TEXT_MAX];
  char password[REDIS_PASSWORD_MAX];
  char name[REDIS_TEXT_MAX]; /* as CLIENT LIST shows it */
  int database;
  bool is_encrypted;
  char host[REDIS_TEXT_MAX]; /* the rest as in tls_settings */
  char ca[REDIS_TEXT_MAX];
  char cert[REDIS_TEXT_MAX];
  char key[REDIS_TEXT_MAX];
};

struct redis_connection;

/* Connects, and introduces itself: TLS, AUTH, SELECT. On failure `why` says more than the
 * status, or is "". */
MUST_CHECK status redis_open(const struct redis_settings *settings, deadline until,
                             struct redis_connection **out, char why[REDIS_WHY_MAX]);
void redis_close(struct redis_connection *c);
int redis_descriptor(const struct redis_connection *c);

/* Keeps a command until it is flushed. On failure the connection is of no use any more. */
MUST_CHECK status redis_append(struct redis_connection *c, int count, const char **words,
                               const size_t *sizes);
/* Sends what is kept. STATUS_TIMEOUT: some of it is left; STATUS_INTERRUPTED; STATUS_CLOSED. */
MUST_CHECK status redis_flush(struct redis_connection *c, deadline until);
/* Reads what has come, without waiting. STATUS_EMPTY: nothing; STATUS_CLOSED. */
MUST_CHECK status redis_pull(struct redis_connection *c);
/* The next reply of those that were pulled; the caller frees it. STATUS_EMPTY, STATUS_MALFORMED. */
MUST_CHECK status redis_next(struct redis_connection *c, struct resp_reply **out);
/* Flushes, and waits for the next reply. */
MUST_CHECK status redis_call(struct redis_connection *c, deadline until, struct resp_reply **out);

#endif

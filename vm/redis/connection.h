/* SPDX-License-Identifier: MIT */
/* One connection to a Redis or Valkey server: commands go out in order, and each brings one reply.
 *
 * Nothing here tries again: a connection that broke is closed by its owner, which opens another
 * one. One thread at a time.
 */
#ifndef ENGINE_LINK_H
#define ENGINE_LINK_H

#include <stdbool.h>

#include "base/deadline.h"
#include "base/status.h"
#include "net/tls.h"
#include "redis/resp.h"

enum { LINK_TEXT_MAX = 1024, LINK_PASSWORD_MAX = 4096, LINK_WHY_MAX = 400 };

/* Everything in it is its own: it may be copied. What is "" is not there. */
struct link_settings {
  char address[LINK_TEXT_MAX]; /* as os/stream.h takes it */
  char user[LINK_TEXT_MAX];
  char password[LINK_PASSWORD_MAX];
  char name[LINK_TEXT_MAX]; /* as CLIENT LIST shows it */
  int database;
  bool is_encrypted;
  char host[LINK_TEXT_MAX]; /* the rest as in tls_settings */
  char ca[LINK_TEXT_MAX];
  char cert[LINK_TEXT_MAX];
  char key[LINK_TEXT_MAX];
};

struct link;

/* Connects, and introduces itself: TLS, AUTH, SELECT. On failure `why` says more than the
 * status, or is "". */
MUST_CHECK status link_open(const struct link_settings *settings, deadline until, struct link **out,
                            char why[LINK_WHY_MAX]);
void link_close(struct link *l);
int link_descriptor(const struct link *l);

/* Keeps a command until it is flushed. On failure the connection is of no use any more. */
MUST_CHECK status link_append(struct link *l, int count, const char **words, const size_t *sizes);
/* Sends what is kept. STATUS_TIMEOUT: some of it is left; STATUS_INTERRUPTED; STATUS_CLOSED. */
MUST_CHECK status link_flush(struct link *l, deadline until);
/* Reads what has come, without waiting. STATUS_EMPTY: nothing; STATUS_CLOSED. */
MUST_CHECK status link_pull(struct link *l);
/* The next reply of those that were pulled; the caller frees it. STATUS_EMPTY, STATUS_MALFORMED. */
MUST_CHECK status link_next(struct link *l, struct resp_reply **out);
/* Flushes, and waits for the next reply. */
MUST_CHECK status link_call(struct link *l, deadline until, struct resp_reply **out);

#endif

/* SPDX-License-Identifier: MIT */
#include "redis/connection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "os/clock.h"
#include "os/stream.h"

enum { READ_AT_ONCE = 64 * 1024, READS_IN_A_ROW = 64, OUTBOX_KEPT = 256 * 1024 };

struct redis_connection {
  int fd;
  struct tls *tls; /* NULL: none */
  struct resp_reader *reader;
  struct bytes outbox; /* bytes for the network, of which `sent` were sent */
  size_t sent;
  struct bytes inbox; /* room to read into */
};

const char redis_no_reply[] = "the server does not speak the protocol of Redis";

int redis_descriptor(const struct redis_connection *c) { return c->fd; }

void redis_close(struct redis_connection *c) {
  if (!c) return;
  stream_close(c->fd);
  tls_close(c->tls);
  resp_close(c->reader);
  bytes_fini(&c->outbox);
  bytes_fini(&c->inbox);
  memory_free(c);
}

/* ---- sending --------------------------------------------------------------------------------- */

status redis_flush(struct redis_connection *c, deadline until) {
  while (c->sent < c->outbox.len) {
    size_t sent = 0;
    const status st = stream_send(c->fd, c->outbox.data + c->sent, c->outbox.len - c->sent, &sent);
    c->sent += sent;
    if (st) return st;
    if (sent) continue;
    if (deadline_is_now(until)) return STATUS_TIMEOUT;
    const status waited = stream_wait(c->fd, true, until);
    if (waited) return waited;
  }
  c->sent = 0;
  bytes_clear(&c->outbox);
  bytes_trim(&c->outbox, OUTBOX_KEPT);
  return STATUS_OK;
}

static status append_encrypted(struct redis_connection *c, int count, const char **words,
                               const size_t *sizes) {
  struct bytes plain;
  bytes_init(&plain);
  status st = resp_format(&plain, count, words, sizes);
  if (st == STATUS_OK) st = tls_write(c->tls, plain.data, plain.len);
  if (st == STATUS_OK) st = tls_take(c->tls, &c->outbox);
  bytes_fini(&plain);
  return st;
}

status redis_append(struct redis_connection *c, int count, const char **words, const size_t *sizes) {
  return c->tls ? append_encrypted(c, count, words, sizes) : resp_format(&c->outbox, count, words, sizes);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static status feed_decrypted(struct redis_connection *c, const void *data, size_t size) {
  char plain[READ_AT_ONCE / 4];
  status st = tls_put(c->tls, data, size);
  while (st == STATUS_OK) {
    size_t got = 0;
    st = tls_read(c->tls, plain, sizeof plain, &got);
    if (st == STATUS_OK) st = resp_feed(c->reader, plain, got);
  }
  if (st != STATUS_EMPTY) return st;
  return tls_take(c->tls, &c->outbox); /* TLS may answer with messages of its own */
}

static status pull_some(struct redis_connection *c) {
  size_t got = 0;
  status st = bytes_reserve(&c->inbox, READ_AT_ONCE);
  if (st == STATUS_OK) st = stream_receive(c->fd, c->inbox.data, c->inbox.cap, &got);
  if (st) return st == -EAGAIN ? STATUS_EMPTY : st;
  st = c->tls ? feed_decrypted(c, c->inbox.data, got) : resp_feed(c->reader, c->inbox.data, got);
  return st == STATUS_OK && got == c->inbox.cap ? STATUS_FULL : st;
}

/* Bounded, so that a busy server cannot starve the caller. */
status redis_pull(struct redis_connection *c) {
  status st = pull_some(c);
  for (int i = 0; st == STATUS_FULL && i < READS_IN_A_ROW; i++) {
    st = pull_some(c);
    if (st == STATUS_EMPTY) return STATUS_OK;
  }
  return st == STATUS_FULL ? STATUS_OK : st;
}

status redis_next(struct redis_connection *c, struct resp_reply **out) { return resp_next(c->reader, out); }

status redis_call(struct redis_connection *c, deadline until, struct resp_reply **out) {
  status st = redis_flush(c, until);
  while (st == STATUS_OK) {
    st = redis_next(c, out);
    if (st != STATUS_EMPTY) return st;
    st = redis_pull(c);
    if (st == STATUS_EMPTY) st = stream_wait(c->fd, false, until);
  }
  return st;
}

/* ---- opening --------------------------------------------------------------------------------- */

static status shake_hands(struct redis_connection *c, deadline until, char *why) {
  for (;;) {
    const status shaken = tls_handshake(c->tls, why);
    status st = tls_take(c->tls, &c->outbox);
    if (st == STATUS_OK) st = redis_flush(c, until);
    if (shaken != STATUS_EMPTY) return shaken ? shaken : st;
    if (st == STATUS_OK) st = stream_wait(c->fd, false, until);
    if (st) return st;
    size_t got = 0;
    st = bytes_reserve(&c->inbox, READ_AT_ONCE);
    if (st == STATUS_OK) st = stream_receive(c->fd, c->inbox.data, c->inbox.cap, &got);
    if (st == STATUS_OK) st = tls_put(c->tls, c->inbox.data, got);
    if (st && st != -EAGAIN) return st;
  }
}

/* Sends one command and waits for a reply that is no error. */
static status say(struct redis_connection *c, deadline until, char *why, int count, const char **words) {
  size_t sizes[4];
  for (int i = 0; i < count; i++) sizes[i] = strlen(words[i]);
  struct resp_reply *reply = NULL;
  status st = redis_append(c, count, words, sizes);
  if (st == STATUS_OK) st = redis_call(c, until, &reply);
  if (st) return st;
  const struct resp_view v = resp_look(reply);
  if (v.kind == RESP_ERROR) {
    snprintf(why, REDIS_WHY_MAX, "%s: %s", words[0], v.text);
    st = -EACCES;
  }
  resp_free(reply);
  return st;
}

static status introduce(struct redis_connection *c, const struct redis_settings *s, deadline until,
                        char *why) {
  status st = STATUS_OK;
  if (s->user[0])
    st = say(c, until, why, 3, (const char *[]){"AUTH", s->user, s->password});
  else if (s->password[0])
    st = say(c, until, why, 2, (const char *[]){"AUTH", s->password});
  char database[16];
  snprintf(database, sizeof database, "%d", s->database);
  if (st == STATUS_OK && s->database) st = say(c, until, why, 2, (const char *[]){"SELECT", database});
  if (st || !s->name[0]) return st;
  st = say(c, until, why, 3, (const char *[]){"CLIENT", "SETNAME", s->name});
  if (st != -EACCES) return st;
  why[0] = '\0'; /* SETNAME is optional: an ACL may forbid it */
  return STATUS_OK;
}

static status open_tls(struct redis_connection *c, const struct redis_settings *s, deadline until,
                       char *why) {
  const struct tls_settings settings = {.host = s->host,
                                        .ca = s->ca[0] ? s->ca : NULL,
                                        .cert = s->cert[0] ? s->cert : NULL,
                                        .key = s->key[0] ? s->key : NULL};
  const status st = tls_open(&settings, &c->tls, why);
  if (st == -ELIBACC)
    snprintf(why, REDIS_WHY_MAX, "rediss:// needs libssl (Debian: apt-get install libssl3)");
  return st ? st : shake_hands(c, until, why);
}

static status connect_stream(struct redis_connection *c, const struct redis_settings *s, deadline until,
                             char *why) {
  const status st = stream_connect(s->address, until, &c->fd);
  if (st == STATUS_MALFORMED || st == STATUS_TOO_LARGE)
    snprintf(why, REDIS_WHY_MAX, "%s: %.256s",
             st == STATUS_MALFORMED ? "no such address" : "the path is too long", s->address);
  return st;
}

static status connect_and_introduce(struct redis_connection *c, const struct redis_settings *s,
                                    deadline until, char *why) {
  status st = resp_open(&c->reader);
  if (st == -ELIBACC)
    snprintf(why, REDIS_WHY_MAX, "a Redis server needs hiredis (Debian: apt-get install libhiredis0.14)");
  if (st == STATUS_OK) st = connect_stream(c, s, until, why);
  if (st == STATUS_OK && s->is_encrypted) st = open_tls(c, s, until, why);
  if (st == STATUS_OK) st = introduce(c, s, until, why);
  if (st == STATUS_MALFORMED && !why[0]) snprintf(why, REDIS_WHY_MAX, "%s", redis_no_reply);
  return st;
}

status redis_open(const struct redis_settings *settings, deadline until, struct redis_connection **out,
                  char why[REDIS_WHY_MAX]) {
  _Static_assert((int)TLS_WHY_MAX <= (int)REDIS_WHY_MAX, "one text is enough");
  why[0] = '\0';
  struct redis_connection *c = memory_alloc(sizeof *c);
  if (!c) return -ENOMEM;
  c->fd = -1;
  const status st = connect_and_introduce(c, settings, until, why);
  if (st) {
    redis_close(c);
    return st;
  }
  *out = c;
  return STATUS_OK;
}

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

struct link {
  int fd;
  struct tls *tls; /* NULL: none */
  struct resp_reader *reader;
  struct bytes outbox; /* as it goes over the network; `sent` of it have */
  size_t sent;
  struct bytes inbox; /* room to read into */
};

int link_descriptor(const struct link *l) { return l->fd; }

void link_close(struct link *l) {
  if (!l) return;
  stream_close(l->fd);
  tls_close(l->tls);
  resp_close(l->reader);
  bytes_fini(&l->outbox);
  bytes_fini(&l->inbox);
  memory_free(l);
}

/* ---- sending --------------------------------------------------------------------------------- */

status link_flush(struct link *l, deadline until) {
  while (l->sent < l->outbox.len) {
    size_t sent = 0;
    const status st = stream_send(l->fd, l->outbox.data + l->sent, l->outbox.len - l->sent, &sent);
    l->sent += sent;
    if (st) return st;
    if (sent) continue;
    if (deadline_is_now(until)) return STATUS_TIMEOUT;
    const status waited = stream_wait(l->fd, true, until);
    if (waited) return waited;
  }
  l->sent = 0;
  bytes_clear(&l->outbox);
  bytes_trim(&l->outbox, OUTBOX_KEPT);
  return STATUS_OK;
}

static status append_encrypted(struct link *l, int count, const char **words, const size_t *sizes) {
  struct bytes plain;
  bytes_init(&plain);
  status st = resp_format(&plain, count, words, sizes);
  if (st == STATUS_OK) st = tls_write(l->tls, plain.data, plain.len);
  if (st == STATUS_OK) st = tls_take(l->tls, &l->outbox);
  bytes_fini(&plain);
  return st;
}

status link_append(struct link *l, int count, const char **words, const size_t *sizes) {
  return l->tls ? append_encrypted(l, count, words, sizes) : resp_format(&l->outbox, count, words, sizes);
}

/* ---- receiving ------------------------------------------------------------------------------- */

static status feed_decrypted(struct link *l, const void *data, size_t size) {
  char plain[READ_AT_ONCE / 4];
  status st = tls_put(l->tls, data, size);
  while (st == STATUS_OK) {
    size_t got = 0;
    st = tls_read(l->tls, plain, sizeof plain, &got);
    if (st == STATUS_OK) st = resp_feed(l->reader, plain, got);
  }
  if (st != STATUS_EMPTY) return st;
  return tls_take(l->tls, &l->outbox); /* what the protocol itself has to say */
}

static status pull_some(struct link *l) {
  size_t got = 0;
  status st = bytes_reserve(&l->inbox, READ_AT_ONCE);
  if (st == STATUS_OK) st = stream_receive(l->fd, l->inbox.data, l->inbox.cap, &got);
  if (st) return st == -EAGAIN ? STATUS_EMPTY : st;
  st = l->tls ? feed_decrypted(l, l->inbox.data, got) : resp_feed(l->reader, l->inbox.data, got);
  return st == STATUS_OK && got == l->inbox.cap ? STATUS_FULL : st;
}

/* Bounded, so that a busy server cannot starve the caller. */
status link_pull(struct link *l) {
  status st = pull_some(l);
  for (int i = 0; st == STATUS_FULL && i < READS_IN_A_ROW; i++) {
    st = pull_some(l);
    if (st == STATUS_EMPTY) return STATUS_OK;
  }
  return st == STATUS_FULL ? STATUS_OK : st;
}

status link_next(struct link *l, struct resp_reply **out) { return resp_next(l->reader, out); }

status link_call(struct link *l, deadline until, struct resp_reply **out) {
  status st = link_flush(l, until);
  while (st == STATUS_OK) {
    st = link_next(l, out);
    if (st != STATUS_EMPTY) return st;
    st = link_pull(l);
    if (st == STATUS_EMPTY) st = stream_wait(l->fd, false, until);
  }
  return st;
}

/* ---- opening --------------------------------------------------------------------------------- */

static status shake_hands(struct link *l, deadline until, char *why) {
  for (;;) {
    const status shaken = tls_handshake(l->tls, why);
    status st = tls_take(l->tls, &l->outbox);
    if (st == STATUS_OK) st = link_flush(l, until);
    if (shaken != STATUS_EMPTY) return shaken ? shaken : st;
    if (st == STATUS_OK) st = stream_wait(l->fd, false, until);
    if (st) return st;
    size_t got = 0;
    st = bytes_reserve(&l->inbox, READ_AT_ONCE);
    if (st == STATUS_OK) st = stream_receive(l->fd, l->inbox.data, l->inbox.cap, &got);
    if (st == STATUS_OK) st = tls_put(l->tls, l->inbox.data, got);
    if (st && st != -EAGAIN) return st;
  }
}

/* One command that has to be answered by anything but an error. */
static status say(struct link *l, deadline until, char *why, int count, const char **words) {
  size_t sizes[4];
  for (int i = 0; i < count; i++) sizes[i] = strlen(words[i]);
  struct resp_reply *reply = NULL;
  status st = link_append(l, count, words, sizes);
  if (st == STATUS_OK) st = link_call(l, until, &reply);
  if (st) return st;
  const struct resp_view v = resp_look(reply);
  if (v.kind == RESP_ERROR) {
    snprintf(why, LINK_WHY_MAX, "%s: %s", words[0], v.text);
    st = -EACCES;
  }
  resp_free(reply);
  return st;
}

static status introduce(struct link *l, const struct link_settings *s, deadline until, char *why) {
  status st = STATUS_OK;
  if (s->user[0])
    st = say(l, until, why, 3, (const char *[]){"AUTH", s->user, s->password});
  else if (s->password[0])
    st = say(l, until, why, 2, (const char *[]){"AUTH", s->password});
  char database[16];
  snprintf(database, sizeof database, "%d", s->database);
  if (st == STATUS_OK && s->database) st = say(l, until, why, 2, (const char *[]){"SELECT", database});
  if (st || !s->name[0]) return st;
  st = say(l, until, why, 3, (const char *[]){"CLIENT", "SETNAME", s->name});
  if (st != -EACCES) return st;
  why[0] = '\0'; /* SETNAME is optional: an ACL may forbid it */
  return STATUS_OK;
}

static status open_tls(struct link *l, const struct link_settings *s, deadline until, char *why) {
  const struct tls_settings settings = {.host = s->host,
                                        .ca = s->ca[0] ? s->ca : NULL,
                                        .cert = s->cert[0] ? s->cert : NULL,
                                        .key = s->key[0] ? s->key : NULL};
  const status st = tls_open(&settings, &l->tls, why);
  if (st == -ELIBACC) snprintf(why, LINK_WHY_MAX, "rediss:// needs libssl (Debian: apt-get install libssl3)");
  return st ? st : shake_hands(l, until, why);
}

static status connect_and_introduce(struct link *l, const struct link_settings *s, deadline until,
                                    char *why) {
  status st = resp_open(&l->reader);
  if (st == -ELIBACC)
    snprintf(why, LINK_WHY_MAX, "an engine needs hiredis (Debian: apt-get install libhiredis0.14)");
  if (st == STATUS_OK) st = stream_connect(s->address, until, &l->fd);
  if (st == STATUS_OK && s->is_encrypted) st = open_tls(l, s, until, why);
  return st ? st : introduce(l, s, until, why);
}

status link_open(const struct link_settings *settings, deadline until, struct link **out,
                 char why[LINK_WHY_MAX]) {
  _Static_assert((int)TLS_WHY_MAX <= (int)LINK_WHY_MAX, "one text is enough");
  why[0] = '\0';
  struct link *l = memory_alloc(sizeof *l);
  if (!l) return -ENOMEM;
  l->fd = -1;
  const status st = connect_and_introduce(l, settings, until, why);
  if (st) {
    link_close(l);
    return st;
  }
  *out = l;
  return STATUS_OK;
}

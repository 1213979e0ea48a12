/* SPDX-License-Identifier: MIT */
/* The structures of hiredis differ between its versions, so the library that is loaded is the
 * version whose header was compiled in, by its soname.
 */
#include "redis/resp.h"

#include <errno.h>
#include <stdbool.h>

#include "os/library.h"
#include "os/mutex.h"

#if __has_include(<hiredis/hiredis.h>)

#include <hiredis/hiredis.h>

#define TEXT_OF(x)      #x
#define NAME_OF(number) "libhiredis.so." TEXT_OF(number)

static struct {
  struct mutex lock; /* no rank: a leaf. Everything here is written once, under it */
  bool was_looked_for, is_there;
  redisReader *(*open)(void);
  void (*close)(redisReader *);
  int (*feed)(redisReader *, const char *, size_t);
  int (*get)(redisReader *, void **);
  void (*free_reply)(void *);
  int (*format)(char **, int, const char **, const size_t *);
  void (*free_command)(char *);
} hiredis = {.lock = MUTEX_INITIALIZER};

static void look_for_hiredis(void) {
  static const char *const names[] = {NAME_OF(HIREDIS_SONAME)};
  const struct library_symbol symbols[] = {
      {"redisReaderCreate", &hiredis.open},       {"redisReaderFree", &hiredis.close},
      {"redisReaderFeed", &hiredis.feed},         {"redisReaderGetReply", &hiredis.get},
      {"freeReplyObject", &hiredis.free_reply},   {"redisFormatCommandArgv", &hiredis.format},
      {"redisFreeCommand", &hiredis.free_command}};
  void *const library = library_open(names, 1);
  hiredis.is_there = library && library_find(library, symbols, sizeof symbols / sizeof *symbols);
}

static bool has_hiredis(void) {
  mutex_lock(&hiredis.lock);
  if (!hiredis.was_looked_for) look_for_hiredis();
  hiredis.was_looked_for = true;
  const bool is_there = hiredis.is_there;
  mutex_unlock(&hiredis.lock);
  return is_there;
}

/* The opaque types of resp.h are those of hiredis. */
static redisReader *reader_of(struct resp_reader *r) { return (redisReader *)r; }
static const redisReply *reply_of(const struct resp_reply *r) { return (const redisReply *)r; }

status resp_open(struct resp_reader **out) {
  if (!has_hiredis()) return -ELIBACC;
  *out = (struct resp_reader *)hiredis.open();
  return *out ? STATUS_OK : -ENOMEM;
}

void resp_close(struct resp_reader *r) {
  if (r) hiredis.close(reader_of(r));
}

/* A reader keeps its first error, and feeding it later says that there is one. */
static status failure_of(struct resp_reader *r) {
  return reader_of(r)->err == REDIS_ERR_OOM ? -ENOMEM : STATUS_MALFORMED;
}

status resp_feed(struct resp_reader *r, const void *data, size_t size) {
  return hiredis.feed(reader_of(r), data, size) == REDIS_OK ? STATUS_OK : failure_of(r);
}

status resp_next(struct resp_reader *r, struct resp_reply **out) {
  void *reply = NULL;
  if (hiredis.get(reader_of(r), &reply) != REDIS_OK) return failure_of(r);
  *out = reply;
  return reply ? STATUS_OK : STATUS_EMPTY;
}

struct resp_view resp_look(const struct resp_reply *reply) {
  const redisReply *r = reply_of(reply);
  struct resp_view v = {.kind = RESP_NIL};
  switch (r->type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS: v.kind = RESP_TEXT; break;
    case REDIS_REPLY_ERROR: v.kind = RESP_ERROR; break;
    case REDIS_REPLY_ARRAY: v.kind = RESP_ARRAY; break;
    case REDIS_REPLY_INTEGER: v.kind = RESP_NUMBER; break;
    default: break;
  }
  if (v.kind == RESP_TEXT || v.kind == RESP_ERROR) {
    v.text = r->str;
    v.size = r->len;
  }
  if (v.kind == RESP_NUMBER) v.number = r->integer;
  if (v.kind == RESP_ARRAY) v.count = r->elements;
  return v;
}

const struct resp_reply *resp_item(const struct resp_reply *array, size_t index) {
  return (const struct resp_reply *)reply_of(array)->element[index];
}

void resp_free(struct resp_reply *reply) {
  if (reply) hiredis.free_reply(reply);
}

status resp_format(struct bytes *out, int count, const char **words, const size_t *sizes) {
  if (!has_hiredis()) return -ELIBACC;
  char *command = NULL;
  const int size = hiredis.format(&command, count, words, sizes);
  if (size < 0) return -ENOMEM;
  const status st = bytes_append(out, command, (size_t)size);
  hiredis.free_command(command);
  return st;
}

#else

status resp_open(struct resp_reader **out) {
  *out = NULL;
  return -ELIBACC;
}
void resp_close(struct resp_reader *r) { (void)r; }
status resp_feed(struct resp_reader *r, const void *data, size_t size) {
  (void)r, (void)data, (void)size;
  return -ELIBACC;
}
status resp_next(struct resp_reader *r, struct resp_reply **out) {
  (void)r, *out = NULL;
  return -ELIBACC;
}
struct resp_view resp_look(const struct resp_reply *reply) {
  (void)reply;
  return (struct resp_view){.kind = RESP_NIL};
}
const struct resp_reply *resp_item(const struct resp_reply *array, size_t index) {
  (void)index;
  return array;
}
void resp_free(struct resp_reply *reply) { (void)reply; }
status resp_format(struct bytes *out, int count, const char **words, const size_t *sizes) {
  (void)out, (void)count, (void)words, (void)sizes;
  return -ELIBACC;
}

#endif

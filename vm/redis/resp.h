/* SPDX-License-Identifier: MIT */
/* RESP, what a Redis or Valkey server speaks, as hiredis reads and writes it. The only file that knows
 * hiredis is resp.c; the library is looked for when it is first needed.
 *
 * One thread at a time for each reader; what a reader returned belongs to the caller.
 */
#ifndef REDIS_RESP_H
#define REDIS_RESP_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct resp_reader;
struct resp_reply;

enum resp_kind { RESP_TEXT, RESP_ARRAY, RESP_NUMBER, RESP_NIL, RESP_ERROR };

/* One reply, looked at; `text` is the reply's. */
struct resp_view {
  enum resp_kind kind;
  const char *text; /* of RESP_TEXT and RESP_ERROR */
  size_t size;
  int64_t number; /* of RESP_NUMBER */
  size_t count;   /* of RESP_ARRAY */
};

/* -ELIBACC: hiredis is not there (Debian: libhiredis0.14), or was not when this was built. */
MUST_CHECK status resp_open(struct resp_reader **out);
void resp_close(struct resp_reader *r);
/* Bytes from the server. -ENOMEM. */
MUST_CHECK status resp_feed(struct resp_reader *r, const void *data, size_t size);
/* STATUS_EMPTY: none is whole yet; STATUS_MALFORMED: this is not RESP, and nothing more can be read. The
 * caller frees *out with resp_free. */
MUST_CHECK status resp_next(struct resp_reader *r, struct resp_reply **out);
struct resp_view resp_look(const struct resp_reply *reply);
/* The index-th item of an array, from 0; it belongs to the array. */
const struct resp_reply *resp_item(const struct resp_reply *array, size_t index);
void resp_free(struct resp_reply *reply);

/* Appends a command. -ENOMEM leaves `out` as it was; -ELIBACC. */
MUST_CHECK status resp_format(struct bytes *out, int count, const char **words, const size_t *sizes);

#endif

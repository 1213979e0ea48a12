/* SPDX-License-Identifier: MIT */
/* RESP, the protocol of Redis and Valkey servers, read and written by hiredis. Only resp.c uses
 * hiredis, which is loaded when it is first needed.
 *
 * One thread at a time for each reader; the caller owns the replies of a reader.
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

/* A view of one reply; `text` points into the reply. */
struct resp_view {
  enum resp_kind kind;
  const char *text; /* of RESP_TEXT and RESP_ERROR */
  size_t size;
  int64_t number; /* of RESP_NUMBER */
  size_t count;   /* of RESP_ARRAY */
};

/* -ELIBACC: hiredis is missing (Debian: libhiredis0.14), or was missing at build time; -ENOMEM. */
MUST_CHECK status resp_open(struct resp_reader **out);
/* Replies that were taken stay. NULL is allowed. */
void resp_close(struct resp_reader *r);
/* Adds bytes from the server. -ENOMEM; STATUS_MALFORMED: the bytes before were not RESP. */
MUST_CHECK status resp_feed(struct resp_reader *r, const void *data, size_t size);
/* The next complete reply, which the caller frees with resp_free. STATUS_EMPTY: none is complete;
 * STATUS_MALFORMED: the bytes are not RESP, and no further reply can be read; -ENOMEM. */
MUST_CHECK status resp_next(struct resp_reader *r, struct resp_reply **out);
/* A view into the reply, valid until resp_free. */
struct resp_view resp_look(const struct resp_reply *reply);
/* The item of an array at `index`, from 0; the array owns it. */
const struct resp_reply *resp_item(const struct resp_reply *array, size_t index);
/* With all its parts. NULL is allowed. */
void resp_free(struct resp_reply *reply);

/* Appends a command to `out`. -ENOMEM, -ELIBACC: `out` is unchanged. */
MUST_CHECK status resp_format(struct bytes *out, int count, const char **words, const size_t *sizes);

#endif

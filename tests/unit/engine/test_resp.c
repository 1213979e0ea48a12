/* SPDX-License-Identifier: MIT */
/* Replies come in pieces of any size and are the same; what is no reply is refused,
 * whatever its bytes are. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "engine/resp.h"

static const char replies[] =
    "+OK\r\n:-42\r\n$-1\r\n$5\r\na\r\n\0b\r\n-ERR no\r\n*3\r\n$1\r\nx\r\n*2\r\n:1\r\n*0\r\n$0\r\n\r\n*-1\r\n";

static struct resp_reply *next(struct resp_reader *r) {
  struct resp_reply *reply = NULL;
  CHECK_EQ(resp_next(r, &reply), STATUS_OK);
  return reply;
}

static struct resp_view take(struct resp_reader *r, enum resp_kind kind) {
  static struct resp_reply *last;
  resp_free(last);
  last = r ? next(r) : NULL;
  if (!last) return (struct resp_view){.kind = RESP_NIL};
  const struct resp_view v = resp_look(last);
  CHECK_EQ(v.kind, kind);
  return v;
}

static void check_replies(struct resp_reader *r) {
  CHECK_EQ(memcmp(take(r, RESP_TEXT).text, "OK", 2), 0);
  CHECK_EQ(take(r, RESP_NUMBER).number, -42);
  (void)take(r, RESP_NIL);
  const struct resp_view text = take(r, RESP_TEXT);
  CHECK_EQ(text.size, 5);
  CHECK_EQ(memcmp(text.text, "a\r\n\0b", 5), 0);
  CHECK_EQ(memcmp(take(r, RESP_ERROR).text, "ERR no", 6), 0);
  struct resp_reply *list = next(r);
  CHECK_EQ(resp_look(list).count, 3);
  CHECK_EQ(resp_look(resp_item(list, 0)).size, 1);
  CHECK_EQ(resp_look(resp_item(list, 1)).count, 2);
  CHECK_EQ(resp_look(resp_item(resp_item(list, 1), 1)).count, 0);
  CHECK_EQ(resp_look(resp_item(list, 2)).size, 0);
  resp_free(list);
  (void)take(r, RESP_NIL);
  struct resp_reply *none = NULL;
  CHECK_EQ(resp_next(r, &none), STATUS_EMPTY);
}

static void pieces_of_any_size_are_the_same(void) {
  for (size_t piece = 1; piece <= sizeof replies - 1; piece++) {
    struct resp_reader *r = NULL;
    CHECK_EQ(resp_open(&r), STATUS_OK);
    for (size_t at = 0; at < sizeof replies - 1; at += piece) {
      const size_t left = sizeof replies - 1 - at;
      CHECK_EQ(resp_feed(r, replies + at, left < piece ? left : piece), STATUS_OK);
    }
    check_replies(r);
    (void)take(NULL, RESP_NIL);
    resp_close(r);
  }
}

/* Whatever the bytes are, reading them ends, and nothing is read beyond them. */
static void changed_bytes_are_read_or_refused(void) {
  char changed[sizeof replies];
  for (size_t at = 0; at < sizeof replies - 1; at++) {
    for (int flip = 1; flip < 256; flip <<= 1) {
      memcpy(changed, replies, sizeof replies);
      changed[at] = (char)(changed[at] ^ flip);
      struct resp_reader *r = NULL;
      CHECK_EQ(resp_open(&r), STATUS_OK);
      CHECK_EQ(resp_feed(r, changed, sizeof changed - 1), STATUS_OK);
      struct resp_reply *reply = NULL;
      while (resp_next(r, &reply) == STATUS_OK) resp_free(reply);
      resp_close(r);
    }
  }
}

static void what_is_formatted_is_read(void) {
  struct bytes out;
  bytes_init(&out);
  const char *words[] = {"SET", "a\0b", ""};
  CHECK_EQ(resp_format(&out, 3, words, (const size_t[]){3, 3, 0}), STATUS_OK);
  struct resp_reader *r = NULL;
  CHECK_EQ(resp_open(&r), STATUS_OK);
  CHECK_EQ(resp_feed(r, out.data, out.len), STATUS_OK);
  struct resp_reply *reply = next(r);
  CHECK_EQ(resp_look(reply).count, 3);
  CHECK_EQ(memcmp(resp_look(resp_item(reply, 1)).text, "a\0b", 3), 0);
  resp_free(reply);
  resp_close(r);
  bytes_fini(&out);
}

int main(void) {
  pieces_of_any_size_are_the_same();
  changed_bytes_are_read_or_refused();
  what_is_formatted_is_read();
  return EXIT_SUCCESS;
}

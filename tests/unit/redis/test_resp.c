/* SPDX-License-Identifier: MIT */
/* A reply is the same in however many pieces its bytes arrive; bytes that are no reply are refused.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "redis/resp.h"

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

/* The first error is the one that is reported, also by what is fed later. */
static void bytes_after_a_malformed_reply_are_malformed(void) {
  struct resp_reader *r = NULL;
  CHECK_EQ(resp_open(&r), STATUS_OK);
  CHECK_EQ(resp_feed(r, "HTTP/1.1 400\r\n", 14), STATUS_OK);
  struct resp_reply *reply = NULL;
  CHECK_EQ(resp_next(r, &reply), STATUS_MALFORMED);
  CHECK_EQ(resp_feed(r, "+OK\r\n", 5), STATUS_MALFORMED);
  CHECK_EQ(resp_next(r, &reply), STATUS_MALFORMED);
  resp_close(r);
}

/* For any bytes, reading ends and never passes their end. */
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

/* ---- one reader, one text -------------------------------------------------------------------- */

static struct resp_reader *reader_fed(const char *text, size_t size) {
  struct resp_reader *r = NULL;
  CHECK_EQ(resp_open(&r), STATUS_OK);
  CHECK_EQ(resp_feed(r, text, size), STATUS_OK);
  return r;
}

static void the_ends_of_numbers_are_read(void) {
  static const int64_t numbers[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, 63, 64, INT64_MAX};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    char text[40];
    struct resp_reader *r =
        reader_fed(text, (size_t)snprintf(text, sizeof text, ":%" PRId64 "\r\n", numbers[i]));
    CHECK_EQ(take(r, RESP_NUMBER).number, numbers[i]);
    (void)take(NULL, RESP_NIL);
    resp_close(r);
  }
}

/* Both kinds of nil, errors and empty things stand anywhere in an array. */
static void arrays_hold_whatever_a_reply_can_be(void) {
  static const char text[] = "*7\r\n$-1\r\n*-1\r\n-ERR a\r\n*0\r\n$0\r\n\r\n+\r\n*1\r\n*1\r\n-WRONG b\r\n";
  static const enum resp_kind kinds[] = {RESP_NIL,  RESP_NIL,  RESP_ERROR, RESP_ARRAY,
                                         RESP_TEXT, RESP_TEXT, RESP_ARRAY};
  struct resp_reader *r = reader_fed(text, sizeof text - 1);
  struct resp_reply *list = next(r);
  CHECK_EQ(resp_look(list).count, 7);
  for (size_t i = 0; i < 7; i++) CHECK_EQ(resp_look(resp_item(list, i)).kind, kinds[i]);
  for (size_t i = 3; i < 6; i++)
    CHECK_EQ(resp_look(resp_item(list, i)).size + resp_look(resp_item(list, i)).count, 0);
  const struct resp_reply *inner = resp_item(resp_item(resp_item(list, 6), 0), 0);
  CHECK_EQ(resp_look(inner).kind, RESP_ERROR);
  CHECK_EQ(resp_look(inner).size, 7);
  resp_free(list);
  resp_close(r);
}

enum { LONG = 3 << 20, MANY = 5000 };

static void a_long_text_arrives_in_pieces_with_all_its_bytes(void) {
  static char text[LONG + 32];
  const size_t pieces[] = {4093, 65536, LONG + 32};
  const size_t head = (size_t)snprintf(text, sizeof text, "$%d\r\n", LONG);
  for (size_t i = 0; i < LONG; i++) text[head + i] = (char)(i * 7 + i / 251);
  memcpy(text + head + LONG, "\r\n", 2);
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    struct resp_reader *r = NULL;
    struct resp_reply *reply = NULL;
    CHECK_EQ(resp_open(&r), STATUS_OK);
    for (size_t at = 0; at < head + LONG + 2; at += pieces[i]) {
      const size_t left = head + LONG + 2 - at;
      CHECK_EQ(resp_next(r, &reply), STATUS_EMPTY);
      CHECK_EQ(resp_feed(r, text + at, left < pieces[i] ? left : pieces[i]), STATUS_OK);
    }
    const struct resp_view v = take(r, RESP_TEXT);
    CHECK_EQ(v.size, LONG);
    CHECK_EQ(memcmp(v.text, text + head, LONG), 0);
    (void)take(NULL, RESP_NIL);
    resp_close(r);
  }
}

static void many_replies_that_came_together_are_read_in_order(void) {
  struct bytes all;
  bytes_init(&all);
  for (int i = 0; i < MANY; i++) {
    char text[40];
    CHECK_EQ(bytes_append(&all, text, (size_t)snprintf(text, sizeof text, "*2\r\n:%d\r\n+ok\r\n", i)),
             STATUS_OK);
  }
  struct resp_reader *r = reader_fed((const char *)all.data, all.len);
  for (int i = 0; i < MANY; i++) {
    struct resp_reply *reply = next(r);
    CHECK_EQ(resp_look(resp_item(reply, 0)).number, i);
    resp_free(reply);
  }
  struct resp_reply *none = NULL;
  CHECK_EQ(resp_next(r, &none), STATUS_EMPTY);
  resp_close(r);
  bytes_fini(&all);
}

/* Nothing more can be read then, even if the bytes behind are a reply. */
static void what_is_no_reply_is_refused_for_good(void) {
  static const char *const texts[] = {"hello\r\n",
                                      "\r\n",
                                      "$-2\r\n",
                                      "*-2\r\n",
                                      "$x\r\n",
                                      "*x\r\n",
                                      "*99999999999999\r\n",
                                      ":9223372036854775808\r\n",
                                      "*2\r\n:1\r\n!\r\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct resp_reader *r = reader_fed(texts[i], strlen(texts[i]));
    struct resp_reply *reply = NULL;
    CHECK_EQ(resp_next(r, &reply), STATUS_MALFORMED);
    CHECK(resp_feed(r, "+OK\r\n", 5) != STATUS_OK || resp_next(r, &reply) == STATUS_MALFORMED);
    CHECK(reply == NULL);
    resp_close(r);
  }
}

/* hiredis limits the depth of a reply; deeper ones are refused, and none is read beyond its end. */
static void replies_are_nested_as_deep_as_ours_are_and_deeper_ones_are_read_or_refused(void) {
  for (int depth = 1; depth < 3000; depth = depth < 40 ? depth + 1 : depth * 2) {
    struct bytes text;
    bytes_init(&text);
    for (int i = 0; i < depth; i++) CHECK_EQ(bytes_append(&text, "*1\r\n", 4), STATUS_OK);
    CHECK_EQ(bytes_append(&text, ":7\r\n", 4), STATUS_OK);
    struct resp_reader *r = reader_fed((const char *)text.data, text.len);
    struct resp_reply *reply = NULL;
    const status st = resp_next(r, &reply);
    CHECK(st == STATUS_OK || (st == STATUS_MALFORMED && depth > 5));
    const struct resp_reply *inner = reply;
    for (int i = 0; st == STATUS_OK && i < depth; i++) inner = resp_item(inner, 0);
    if (st == STATUS_OK) CHECK_EQ(resp_look(inner).number, 7);
    resp_free(reply);
    resp_close(r);
    bytes_fini(&text);
  }
}

/* The protocol here is RESP2; a hiredis that knows RESP3 may read these replies, and none of them
 * is mistaken for another kind. */
static void replies_of_resp3_are_refused_or_nil(void) {
  static const char *const texts[] = {
      "_\r\n",    "#t\r\n",         ",1.5\r\n", "%1\r\n+a\r\n:1\r\n", "~1\r\n:1\r\n", ">2\r\n+a\r\n:1\r\n",
      "(123\r\n", "=5\r\ntxt:a\r\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct resp_reader *r = reader_fed(texts[i], strlen(texts[i]));
    struct resp_reply *reply = NULL;
    const status st = resp_next(r, &reply);
    CHECK(st == STATUS_MALFORMED || (st == STATUS_OK && resp_look(reply).kind == RESP_NIL));
    resp_free(reply);
    resp_close(r);
  }
}

static void commands_are_appended_whatever_their_words_are(void) {
  struct bytes out;
  char word[300];
  bytes_init(&out);
  for (size_t i = 0; i < sizeof word; i++) word[i] = (char)(i * 11);
  for (size_t size = 0; size <= sizeof word; size++)
    CHECK_EQ(resp_format(&out, 2, (const char *[]){"X", word}, (const size_t[]){1, size}), STATUS_OK);
  struct resp_reader *r = reader_fed((const char *)out.data, out.len);
  for (size_t size = 0; size <= sizeof word; size++) {
    struct resp_reply *reply = next(r);
    const struct resp_view v = resp_look(resp_item(reply, 1));
    CHECK_EQ(v.size, size);
    CHECK_EQ(memcmp(v.text, word, size), 0);
    resp_free(reply);
  }
  resp_close(r);
  bytes_fini(&out);
}

static void a_command_without_memory_leaves_what_was_there(void) {
#if defined(MM_FAULTS)
  struct bytes out;
  bytes_init(&out);
  CHECK_EQ(bytes_append(&out, "before", 6), STATUS_OK);
  static char word[100000];
  memory_fail_after(1);
  CHECK_EQ(resp_format(&out, 1, (const char *[]){word}, (const size_t[]){sizeof word}), -ENOMEM);
  memory_fail_after(0);
  CHECK_EQ(out.len, 6);
  CHECK_EQ(memcmp(out.data, "before", 6), 0);
  bytes_fini(&out);
#endif
}

int main(void) {
  pieces_of_any_size_are_the_same();
  bytes_after_a_malformed_reply_are_malformed();
  changed_bytes_are_read_or_refused();
  what_is_formatted_is_read();
  the_ends_of_numbers_are_read();
  arrays_hold_whatever_a_reply_can_be();
  a_long_text_arrives_in_pieces_with_all_its_bytes();
  many_replies_that_came_together_are_read_in_order();
  what_is_no_reply_is_refused_for_good();
  replies_are_nested_as_deep_as_ours_are_and_deeper_ones_are_read_or_refused();
  replies_of_resp3_are_refused_or_nil();
  commands_are_appended_whatever_their_words_are();
  a_command_without_memory_leaves_what_was_there();
  return EXIT_SUCCESS;
}

/* SPDX-License-Identifier: MIT */
/* Byte arrays grow, shrink and stay unchanged when memory runs out; an array with a store of its
 * own uses that store instead.
 */
#include "base/bytes.h"

#include <errno.h>

#include "base/check.h"
#include "base/memory.h"

enum { MOST = 70000 };

static void validate(const struct bytes *b) {
  CHECK(b->len <= b->cap);
  CHECK_EQ(b->data == NULL, b->cap == 0);
}

static void check_content(const struct bytes *b, size_t len) {
  validate(b);
  CHECK_EQ(b->len, len);
  for (size_t i = 0; i < len; i++) CHECK_EQ(b->data[i], (uint8_t)(i * 7));
}

static void append(struct bytes *b, size_t count) {
  uint8_t piece[300];
  for (size_t i = 0; i < count; i++) piece[i] = (uint8_t)((b->len + i) * 7);
  CHECK_EQ(bytes_append(b, piece, count), STATUS_OK);
}

static void what_is_appended_in_pieces_of_any_size_stands_there_in_order(void) {
  struct bytes b;
  bytes_init(&b);
  validate(&b);
  CHECK_EQ(bytes_append(&b, NULL, 0), STATUS_OK);
  for (size_t len = 0, size = 0; len < MOST; len += size, size = (size + 1) % 300) {
    check_content(&b, len < 2000 ? len : b.len);
    append(&b, size);
  }
  bytes_clear(&b);
  check_content(&b, 0);
  CHECK(b.cap >= MOST); /* kept for the next bytes */
  bytes_fini(&b);
  CHECK(b.data == NULL && b.cap == 0);
  bytes_fini(&b);
}

static void a_trim_keeps_what_is_there(void) {
  struct bytes b;
  bytes_init(&b);
  CHECK_EQ(bytes_reserve(&b, MOST), STATUS_OK);
  append(&b, 200);
  bytes_trim(&b, 100); /* more is in use */
  CHECK(b.cap >= MOST);
  bytes_trim(&b, 200);
  CHECK_EQ(b.cap, 200);
  check_content(&b, 200);
  append(&b, 100);
  check_content(&b, 300);
  bytes_fini(&b);
}

static void more_than_memory_can_be_is_refused(void) {
  struct bytes b;
  bytes_init(&b);
  append(&b, 10);
  const size_t cap = b.cap;
  const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 10, SIZE_MAX / 2, SIZE_MAX / 2 - 9};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) CHECK_EQ(bytes_reserve(&b, sizes[i]), -ENOMEM);
  CHECK_EQ(b.cap, cap);
  check_content(&b, 10);
  bytes_fini(&b);
}

static void running_out_of_memory_changes_nothing(void) {
#if defined(MM_FAULTS)
  struct bytes b;
  bytes_init(&b);
  memory_fail_after(1);
  CHECK_EQ(bytes_append(&b, "x", 1), -ENOMEM);
  validate(&b);
  append(&b, 200);
  memory_fail_after(1);
  CHECK_EQ(bytes_reserve(&b, 1000), -ENOMEM);
  check_content(&b, 200);
  CHECK_EQ(bytes_reserve(&b, 1000), STATUS_OK);
  const size_t cap = b.cap;
  memory_fail_after(1);
  bytes_trim(&b, 200); /* the capacity stays */
  memory_fail_after(0);
  CHECK_EQ(b.cap, cap);
  check_content(&b, 200);
  bytes_fini(&b);
#endif
}

static uint8_t room[MOST];
static int releases;

static status room_grow(struct bytes *b, size_t size) {
  CHECK(size > b->cap);
  if (size > sizeof room) return -ENOMEM;
  b->data = room;
  b->cap = sizeof room;
  return STATUS_OK;
}

static void room_release(struct bytes *b) {
  CHECK(b->data == room);
  releases++;
}

static void a_store_is_asked_to_grow_and_to_release(void) {
  static const struct bytes_store store = {room_grow, room_release};
  struct bytes b;
  bytes_init(&b);
  b.store = &store;
  append(&b, 300);
  CHECK(b.data == room);
  CHECK_EQ(bytes_reserve(&b, sizeof room), -ENOMEM);
  bytes_trim(&b, 300); /* not in private memory */
  CHECK_EQ(b.cap, sizeof room);
  check_content(&b, 300);
  bytes_fini(&b);
  CHECK_EQ(releases, 1);
  CHECK(b.store == NULL);
}

int main(void) {
  what_is_appended_in_pieces_of_any_size_stands_there_in_order();
  a_trim_keeps_what_is_there();
  more_than_memory_can_be_is_refused();
  running_out_of_memory_changes_nothing();
  a_store_is_asked_to_grow_and_to_release();
  return 0;
}

/* SPDX-License-Identifier: MIT */
/* The envelope: message_parse accepts exactly what message_finish makes. */
#include "base/check.h"
#include "wire/format.h"
#include "wire/message.h"
#include "wire/writer.h"

static struct bytes message_of(const char *body, unsigned flags, int handles) {
  struct bytes out, list;
  bytes_init(&out);
  bytes_init(&list);
  CHECK_EQ(message_begin(&out), STATUS_OK);
  CHECK_EQ(bytes_append(&out, body, strlen(body)), STATUS_OK);
  for (int i = 0; i < handles; i++) {
    uint8_t entry[WIRE_HANDLE_SIZE];
    put_u64(put_u8(entry, (unsigned)i + 1), 1000 + (uint64_t)i);
    CHECK_EQ(bytes_append(&list, entry, sizeof entry), STATUS_OK);
  }
  CHECK_EQ(message_finish(&out, flags, 3, &list), STATUS_OK);
  bytes_fini(&list);
  return out;
}

static void a_message_has_its_body_and_handles(void) {
  struct bytes out = message_of("body", FLAG_FUNCTIONS, 2);
  struct message m;
  CHECK_EQ(message_parse(out.data, out.len, &m), STATUS_OK);
  CHECK_EQ(m.body_end, WIRE_HEADER_SIZE + 4);
  CHECK_EQ(m.flags, FLAG_FUNCTIONS);
  CHECK_EQ(m.handle_count, 2);
  CHECK_EQ(m.key_count, 3);
  CHECK_EQ(message_handle_at(&m, 1).type, 2);
  CHECK_EQ(message_handle_at(&m, 1).reference, 1001);
  bytes_fini(&out);
}

static void sizes_that_do_not_add_up_are_malformed(void) {
  struct bytes out = message_of("body", 0, 1);
  struct message m;
  for (size_t size = 0; size < out.len; size++) CHECK_EQ(message_parse(out.data, size, &m), STATUS_MALFORMED);
  out.data[3] = KEYS_MAX + 1;
  CHECK_EQ(message_parse(out.data, out.len, &m), STATUS_MALFORMED);
  out.data[3] = KEYS_MAX;
  CHECK_EQ(message_parse(out.data, out.len, &m), STATUS_OK);
  memset(out.data + 8, 0xff, 4); /* the most handles that the field can hold */
  CHECK_EQ(message_parse(out.data, out.len, &m), STATUS_MALFORMED);
  bytes_fini(&out);
}

static void another_version_is_recognised_and_not_read(void) {
  struct bytes out = message_of("body", 0, 1);
  struct message m;
  out.data[1] = WIRE_VERSION + 1;
  CHECK_EQ(message_parse(out.data, out.len, &m), STATUS_OK);
  CHECK_EQ(m.version, WIRE_VERSION + 1);
  CHECK_EQ(m.handle_count, 0);
  bytes_fini(&out);
}

static void a_foreign_message_is_marked_and_has_no_handles(void) {
  struct bytes out = message_of("body", 0, 0), with_handles = message_of("body", 0, 1);
  struct message m;
  CHECK_EQ(message_mark_foreign(out.data, out.len), STATUS_OK);
  CHECK_EQ(message_parse(out.data, out.len, &m), STATUS_OK);
  CHECK_EQ(m.flags, FLAG_FOREIGN);
  CHECK_EQ(message_mark_foreign(out.data, out.len - 1), STATUS_MALFORMED);
  CHECK_EQ(message_mark_foreign(with_handles.data, with_handles.len), STATUS_MALFORMED);
  bytes_fini(&out);
  bytes_fini(&with_handles);
}

int main(void) {
  a_message_has_its_body_and_handles();
  sizes_that_do_not_add_up_are_malformed();
  another_version_is_recognised_and_not_read();
  a_foreign_message_is_marked_and_has_no_handles();
  return 0;
}

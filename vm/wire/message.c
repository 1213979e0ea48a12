/* SPDX-License-Identifier: MIT */
/* Header and trailer: fields at fixed offsets. No other file reads or writes them. */
#include "wire/message.h"

#include "base/check.h"
#include "wire/format.h"
#include "wire/reader.h"
#include "wire/writer.h"

enum {
  HEADER_VERSION = 1,
  HEADER_FLAGS = 2,
  HEADER_KEY_COUNT = 3,
  HEADER_BODY_SIZE = 4,
  HEADER_HANDLE_COUNT = 8
};
_Static_assert(HEADER_HANDLE_COUNT + 4 == WIRE_HEADER_SIZE, "layout");

status message_parse(const void *data, size_t size, struct message *out) {
  const uint8_t *bytes = data;
  if (size < WIRE_HEADER_SIZE || bytes[0] != WIRE_MAGIC) return STATUS_MALFORMED;
  struct message m = {.data = bytes, .version = bytes[HEADER_VERSION], .flags = bytes[HEADER_FLAGS]};
  if (m.version == WIRE_VERSION) {
    const uint64_t body_size = load_u32(bytes + HEADER_BODY_SIZE);
    m.handle_count = load_u32(bytes + HEADER_HANDLE_COUNT);
    if (size != WIRE_HEADER_SIZE + body_size + (uint64_t)m.handle_count * WIRE_HANDLE_SIZE)
      return STATUS_MALFORMED;
    m.key_count = bytes[HEADER_KEY_COUNT];
    if (m.key_count > KEYS_MAX) return STATUS_MALFORMED;
    m.body_end = WIRE_HEADER_SIZE + (size_t)body_size;
  }
  *out = m;
  return STATUS_OK;
}

struct message_handle message_handle_at(const struct message *m, uint32_t index) {
  CHECK(index < m->handle_count);
  const uint8_t *at = m->data + m->body_end + (size_t)index * WIRE_HANDLE_SIZE;
  return (struct message_handle){.type = at[0], .reference = load_u64(at + 1)};
}

size_t message_values_end(const struct message *m) {
  if (!(m->flags & FLAG_CLASSES) || m->body_end < WIRE_HEADER_SIZE + 4) return m->body_end;
  const size_t end = m->body_end - 4;
  const uint32_t at = load_u32(m->data + end);
  return at < WIRE_HEADER_SIZE || at > end ? m->body_end : at;
}

status message_mark_foreign(uint8_t *data, size_t size) {
  struct message m;
  const status st = message_parse(data, size, &m);
  if (st) return st;
  if (m.handle_count) return STATUS_MALFORMED;
  data[HEADER_FLAGS] |= FLAG_FOREIGN;
  return STATUS_OK;
}

void message_mark_globals(uint8_t *data) { data[HEADER_FLAGS] |= FLAG_GLOBALS; }

bool message_has_flag(const uint8_t *data, size_t size, unsigned flags) {
  return size >= WIRE_HEADER_SIZE && data[0] == WIRE_MAGIC && (data[HEADER_FLAGS] & flags) != 0;
}

uint8_t *message_put_header(uint8_t *at, const struct message_header *header) {
  at = put_u8(at, WIRE_MAGIC);
  at = put_u8(at, WIRE_VERSION);
  at = put_u8(at, header->flags);
  at = put_u8(at, header->key_count);
  at = put_u32(at, header->body_size);
  return put_u32(at, header->handle_count);
}

status message_begin(struct bytes *out) {
  static const uint8_t blank[WIRE_HEADER_SIZE];
  return bytes_append(out, blank, sizeof blank);
}

status message_finish(struct bytes *out, unsigned flags, unsigned key_count, const struct bytes *handles) {
  if (out->len > UINT32_MAX) return STATUS_TOO_LARGE;
  const struct message_header header = {flags, key_count, (uint32_t)(out->len - WIRE_HEADER_SIZE),
                                        (uint32_t)(handles->len / WIRE_HANDLE_SIZE)};
  const status st = bytes_append(out, handles->data, handles->len);
  if (st == STATUS_OK) message_put_header(out->data, &header);
  return st;
}

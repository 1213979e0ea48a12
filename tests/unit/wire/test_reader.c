/* SPDX-License-Identifier: MIT */
/* wire/reader.h reads what wire/writer.h writes, and a read that would pass the end changes
 * nothing.
 */
#include "base/check.h"
#include "wire/reader.h"
#include "wire/writer.h"

static void varints_come_back(void) {
  const uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX / 2, UINT64_MAX};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    uint8_t bytes[WRITER_VARINT_MAX];
    const size_t size = (size_t)(put_varint(bytes, values[i]) - bytes);
    CHECK(size <= WRITER_VARINT_MAX);
    struct reader r = reader_over(bytes, size);
    uint64_t value;
    CHECK_EQ(read_varint(&r, &value), STATUS_OK);
    CHECK_EQ(value, values[i]);
    CHECK_EQ(reader_left(&r), 0);
  }
}

static void signed_numbers_come_back_through_zigzag(void) {
  const int64_t values[] = {0, -1, 1, -64, 63, INT64_MIN, INT64_MAX};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    CHECK_EQ(unzigzag(zigzag(values[i])), values[i]);
  CHECK_EQ(zigzag(-1), 1);
}

static void fixed_fields_come_back(void) {
  uint8_t bytes[32];
  const uint8_t *end = put_double(put_u64(put_u32(put_u8(bytes, 200), 0xdeadbeef), UINT64_MAX - 1), -0.0);
  struct reader r = reader_over(bytes, (size_t)(end - bytes));
  uint8_t u8;
  uint32_t u32;
  uint64_t u64;
  double number;
  CHECK_EQ(read_u8(&r, &u8), STATUS_OK);
  CHECK_EQ(read_u32(&r, &u32), STATUS_OK);
  CHECK_EQ(read_u64(&r, &u64), STATUS_OK);
  CHECK_EQ(read_double(&r, &number), STATUS_OK);
  CHECK_EQ(u8, 200);
  CHECK_EQ(u32, 0xdeadbeef);
  CHECK_EQ(u64, UINT64_MAX - 1);
  CHECK(number == 0 && __builtin_signbit(number));
  CHECK_EQ(bytes[1], 0xef); /* little-endian */
}

static void a_read_past_the_end_changes_nothing(void) {
  const uint8_t bytes[] = {0x80, 0x80, 0x80};
  struct reader r = reader_over(bytes, sizeof bytes);
  uint64_t u64 = 42;
  uint32_t u32 = 42;
  const uint8_t *place = NULL;
  CHECK_EQ(read_varint(&r, &u64), STATUS_MALFORMED);
  CHECK_EQ(read_u64(&r, &u64), STATUS_MALFORMED);
  CHECK_EQ(read_u32(&r, &u32), STATUS_MALFORMED);
  CHECK_EQ(read_bytes(&r, 4, &place), STATUS_MALFORMED);
  CHECK_EQ(read_bytes(&r, UINT64_MAX, &place), STATUS_MALFORMED);
  CHECK_EQ(reader_seek(&r, 4), STATUS_MALFORMED);
  CHECK(u64 == 42 && u32 == 42 && place == NULL && reader_left(&r) == 3);
  CHECK_EQ(reader_seek(&r, 3), STATUS_OK);
  uint8_t u8 = 42;
  CHECK_EQ(read_u8(&r, &u8), STATUS_MALFORMED);
  CHECK_EQ(u8, 42);
}

static void a_varint_of_more_than_64_bits_is_malformed(void) {
  uint8_t bytes[11];
  memset(bytes, 0xff, sizeof bytes);
  struct reader r = reader_over(bytes, sizeof bytes);
  uint64_t value;
  CHECK_EQ(read_varint(&r, &value), STATUS_MALFORMED);
  bytes[9] = 0x02;
  CHECK_EQ(read_varint(&r, &value), STATUS_MALFORMED);
  bytes[9] = 0x01;
  CHECK_EQ(read_varint(&r, &value), STATUS_OK);
  CHECK(value == UINT64_MAX);
}

int main(void) {
  varints_come_back();
  signed_numbers_come_back_through_zigzag();
  fixed_fields_come_back();
  a_read_past_the_end_changes_nothing();
  a_varint_of_more_than_64_bits_is_malformed();
  return 0;
}

/* SPDX-License-Identifier: MIT */
/* SipHash-1-3 against values of CPython (a key of zeros: PYTHONHASHSEED=0) and of Rust. */
#include "base/siphash.h"

#include "base/check.h"

int main(void) {
  const struct siphash_key zero = {{0, 0}};
  struct siphash_key counting;
  uint8_t bytes[16];
  for (int i = 0; i < 16; i++) bytes[i] = (uint8_t)i;
  memcpy(&counting, bytes, sizeof counting);
  CHECK_EQ(siphash(&counting, "", 0), (int64_t)UINT64_C(0xabac0158050fc4dc));
  CHECK_EQ(siphash(&counting, bytes, 1), (int64_t)UINT64_C(0xc9f49bf37d57ca93));
  CHECK_EQ(siphash(&zero, "abc", 3), -INT64_C(4594863902769663758));
  CHECK_EQ(siphash(&zero, "0123456", 7), -INT64_C(9148306751049235591));
  CHECK_EQ(siphash(&zero, "01234567", 8), -INT64_C(2720791140458926906));
  CHECK_EQ(siphash(&zero, "hello, world, this is long", 26), INT64_C(4227701728456788268));
  return 0;
}

/* SPDX-License-Identifier: MIT */
#include "base/printable.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static void expect(const char *text, size_t size, enum printable_as as, const char *wanted) {
  char out[PRINTABLE_GROWTH * 64];
  CHECK(size <= 64);
  const size_t written = printable_write(out, text, size, as);
  if (written == strlen(wanted) && memcmp(out, wanted, written) == 0) return;
  fprintf(stderr, "got '%.*s', wanted '%s'\n", (int)written, out, wanted);
  exit(1);
}

#define EXPECT(text, wanted)      expect(text, sizeof text - 1, PRINTABLE_TEXT, wanted)
#define EXPECT_JSON(text, wanted) expect(text, sizeof text - 1, PRINTABLE_JSON, wanted)

static void what_can_be_seen_stays(void) {
  EXPECT("", "");
  EXPECT("Cruncher-1", "Cruncher-1");
  EXPECT("Mühle λ 日本 😀", "Mühle λ 日本 😀");
}

static void what_a_terminal_obeys_is_written_out(void) {
  EXPECT("a\x1b[2Jb\n\r\t\x7f", "a\\x1b[2Jb\\x0a\\x0d\\x09\\x7f");
  EXPECT("\0nul", "\\x00nul");
  EXPECT(
      "\xc2\x9b"
      "31m",
      "\\u{9b}31m");
}

static void what_nobody_sees_is_written_out(void) {
  EXPECT(
      "a\xe2\x80\xae"
      "b",
      "a\\u{202e}b");
  EXPECT(
      "a\xe2\x80\x8b"
      "b",
      "a\\u{200b}b");
}

static void bytes_that_are_no_text_are_written_out(void) {
  EXPECT(
      "\x9b"
      "31m\xff",
      "\\x9b31m\\xff");
  EXPECT("\xc3", "\\xc3");
  EXPECT("\xc0\x9b", "\\xc0\\x9b");                   /* too long for its code point */
  EXPECT("\xed\xa0\x80", "\\xed\\xa0\\x80");          /* half of a pair */
  EXPECT("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* behind the last code point */
}

static void json_has_its_own_form(void) {
  EXPECT_JSON("a\x1b\xc2\x9b\xe2\x80\xaeü", "a\\u001b\\u009b\\u202eü");
  EXPECT_JSON("\xff", "\\ufffd");
}

static void the_room_is_enough_for_any_bytes(void) {
  uint32_t seed = 12345;
  for (int round = 0; round < 20000; round++) {
    char text[32];
    for (size_t i = 0; i < sizeof text; i++) {
      seed = seed * 1664525 + 1013904223;
      text[i] = (char)(seed >> 24);
    }
    for (int as = PRINTABLE_TEXT; as <= PRINTABLE_JSON; as++) {
      char *out = malloc(PRINTABLE_GROWTH * sizeof text);
      CHECK(out != NULL);
      const size_t size = printable_write(out, text, sizeof text, (enum printable_as)as);
      CHECK(size <= PRINTABLE_GROWTH * sizeof text);
      for (size_t i = 0; i < size; i++) CHECK((unsigned char)out[i] >= 0x20 && out[i] != 0x7f);
      free(out);
    }
  }
}

int main(void) {
  what_can_be_seen_stays();
  what_a_terminal_obeys_is_written_out();
  what_nobody_sees_is_written_out();
  bytes_that_are_no_text_are_written_out();
  json_has_its_own_form();
  the_room_is_enough_for_any_bytes();
  return 0;
}

/* SPDX-License-Identifier: MIT */
#include "base/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Ranges of code points that are written out. */
static const struct {
  uint32_t first, last;
} hidden[] = {
    {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},     {0x061c, 0x061c},
    {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x2069}, {0xfeff, 0xfeff},
};

static bool is_hidden(uint32_t code) {
  for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
    if (code >= hidden[i].first && code <= hidden[i].last) return true;
  return false;
}

/* The number of bytes of the character at `at`, and its code point; 0: these bytes are none. */
static size_t read_character(const unsigned char *at, size_t left, uint32_t *code) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const size_t size = *at < 0x80 ? 1 : *at < 0xc2 ? 0 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf5 ? 4 : 0;
  if (size == 0 || size > left) return 0;
  *code = size == 1 ? *at : *at & (0x7fu >> size);
  for (size_t i = 1; i < size; i++) {
    if ((at[i] & 0xc0) != 0x80) return 0;
    *code = *code << 6 | (at[i] & 0x3fu);
  }
  const bool is_surrogate = *code >= 0xd800 && *code < 0xe000;
  return *code < least[size] || *code > 0x10ffff || is_surrogate ? 0 : size;
}

/* `form` is a format for the number. */
static char *write_number(char *out, const char *form, unsigned number) {
  char text[16];
  const int size = snprintf(text, sizeof text, form, number);
  memcpy(out, text, (size_t)size);
  return out + size;
}

static char *write_code(char *out, uint32_t code, enum printable_as as) {
  if (as == PRINTABLE_JSON) return write_number(out, "\\u%04x", code);
  return write_number(out, code < 0x80 ? "\\x%02x" : "\\u{%x}", code);
}

static char *write_stray(char *out, unsigned byte, enum printable_as as) {
  return as == PRINTABLE_JSON ? write_code(out, 0xfffd, as) : write_number(out, "\\x%02x", byte);
}

size_t printable_write(char *out, const char *text, size_t size, enum printable_as as) {
  const char *const begin = out;
  const unsigned char *at = (const unsigned char *)text;
  for (const unsigned char *const end = at + size; at < end;) {
    uint32_t code = 0;
    const size_t length = read_character(at, (size_t)(end - at), &code);
    if (length == 0) {
      out = write_stray(out, *at++, as);
      continue;
    }
    if (is_hidden(code)) {
      out = write_code(out, code, as);
    } else {
      memcpy(out, at, length);
      out += length;
    }
    at += length;
  }
  return (size_t)(out - begin);
}

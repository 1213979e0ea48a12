/* SPDX-License-Identifier: MIT */
/* The assembler reads the files: no generator, and nothing generated to keep. Paths are from the top of the
 * tree. */
#include "embedded.h"

#include <string.h>

#define EMBED(name)                                                                  \
  __asm__(                                                                           \
      ".section .rodata\n"                                                           \
      "embedded_" #name                                                              \
      "_start:\n"                                                                    \
      ".incbin \"bindings/lua/" #name                                                \
      ".lua\"\n"                                                                     \
      "embedded_" #name                                                              \
      "_end:\n"                                                                      \
      ".byte 0\n"                                                                    \
      ".previous\n");                                                                \
  extern const char embedded_##name##_start[] __attribute__((visibility("hidden"))); \
  extern const char embedded_##name##_end[] __attribute__((visibility("hidden")));

#define EMBEDDED(x) x(api) x(process) x(pool) x(thread_pool) x(connection) x(serial) x(wait) x(cli_compare)

EMBEDDED(EMBED)

static const struct {
  const char *name;
  const char *start;
  const char *end;
} files[] = {
#define ROW(name) {#name, embedded_##name##_start, embedded_##name##_end},
    EMBEDDED(ROW)};

const char *embedded_find(const char *name, size_t *size) {
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    if (strcmp(files[i].name, name) != 0) continue;
    *size = (size_t)(files[i].end - files[i].start);
    return files[i].start;
  }
  return NULL;
}

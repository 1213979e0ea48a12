/* SPDX-License-Identifier: MIT */
/* Files inside the binary: the assembler reads them, so there is no generator, and nothing
 * generated to keep. Paths are from the top of the tree. A file that is embedded as NAME stands
 * from embedded_NAME_start up to embedded_NAME_end, with a zero behind. */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#define EMBED_FILE(name, path)                                                       \
  __asm__(                                                                           \
      ".section .rodata\n"                                                           \
      "embedded_" #name                                                              \
      "_start:\n"                                                                    \
      ".incbin \"" path                                                              \
      "\"\n"                                                                         \
      "embedded_" #name                                                              \
      "_end:\n"                                                                      \
      ".byte 0\n"                                                                    \
      ".previous\n");                                                                \
  extern const char embedded_##name##_start[] __attribute__((visibility("hidden"))); \
  extern const char embedded_##name##_end[] __attribute__((visibility("hidden")));

#endif

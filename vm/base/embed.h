/* SPDX-License-Identifier: MIT */
/* Files inside the binary. The assembler reads them, so there is no generator and no generated
 * file. Paths are relative to the top of the tree. A file embedded as NAME occupies the bytes from
 * embedded_NAME_start up to embedded_NAME_end; a zero byte follows them.
 */
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

/* SPDX-License-Identifier: MIT */
#include "precompiled.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/embed.h"

#ifndef PRECOMPILED_FILE
#define PRECOMPILED_FILE \
  "build/release/precompiled" /* for checks that do not build; the Makefile defines it */
#endif

EMBED_FILE(precompiled, PRECOMPILED_FILE)

const char *precompiled_find(const char *name, size_t *size) {
  uint32_t code_size = 0;
  for (const char *at = embedded_precompiled_start; *at; at += code_size) {
    const bool is_it = strcmp(at, name) == 0;
    at += strlen(at) + 1;
    memcpy(&code_size, at, sizeof code_size);
    at += sizeof code_size;
    *size = code_size;
    if (is_it) return at;
  }
  return NULL;
}

/* SPDX-License-Identifier: MIT */
#include "os/library.h"

#include <dlfcn.h>
#include <string.h>

void *library_open(const char *const *names, size_t count) {
  void *library = NULL;
  for (size_t i = 0; i < count && !library; i++) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  return library;
}

void *library_symbol(void *library, const char *name) { return dlsym(library, name); }

bool library_find(void *library, const struct library_symbol *symbols, size_t count) {
  for (size_t i = 0; i < count; i++) {
    void *const address = dlsym(library, symbols[i].name);
    if (!address) return false;
    /* ISO C has no conversion from dlsym's result; POSIX means this one. */
    memcpy(symbols[i].place, &address, sizeof address);
  }
  return true;
}

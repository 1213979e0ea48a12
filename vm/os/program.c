/* SPDX-License-Identifier: MIT */
#include "os/program.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void program_close(int fd) { close(fd); }

status program_file_of(const void *address, char *path, size_t size) {
  Dl_info info;
  if (!dladdr(address, &info) || !info.dli_fname) return -ENOENT;
  char *real = realpath(info.dli_fname, NULL);
  if (!real) return -errno;
  const size_t length = strlen(real);
  if (length < size) memcpy(path, real, length + 1);
  free(real);
  return length < size ? STATUS_OK : -ENAMETOOLONG;
}

status program_find_library(const char *name) {
  void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
  if (!library) return -ENOENT;
  dlclose(library);
  return STATUS_OK;
}

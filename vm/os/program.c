/* SPDX-License-Identifier: MIT */
#include "os/program.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void program_close(int fd) { close(fd); }

status program_real_path(const char *path, char *real, size_t size) {
  char *found = realpath(path, NULL);
  if (!found) return -errno;
  const size_t length = strlen(found);
  if (length < size) memcpy(real, found, length + 1);
  free(found);
  return length < size ? STATUS_OK : -ENAMETOOLONG;
}

status program_file_of(const void *address, char *path, size_t size) {
  Dl_info info;
  if (!dladdr(address, &info) || !info.dli_fname) return -ENOENT;
  return program_real_path(info.dli_fname, path, size);
}

status program_find_library(const char *name) {
  void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);
  if (!library) return -ENOENT;
  dlclose(library);
  return STATUS_OK;
}

/* SPDX-License-Identifier: MIT */
/* Linux: memfd_create. */
#include "os/program.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static status write_all(int fd, const char *bytes, size_t size) {
  while (size) {
    const ssize_t written = write(fd, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -errno;
    bytes += written;
    size -= (size_t)written;
  }
  return STATUS_OK;
}

status program_open(int *fd, const void *bytes, size_t size, const char *name) {
  const int made = memfd_create(name, MFD_CLOEXEC);
  if (made < 0) return -errno;
  const status st = write_all(made, bytes, size);
  if (st)
    close(made);
  else
    *fd = made;
  return st;
}

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

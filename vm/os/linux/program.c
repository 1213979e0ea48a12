/* SPDX-License-Identifier: MIT */
/* memfd_create, and the name that /proc gives to a descriptor. */
#include "os/program.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/file_limit.h"
#include "os/regular_file.h"

status program_open(int *fd, const void *bytes, size_t size, const char *name) {
  status st = file_limit_allows(size);
  if (st) return st;
  const int made = memfd_create(name, MFD_CLOEXEC);
  if (made < 0) return -errno;
  st = regular_file_write_on(made, bytes, size);
  if (st)
    close(made);
  else
    *fd = made;
  return st;
}

void program_path(int fd, char *path, size_t size) { snprintf(path, size, "/proc/self/fd/%d", fd); }

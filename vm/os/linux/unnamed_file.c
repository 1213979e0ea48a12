/* SPDX-License-Identifier: MIT */
/* O_TMPFILE on the file system of shm_open. */
#include "os/unnamed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FOLDER "/dev/shm"

int unnamed_file_open(void) {
  const int fd = open(FOLDER, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
  return fd < 0 ? -errno : fd;
}

status unnamed_file_link(int fd, const char *path) {
  char from[64];
  char to[512];
  snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
  const int length = snprintf(to, sizeof to, FOLDER "%s", path);
  if (length < 0 || (size_t)length >= sizeof to) return -ENAMETOOLONG;
  return linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) ? -errno : STATUS_OK;
}

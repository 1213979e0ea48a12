/* SPDX-License-Identifier: MIT */
#include "os/regular_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_AT_ONCE = 4096 };

/* The kind is that of the open file: another one may get its name meanwhile. */
status regular_file_open(const char *path, int *fd) {
  struct stat facts;
  const int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (opened < 0) return -errno;
  status st = fstat(opened, &facts) ? -errno : STATUS_OK;
  if (st == STATUS_OK && !S_ISREG(facts.st_mode)) st = -EINVAL;
  if (st == STATUS_OK)
    *fd = opened;
  else
    close(opened);
  return st;
}

status regular_file_read_on(int fd, size_t most, struct bytes *out) {
  const size_t begun = out->len;
  for (;;) {
    const status st = bytes_reserve(out, READ_AT_ONCE);
    if (st) return st;
    const ssize_t got = read(fd, out->data + out->len, READ_AT_ONCE);
    if (got < 0 && errno != EINTR) return -errno;
    if (got == 0) return STATUS_OK;
    if (got > 0) out->len += (size_t)got;
    if (out->len - begun > most) return STATUS_TOO_LARGE;
  }
}

status regular_file_read(const char *path, size_t most, struct bytes *out) {
  int fd = -1;
  status st = regular_file_open(path, &fd);
  if (st) return st;
  st = regular_file_read_on(fd, most, out);
  close(fd);
  return st;
}

status regular_file_write_on(int fd, const void *bytes, size_t size) {
  for (const char *at = bytes; size;) {
    const ssize_t written = write(fd, at, size);
    if (written < 0 && errno != EINTR) return -errno;
    if (written < 0) continue;
    at += written;
    size -= (size_t)written;
  }
  return STATUS_OK;
}

/* SPDX-License-Identifier: MIT */
#include "os/ordinary_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_AT_ONCE = 65536 };

static status check_ordinary(int fd, size_t most) {
  struct stat facts;
  if (fstat(fd, &facts)) return -errno;
  if (!S_ISREG(facts.st_mode)) return -EINVAL;
  return (uint64_t)facts.st_size <= most ? STATUS_OK : STATUS_TOO_LARGE;
}

/* The file may grow meanwhile. */
static status read_at_most(int fd, size_t most, struct bytes *out) {
  for (;;) {
    const status st = bytes_reserve(out, READ_AT_ONCE);
    if (st) return st;
    const ssize_t got = read(fd, out->data + out->len, READ_AT_ONCE);
    if (got < 0 && errno != EINTR) return -errno;
    if (got == 0) return STATUS_OK;
    if (got > 0) out->len += (size_t)got;
    if (out->len > most) return STATUS_TOO_LARGE;
  }
}

status ordinary_file_read(const char *path, size_t most, struct bytes *out) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return -errno;
  status st = check_ordinary(fd, most);
  if (st == STATUS_OK) st = read_at_most(fd, most, out);
  close(fd);
  return st;
}

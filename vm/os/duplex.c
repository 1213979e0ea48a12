/* SPDX-License-Identifier: MIT */
#include "os/duplex.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

status duplex_make(int ends[2]) {
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) ? -errno : STATUS_OK;
}

status duplex_write(int fd, const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  while (size) {
    const ssize_t written = write(fd, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno == EPIPE || errno == ECONNRESET ? STATUS_CLOSED : -errno;
    at += written;
    size -= (size_t)written;
  }
  return STATUS_OK;
}

status duplex_read(int fd, void *bytes, size_t size) {
  uint8_t *at = bytes;
  bool is_begun = false;
  while (size) {
    const ssize_t got = read(fd, at, size);
    if (got < 0 && errno == EINTR && !is_begun) return STATUS_INTERRUPTED;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != ECONNRESET) return -errno;
    if (got <= 0) return STATUS_CLOSED;
    is_begun = true;
    at += got;
    size -= (size_t)got;
  }
  return STATUS_OK;
}

void duplex_close(int fd) { close(fd); }

/* SPDX-License-Identifier: MIT */
#include "os/notify_socket.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TRIES = 1000 };

/* The first byte of the path is zero: that is what makes a name abstract. */
static socklen_t address_of(notify_name name, struct sockaddr_un *address) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  const int size = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "manymoons-notify-%llx",
                            (unsigned long long)name);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
}

status notify_socket_open(int *out, notify_name *name) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  for (uint32_t number = 1; number <= TRIES; number++) {
    struct sockaddr_un address;
    *name = (notify_name)getpid() << 32 | (uint32_t)fd << 12 | number;
    const socklen_t size = address_of(*name, &address);
    if (bind(fd, (const struct sockaddr *)&address, size) == 0) {
      *out = fd;
      return STATUS_OK;
    }
  }
  close(fd);
  return -EADDRINUSE;
}

void notify_socket_close(int fd) { close(fd); }

void notify_socket_notify(notify_name name) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  struct sockaddr_un address;
  const socklen_t size = address_of(name, &address);
  sendto(fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address, size);
  close(fd);
}

void notify_socket_clear(int fd) {
  char byte;
  while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0) continue;
}

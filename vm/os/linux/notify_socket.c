/* SPDX-License-Identifier: MIT */
#include "os/notify_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TRIES = 1000, NUMBER_BITS = 12 };

/* The first byte of the path is zero: that is what makes a name abstract. */
static socklen_t address_of(notify_name name, struct sockaddr_un *address) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  const int size = snprintf(address->sun_path + 1, sizeof address->sun_path - 1, "manymoons-notify-%llx",
                            (unsigned long long)name);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size);
}

/* The name of a descriptor that is no socket has the number 0. */
static notify_name name_of(int fd, uint32_t number) {
  return (notify_name)getpid() << 32 | (uint32_t)fd << NUMBER_BITS | number;
}
static bool names_socket(notify_name name) { return (name & ((1 << NUMBER_BITS) - 1)) != 0; }

/* In a sandbox, which has no sockets, and where no other process is to be heard. */
static status open_without_socket(int *out, notify_name *name) {
  const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return -errno;
  *name = name_of(fd, 0);
  *out = fd;
  return STATUS_OK;
}

status notify_socket_open(int *out, notify_name *name) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 && errno == EPERM) return open_without_socket(out, name);
  if (fd < 0) return -errno;
  for (uint32_t number = 1; number <= TRIES; number++) {
    struct sockaddr_un address;
    *name = name_of(fd, number);
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

static void notify_own(notify_name name) {
  const uint64_t one = 1;
  if (name >> 32 == (notify_name)getpid())
    (void)!write((int)((uint32_t)name >> NUMBER_BITS), &one, sizeof one);
}

void notify_socket_notify(notify_name name) {
  if (!names_socket(name)) {
    notify_own(name);
    return;
  }
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  struct sockaddr_un address;
  const socklen_t size = address_of(name, &address);
  sendto(fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address, size);
  close(fd);
}

void notify_socket_clear(int fd) {
  uint64_t rings;
  while (read(fd, &rings, sizeof rings) >= 0) continue;
}

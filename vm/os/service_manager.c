/* SPDX-License-Identifier: MIT */
#include "os/service_manager.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/environment.h"

/* A name that begins with '@' is abstract. */
static status address_of(const char *name, struct sockaddr_un *address, socklen_t *size) {
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  const size_t length = strlen(name);
  if ((name[0] != '/' && name[0] != '@') || length >= sizeof address->sun_path) return -EINVAL;
  memcpy(address->sun_path, name, length);
  if (name[0] == '@') address->sun_path[0] = '\0';
  *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  return STATUS_OK;
}

status service_manager_tell(const char *text) {
  const char *name = environment_get("NOTIFY_SOCKET");
  if (!name || !*name) return -ENOENT;
  struct sockaddr_un address;
  socklen_t size = 0;
  status st = address_of(name, &address, &size);
  if (st) return st;
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  const ssize_t sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
  if (sent < 0) st = -errno;
  close(fd);
  return st;
}

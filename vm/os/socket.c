/* SPDX-License-Identifier: MIT */
#include "os/socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

status socket_pair(int ends[2]) {
  return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) ? -errno : STATUS_OK;
}

status socket_send(int fd, const void *packet, size_t size) {
  ssize_t sent;
  do sent = send(fd, packet, size, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : STATUS_OK;
}

status socket_receive(int fd, void *packet, size_t size) {
  ssize_t got;
  do got = recv(fd, packet, size, 0);
  while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  if (got == 0) return STATUS_CLOSED;
  return (size_t)got == size ? STATUS_OK : -EPROTO;
}

void socket_close(int fd) { close(fd); }

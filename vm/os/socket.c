/* SPDX-License-Identifier: MIT */
#include "os/socket.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
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

union fd_message {
  struct cmsghdr header;
  char space[CMSG_SPACE(sizeof(int))];
};

status socket_send_with_fd(int fd, const void *packet, size_t size, int passed) {
  struct iovec part = {.iov_base = (void *)(uintptr_t)packet, .iov_len = size};
  union fd_message control = {0};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &passed, sizeof passed);
  ssize_t sent;
  do sent = sendmsg(fd, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : STATUS_OK;
}

status socket_receive_with_fd(int fd, void *packet, size_t size, int *passed) {
  struct iovec part = {.iov_base = packet, .iov_len = size};
  union fd_message control = {0};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t got;
  do got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  if (got == 0) return STATUS_CLOSED;
  const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  *passed = -1;
  if (header && header->cmsg_type == SCM_RIGHTS) memcpy(passed, CMSG_DATA(header), sizeof *passed);
  return (size_t)got == size ? STATUS_OK : -EPROTO;
}

void socket_close(int fd) { close(fd); }

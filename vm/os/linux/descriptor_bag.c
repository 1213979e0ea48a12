/* SPDX-License-Identifier: MIT */
/* SO_PEEK_OFF makes MSG_PEEK walk through the datagrams, and a peek of SCM_RIGHTS gives descriptors
 * of its own (Linux 3.4 and later; seen on 6.18, 2026-11). The kernel bounds the line of a datagram
 * socket by a number of datagrams, but not that of one connected to itself: there the bytes count. */
#include "os/descriptor_bag.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ROOM = 1 << 20, QUIETLY = MSG_DONTWAIT | MSG_NOSIGNAL };

union fd_message {
  struct cmsghdr header;
  char space[CMSG_SPACE(sizeof(int))];
};

static status connect_to_itself(int fd) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  socklen_t size = sizeof name;
  if (bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t))) return -errno; /* the kernel names it */
  if (getsockname(fd, (struct sockaddr *)&name, &size)) return -errno;
  return connect(fd, (struct sockaddr *)&name, size) ? -errno : STATUS_OK;
}

status descriptor_bag_make(int *bag) {
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int room = ROOM;
  if (fd < 0) return -errno;
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room); /* less room is room, too */
  status st = connect_to_itself(fd);
  if (st == STATUS_OK) st = descriptor_bag_rewind(fd);
  if (st)
    close(fd);
  else
    *bag = fd;
  return st;
}

status descriptor_bag_put(int bag, const struct bag_entry *entry) {
  uint64_t number = entry->number;
  struct iovec part = {.iov_base = &number, .iov_len = sizeof number};
  union fd_message control = {0};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (entry->fd >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &entry->fd, sizeof entry->fd);
  }
  ssize_t sent;
  do sent = sendmsg(bag, &message, QUIETLY);
  while (sent < 0 && errno == EINTR);
  if (sent >= 0) return STATUS_OK;
  return errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS ? STATUS_FULL : -errno;
}

status descriptor_bag_rewind(int bag) {
  const int first = 0;
  return setsockopt(bag, SOL_SOCKET, SO_PEEK_OFF, &first, sizeof first) ? -errno : STATUS_OK;
}

status descriptor_bag_next(int bag, struct bag_entry *entry) {
  struct bag_entry got = {.fd = -1};
  struct iovec part = {.iov_base = &got.number, .iov_len = sizeof got.number};
  union fd_message control = {0};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t size;
  do size = recvmsg(bag, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (size < 0 && errno == EINTR);
  if (size < 0) return errno == EAGAIN ? STATUS_EMPTY : -errno;
  const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header && header->cmsg_type == SCM_RIGHTS) memcpy(&got.fd, CMSG_DATA(header), sizeof got.fd);
  *entry = got;
  return STATUS_OK;
}

/* Without room for the descriptor the kernel closes it. */
status descriptor_bag_drop(int bag) {
  uint64_t number;
  ssize_t size;
  do size = recv(bag, &number, sizeof number, MSG_DONTWAIT);
  while (size < 0 && errno == EINTR);
  if (size < 0) return errno == EAGAIN ? STATUS_EMPTY : -errno;
  return descriptor_bag_rewind(bag);
}

void descriptor_bag_close_entry(const struct bag_entry *entry) {
  if (entry->fd >= 0) close(entry->fd);
}

void descriptor_bag_close(int bag) {
  if (bag >= 0) close(bag);
}

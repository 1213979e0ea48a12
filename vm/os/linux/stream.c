/* SPDX-License-Identifier: MIT */
/* SO_PEERCRED. The user alone counts: the pid of a peer in another pid namespace is 0. */
#include "os/stream.h"

#include <sys/socket.h>
#include <unistd.h>

bool stream_is_own_user(int fd) {
  int family = AF_UNSPEC;
  socklen_t size = sizeof family;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size)) return false;
  if (family != AF_UNIX) return true;
  struct ucred peer;
  size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size)) return false;
  return peer.uid == geteuid() || peer.uid == 0;
}

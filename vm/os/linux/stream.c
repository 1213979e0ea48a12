/* SPDX-License-Identifier: MIT */
/* SO_PEERCRED. */
#include "os/stream.h"

#include <sys/socket.h>
#include <unistd.h>

bool stream_is_own_user(int fd) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) || peer.pid == 0) return true;
  return peer.uid == geteuid() || peer.uid == 0;
}

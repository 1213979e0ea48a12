/* SPDX-License-Identifier: MIT */
/* SO_PEERCRED, and for TCP the list of the network's sockets. The user alone counts: the pid of a peer in another pid
 * namespace is 0. */
#include "os/stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_friend(unsigned user) { return user == geteuid() || user == 0; }

bool stream_is_own_user(int fd) {
  int family = AF_UNSPEC;
  socklen_t size = sizeof family;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size)) return false;
  if (family != AF_UNIX) return true;
  struct ucred peer;
  size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size)) return false;
  return is_friend(peer.uid);
}

/* ---- TCP ------------------------------------------------------------------------------------- */

enum { END_TEXT_MAX = 48 };

union end {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
};

/* An end as /proc/net/tcp and tcp6 have it: the words of the address as they lie in memory, and the port. */
static bool write_end(const union end *end, char text[END_TEXT_MAX]) {
  if (end->any.sa_family == AF_INET) {
    snprintf(text, END_TEXT_MAX, "%08X:%04X", end->four.sin_addr.s_addr, ntohs(end->four.sin_port));
    return true;
  }
  if (end->any.sa_family != AF_INET6) return false;
  uint32_t words[4];
  memcpy(words, &end->six.sin6_addr, sizeof words);
  snprintf(text, END_TEXT_MAX, "%08X%08X%08X%08X:%04X", words[0], words[1], words[2], words[3],
           ntohs(end->six.sin6_port));
  return true;
}

/* Whether the socket of these ends, as its own process sees them, belongs to this user or to root. */
static bool is_listed(const char *path, const char *here, const char *there) {
  FILE *file = fopen(path, "re");
  if (!file) return false;
  char line[512], local[END_TEXT_MAX], remote[END_TEXT_MAX];
  unsigned user;
  bool is_it = false;
  while (!is_it && fgets(line, sizeof line, file)) {
    const int found = sscanf(line, "%*d: %47s %47s %*s %*s %*s %*s %u", local, remote, &user);
    is_it = found == 3 && strcmp(local, here) == 0 && strcmp(remote, there) == 0 && is_friend(user);
  }
  fclose(file);
  return is_it;
}

bool stream_is_local_user(int fd) {
  union end own = {.any.sa_family = AF_UNSPEC}, peer = own;
  socklen_t own_size = sizeof own, peer_size = sizeof peer;
  char here[END_TEXT_MAX], there[END_TEXT_MAX];
  if (getsockname(fd, &own.any, &own_size) || getpeername(fd, &peer.any, &peer_size)) return false;
  if (!write_end(&own, here) || !write_end(&peer, there)) return false;
  return is_listed(own.any.sa_family == AF_INET ? "/proc/self/net/tcp" : "/proc/self/net/tcp6", there, here);
}

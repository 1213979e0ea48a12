/* SPDX-License-Identifier: MIT */
#include "os/stream.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/ready.h"

enum { BACKLOG = 128, KIND = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK };

/* ---- addresses ------------------------------------------------------------------------------- */

static bool is_unix(const char *address) {
  return address[0] == '/' || address[0] == '@' || address[0] == '.';
}

static status unix_address(const char *address, struct sockaddr_un *out, socklen_t *size) {
  const size_t length = strlen(address);
  if (length < 2 || length >= sizeof out->sun_path) return STATUS_MALFORMED;
  memset(out, 0, sizeof *out);
  out->sun_family = AF_UNIX;
  memcpy(out->sun_path, address, length);
  *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (address[0] == '@' ? 0 : 1));
  if (address[0] == '@') out->sun_path[0] = 0;
  return STATUS_OK;
}

/* "host:port" or "[host]:port". The caller frees *out with freeaddrinfo. */
static status tcp_address(const char *address, bool to_listen, struct addrinfo **out) {
  char host[STREAM_ADDRESS_MAX];
  const char *colon = strrchr(address, ':');
  if (!colon || strlen(address) >= sizeof host || !colon[1]) return STATUS_MALFORMED;
  snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
  const size_t length = strlen(host);
  const bool is_bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';
  if (is_bracketed) host[length - 1] = 0;
  const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = to_listen ? AI_PASSIVE : 0};
  const int failed = getaddrinfo(is_bracketed ? host + 1 : host, colon + 1, &wanted, out);
  if (failed == EAI_SYSTEM) return -errno;
  if (failed == EAI_MEMORY) return -ENOMEM;
  return failed ? STATUS_MALFORMED : STATUS_OK;
}

/* ---- listening ------------------------------------------------------------------------------- */

static status bind_and_listen(int fd, const struct sockaddr *address, socklen_t size) {
  if (bind(fd, address, size) || listen(fd, BACKLOG)) return -errno;
  return STATUS_OK;
}

/* True: there is a socket in the file system, and nobody listens at it. */
static bool is_left_over(const struct sockaddr_un *address, socklen_t size) {
  struct stat facts;
  if (stat(address->sun_path, &facts) || !S_ISSOCK(facts.st_mode)) return false;
  const int fd = socket(AF_UNIX, KIND, 0);
  if (fd < 0) return false;
  const bool is_refused = connect(fd, (const struct sockaddr *)address, size) && errno == ECONNREFUSED;
  close(fd);
  return is_refused;
}

static status listen_unix(const char *address, int *fd, char *bound) {
  struct sockaddr_un local;
  socklen_t size = 0;
  status st = unix_address(address, &local, &size);
  if (st) return st;
  const int made = socket(AF_UNIX, KIND, 0);
  if (made < 0) return -errno;
  st = bind_and_listen(made, (const struct sockaddr *)&local, size);
  if (st == -EADDRINUSE && address[0] != '@' && is_left_over(&local, size)) {
    unlink(local.sun_path);
    st = bind_and_listen(made, (const struct sockaddr *)&local, size);
  }
  if (st) {
    close(made);
    return st;
  }
  snprintf(bound, STREAM_ADDRESS_MAX, "%s", address);
  *fd = made;
  return STATUS_OK;
}

static void name_tcp(int fd, char *bound) {
  struct sockaddr_storage local;
  socklen_t size = sizeof local;
  char host[64] = "";
  char port[16] = "";
  if (getsockname(fd, (struct sockaddr *)&local, &size)) return;
  getnameinfo((struct sockaddr *)&local, size, host, sizeof host, port, sizeof port,
              NI_NUMERICHOST | NI_NUMERICSERV);
  snprintf(bound, STREAM_ADDRESS_MAX, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static status listen_tcp(const char *address, int *fd, char *bound) {
  struct addrinfo *found = NULL;
  status st = tcp_address(address, true, &found);
  if (st) return st;
  const int made = socket(found->ai_family, KIND, 0);
  const int on = 1;
  if (made < 0 || setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on))
    st = -errno;
  else
    st = bind_and_listen(made, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  if (st) {
    stream_close(made);
    return st;
  }
  name_tcp(made, bound);
  *fd = made;
  return STATUS_OK;
}

status stream_listen(const char *address, int *fd, char bound[STREAM_ADDRESS_MAX]) {
  return is_unix(address) ? listen_unix(address, fd, bound) : listen_tcp(address, fd, bound);
}

void stream_forget_address(const char *address) {
  if (is_unix(address) && address[0] != '@') unlink(address);
}

/* Without delay: messages are whole when they are sent. Of no effect on Unix sockets. */
static void send_at_once(int fd) {
  const int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

status stream_accept(int listener, int *fd) {
  int got;
  do got = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  while (got < 0 && (errno == EINTR || errno == ECONNABORTED));
  if (got < 0) return -errno;
  send_at_once(got);
  *fd = got;
  return STATUS_OK;
}

/* ---- connecting ------------------------------------------------------------------------------ */

static status finish_connect(int fd, deadline until) {
  const status st = stream_wait(fd, true, until);
  if (st) return st;
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size)) return -errno;
  return -error;
}

/* A Unix listener whose backlog is full says EAGAIN; there is nothing to wait on. */
enum { PAUSE_NS = 5 * 1000 * 1000 };
static status connect_once(int fd, const struct sockaddr *address, socklen_t size, deadline until) {
  while (connect(fd, address, size)) {
    if (errno == EINPROGRESS || errno == EINTR) return finish_connect(fd, until);
    if (errno != EAGAIN) return -errno;
    if (deadline_passed(until)) return STATUS_TIMEOUT;
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
  }
  return STATUS_OK;
}

static status connect_to(int family, const struct sockaddr *address, socklen_t size, deadline until,
                         int *fd) {
  const int made = socket(family, KIND, 0);
  if (made < 0) return -errno;
  const status st = connect_once(made, address, size, until);
  if (st) {
    close(made);
    return st;
  }
  send_at_once(made);
  *fd = made;
  return STATUS_OK;
}

static status connect_tcp(const char *address, deadline until, int *fd) {
  struct addrinfo *found = NULL;
  status st = tcp_address(address, false, &found);
  if (st) return st;
  st = -ECONNREFUSED;
  for (const struct addrinfo *a = found; a && st; a = a->ai_next)
    st = connect_to(a->ai_family, a->ai_addr, a->ai_addrlen, until, fd);
  freeaddrinfo(found);
  return st;
}

status stream_connect(const char *address, deadline until, int *fd) {
  if (!is_unix(address)) return connect_tcp(address, until, fd);
  struct sockaddr_un remote;
  socklen_t size = 0;
  const status st = unix_address(address, &remote, &size);
  return st ? st : connect_to(AF_UNIX, (const struct sockaddr *)&remote, size, until, fd);
}

/* ---- talking --------------------------------------------------------------------------------- */

status stream_send(int fd, const void *data, size_t size, size_t *sent) {
  *sent = 0;
  ssize_t count;
  do count = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (count < 0 && errno == EINTR);
  if (count >= 0) *sent = (size_t)count;
  if (count >= 0 || errno == EAGAIN) return STATUS_OK;
  return errno == EPIPE || errno == ECONNRESET ? STATUS_CLOSED : -errno;
}

status stream_receive(int fd, void *data, size_t size, size_t *received) {
  ssize_t count;
  do count = recv(fd, data, size, MSG_DONTWAIT);
  while (count < 0 && errno == EINTR);
  if (count == 0 || (count < 0 && errno == ECONNRESET)) return STATUS_CLOSED;
  if (count < 0) return -errno;
  *received = (size_t)count;
  return STATUS_OK;
}

status stream_wait(int fd, bool to_write, deadline until) {
  struct ready watch = ready_watch(fd);
  if (to_write) watch.entry.events = POLLOUT;
  return ready_wait(&watch, 1, until);
}

void stream_close(int fd) {
  if (fd >= 0) close(fd);
}

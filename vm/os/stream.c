/* SPDX-License-Identifier: MIT */
#include "os/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/ready.h"

enum { BACKLOG = 128, KIND = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK };
enum { PAUSE_NS = 5 * 1000 * 1000, FOLDER_SECONDS = 2, RESERVED_MOST = 32, RESERVED_SHARE = 8 };

static void pause_a_little(void) { nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL); }

/* ---- listening ------------------------------------------------------------------------------- */

static status bind_and_listen(int fd, const struct addrinfo *at) {
  if (bind(fd, at->ai_addr, at->ai_addrlen) || listen(fd, BACKLOG)) return -errno;
  return STATUS_OK;
}

/* True: there is a socket in the file system, and nobody listens at it. A datagram socket asks, which
 * leaves nothing in the line of a listener: that one is of another type. */
static bool is_left_over(const char *path, const struct addrinfo *at) {
  struct stat facts;
  if (stat(path, &facts) || !S_ISSOCK(facts.st_mode)) return false;
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  const bool is_refused = connect(fd, at->ai_addr, at->ai_addrlen) && errno == ECONNREFUSED;
  close(fd);
  return is_refused;
}

/* Listeners in one folder begin and end one after the other, so that none removes the file of
 * another one. The descriptor of the locked folder; -1: it cannot be read, or somebody keeps it
 * locked, and then the system alone decides. */
static int lock_folder(const char *path) {
  char folder[ADDRESS_TEXT_MAX];
  const char *slash = strrchr(path, '/');
  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path + 1) : 1, slash ? path : ".");
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  const deadline until = deadline_after(FOLDER_SECONDS);
  while (flock(fd, LOCK_EX | LOCK_NB)) {
    if ((errno != EWOULDBLOCK && errno != EINTR) || deadline_passed(until)) {
      close(fd);
      return -1;
    }
    pause_a_little();
  }
  return fd;
}

static status bind_path(int fd, const char *path, const struct addrinfo *at, struct stream_file *file) {
  const int folder = lock_folder(path);
  status st = bind_and_listen(fd, at);
  if (st == -EADDRINUSE && folder >= 0 && is_left_over(path, at)) {
    unlink(path);
    st = bind_and_listen(fd, at);
  }
  struct stat facts;
  if (st == STATUS_OK && stat(path, &facts) == 0)
    *file = (struct stream_file){.device = facts.st_dev, .inode = facts.st_ino};
  stream_close(folder);
  return st;
}

static status listen_at(int fd, const struct address *a, struct stream_file *file) {
  const struct addrinfo *at = address_list(a);
  const int on = 1;
  if (address_is_path(address_text(a))) return bind_path(fd, address_text(a), at, file);
  if (at->ai_family != AF_UNIX && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on)) return -errno;
  return bind_and_listen(fd, at);
}

static void name_tcp(int fd, char *bound) {
  struct sockaddr_storage local;
  socklen_t size = sizeof local;
  char host[64] = "";
  char port[16] = "";
  if (getsockname(fd, (struct sockaddr *)&local, &size)) return;
  getnameinfo((struct sockaddr *)&local, size, host, sizeof host, port, sizeof port,
              NI_NUMERICHOST | NI_NUMERICSERV);
  snprintf(bound, ADDRESS_TEXT_MAX, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

status stream_listen(const struct address *a, int *fd, char bound[ADDRESS_TEXT_MAX],
                     struct stream_file *file) {
  const int made = socket(address_list(a)->ai_family, KIND, 0);
  if (made < 0) return -errno;
  struct stream_file its_file = {0};
  const status st = listen_at(made, a, &its_file);
  if (st) {
    close(made);
    return st;
  }
  snprintf(bound, ADDRESS_TEXT_MAX, "%s", address_text(a));
  if (!address_is_unix(address_text(a))) name_tcp(made, bound);
  *fd = made;
  *file = its_file;
  return STATUS_OK;
}

void stream_forget_file(const char *address, const struct stream_file *file) {
  if (!file->inode) return;
  const int folder = lock_folder(address);
  struct stat facts;
  const bool is_it =
      lstat(address, &facts) == 0 && facts.st_dev == file->device && facts.st_ino == file->inode;
  if (is_it) unlink(address);
  stream_close(folder);
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

/* The system gives out the lowest number that is free, so a high one says that few are left. */
bool stream_is_scarce(int fd) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur == RLIM_INFINITY) return false;
  const rlim_t share = limit.rlim_cur / RESERVED_SHARE;
  return (rlim_t)fd >= limit.rlim_cur - (share < RESERVED_MOST ? share : RESERVED_MOST);
}

/* ---- connecting ------------------------------------------------------------------------------ */

status stream_dial_begin(struct stream_dial *d, const char *address) {
  struct address *a = NULL;
  const status st = address_open(address, ADDRESS_TO_CONNECT, &a);
  if (st) return st;
  *d = (struct stream_dial){.address = a, .fd = -1};
  return STATUS_OK;
}

/* Whether the connection of the descriptor, which was begun, has been made. */
static status await_connection(int fd, deadline until) {
  const status st = stream_wait(fd, true, until);
  if (st) return st;
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size)) return -errno;
  return -error;
}

/* A Unix listener whose backlog is full says EAGAIN; there is nothing to wait on. */
static status begin_connection(int fd, const struct addrinfo *to, deadline until) {
  while (connect(fd, to->ai_addr, to->ai_addrlen)) {
    if (errno == EINPROGRESS || errno == EINTR) return await_connection(fd, until);
    if (errno != EAGAIN) return -errno;
    if (deadline_passed(until)) return STATUS_TIMEOUT;
    pause_a_little();
  }
  return STATUS_OK;
}

static bool is_underway(const struct stream_dial *d) { return d->fd >= 0 && d->next->ai_family != AF_UNIX; }

static status try_one(struct stream_dial *d, deadline until) {
  if (is_underway(d)) return await_connection(d->fd, until);
  if (d->fd < 0) d->fd = socket(d->next->ai_family, KIND, 0);
  return d->fd < 0 ? -errno : begin_connection(d->fd, d->next, until);
}

static void give_up_one(struct stream_dial *d) {
  stream_close(d->fd);
  d->fd = -1;
  d->next = d->next->ai_next;
}

status stream_dial_go_on(struct stream_dial *d, deadline until, int *fd) {
  status st = d->next ? STATUS_OK : address_resolve(d->address, until);
  if (st) return st;
  if (!d->next) d->next = address_list(d->address);
  st = -ECONNREFUSED;
  while (d->next) {
    st = try_one(d, until);
    if (st == STATUS_TIMEOUT || st == STATUS_INTERRUPTED) return st;
    if (st == STATUS_OK) {
      send_at_once(d->fd);
      *fd = d->fd;
      d->fd = -1;
      return STATUS_OK;
    }
    give_up_one(d);
  }
  return st;
}

void stream_dial_end(struct stream_dial *d) {
  stream_close(d->fd);
  d->fd = -1;
  address_close(d->address);
  d->address = NULL;
}

status stream_connect(const char *address, deadline until, int *fd) {
  struct stream_dial d;
  status st = stream_dial_begin(&d, address);
  if (st) return st;
  st = stream_dial_go_on(&d, until, fd);
  stream_dial_end(&d);
  return st;
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

void stream_peer(int fd, char peer[STREAM_PEER_MAX]) {
  struct sockaddr_storage other = {.ss_family = AF_UNSPEC};
  socklen_t size = sizeof other;
  peer[0] = 0;
  if (getpeername(fd, (struct sockaddr *)&other, &size)) return;
  if (other.ss_family == AF_INET)
    (void)inet_ntop(AF_INET, &((struct sockaddr_in *)&other)->sin_addr, peer, STREAM_PEER_MAX);
  if (other.ss_family != AF_INET6) return;
  struct in6_addr *number = &((struct sockaddr_in6 *)&other)->sin6_addr;
  if (!IN6_IS_ADDR_V4MAPPED(number)) memset(number->s6_addr + 8, 0, 8);
  (void)inet_ntop(AF_INET6, number, peer, STREAM_PEER_MAX);
}

void stream_shut_down(int fd) {
  if (fd >= 0) (void)shutdown(fd, SHUT_RDWR);
}

status stream_copy(int fd, int *copy) {
  const int made = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (made < 0) return -errno;
  *copy = made;
  return STATUS_OK;
}

void stream_close(int fd) {
  if (fd >= 0) close(fd);
}

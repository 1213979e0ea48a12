/* SPDX-License-Identifier: MIT */
#include "os/poller.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"

enum { EVENTS_MOST = 128, SECOND_NS = 1000000000, MILLISECOND_NS = 1000000 };

status poller_open(struct poller *p) {
  p->fd = epoll_create1(EPOLL_CLOEXEC);
  return p->fd < 0 ? -errno : STATUS_OK;
}

void poller_close(struct poller *p) {
  if (p->fd >= 0) close(p->fd);
  p->fd = -1;
}

static struct epoll_event event_of(int fd, int what) {
  struct epoll_event e = {.data.fd = fd};
  if (what & POLLER_READ) e.events |= EPOLLIN | EPOLLRDHUP;
  if (what & POLLER_WRITE) e.events |= EPOLLOUT;
  return e;
}

static status control(const struct poller *p, int operation, int fd, struct epoll_event e) {
  return epoll_ctl(p->fd, operation, fd, &e) ? -errno : STATUS_OK;
}

status poller_renew(struct poller *p, int fd, int what) {
  struct epoll_event e = event_of(fd, what);
  e.events |= EPOLLONESHOT;
  return control(p, EPOLL_CTL_MOD, fd, e);
}

status poller_want(struct poller *p, int fd, int what) {
  const status st = poller_renew(p, fd, what);
  if (st != -ENOENT) return st;
  struct epoll_event e = event_of(fd, what);
  e.events |= EPOLLONESHOT;
  return control(p, EPOLL_CTL_ADD, fd, e);
}

status poller_keep(struct poller *p, int fd, int what) {
  return control(p, EPOLL_CTL_ADD, fd, event_of(fd, what));
}

void poller_forget(struct poller *p, int fd) { (void)control(p, EPOLL_CTL_DEL, fd, event_of(fd, 0)); }

static int what_of(uint32_t events) {
  int what = 0;
  if (events & (EPOLLIN | EPOLLRDHUP)) what |= POLLER_READ;
  if (events & EPOLLOUT) what |= POLLER_WRITE;
  if (events & (EPOLLERR | EPOLLHUP)) what |= POLLER_READ | POLLER_WRITE;
  return what;
}

/* Where the kernel, or a sandbox, does not know the finer call: whole milliseconds, and none too few. */
static int sleep_coarsely(int fd, struct epoll_event *events, int max, int64_t left_ns) {
  const int64_t ms = (left_ns + MILLISECOND_NS - 1) / MILLISECOND_NS;
  return epoll_wait(fd, events, max, left_ns < 0 ? -1 : ms > INT32_MAX ? INT32_MAX : (int)ms);
}

/* left_ns < 0: for ever */
static int sleep_for(int fd, struct epoll_event *events, int max, int64_t left_ns) {
  if (left_ns == 0) return epoll_wait(fd, events, max, 0);
  const struct timespec left = {.tv_sec = left_ns / SECOND_NS, .tv_nsec = left_ns % SECOND_NS};
  const int found = epoll_pwait2(fd, events, max, left_ns < 0 ? NULL : &left, NULL);
  const bool is_unknown = found < 0 && (errno == ENOSYS || errno == EPERM);
  return is_unknown ? sleep_coarsely(fd, events, max, left_ns) : found;
}

static int64_t time_left_ns(deadline until) {
  if (deadline_is_never(until)) return -1;
  const int64_t left = deadline_is_now(until) ? 0 : until.ns - clock_now_ns();
  return left > 0 ? left : 0;
}

status poller_wait(struct poller *p, struct poller_event *events, size_t max, size_t *count, deadline until) {
  struct epoll_event found[EVENTS_MOST];
  if (max > EVENTS_MOST) max = EVENTS_MOST;
  *count = 0;
  const int n = sleep_for(p->fd, found, (int)max, time_left_ns(until));
  if (n < 0) return errno == EINTR ? STATUS_INTERRUPTED : -errno;
  for (int i = 0; i < n; i++) events[i] = (struct poller_event){found[i].data.fd, what_of(found[i].events)};
  *count = (size_t)n;
  return n ? STATUS_OK : STATUS_TIMEOUT;
}

/* SPDX-License-Identifier: MIT */
#include "os/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "os/thread.h"

enum { FILE_LOCKS_MAX = 1024, RIGHTS = 0666 };

/* The descriptors, each plus one; 0: the place is free. A child closes its copies before anything else runs
 * in it. Without a mutex, because another thread might hold that during the fork. */
static _Atomic int descriptors[FILE_LOCKS_MAX];
static _Atomic uint32_t forks;
static pthread_once_t is_ready = PTHREAD_ONCE_INIT;
static status why_not_ready;

/* Async-signal-safe. */
static void close_copies(void) {
  for (int i = 0; i < FILE_LOCKS_MAX; i++) {
    const int held = atomic_exchange(&descriptors[i], 0);
    if (held) close(held - 1);
  }
  atomic_fetch_add(&forks, 1);
}

static void get_ready(void) { why_not_ready = thread_on_fork(close_copies); }

/* A fork between open and the note in the table leaves the child a copy that only exec or its end closes. */
status file_lock_open(const char *path, struct file_lock *out) {
  pthread_once(&is_ready, get_ready);
  if (why_not_ready) return why_not_ready;
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, RIGHTS);
  if (fd < 0) return -errno;
  for (int i = 0; i < FILE_LOCKS_MAX; i++) {
    int none = 0;
    if (!atomic_compare_exchange_strong(&descriptors[i], &none, fd + 1)) continue;
    *out = (struct file_lock){.place = i, .fork = atomic_load(&forks)};
    return STATUS_OK;
  }
  close(fd);
  return STATUS_FULL;
}

/* -1: none. */
static int descriptor_of(const struct file_lock *f) {
  if (f->place < 0 || f->fork != atomic_load(&forks)) return -1;
  return atomic_load(&descriptors[f->place]) - 1;
}

static status set_lock(int fd, short type) {
  struct flock all = {.l_type = type, .l_whence = SEEK_SET};
  int result = 0;
  do result = fcntl(fd, F_OFD_SETLK, &all);
  while (result < 0 && errno == EINTR);
  return result < 0 ? -errno : STATUS_OK;
}

status file_lock_try(const struct file_lock *f) {
  const int fd = descriptor_of(f);
  if (fd < 0) return STATUS_CLOSED;
  const status st = set_lock(fd, F_WRLCK);
  return st == -EAGAIN || st == -EACCES ? STATUS_TIMEOUT : st;
}

void file_lock_release(const struct file_lock *f) {
  const int fd = descriptor_of(f);
  if (fd >= 0) (void)!set_lock(fd, F_UNLCK);
}

void file_lock_close(struct file_lock *f) {
  const int fd = descriptor_of(f);
  if (fd >= 0) {
    close(fd);
    atomic_store(&descriptors[f->place], 0);
  }
  f->place = -1;
}

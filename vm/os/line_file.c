/* SPDX-License-Identifier: MIT */
#include "os/line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "os/private_file.h"
#include "os/regular_file.h"

enum { OWN_FILE = 0600, LOCK_TRIES = 100, LOCK_PAUSE_NS = 10 * 1000 * 1000, OPEN_TRIES = 10 };

/* ---- opening --------------------------------------------------------------------------------- */

static status lock(int fd) {
  for (int i = 0; i < LOCK_TRIES; i++) {
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) return STATUS_OK;
    if (errno != EWOULDBLOCK && errno != EINTR) return -errno;
    nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
  }
  return STATUS_TIMEOUT;
}

/* Whether the name still stands for the open file, which another program may have replaced. */
static bool is_current(int fd, const char *path) {
  struct stat open_one;
  struct stat named;
  return fstat(fd, &open_one) == 0 && stat(path, &named) == 0 && open_one.st_dev == named.st_dev &&
         open_one.st_ino == named.st_ino;
}

/* A FIFO or a device is opened without a wait, and refused. */
static status open_locked(const char *path, int *out) {
  for (int i = 0; i < OPEN_TRIES; i++) {
    const int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, OWN_FILE);
    if (fd < 0) return -errno;
    struct stat facts;
    status st = fstat(fd, &facts) ? -errno : S_ISREG(facts.st_mode) ? lock(fd) : -EINVAL;
    if (st == STATUS_OK && is_current(fd, path)) {
      *out = fd;
      return STATUS_OK;
    }
    close(fd);
    if (st) return st;
  }
  return STATUS_TIMEOUT;
}

/* ---- writing --------------------------------------------------------------------------------- */

/* The bytes of `all` from the line on that begins behind the first `dropped` bytes. */
static const char *find_rest(const struct bytes *all, size_t dropped, size_t *size) {
  const char *const end = (const char *)all->data + all->len;
  const char *newline = memchr(all->data + dropped, '\n', all->len - dropped);
  const char *const rest = newline ? newline + 1 : end;
  *size = (size_t)(end - rest);
  return rest;
}

/* A new file gets the name when it is whole. The lock keeps its first name for this caller; one that a killed caller left
 * is used. */
static status replace(const char *path, const char *text, size_t size) {
  char made[PATH_MAX];
  const int length = snprintf(made, sizeof made, "%s.new", path);
  if (length >= (int)sizeof made) return -ENAMETOOLONG;
  const int fd = open(made, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, OWN_FILE);
  if (fd < 0) return -errno;
  status st = regular_file_write_on(fd, text, size);
  close(fd);
  if (st == STATUS_OK && rename(made, path)) st = -errno;
  if (st) unlink(made);
  return st;
}

static status shorten(const char *path, size_t most) {
  struct bytes all;
  bytes_init(&all);
  status st = regular_file_read(path, SIZE_MAX, &all);
  if (st == STATUS_OK && all.len > most) {
    size_t size = 0;
    const char *rest = find_rest(&all, all.len - most / 2, &size);
    st = replace(path, rest, size);
  }
  bytes_fini(&all);
  return st;
}

/* [path: of the file itself, behind all links] */
static status append_to(const char *path, const char *text, size_t size, size_t most) {
  int fd = -1;
  status st = open_locked(path, &fd);
  if (st) return st;
  st = regular_file_write_on(fd, text, size);
  struct stat facts;
  if (st == STATUS_OK && fstat(fd, &facts) == 0 && (size_t)facts.st_size > most) st = shorten(path, most);
  close(fd);
  return st;
}

status line_file_append(const char *path, const char *text, size_t size, size_t most) {
  const status st = private_file_make_folders(path);
  if (st) return st;
  char real[PATH_MAX];
  return append_to(realpath(path, real) ? real : path, text, size, most);
}

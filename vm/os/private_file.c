/* SPDX-License-Identifier: MIT */
#include "os/private_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/regular_file.h"

enum { OF_OTHERS = 077, OWN_FOLDER = 0700, OWN_FILE = 0600, PRIVATE_MAX = 1 << 20 };

/* The rights are those of the open file: another file may get its name meanwhile. */
static status check_private(int fd) {
  struct stat facts;
  if (fstat(fd, &facts)) return -errno;
  const bool is_own = facts.st_uid == geteuid() || facts.st_uid == 0;
  return is_own && (facts.st_mode & OF_OTHERS) == 0 ? STATUS_OK : -EPERM;
}

status private_file_read(const char *path, struct bytes *out) {
  int fd = -1;
  status st = regular_file_open(path, &fd);
  if (st) return st;
  st = check_private(fd);
  if (st == STATUS_OK) st = regular_file_read_on(fd, PRIVATE_MAX, out);
  close(fd);
  return st;
}

status private_file_make_folders(const char *path) {
  char folder[PATH_MAX];
  if (strlen(path) >= sizeof folder) return -ENAMETOOLONG;
  for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    if (mkdir(folder, OWN_FOLDER) && errno != EEXIST) return -errno;
  }
  return STATUS_OK;
}

/* It gets its name when it is whole, and only if nobody has that name by then. */
status private_file_create(const char *path, const char *text, size_t size) {
  char made[PATH_MAX];
  const int length = snprintf(made, sizeof made, "%s.%d", path, (int)getpid());
  if (length >= (int)sizeof made) return -ENAMETOOLONG;
  status st = private_file_make_folders(path);
  if (st) return st;
  const int fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, OWN_FILE);
  if (fd < 0) return -errno;
  st = regular_file_write_on(fd, text, size);
  if (st == STATUS_OK && fsync(fd)) st = -errno;
  close(fd);
  if (st == STATUS_OK && link(made, path)) st = -errno;
  unlink(made);
  return st;
}

/* SPDX-License-Identifier: MIT */
#include "os/shared_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file_limit.h"
#include "os/unnamed_file.h"

/* Names are POSIX's, with one slash in front; a name without it means the same. */
enum { PATH_ROOM = 256 };
static const char *path_of(const char *name, char path[PATH_ROOM]) {
  snprintf(path, PATH_ROOM, "%s%s", name[0] == '/' ? "" : "/", name);
  return path;
}

static status allocate(int fd, uint64_t size) {
  const status st = size > INT64_MAX ? -EFBIG : file_limit_allows(size);
  if (st) return st;
  if (ftruncate(fd, (off_t)size)) return -errno;
  int error = EINTR;
  while (error == EINTR) error = posix_fallocate(fd, 0, (off_t)size);
  return -error;
}

status shared_file_make(struct shared_file *out, uint64_t size) {
  struct stat facts;
  const int fd = unnamed_file_open();
  if (fd < 0) return fd;
  status st = allocate(fd, size);
  if (st == STATUS_OK && fstat(fd, &facts)) st = -errno;
  if (st)
    close(fd);
  else
    *out = (struct shared_file){.fd = fd, .size = size, .inode = (uint64_t)facts.st_ino};
  return st;
}

status shared_file_give_name(const struct shared_file *f, const char *name) {
  char path[PATH_ROOM];
  return unnamed_file_link(f->fd, path_of(name, path));
}

status shared_file_open(struct shared_file *out, const char *name) {
  char path[PATH_ROOM];
  const int fd = shm_open(path_of(name, path), O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) return -errno;
  struct stat facts;
  if (fstat(fd, &facts)) {
    const status st = -errno;
    close(fd);
    return st;
  }
  *out = (struct shared_file){.fd = fd, .size = (uint64_t)facts.st_size, .inode = (uint64_t)facts.st_ino};
  return STATUS_OK;
}

status shared_file_unlink(const char *name) {
  char path[PATH_ROOM];
  return shm_unlink(path_of(name, path)) ? -errno : STATUS_OK;
}

void shared_file_unlink_if(const char *name, uint64_t inode) {
  struct shared_file f = {.fd = -1};
  if (shared_file_open(&f, name)) return;
  if (f.inode == inode) (void)!shared_file_unlink(name);
  shared_file_close(&f);
}

/* The result of pread or pwrite: how far one came. */
static bool advance(ssize_t moved, uint64_t *offset, uint64_t *size, status *st) {
  if (moved < 0 && errno == EINTR) return true;
  *st = moved < 0 ? -errno : moved == 0 ? -EIO : STATUS_OK;
  if (moved <= 0) return false;
  *offset += (uint64_t)moved;
  *size -= (uint64_t)moved;
  return true;
}

status shared_file_read(const struct shared_file *f, uint64_t offset, void *to, uint64_t size) {
  status st = STATUS_OK;
  const uint64_t start = offset;
  while (size &&
         advance(pread(f->fd, (char *)to + (offset - start), size, (off_t)offset), &offset, &size, &st)) {
  }
  return st;
}

status shared_file_write(const struct shared_file *f, uint64_t offset, const void *from, uint64_t size) {
  status st = file_limit_allows(offset + size);
  if (st) return st;
  const uint64_t start = offset;
  while (size && advance(pwrite(f->fd, (const char *)from + (offset - start), size, (off_t)offset), &offset,
                         &size, &st)) {
  }
  return st;
}

status shared_file_map(struct shared_file *f) {
  if (f->mapped) return STATUS_OK;
  void *at = mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
  if (at == MAP_FAILED) return -errno;
  f->mapped = at;
  return STATUS_OK;
}

void shared_file_close(struct shared_file *f) {
  if (f->mapped) munmap(f->mapped, f->size);
  if (f->fd >= 0) close(f->fd);
  *f = (struct shared_file){.fd = -1};
}

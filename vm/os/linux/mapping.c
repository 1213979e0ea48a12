/* SPDX-License-Identifier: MIT */
/* memfd, sized once, mapped whole. Its size is sealed: a peer that made it smaller would have the
 * others killed by SIGBUS. */
#include "os/mapping.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/file_limit.h"

#define NAME "manymoons"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

static status set_size(int fd, size_t size) {
  if (ftruncate(fd, (off_t)size)) return -errno;
  return fcntl(fd, F_ADD_SEALS, SEALS) ? -errno : STATUS_OK;
}

/* Whether it is a memory of this kind, and no file on a disk. */
static bool is_sealed(int fd) {
  const int seals = fcntl(fd, F_GET_SEALS);
  return seals >= 0 && (seals & SEALS) == SEALS;
}

static status map_whole(struct mapping *out, int fd, size_t size) {
  void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (base == MAP_FAILED) return -errno;
  madvise(base, size, MADV_DONTDUMP);
  *out = (struct mapping){.base = base, .size = size, .fd = fd};
  return STATUS_OK;
}

status mapping_write(int fd, uint64_t offset, const void *bytes, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const int writable = open(path, O_RDWR | O_CLOEXEC);
  if (writable < 0) return -errno;
  status st = is_sealed(writable) ? STATUS_OK : STATUS_FOREIGN;
  if (st == STATUS_OK) {
    const ssize_t written = pwrite(writable, bytes, size, (off_t)offset);
    if (written != (ssize_t)size) st = written < 0 ? -errno : -EIO;
  }
  close(writable);
  return st;
}

status mapping_read(int fd, uint64_t offset, void *out, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t got = pread(fd, (uint8_t *)out + done, size - done, (off_t)(offset + done));
    if (got == 0) return STATUS_FOREIGN;
    if (got > 0)
      done += (size_t)got;
    else if (errno != EINTR)
      return -errno;
  }
  return STATUS_OK;
}

status mapping_sizes(int fd, uint64_t *size, uint64_t *used) {
  struct stat info;
  if (fstat(fd, &info)) return -errno;
  if (!S_ISREG(info.st_mode)) return STATUS_FOREIGN;
  *size = (uint64_t)info.st_size;
  *used = (uint64_t)info.st_blocks * 512;
  return STATUS_OK;
}

status mapping_make(struct mapping *out, size_t size) {
  status st = file_limit_allows(size);
  if (st) return st;
  const int fd = memfd_create(NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -errno;
  st = set_size(fd, size);
  if (st == STATUS_OK) st = map_whole(out, fd, size);
  if (st) close(fd);
  return st;
}

status mapping_adopt(struct mapping *out, int fd) {
  struct stat info;
  if (fstat(fd, &info)) return -errno;
  if (!is_sealed(fd)) return STATUS_FOREIGN;
  if (fcntl(fd, F_SETFD, FD_CLOEXEC)) return -errno;
  return map_whole(out, fd, (size_t)info.st_size);
}

void mapping_detach(struct mapping *m) {
  const int flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
  if (mmap(m->base, m->size, PROT_READ | PROT_WRITE, flags, m->fd, 0) == MAP_FAILED)
    mprotect(m->base, m->size, PROT_READ);
  close(m->fd);
  m->fd = -1;
}

void mapping_destroy(struct mapping *m) {
  munmap(m->base, m->size);
  close(m->fd);
  *m = (struct mapping){.fd = -1};
}

status mapping_commit(const struct mapping *m, size_t offset, size_t size) {
  while (fallocate(m->fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size))
    if (errno != EINTR) return errno == ENOSPC ? -ENOMEM : -errno;
  return STATUS_OK;
}

size_t mapping_used(const struct mapping *m) {
  struct stat info;
  return fstat(m->fd, &info) ? 0 : (size_t)info.st_blocks * 512;
}

void mapping_decommit(const struct mapping *m, size_t offset, size_t size) {
  while (fallocate(m->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size))
    if (errno != EINTR) return;
}

/* ---- those of another process ---------------------------------------------------------------- */

bool mapping_is_of(int fd, int64_t pid) {
  char folder[64];
  struct stat wanted, one;
  snprintf(folder, sizeof folder, "/proc/%lld/fd", (long long)pid);
  DIR *descriptors = fstat(fd, &wanted) ? NULL : opendir(folder);
  if (!descriptors) return false;
  bool is_it = false;
  for (const struct dirent *entry; !is_it && (entry = readdir(descriptors));)
    is_it = fstatat(dirfd(descriptors), entry->d_name, &one, 0) == 0 && one.st_ino == wanted.st_ino &&
            one.st_dev == wanted.st_dev;
  closedir(descriptors);
  return is_it;
}

/* The next descriptor of the folder that may be one of ours, opened for reading; -1: there is
 * none. Another file may have taken its place meanwhile, so the open does not wait for a writer. */
static int next_candidate(DIR *descriptors, const char *folder) {
  for (const struct dirent *entry = readdir(descriptors); entry; entry = readdir(descriptors)) {
    static const char wanted[] = "/memfd:" NAME;
    char path[320];
    char target[sizeof wanted] = {0};
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (readlink(path, target, sizeof target - 1) < 0) continue;
    if (memcmp(target, wanted, sizeof target - 1) != 0) continue;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0) return fd;
  }
  return -1;
}

status mapping_find(int64_t pid, status (*look)(int fd), int *fd) {
  char folder[64];
  snprintf(folder, sizeof folder, "/proc/%lld/fd", (long long)pid);
  DIR *descriptors = opendir(folder);
  if (!descriptors) return errno == ENOENT ? -ESRCH : -errno;
  status st = STATUS_EMPTY;
  for (int one = next_candidate(descriptors, folder); one >= 0; one = next_candidate(descriptors, folder)) {
    *fd = one;
    st = look(one);
    if (st == STATUS_OK) break;
    close(one);
  }
  closedir(descriptors);
  return st;
}

void mapping_drop(int fd) { close(fd); }

/* SPDX-License-Identifier: MIT */
/* The buffer of a stream by the fields of glibc's FILE. */
#include "os/file_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/pages.h"

#if defined(__GLIBC__)
size_t file_stream_readable(FILE *f, const char **start) {
  *start = f->_IO_read_ptr;
  return (size_t)(f->_IO_read_end - f->_IO_read_ptr);
}

void file_stream_skip(FILE *f, size_t count) { f->_IO_read_ptr += count; }

/* In a stream that is buffered by lines, or not at all, the two are equal. */
size_t file_stream_writable(FILE *f) {
  return f->_IO_write_end > f->_IO_write_ptr ? (size_t)(f->_IO_write_end - f->_IO_write_ptr) : 0;
}
#else
size_t file_stream_readable(FILE *f, const char **start) {
  (void)f;
  *start = NULL;
  return 0;
}

void file_stream_skip(FILE *f, size_t count) { (void)f, (void)count; }

size_t file_stream_writable(FILE *f) {
  (void)f;
  return 0;
}
#endif

size_t file_stream_pending(FILE *f) { return __fpending(f); }

enum file_stream_kind file_stream_kind(FILE *f) {
  const int fd = fileno(f);
  struct stat info;
  if (fd < 0 || fstat(fd, &info)) return FILE_STREAM_INSTANT;
  if (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode) || S_ISBLK(info.st_mode)) return FILE_STREAM_DISK;
  const int flags = fcntl(fd, F_GETFL);
  return flags < 0 || flags & O_NONBLOCK ? FILE_STREAM_INSTANT : FILE_STREAM_WAITABLE;
}

bool file_stream_is_cached(FILE *f) { return pages_have_next(fileno(f)); }

int file_stream_descriptor(FILE *f) { return fileno(f); }

bool file_stream_is_abandoned(FILE *f) {
  struct pollfd watch = {.fd = fileno(f)};
  return poll(&watch, 1, 0) > 0 && (watch.revents & POLLERR) != 0;
}

status file_stream_read_now(FILE *f, void *bytes, size_t most, size_t *got) {
  ssize_t size;
  do size = read(fileno(f), bytes, most);
  while (size < 0 && errno == EINTR);
  if (size < 0) return -errno;
  *got = (size_t)size;
  return STATUS_OK;
}

/* SPDX-License-Identifier: MIT */
#include "os/terminal.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool terminal_is(int fd) { return isatty(fd) != 0; }

struct terminal_size terminal_size(int fd) {
  struct winsize size = {0};
  (void)!ioctl(fd, TIOCGWINSZ, &size);
  return (struct terminal_size){.columns = size.ws_col, .rows = size.ws_row};
}

void terminal_write(int fd, const char *text, size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, text, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text += written;
    size -= (size_t)written;
  }
}

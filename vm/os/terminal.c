/* SPDX-License-Identifier: MIT */
#include "os/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

bool terminal_is(int fd) { return isatty(fd) != 0; }

int terminal_columns(int fd) {
  struct winsize size = {0};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

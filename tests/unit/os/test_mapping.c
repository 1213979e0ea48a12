/* SPDX-License-Identifier: MIT */
/* Memory that another process has is found among its descriptors. */
#include "os/mapping.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "os/process.h"

enum { SIZE = 1 << 16 };

static int looked;

static status look_for_mark(int fd) {
  uint64_t size = 0;
  uint64_t used = 0;
  char mark = 0;
  looked++;
  CHECK_EQ(mapping_sizes(fd, &size, &used), STATUS_OK);
  CHECK_EQ(size, SIZE);
  CHECK(used > 0 && used <= SIZE);
  CHECK_EQ(mapping_read(fd, SIZE, &mark, 1), STATUS_FOREIGN);
  CHECK_EQ(mapping_read(fd, 0, &mark, 1), STATUS_OK);
  return mark == 'b' ? STATUS_OK : STATUS_FOREIGN;
}

static status refuse(int fd) {
  (void)fd;
  return STATUS_FOREIGN;
}

int main(void) {
  struct mapping one;
  struct mapping two;
  int fd = -1;
  CHECK_EQ(mapping_find(process_pid(), refuse, &fd), STATUS_EMPTY);
  CHECK_EQ(mapping_make(&one, SIZE), STATUS_OK);
  CHECK_EQ(mapping_make(&two, SIZE), STATUS_OK);
  one.base[0] = 'a';
  two.base[0] = 'b';
  CHECK_EQ(mapping_find(process_pid(), look_for_mark, &fd), STATUS_OK);
  CHECK_EQ(looked, 2);
  mapping_drop(fd);
  CHECK_EQ(mapping_find(process_pid(), refuse, &fd), STATUS_FOREIGN);
  CHECK_EQ(mapping_find(INT64_C(1) << 40, refuse, &fd), -ESRCH);
  mapping_destroy(&one);
  mapping_destroy(&two);
  return 0;
}

/* SPDX-License-Identifier: MIT */
/* Memory that another process has is found among its descriptors. */
#include "os/mapping.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/* A peer that made it smaller would have the others killed by SIGBUS. */
static void its_size_never_changes(const struct mapping *m) {
  CHECK(ftruncate(m->fd, SIZE / 2) == -1 && errno == EPERM);
  CHECK(ftruncate(m->fd, SIZE * 2) == -1 && errno == EPERM);
  mapping_decommit(m, 0, SIZE);
  CHECK_EQ(mapping_commit(m, 0, SIZE), STATUS_OK);
}

static void memory_that_may_shrink_is_refused(void) {
  struct mapping m;
  const int fd = memfd_create("unsealed", MFD_CLOEXEC);
  CHECK(fd >= 0 && ftruncate(fd, SIZE) == 0);
  CHECK_EQ(mapping_adopt(&m, fd), STATUS_FOREIGN);
  close(fd);
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
  its_size_never_changes(&one);
  memory_that_may_shrink_is_refused();
  mapping_destroy(&one);
  mapping_destroy(&two);
  return 0;
}

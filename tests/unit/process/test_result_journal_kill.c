/* SPDX-License-Identifier: MIT */
/* Death at each instant of writing a pool worker's journal: its entries are whole and right
 * afterwards.
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "process/result_journal.h"
#include "shared/kill_point.h"

#if defined(MM_KILL_POINTS)

enum { LISTS = 3, ITEMS = 5, POINTS_MAX = 60 };

static size_t make_entry(uint64_t task, uint64_t item, char *text) {
  const size_t size = (size_t)(task * 7 + item * 3);
  memset(text, (int)('a' + task * ITEMS + item), size);
  return size;
}

static void write_lists(struct result_journal *j) {
  char text[RESULT_JOURNAL_ENTRY_MAX];
  for (uint64_t task = 1; task <= LISTS; task++) {
    result_journal_begin(j, task, task * 10);
    for (uint64_t item = 0; item < ITEMS; item++) {
      const size_t size = make_entry(task, item, text);
      CHECK(result_journal_add(j, text, size / 2, text, size - size / 2));
    }
  }
}

static void check_entries(const struct result_journal *j) {
  const uint32_t count = atomic_load(&j->count);
  if (count == 0) return;
  CHECK(j->task >= 1 && j->task <= LISTS && count <= ITEMS);
  CHECK_EQ(j->first, j->task * 10);
  size_t at = 0;
  for (uint64_t item = 0; item < count; item++) {
    char text[RESULT_JOURNAL_ENTRY_MAX];
    const size_t size = make_entry(j->task, item, text);
    size_t read = 0;
    const uint8_t *entry = result_journal_next(j, &at, &read);
    CHECK(entry && read == size && memcmp(entry, text, size) == 0);
  }
}

/* True when the child died at that point. */
static bool dies_at(struct result_journal *j, long point) {
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    kill_point_arm(NULL, point);
    write_lists(j);
    _exit(0);
  }
  int how = 0;
  CHECK_EQ(waitpid(pid, &how, 0), pid);
  CHECK(WIFEXITED(how) || WTERMSIG(how) == SIGKILL);
  return WIFSIGNALED(how);
}

int main(void) {
  struct result_journal *j = mmap(NULL, sizeof *j, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(j != MAP_FAILED);
  long point = 1;
  for (; dies_at(j, point); point++) {
    check_entries(j);
    CHECK(point < POINTS_MAX);
  }
  CHECK_EQ(point - 1, LISTS * (1 + ITEMS)); /* every point was a death */
  check_entries(j);
  CHECK_EQ(atomic_load(&j->count), ITEMS);
  char text[RESULT_JOURNAL_ENTRY_MAX + 1] = {0};
  CHECK(!result_journal_add(j, text, sizeof text, NULL, 0));
  while (result_journal_add(j, text, 100, NULL, 0)) {
  }
  CHECK(atomic_load(&j->count) > ITEMS);
  return 0;
}

#else
int main(void) { return 0; }
#endif

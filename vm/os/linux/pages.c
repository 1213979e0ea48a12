/* SPDX-License-Identifier: MIT */
#include "os/pages.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "os/control_group.h"

enum { HUGE_PAGE = 2 << 20 };

/* Only what lies inside the block whole: its neighbours in memory are somebody else's. */
void pages_prefer_huge(void *block, size_t size) {
  const uintptr_t start = ((uintptr_t)block + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  const uintptr_t end = ((uintptr_t)block + size) / HUGE_PAGE * HUGE_PAGE;
  if (start < end) (void)madvise((void *)start, end - start, MADV_HUGEPAGE);
}

bool pages_have_next(int descriptor) {
  const off_t at = lseek(descriptor, 0, SEEK_CUR);
  char byte;
  const struct iovec into = {&byte, 1};
  return at >= 0 && preadv2(descriptor, &into, 1, at, RWF_NOWAIT) >= 0;
}

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

status pages_make_stack(size_t size, void **bottom) {
  const size_t whole = page_size() + size;
  void *memory = mmap(NULL, whole, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return -errno;
  if (mprotect(memory, page_size(), PROT_NONE)) {
    const int failed = errno;
    munmap(memory, whole);
    return -failed;
  }
  madvise(memory, whole, MADV_NOHUGEPAGE); /* one would make each stack cost 2 MiB */
  *bottom = (uint8_t *)memory + page_size();
  return STATUS_OK;
}

void pages_free_stack(void *bottom, size_t size) {
  munmap((uint8_t *)bottom - page_size(), page_size() + size);
}

size_t pages_physical(void) { return (size_t)sysconf(_SC_PHYS_PAGES) * page_size(); }

uint64_t pages_limit(void) {
  const uint64_t limit = control_group_memory(control_groups_own);
  const uint64_t physical = pages_physical();
  return limit < physical ? limit : physical;
}

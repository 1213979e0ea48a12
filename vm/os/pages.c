/* SPDX-License-Identifier: MIT */
#include "os/pages.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };

/* Only what lies inside the block whole: its neighbours in memory are somebody else's. */
void pages_prefer_huge(void *block, size_t size) {
  const uintptr_t start = ((uintptr_t)block + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  const uintptr_t end = ((uintptr_t)block + size) / HUGE_PAGE * HUGE_PAGE;
  if (start < end) (void)madvise((void *)start, end - start, MADV_HUGEPAGE);
}

size_t pages_physical(void) { return (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE); }

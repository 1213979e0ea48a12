/* SPDX-License-Identifier: MIT */
#include "base/blocks.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"

struct blocks_page {
  struct blocks_page *next;
  struct blocks_page *previous;
  void *given; /* the blocks that were given back, each with the address of the next one */
  char *fresh;
  uint32_t size; /* of a block */
  uint32_t used;
  bool is_listed;
};

static size_t class_of(size_t size) { return (size - 1) / BLOCKS_STEP; }

static struct blocks_page *page_of(const void *block) {
  return (struct blocks_page *)((uintptr_t)block & ~(uintptr_t)(BLOCKS_PAGE - 1));
}

static bool has_fresh(const struct blocks_page *p) {
  return (size_t)((const char *)p + BLOCKS_PAGE - p->fresh) >= p->size;
}

/* Behind the first one, which goes on giving. */
static void list(struct blocks_page **first, struct blocks_page *p) {
  struct blocks_page *before = *first;
  p->is_listed = true;
  p->previous = before;
  p->next = before ? before->next : NULL;
  if (p->next) p->next->previous = p;
  if (before)
    before->next = p;
  else
    *first = p;
}

static void unlist(struct blocks_page **first, struct blocks_page *p) {
  p->is_listed = false;
  if (p->next) p->next->previous = p->previous;
  if (p->previous)
    p->previous->next = p->next;
  else
    *first = p->next;
}

static struct blocks_page *add_page(struct blocks_page **first, size_t class) {
  enum { HEAD = (sizeof(struct blocks_page) + BLOCKS_STEP - 1) / BLOCKS_STEP * BLOCKS_STEP };
  struct blocks_page *p = aligned_alloc(BLOCKS_PAGE, BLOCKS_PAGE);
  if (!p) return NULL;
  *p = (struct blocks_page){.fresh = (char *)p + HEAD, .size = (uint32_t)(class + 1) * BLOCKS_STEP};
  list(first, p);
  return p;
}

void *blocks_take(struct blocks *b, size_t size) {
  const size_t class = class_of(size);
  struct blocks_page **first = &b->pages[class];
  struct blocks_page *p = *first ? *first : add_page(first, class);
  if (!p) return NULL;
  void *block = p->given;
  if (block) {
    p->given = *(void **)block;
  } else {
    block = p->fresh;
    p->fresh += p->size;
  }
  p->used++;
  if (!p->given && !has_fresh(p)) unlist(first, p);
  return block;
}

void blocks_give(struct blocks *b, void *block, size_t size) {
  struct blocks_page **first = &b->pages[class_of(size)];
  struct blocks_page *p = page_of(block);
  *(void **)block = p->given;
  p->given = block;
  p->used--;
  if (!p->is_listed) list(first, p);
  if (p->used > 0 || p == *first) return;
  unlist(first, p);
  free(p);
}

void blocks_fini(struct blocks *b) {
  for (size_t class = 0; class < BLOCKS_CLASSES; class ++)
    for (struct blocks_page *p = b->pages[class], *next; p; p = next) {
      next = p->next;
      free(p);
    }
  *b = (struct blocks){{NULL}};
}

/* How many blocks have room in the page. */
static size_t count_room(const struct blocks_page *p) {
  size_t count = (size_t)((const char *)p + BLOCKS_PAGE - p->fresh) / p->size;
  for (void *const *block = p->given; block; block = *block) count++;
  return count;
}

void blocks_validate(const struct blocks *b) {
  for (size_t class = 0; class < BLOCKS_CLASSES; class ++) {
    const struct blocks_page *before = NULL;
    for (const struct blocks_page *p = b->pages[class]; p; p = p->next) {
      const size_t all = (BLOCKS_PAGE - sizeof *p) / p->size;
      CHECK(p->is_listed && p->previous == before && p->size == (class + 1) * BLOCKS_STEP);
      CHECK(count_room(p) > 0 && (p->used > 0 || !before));
      CHECK_EQ(count_room(p) + p->used, all);
      before = p;
    }
  }
}

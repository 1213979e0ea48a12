/* SPDX-License-Identifier: MIT */
/* Two stores: one for an array that is still private, one for an array in a block. An array changes
 * its store when it grows.
 */
#include "shared/block_bytes.h"

#include <errno.h>

#include "base/check.h"
#include "base/memory.h"

enum {
  COMMIT_STEP_MAX = 1 << 20, /* pages are cheap to add later, and costly to zero in vain, … */
  COMMIT_SHARE = 8,          /* … but of very long arrays this share is a step */
  ROOMY_FROM = 32 << 10,     /* from here on room costs address space alone */
};

static status grow_private(struct bytes *b, size_t size);
static status grow_in_block(struct bytes *b, size_t size);
static void release_private(struct bytes *b) { memory_free(b->data); }
static void release_block(struct bytes *b) { segment_free(block_bytes_block(b)); }

static const struct bytes_store private_store = {grow_private, release_private};
static const struct bytes_store block_store = {grow_in_block, release_block};

block_ref block_bytes_block(const struct bytes *b) {
  return b->store == &block_store ? segment_ref(b->data) - BLOCK_BYTES_MARGIN : 0;
}

/* Moves the bytes to `data`, which the array owns from now on. */
static void move_to(struct bytes *b, uint8_t *data, size_t cap, const struct bytes_store *store) {
  if (b->len) memcpy(data, b->data, b->len);
  b->store->release(b);
  *b = (struct bytes){data, b->len, cap, store};
}

static size_t capacity_of(block_ref block) { return segment_committed(block) - BLOCK_BYTES_MARGIN; }

/* An array that grew once may grow again. */
static size_t room_for(size_t size) { return size < ROOMY_FROM ? size + size / 2 : 4 * size; }

static status move_to_block(struct bytes *b, size_t size) {
  block_ref block = 0;
  status st = segment_alloc_room(BLOCK_BYTES_MARGIN + size, BLOCK_BYTES_MARGIN + room_for(size), &block);
  if (st == STATUS_TOO_LARGE || st == -ENOMEM) st = segment_alloc(BLOCK_BYTES_MARGIN + size, &block);
  if (st) return st;
  move_to(b, (uint8_t *)segment_at(block) + BLOCK_BYTES_MARGIN, capacity_of(block), &block_store);
  return STATUS_OK;
}

static status grow_private(struct bytes *b, size_t size) {
  if (size <= BLOCK_BYTES_PRIVATE) return bytes_grow_privately(b, BLOCK_BYTES_PRIVATE);
  return move_to_block(b, size) ? bytes_grow_privately(b, size) : STATUS_OK;
}

static status move_back(struct bytes *b, size_t size) {
  uint8_t *data = memory_resize(NULL, size);
  if (!data) return -ENOMEM;
  move_to(b, data, size, &private_store);
  return STATUS_OK;
}

static size_t min_size(size_t a, size_t b) { return a < b ? a : b; }

static status grow_in_block(struct bytes *b, size_t size) {
  const block_ref block = block_bytes_block(b);
  const size_t most = segment_block_size(block) - BLOCK_BYTES_MARGIN;
  if (size > most) return move_to_block(b, size) ? move_back(b, size) : STATUS_OK;
  const size_t share = b->cap / COMMIT_SHARE;
  const size_t step = min_size(b->cap, share > COMMIT_STEP_MAX ? share : COMMIT_STEP_MAX);
  const size_t ample = min_size(b->cap + step, most);
  if (segment_commit(block, BLOCK_BYTES_MARGIN + (ample > size ? ample : size))) return move_back(b, size);
  b->cap = capacity_of(block);
  return STATUS_OK;
}

void block_bytes_begin(struct bytes *b) {
  CHECK(!b->store && b->len == 0);
  bytes_trim(b, BLOCK_BYTES_PRIVATE);
  b->store = &private_store;
}

void block_bytes_yield(struct bytes *b) {
  CHECK(b->store == &block_store);
  bytes_init(b);
}

void block_bytes_end(struct bytes *b) {
  if (b->store == &block_store) bytes_fini(b);
  b->store = NULL;
  bytes_clear(b);
}

/* SPDX-License-Identifier: MIT */
#include "shared/attachments.h"

#include "base/check.h"
#include "shared/holds.h"
#include "shared/kill_point.h"

static bool is_attachments(block_ref block) {
  return (arena_owner(segment_arena(), block) & OWNER_CARRIES) != 0;
}

/* The number of references, checked. */
static uint64_t count_of(block_ref block) {
  const struct attachments *a = segment_at(block);
  const uint64_t total = *(const volatile uint64_t *)&a->total;
  CHECK(total <= segment_block_size(block) / sizeof(object_ref) &&
        attachments_text_offset(total) <= segment_block_size(block));
  return total;
}

void *attachments_text(block_ref block) {
  return (uint8_t *)segment_at(block) + attachments_text_offset(count_of(block));
}

static void load(struct attachments *a) {
  for (uint64_t i = 0; i < a->total; i++)
    CHECK(segment_count_up(segment_object(a->references[i]), &a->loaded, i));
}

/* Marked before the first reference is counted: from then on a sweeper unloads the block. */
status attachments_make(const struct object_list *carried, size_t text_size, block_ref *out) {
  block_ref block = 0;
  const status st = segment_alloc(attachments_text_offset(carried->count) + text_size, &block);
  if (st) return st;
  struct attachments *a = segment_at(block);
  atomic_store(&a->loaded, 0);
  a->total = carried->count;
  for (size_t i = 0; i < carried->count; i++) a->references[i] = carried->refs[i];
  STORE_ORDER();
  const owner_id self = segment_self();
  CHECK(arena_give(segment_arena(), block, self, self | OWNER_CARRIES));
  KILL_POINT("attachments.marked");
  load(a);
  *out = block;
  return STATUS_OK;
}

void attachments_unload(block_ref block) {
  if (!is_attachments(block)) return;
  struct attachments *a = segment_at(block);
  for (uint64_t loaded = segment_noted(&a->loaded); loaded; loaded = segment_noted(&a->loaded)) {
    CHECK(loaded <= count_of(block));
    if (segment_count_down(segment_object(a->references[loaded - 1]), &a->loaded, loaded))
      KILL_POINT("attachments.unloaded");
  }
}

void attachments_discard(block_ref block) {
  attachments_unload(block);
  segment_free(block);
}

/* The sweeper owns the block from here on: if it dies, too, its own sweeper continues. */
static void reap_block(void *context, block_ref block, owner_id owner) {
  const owner_id dead = *(const owner_id *)context;
  const owner_id ours = segment_self() | OWNER_CARRIES;
  if (owner != dead || !arena_give(segment_arena(), block, dead, ours)) return;
  KILL_POINT("attachments.reaping");
  attachments_discard(block);
}

void attachments_reap(owner_id dead) {
  owner_id marked = dead | OWNER_CARRIES;
  arena_each_block(segment_arena(), reap_block, &marked);
}

void attachments_validate(block_ref block) {
  const struct attachments *a = segment_at(block);
  const uint64_t loaded = atomic_load(&a->loaded);
  CHECK(loaded <= a->total);
  CHECK(attachments_text_offset(a->total) <= segment_block_size(block));
  for (uint64_t i = 0; i < loaded; i++) CHECK(atomic_load(&segment_object(a->references[i])->in_flight) > 0);
}

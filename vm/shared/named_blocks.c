/* SPDX-License-Identifier: MIT */
#include "shared/named_blocks.h"

#include <string.h>

#include "shared/kill_point.h"

void named_blocks_init(struct named_blocks *t, int32_t program) {
  robust_mutex_init(&t->lock);
  t->program = program;
}

static void lock(struct named_blocks *t) { robust_mutex_lock_whole(&t->lock); } /* I1 */

static void copy(struct named_block *to, const struct named_block *from) {
  to->is_of_worker = from->is_of_worker;
  to->maker = from->maker;
  to->inode = from->inode;
  to->charge = from->charge;
  to->size = from->size;
  memcpy(to->name, from->name, sizeof to->name);
  to->name[sizeof to->name - 1] = '\0';
}

static void add_locked(struct named_blocks *t, const struct named_block *block) {
  for (size_t i = 0; i < NAMED_BLOCKS_MAX; i++) {
    struct named_block *b = &t->entries[i];
    if (atomic_load(&b->is_used)) continue;
    copy(b, block);
    KILL_POINT("named_blocks.add");
    atomic_store(&b->is_used, 1);
    return;
  }
}

void named_blocks_add(struct named_blocks *t, const struct named_block *block) {
  lock(t);
  add_locked(t, block);
  KILL_POINT("named_blocks.added");
  robust_mutex_unlock(&t->lock);
}

bool named_blocks_drop(struct named_blocks *t, const char *name, int32_t maker, charge_mark *charge,
                       uint64_t *size) {
  bool is_of_maker = false;
  *charge = 0;
  lock(t);
  for (size_t i = 0; i < NAMED_BLOCKS_MAX; i++) {
    struct named_block *b = &t->entries[i];
    if (!atomic_load(&b->is_used) || strncmp(b->name, name, sizeof b->name) != 0) continue;
    atomic_store(&b->is_used, 0);
    KILL_POINT("named_blocks.drop");
    *charge = b->charge;
    *size = b->size;
    is_of_maker = is_of_maker || b->maker == maker;
  }
  robust_mutex_unlock(&t->lock);
  return is_of_maker;
}

bool named_blocks_look(struct named_blocks *t, size_t i, struct named_block *out) {
  lock(t);
  const bool is_used = atomic_load(&t->entries[i].is_used) != 0;
  if (is_used) copy(out, &t->entries[i]);
  robust_mutex_unlock(&t->lock);
  return is_used;
}

bool named_blocks_take_of_worker(struct named_blocks *t, struct named_block *out) {
  for (size_t i = 0; i < NAMED_BLOCKS_MAX; i++) {
    if (!named_blocks_look(t, i, out) || !out->is_of_worker) continue;
    (void)named_blocks_drop(t, out->name, out->maker, &out->charge, &out->size);
    return true;
  }
  return false;
}

/* SPDX-License-Identifier: MIT */
/* What a message carries: a block of the segment that lists objects, and keeps each of them alive.
 *
 *     block := struct attachments | reference … | text
 *
 * I1  The first `loaded` of the references are counted in their objects (shared/object.h, I2); a
 *     reference is counted and noted in one step, whatever instant the loading process dies at
 *     (segment_count_up).
 * I2  The owner of the block, a process or a ring, has what it carries. The mark
 *     OWNER_CARRIES in the owner word moves with it: attachments of a dead process is unloaded by
 *     the sweeper, and then freed.
 *
 * So a message with handles can be lost with its sender, its receiver or its ring at any
 * instant, and the objects end when they should. The loading process holds the objects
 * meanwhile; the unloading one may have taken holds of its own before. Any thread; a block
 * belongs to one at a time.
 */
#ifndef SHARED_ATTACHMENTS_H
#define SHARED_ATTACHMENTS_H

#include "shared/arena.h"
#include "shared/object.h"

struct attachments {
  _Atomic uint64_t loaded;
  uint64_t total;
  object_ref references[];
};

/* Cargo of these references, loaded, with room for `text_size` bytes. The caller holds the objects,
 * and owns the block. */
MUST_CHECK status attachments_make(const struct object_list *carried, size_t text_size, block_ref *out);
/* Where the text begins, from the start of the block. */
static inline uint64_t attachments_text_offset(size_t count) {
  return sizeof(struct attachments) + count * sizeof(object_ref);
}
void *attachments_text(block_ref block);
/* Lets go what it carries; the text stays. Several may do it at once. A block that is no
 * attachments carries nothing. */
void attachments_unload(block_ref block);
/* Frees a block that the caller owns, attachments or not, with what it carries. */
void attachments_discard(block_ref block);
/* The attachments of a dead process. Safe to run twice, not at the same time. */
void attachments_reap(owner_id dead);
/* Aborts when an invariant does not hold. Read only. */
void attachments_validate(block_ref block);

#endif

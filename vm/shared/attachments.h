/* SPDX-License-Identifier: MIT */
/* The objects that a message carries: a block of the segment that lists them and keeps each alive.
 *
 *     block := struct attachments | reference … | text
 *
 * I1  The first `loaded` of the references are counted in their objects (shared/object.h, I2). A
 *     reference is counted and noted in one step, whatever instant the loading process dies at
 *     (segment_count_up).
 * I2  The owner of the block, a process or a ring, owns the attachments. The flag OWNER_CARRIES in
 *     the owner word moves with it: the sweeper of a dead process unloads its attachments, then
 *     frees them.
 *
 * So a message with handles can be lost with its sender, its receiver or its ring at any instant,
 * and the objects still end when they should. The process that loads holds the objects meanwhile;
 * the one that unloads may have taken holds of its own before. Any thread; a block has one owner at
 * a time.
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

/* Makes attachments of these references, loaded, with room for `text_size` bytes. The caller holds
 * the objects, and owns the block. -ENOMEM. */
MUST_CHECK status attachments_make(const struct object_list *carried, size_t text_size, block_ref *out);
/* Offset of the text in the block. */
static inline uint64_t attachments_text_offset(size_t count) {
  return sizeof(struct attachments) + count * sizeof(object_ref);
}
/* Where the bytes of the message begin, behind the references. */
void *attachments_text(block_ref block);
/* Releases the attached objects; the text stays. Several threads may do so at once. No effect on a
 * block without attachments. */
void attachments_unload(block_ref block);
/* Frees a block that the caller owns, and releases its attachments, if any. */
void attachments_discard(block_ref block);
/* Discards the attachments of a dead process. Safe to run twice, not at the same time. */
void attachments_reap(owner_id dead);
/* Aborts when an invariant does not hold. Read only. */
void attachments_validate(block_ref block);

#endif

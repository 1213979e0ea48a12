/* SPDX-License-Identifier: MIT */
/* A byte array (base/bytes.h) that grows into a block of the segment, so that a ring can take over
 * the block instead of copying the bytes.
 *
 *     block := margin (BLOCK_BYTES_MARGIN) | the bytes
 *
 * Short arrays stay in private memory, because a ring copies them anyway. A longer one moves into a
 * block, which this process owns until a ring takes it over; if the process dies before that, the
 * sweep frees the block. A ring writes the head of its record into the margin.
 *
 * I1  An array whose bytes are in a block has a store of its own, so no caller compares addresses.
 * I2  When the segment has no block, the array grows in private memory; putting it into a ring then
 *     fails with the reason.
 *
 * A process that is forked meanwhile must not touch the array: its parent owns the block.
 */
#ifndef SHARED_BLOCK_BYTES_H
#define SHARED_BLOCK_BYTES_H

#include "base/bytes.h"
#include "shared/segment.h"

enum { BLOCK_BYTES_MARGIN = 64, BLOCK_BYTES_PRIVATE = 4096 };

/* From now on the array, which is empty and in private memory, moves into a block when it grows
 * beyond BLOCK_BYTES_PRIVATE. */
void block_bytes_begin(struct bytes *b);
/* The block with the bytes, behind the margin; 0: they are in private memory. */
block_ref block_bytes_block(const struct bytes *b);
/* The block has another owner now; the array is empty. */
void block_bytes_yield(struct bytes *b);
/* Empties the array and frees its block; from now on it is one in private memory. */
void block_bytes_end(struct bytes *b);

#endif

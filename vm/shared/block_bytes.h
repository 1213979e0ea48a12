/* SPDX-License-Identifier: MIT */
/* A run of bytes (base/bytes.h) that grows into a block of the segment, so that it can be handed
 * over instead of being copied once more.
 *
 *     block := margin (BLOCK_BYTES_MARGIN) | the bytes
 *
 * Short runs stay in private memory: a ring copies them anyway. A longer one moves into a block,
 * which this process owns until a ring takes it over; if we die before, it is swept with us. The
 * margin is for what a ring puts in front.
 *
 * I1  A run whose bytes stand in a block has a store of its own, so no caller compares addresses.
 * I2  When the segment has no block, the run goes on in private memory; putting it into a ring
 *     fails then with the reason.
 *
 * A process that is forked meanwhile must not touch the run: the block is its parent's.
 */
#ifndef SHARED_BLOCK_BYTES_H
#define SHARED_BLOCK_BYTES_H

#include "base/bytes.h"
#include "shared/segment.h"

enum { BLOCK_BYTES_MARGIN = 64, BLOCK_BYTES_PRIVATE = 4096 };

/* The run, in private memory and empty, moves into a block when it grows beyond BLOCK_BYTES_PRIVATE. */
void block_bytes_begin(struct bytes *b);
/* The block that the bytes stand in, behind the margin; 0: they are in private memory. */
block_ref block_bytes_block(const struct bytes *b);
/* Somebody else owns the block now: the run is empty. */
void block_bytes_yield(struct bytes *b);
/* From now on the run, emptied, is one of private memory like others. A block is freed. */
void block_bytes_end(struct bytes *b);

#endif

/* SPDX-License-Identifier: MIT */
/* The named blocks of shared memory that the processes of a program have made, so that the program
 * removes all of them at its end, also those that a worker made which has ended since. The names of a
 * process that is killed are its tracker's (helper/tracker.h).
 *
 * A table of fixed size in the segment. Further names have no place here; their trackers remove them
 * a moment after the program's end.
 *
 * I1  An entry counts while `is_used`, which is set after the rest was written, and cleared first. So
 *     there is nothing to repair when a holder of the lock dies.
 * I2  The name of a used entry ends within it.
 *
 * Any thread of any process.
 */
#ifndef SHARED_NAMED_BLOCKS_H
#define SHARED_NAMED_BLOCKS_H

#include "os/process.h"
#include "os/robust_mutex.h"
#include "shared/accounts.h"

enum { NAMED_BLOCKS_MAX = 64, NAMED_BLOCK_NAME_MAX = 256 };

struct named_block {
  _Atomic uint32_t is_used;
  uint32_t is_of_worker; /* and not of the program's first process */
  int32_t maker;         /* pid */
  charge_mark charge;    /* 0: its maker has no limit */
  uint64_t inode;        /* the file that the name stood for */
  uint64_t size;
  char name[NAMED_BLOCK_NAME_MAX];
};

struct named_blocks {
  struct robust_mutex lock; /* no rank: a leaf, under which no other lock is taken; the entries */
  int32_t program;          /* pid of its first process */
  struct named_block entries[NAMED_BLOCKS_MAX];
};

void named_blocks_init(struct named_blocks *t, int32_t program);
/* Notes a block, if there is room. */
void named_blocks_add(struct named_blocks *t, const struct named_block *block);
/* Forgets the block of that name; its charge of *size bytes is the caller's to credit (*charge is 0:
 * there is none). True: `maker` had made it. */
bool named_blocks_drop(struct named_blocks *t, const char *name, int32_t maker, charge_mark *charge,
                       uint64_t *size);
/* Takes out a block that a worker made. False: there is none. */
MUST_CHECK bool named_blocks_take_of_worker(struct named_blocks *t, struct named_block *out);
/* Copies block number i, counted from 0. False: that entry is not used. */
MUST_CHECK bool named_blocks_look(struct named_blocks *t, size_t i, struct named_block *out);

#endif

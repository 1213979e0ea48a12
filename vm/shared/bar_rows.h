/* SPDX-License-Identifier: MIT */
/* The rows at the foot of the terminal in which the program's progress bars stand: each bar, of any
 * process, has one for itself.
 *
 * I1  A row is used while its owner is not 0. It is taken and given back by one store, so there is
 *     nothing to repair when its process dies; the sweep frees the rows of the dead.
 * I2  `reserved` says how many rows the terminal keeps from the text above. It grows with the bars, and
 *     falls to 0 with the last one. A process that dies between the store and its output leaves a
 *     terminal that the next bar sets right.
 *
 * Any thread of any process; no locks.
 */
#ifndef SHARED_BAR_ROWS_H
#define SHARED_BAR_ROWS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "shared/arena_types.h"

enum { BAR_ROWS_MAX = 8 };

/* In shared memory; all 0 at first. */
struct bar_rows {
  _Atomic owner_id owners[BAR_ROWS_MAX];
  _Atomic uint32_t reserved;
  uint32_t pad;
};

/* The lowest free row, counted from 0; BAR_ROWS_MAX: there is none. */
uint32_t bar_rows_take(struct bar_rows *r, owner_id owner);
void bar_rows_give(struct bar_rows *r, uint32_t row);
bool bar_rows_has(const struct bar_rows *r, owner_id owner);
/* Reserves the rows of the bars that there are; returns how many are reserved now, and stores how many
 * were before. */
uint32_t bar_rows_reserve(struct bar_rows *r, uint32_t *before);
/* Frees the rows of a dead process. May be done twice. */
void bar_rows_reap(struct bar_rows *r, owner_id dead);

#endif

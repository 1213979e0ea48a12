/* SPDX-License-Identifier: MIT */
/* A bag of descriptors that the kernel keeps for the processes that have it: a descriptor put in by
 * one process is taken out by another, also when the first one has ended. It needs no process that
 * serves it.
 *
 * The bag is a datagram socket that is connected to itself; each entry is a datagram, a number with
 * a descriptor. Its contents go when the last process that has the bag ends. All functions wait for
 * nothing. Each call is one step of the kernel, so a process killed at any instant leaves the bag
 * whole. Looking through it uses a position that the processes share: only with a lock of theirs.
 */
#ifndef OS_DESCRIPTOR_BAG_H
#define OS_DESCRIPTOR_BAG_H

#include <stdint.h>

#include "base/status.h"

struct bag_entry {
  uint64_t number;
  int fd; /* -1: none, or none could be opened */
};

/* An empty bag; the descriptor is close-on-exec and the caller's. */
MUST_CHECK status descriptor_bag_make(int *bag);
/* Adds an entry behind the others; the descriptor stays the caller's. STATUS_FULL. */
MUST_CHECK status descriptor_bag_put(int bag, const struct bag_entry *entry);
/* Lets descriptor_bag_next begin with the first entry. */
MUST_CHECK status descriptor_bag_rewind(int bag);
/* A copy of the next entry, with a descriptor of the caller's own. STATUS_EMPTY: there is no further
 * one. */
MUST_CHECK status descriptor_bag_next(int bag, struct bag_entry *entry);
/* Removes the first entry; the next look begins there again. STATUS_EMPTY. */
MUST_CHECK status descriptor_bag_drop(int bag);
void descriptor_bag_close_entry(const struct bag_entry *entry);
void descriptor_bag_close(int bag);

#endif

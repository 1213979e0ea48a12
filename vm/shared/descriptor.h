/* SPDX-License-Identifier: MIT */
/* Descriptors under way between processes of the program: those of socket connections that
 * messages carry.
 *
 *   carrier  an object of the segment. It lives while a message carries it, and has the bytes that
 *            the sender had received from the socket and not yet read
 *   bag      os/descriptor_bag.h; the program has one, which all its processes inherit. An entry's
 *            number is the reference of its carrier
 *
 * I1  A living carrier has an entry in the bag, put there before the carrier was published.
 * I2  An entry whose number names no living carrier is dead: its sender died before it published
 *     the carrier, or the carrier has ended. Each end of a carrier and each sweep drops the dead.
 * I3  A living entry that changes its place is put at the end before it is dropped at the beginning.
 *     So a death in between leaves it twice, which is as good as once.
 *
 * Lock: `bag_lock` of the segment's header, robust, rank_bag. There is nothing to repair after a
 * death. All functions: any thread.
 */
#ifndef SHARED_DESCRIPTOR_H
#define SHARED_DESCRIPTOR_H

#include "base/bytes.h"
#include "shared/object.h"

/* A new carrier of a copy of `fd` and of the bytes, with one hold of this process, which is the
 * message's. STATUS_FULL: too many are under way; -ENOTSUP: the program has no bag; -ENOMEM. */
MUST_CHECK status descriptor_send(int fd, const void *bytes, size_t size, object_ref *out);
/* A descriptor of the caller's own, and the bytes, appended. It may be received any number of times.
 * STATUS_FOREIGN: there is no such carrier; -EMFILE: no descriptor is left; -ENOMEM. */
MUST_CHECK status descriptor_receive(object_ref ref, int *fd, struct bytes *bytes);
/* Drops the dead entries. */
void descriptor_sweep(void);
/* Sets the destructor of carriers; once for each process, before the first is made. */
void descriptor_register_kind(void);
/* Aborts when an invariant does not hold; no other process uses the bag meanwhile. */
void descriptor_validate(void);

#endif

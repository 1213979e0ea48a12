/* SPDX-License-Identifier: MIT */
/* What can be named by a handle: a block of the commons that lives while somebody holds it.
 *
 *     object_ref  := generation (16 bits) | block offset (48 bits)
 *
 * I1  `holders` has a bit for each participant that has at least one handle on the object; how many handles
 *     it has is its own, private affair (commons.c). A participant that dies loses its bits to whoever
 * sweeps. I2  `travel` counts, in its low half, messages on their way that carry the object. Sending raises
 * it while the sender still holds the object; receiving sets the receiver's bit first and lowers it then:
 * while anybody can reach the object, it is held or in flight. Its high half counts all journeys, so that
 * whoever looks at the count and the bits one after the other sees that nothing moved meanwhile. I3  An
 * object without holder and not in flight can be reached by nobody any more; the one who moves `state` from
 * LIVE to DYING destroys it. A process killed between raising the count and publishing its message keeps that
 * object alive until the program ends: some hundred bytes, bounded by the number of such deaths.
 */
#ifndef SHARED_OBJECT_H
#define SHARED_OBJECT_H

#include "shared/roster.h"

typedef uint64_t object_ref;

enum object_kind { OBJECT_RING = 1, OBJECT_PIPE_END = 2 };

enum { OBJECT_MAGIC = 0x4d4d4f42, OBJECT_LIVE = 1, OBJECT_DYING = 2 };

struct object {
  uint32_t magic;
  uint32_t kind; /* enum object_kind */
  uint32_t generation;
  _Atomic uint32_t state;
  _Atomic uint64_t travel; /* journeys << 32 | in flight */
  _Atomic uint64_t holders[ROSTER_MAX / 64];
};
_Static_assert(sizeof(struct object) == 24 + ROSTER_MAX / 8, "layout");

void object_init(struct object *o, enum object_kind kind);
/* One more message carries it; the caller holds the object. */
void object_send(struct object *o);
/* The message arrived at `slot`, or (slot ROSTER_NOBODY) was thrown away. */
void object_arrive(struct object *o, uint32_t slot);
/* `slot` becomes a holder beside the caller, who is one. */
void object_share(struct object *o, uint32_t slot);
void object_clear_holder(struct object *o, uint32_t slot);
bool object_is_held(const struct object *o);
/* True for the one caller that has to destroy it. */
bool object_try_end(struct object *o);

#endif

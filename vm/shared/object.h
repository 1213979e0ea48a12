/* SPDX-License-Identifier: MIT */
/* What can be named by a handle: a block of the segment that lives while a process holds it.
 *
 *     object_ref  := generation (16 bits) | block offset (48 bits)
 *
 * I1  `holders` has a bit for each process that has at least one handle on the object; how many handles
 *     it has is its own, private affair (holds.c). A process that dies loses its bits to whoever
 *     sweeps.
 *
 * I2  `in_flight` counts the attachments (attachments.h) that carries the object: messages on their way. It is raised
 *     while the sender still holds the object, and lowered when the receiver has its own hold: while anybody
 *     can reach the object, it is held or in flight. It changes under rank_count, and so does `state` from
 *     LIVE: who ends an object sees a count that stands still. `journeys` counts what was anchored and held,
 *     each time afterwards: who looks at the bits one after the other sees that none moved.
 *
 * I3  `anchors` has a bit for each other object that needs this one. Setting and clearing a bit may be done
 *     twice, so that a death in the middle of either can be settled by doing it again.
 *
 * I4  An object without holder and anchor and not in flight can be reached by nobody any more; the one who
 *     moves `state` from LIVE to DYING destroys it. `state` says who that is, so that the sweeper of a dead
 *     destroyer starts over. An object that lost its last holder with a dying process is ended by whoever
 *     sweeps after that.
 */
#ifndef SHARED_OBJECT_H
#define SHARED_OBJECT_H

#include "shared/process_table.h"

typedef uint64_t object_ref;

struct object_list {
  const object_ref *refs;
  size_t count;
};

enum object_kind {
  OBJECT_RING = 1,
  OBJECT_PIPE_END = 2,
  OBJECT_SYNC = 3,
  OBJECT_MEMORY = 4,
  OBJECT_TABLE = 5
};

/* For readers of another program (bindings/lua/cli/inspect.c); nothing depends on it. */
enum object_purpose { PURPOSE_NONE = 0, PURPOSE_QUEUE = 1, PURPOSE_TASKS = 2, PURPOSE_RESULTS = 3 };

enum { OBJECT_MAGIC = 0x4d4d4f42 };
/* DYING stands beside the slot of the destroyer, shifted by OBJECT_SLOT_SHIFT. NEW: nobody else knows it. */
enum object_state { OBJECT_NEW = 0, OBJECT_LIVE = 1, OBJECT_DYING = 2, OBJECT_SLOT_SHIFT = 8 };

struct object {
  uint32_t magic;
  uint32_t kind; /* enum object_kind */
  uint32_t generation;
  _Atomic uint32_t state;
  _Atomic uint64_t in_flight; /* rank_count */
  _Atomic uint64_t journeys;
  _Atomic uint32_t anchors; /* a bit for each object that needs this one; which, is up to the kind */
  _Atomic uint32_t purpose; /* enum object_purpose */
  _Atomic uint64_t holders[PROCESS_TABLE_MAX / 64];
};
_Static_assert(sizeof(struct object) == 40 + PROCESS_TABLE_MAX / 8, "layout");

void object_init(struct object *o, enum object_kind kind);
/* From now on it can end. The caller holds it. */
void object_begin(struct object *o);
/* `slot` becomes a holder beside the caller, which is one. */
void object_share(struct object *o, uint32_t slot);
void object_clear_holder(struct object *o, uint32_t slot);
bool object_has_holder(const struct object *o, uint32_t slot);
bool object_is_held(const struct object *o);
/* The caller, a holder of the object, ties it to another one. */
void object_anchor(struct object *o, uint32_t anchor);
void object_unanchor(struct object *o, uint32_t anchor);
bool object_is_live(const struct object *o);
/* True for the one caller that has to destroy it; it is the process in `slot`. Under rank_count. */
bool object_try_end(struct object *o, uint32_t slot);
bool object_is_ended_by(const struct object *o, uint32_t slot);
/* What has to happen when nobody can reach an object of that kind any more. May be done twice, the
 * second time by the sweeper after a death in the first. */
typedef void (*object_destructor)(struct object *o);
/* What has to happen when a process that held the object is gone, before it stops to be a
 * holder; may be done twice. */
typedef void (*object_owner_died)(struct object *o, uint32_t slot);

/* Aborts when an invariant does not hold. Read only. */
void object_validate(const struct object *o);

#endif

/* SPDX-License-Identifier: MIT */
/* An object: a block of the segment that handles name, and that lives while a process holds it.
 *
 *     object_ref  := generation (16 bits) | block offset (48 bits)
 *
 * I1  `holders` has a bit for each process that has at least one handle on the object. The handle
 *     count is private to the process (holds.c). The sweeper clears a dead process's bits.
 *
 * I2  `in_flight` counts the attachments (attachments.h) that contain the object: messages under
 *     way. It rises while the sender still holds the object, and falls when the receiver has its
 *     own hold. So while a process can reach the object, it is held or in flight. `in_flight`
 *     changes under rank_count, and so does `state` from LIVE: the count does not change while a
 *     process ends the object. `additions` counts the holders and anchors that were added, each
 *     after its bit was set. A process that reads the bits one after the other reads `additions`
 *     before and after: if it is the same, none was added meanwhile.
 *
 * I3  `anchors` has a bit for each other object that needs this one. Setting and clearing a bit may
 *     be done twice, so that after a death in the middle either is settled by doing it again.
 *
 * I4  An object that has no holder and no anchor and is not in flight is unreachable. The process
 *     that moves `state` from LIVE to DYING destroys it. `state` names that process, so that the
 *     sweeper of a dead destroyer starts over. An object whose last holder died is ended by a later
 *     sweep.
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
  OBJECT_SYNCHRONIZER = 3,
  OBJECT_TYPED_ARRAY = 4,
  OBJECT_TABLE = 5,
  OBJECT_CARRIER = 6,
  OBJECT_FROZEN_TABLE = 7,
  OBJECT_KIND_LAST = OBJECT_FROZEN_TABLE
};

/* Those of rings are for processes that inspect another program (bindings/lua/cli/inspect.c); nothing depends on
 * them. LENT: of an object that a worker inherited without a hold, which it may take later (holds.h). */
enum object_purpose {
  PURPOSE_NONE = 0,
  PURPOSE_QUEUE = 1,
  PURPOSE_TASKS = 2,
  PURPOSE_RESULTS = 3,
  PURPOSE_LENT = 4
};

enum { OBJECT_MAGIC = 0x4d4d4f42 };
/* DYING is or-ed with the slot of the destroyer, shifted by OBJECT_SLOT_SHIFT. NEW: not published
 * yet. */
enum object_state { OBJECT_NEW = 0, OBJECT_LIVE = 1, OBJECT_DYING = 2, OBJECT_SLOT_SHIFT = 8 };

struct object {
  uint32_t magic;
  uint32_t kind; /* enum object_kind */
  uint32_t generation;
  _Atomic uint32_t state;
  _Atomic uint64_t in_flight; /* rank_count */
  _Atomic uint64_t additions;
  _Atomic uint32_t anchors; /* a bit for each object that needs this one; see the kind */
  _Atomic uint32_t purpose; /* enum object_purpose */
  _Atomic uint64_t holders[PROCESS_TABLE_MAX / 64];
};
_Static_assert(sizeof(struct object) == 40 + PROCESS_TABLE_MAX / 8, "layout");

/* Initialises an object in state NEW, without holders, in a block of the segment. No two objects of
 * the segment have one number. */
void object_init(struct object *o, enum object_kind kind, uint64_t number);
/* Makes the object LIVE: from now on it can end. The caller holds it. */
void object_begin(struct object *o);
/* Makes the process in `slot` a holder. The caller is one. */
void object_share(struct object *o, uint32_t slot);
/* A worker comes to know the object without holding it. The caller holds it. */
void object_lend(struct object *o);
/* It may be done twice. The caller sees afterwards whether the object is still held. */
void object_clear_holder(struct object *o, uint32_t slot);
/* Whether the process in `slot` holds it; of another process at the instant of the call. */
bool object_has_holder(const struct object *o, uint32_t slot);
/* Whether any process holds it. */
bool object_is_held(const struct object *o);
/* Whether the process in `slot` alone can reach it, now and until it shares it. Under rank_count. */
bool object_is_held_by_one(const struct object *o, uint32_t slot);
/* Sets bits by which another object needs this one. The caller holds it. */
void object_anchor(struct object *o, uint32_t anchor);
/* It may be done twice. */
void object_unanchor(struct object *o, uint32_t anchor);
/* False: it ends, or its block has another use. */
bool object_is_live(const struct object *o);
/* Moves `state` to DYING if the object is unreachable. True for the one caller that has to destroy
 * it, which is the process in `slot`. Under rank_count. */
bool object_try_end(struct object *o, uint32_t slot);
/* Whether the process in `slot` ends it, and so has to complete that. */
bool object_is_ended_by(const struct object *o, uint32_t slot);
/* Called when an object of a kind has become unreachable. May be called twice, the second time by
 * the sweeper after a death in the first call. */
typedef void (*object_destructor)(struct object *o);
/* Called when a process that held the object has died, while it is still a holder. May be called
 * twice. */
typedef void (*object_owner_died)(struct object *o, uint32_t slot);

/* The kind, which indexes functions. Aborts unless there is such a kind: a peer may have written
 * anything. */
enum object_kind object_kind_of(const struct object *o);

/* Aborts when an invariant does not hold. Read only. */
void object_validate(const struct object *o);

#endif

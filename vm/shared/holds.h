/* SPDX-License-Identifier: MIT */
/* Objects of the segment, and which of them this process holds.
 *
 * A process holds an object as long as it has at least one handle on it. How many handles it has is
 * counted in a table of its own, under rank_holds; the object has one bit for the process
 * (object.h, I1). What is in flight is counted under rank_count, with a journal (object.h, I2).
 *
 * When a process dies its table is gone; the sweep (sweep.h) clears its bits, settles the count
 * that it was changing, and ends the objects that nobody can reach any more. All functions: any
 * thread, unless said otherwise.
 */
#ifndef SHARED_HOLDS_H
#define SHARED_HOLDS_H

#include "shared/object.h"
#include "shared/segment.h"

/* A new object in a block of `size` bytes, held once by this process; what follows the header is
 * not initialised. It is reachable by others, and swept with us, only once segment_publish was
 * called. */
MUST_CHECK status segment_make_object(enum object_kind kind, uint64_t size, struct object **out);
void segment_publish(struct object *o);
/* The object behind a reference that is known to live. */
struct object *segment_object(object_ref ref);
/* The object behind a reference, checked: STATUS_FOREIGN when it is none of that kind. Takes no
 * hold. */
MUST_CHECK status segment_find(object_ref ref, enum object_kind kind, struct object **out);
object_ref segment_object_ref(const struct object *o);
/* One more, one less handle of this process. The last release anywhere destroys the object. */
MUST_CHECK status segment_hold(struct object *o);
void segment_release(struct object *o);
/* All handles of this process on objects of that kind: it ends in peace, and nobody need announces the death it.
 */
void segment_release_all(enum object_kind kind);
/* A handle that was copied by fork, and is used for the first time in the child: held already if it
 * was passed, held now if the object still lives. STATUS_FOREIGN: it is gone. */
MUST_CHECK status segment_claim(object_ref ref, enum object_kind kind);
/* True when this process holds the object that the reference names. */
bool segment_holds(object_ref ref, enum object_kind kind);
/* The object is in flight once more, which the caller holds, or once less; and *noted goes from
 * `from` to one more, or one less: both or neither, whatever instant the caller dies at. False:
 * *noted is not `from`. */
MUST_CHECK bool segment_count_up(struct object *o, _Atomic uint64_t *noted, uint64_t from);
MUST_CHECK bool segment_count_down(struct object *o, _Atomic uint64_t *noted, uint64_t from);
/* The note, when no change of it is under way. */
uint64_t segment_noted(const _Atomic uint64_t *noted);

/* Another object needs this one, which the caller holds; and needs it no more. What it needs it for
 * is a bit, which is up to the kind. Both may be done twice. */
void segment_anchor(struct object *o, uint32_t anchor);
void segment_unanchor(struct object *o, uint32_t anchor);

/* What to do when objects of that kind end, and when a holder of one is gone (object.h); each is
 * set once, by the module that defines the kind. */
void segment_set_destructor(enum object_kind kind, object_destructor destroy);
void segment_set_owner_died(enum object_kind kind, object_owner_died owner_died);

/* Before fork: the child will hold what we hold, but for the ends of pipes: of those only the
 * `passed` ones, so that an end that a child merely inherited a copy of does not keep the other
 * side from seeing the end of file. With `passed` NULL all. After a fork that failed:
 * segment_forget_child (sweep.h). */
void segment_share_with_child(uint32_t slot, const struct object_list *passed);
/* In the forked child, on its only thread. */
void segment_after_fork(uint32_t slot);

/* For sweep.c: settles the count that a dead process was changing. */
void segment_settle_count(void);
/* For sweep.c: the object's destructor runs, and its block is free. May be done twice, the second
 * time after a death in the first. */
void segment_destroy_object(struct object *o);
/* For sweep.c: destroys the object, if nobody can reach it and no other process destroys it. */
void segment_end_if_unreachable(struct object *o);

#endif

/* SPDX-License-Identifier: MIT */
/* Objects of the segment, and the holds of this process on them.
 *
 * A process holds an object while it has at least one handle on it. A private table counts the
 * handles, under rank_holds; the object has one bit for the process (object.h, I1). The messages
 * under way that carry an object are counted under rank_count, with a journal (object.h, I2).
 *
 * The table of a process is lost when it dies; the sweep (sweep.h) clears its bits, settles the
 * count that it was changing, and ends the objects that are no longer reachable. All functions: any
 * thread, unless said otherwise.
 */
#ifndef SHARED_HOLDS_H
#define SHARED_HOLDS_H

#include "shared/object.h"
#include "shared/segment.h"

/* A new object in a block of `size` bytes, held once by this process; the bytes behind its header
 * are not initialised. Other processes can reach it, and the sweep finds it, only after
 * segment_publish. */
MUST_CHECK status segment_make_object(enum object_kind kind, uint64_t size, struct object **out);
/* Makes the object reachable: it owns its block from now on. */
void segment_publish(struct object *o);
/* The object of a reference to a living object. */
struct object *segment_object(object_ref ref);
/* The object of a reference. STATUS_FOREIGN: it is no living object of that kind. Takes no hold. */
MUST_CHECK status segment_find(object_ref ref, enum object_kind kind, struct object **out);
/* The name of an object that this process holds; it never names a later one in the same block. */
object_ref segment_object_ref(const struct object *o);
/* Adds or removes one handle of this process. The last release of all processes destroys the
 * object. */
MUST_CHECK status segment_hold(struct object *o);
/* One handle less. With the last of the process and of all messages the object ends. */
void segment_release(struct object *o);
/* Whether no other process and no message has the object, no worker inherited it without a hold, and this process
 * holds it `handles` times, at the instant of the call: then no other handle comes to be but by these. */
bool segment_is_sole(const struct object *o, uint32_t handles);
/* Drops all holds on objects of that kind at a clean exit, so that no owner-death handling runs for
 * them. */
void segment_release_all(enum object_kind kind);
/* Takes the hold for a handle that fork copied, before its first use in the child. A handle that
 * the parent passed has one already. STATUS_FOREIGN: the object is gone. */
MUST_CHECK status segment_claim(object_ref ref, enum object_kind kind);
/* True when this process holds the object that the reference names. */
bool segment_holds(object_ref ref, enum object_kind kind);
/* Changes the in-flight count of an object, which the caller holds, by one, and *noted from `from`
 * by one in the same direction: both or neither, whatever instant the caller dies at. False: *noted
 * is not `from`; nothing changed. */
MUST_CHECK bool segment_count_up(struct object *o, _Atomic uint64_t *noted, uint64_t from);
/* Takes one from the count of messages that carry it; the object ends if that was its last tie.
 * False: the count was changed by another process, and nothing happens. */
MUST_CHECK bool segment_count_down(struct object *o, _Atomic uint64_t *noted, uint64_t from);
/* The value of *noted, read while no change is under way. */
uint64_t segment_noted(const _Atomic uint64_t *noted);

/* Sets or clears the bits by which another object needs this one, which the caller holds. The kind
 * defines the bits. Both may be done twice. */
void segment_anchor(struct object *o, uint32_t anchor);
/* The object ends if that was its last tie. */
void segment_unanchor(struct object *o, uint32_t anchor);

/* The functions to call when an object of that kind ends, and when a holder of one dies (object.h).
 * The module that defines the kind sets each once. */
void segment_set_destructor(enum object_kind kind, object_destructor destroy);
/* Called for each process that is gone and had such an object; before the first such object is
 * made. */
void segment_set_owner_died(enum object_kind kind, object_owner_died owner_died);

/* Before fork: gives the child the holds of this process. Of the ends of pipes it gets only the
 * `passed` ones, so that an end that a child merely inherited does not keep the other side from
 * seeing the end of file; with `passed` NULL it gets all. After a fork that failed:
 * segment_forget_child (sweep.h). */
void segment_share_with_child(uint32_t slot, const struct object_list *passed);
/* In the forked child, on its only thread. */
void segment_after_fork(uint32_t slot);

/* For sweep.c: settles the count that a dead process was changing. */
void segment_settle_count(void);
/* For sweep.c: runs the object's destructor and frees its block. May be done twice, the second time
 * after a death in the first. */
void segment_destroy_object(struct object *o);
/* For sweep.c: destroys the object, if it is unreachable and no other process destroys it. */
void segment_end_if_unreachable(struct object *o);

#endif

/* SPDX-License-Identifier: MIT */
/* The commons: the one segment of shared memory of one program, and this process's place in it.
 *
 *     page 0      header: magic, format, size, arena
 *     page 1      bells
 *     then        roster
 *     then        arena tables and regions
 *
 * The first process of a program makes it; the others inherit its descriptor. It has no name anywhere: it is
 * gone when the last process is. An object in it is an offset; sending a queue through a queue is
 * sending eight bytes, to any process of the program.
 *
 * This is one of the few pieces of state at file scope (vm/README.md): every VM of a process is in the same
 * program. All functions: any thread, unless said otherwise.
 */
#ifndef SHARED_COMMONS_H
#define SHARED_COMMONS_H

#include "shared/arena.h"
#include "shared/bells.h"
#include "shared/object.h"
#include "shared/totals.h"

/* Makes the commons, or counts one more user of it in this process. On a thread that lives as
 * long as the process. */
MUST_CHECK status commons_open(void);
/* In a program started by another one of ours: the segment behind `fd` (taken over), and the
 * slot reserved for us. */
MUST_CHECK status commons_join(int fd, uint32_t slot);
/* The last user's close unmaps it. */
void commons_close(void);
/* The commons of another program, to be read: `fd` is of its memory, open for reading. Until
 * commons_look_away, which leaves the descriptor open, everything here is about that one; nothing but arena,
 * roster and objects may be looked at, and no other thread may use a commons. STATUS_FOREIGN: it is none, or
 * of another build. */
MUST_CHECK status commons_look(int fd);
void commons_look_away(void);
const struct roster *commons_roster(void);

struct child_slot {
  uint32_t slot;
  uint32_t generation;
};

/* A slot for a process that this one is about to start. */
MUST_CHECK status commons_reserve_slot(struct child_slot *out);
/* Before fork: the child will hold what we hold, but for the ends of pipes: of those only the `passed` ones,
 * so that an end that a child merely inherited a copy of does not keep the other side from seeing the end of
 * file. With `passed` NULL all. After a fork that failed: commons_forget_child. */
void commons_share_with_child(uint32_t slot, const struct object_list *passed);
/* In the forked child, on its only thread. */
void commons_after_fork(uint32_t slot);
/* The child has ended, or never came to be (the caller knows): sweeps what it left. Safe to call twice. */
void commons_forget_child(struct child_slot child);
/* Sweeps after all dead processes. Cheap if there are none. */
void commons_sweep(void);

int commons_fd(void);
uint32_t commons_slot(void);
owner_id commons_self(void);
/* The futex to watch for the death of the process in `slot`; see robust_mutex_watch. False: dead,
 * or not there yet. */
bool commons_watch_life(uint32_t slot, struct futex_watch *watch);

/* The address of what an offset names, in this process. */
void *commons_at(block_ref block);
block_ref commons_ref(const void *address);
struct arena *commons_arena(void);
struct bells *commons_bells(void);
/* NULL while this process has no commons. */
struct totals *commons_totals(void);
const struct mapping *commons_mapping(void);

/* Where the program records what happens (vm/trace), seen by all its processes at once: 0, or an
 * offset and a number. Asked all the time, so it is two loads, relaxed because a caller that acts
 * on what it names loads it again with acquire. The place is in the commons, or where there are
 * none a word that stays 0. */
typedef _Atomic uint64_t commons_recording_word;
extern commons_recording_word *_Atomic commons_recording_place;
static inline uint64_t commons_recording(void) {
  return atomic_load_explicit(atomic_load_explicit(&commons_recording_place, memory_order_relaxed),
                              memory_order_relaxed);
}

MUST_CHECK status commons_alloc(uint64_t size, block_ref *out); /* owned by this process */
void commons_free(block_ref block);
/* Of a block of this process: its size; how much of it is committed; that much is committed from now on. */
uint64_t commons_block_size(block_ref block);
uint64_t commons_committed(block_ref block);
MUST_CHECK status commons_commit(block_ref block, uint64_t size);

/* A new object in a block of `size` bytes, held once by this process; what follows the header is not
 * initialised. It is reachable by others, and swept with us, only once commons_publish was called. */
MUST_CHECK status commons_make_object(enum object_kind kind, uint64_t size, struct object **out);
void commons_publish(struct object *o);
/* The object behind a reference that is known to live. */
struct object *commons_object(object_ref ref);
/* The object behind a reference, checked: STATUS_FOREIGN when it is none of that kind. Takes no hold. */
MUST_CHECK status commons_find(object_ref ref, enum object_kind kind, struct object **out);
object_ref commons_object_ref(const struct object *o);
/* One more, one less handle of this process. The last release anywhere destroys the object. */
MUST_CHECK status commons_hold(struct object *o);
void commons_release(struct object *o);
/* Drops all holds of this process on objects of that kind, on a clean exit, so no
 * owner-death handling runs. */
void commons_release_all(enum object_kind kind);
/* A handle that was copied by fork, and is used for the first time in the child: held already if it was
 * passed, held now if the object still lives. STATUS_FOREIGN: it is gone. */
MUST_CHECK status commons_claim(object_ref ref, enum object_kind kind);
/* True when this process holds the object that the reference names. */
bool commons_holds(object_ref ref, enum object_kind kind);
/* The object is in flight once more, which the caller holds, or once less; and *noted goes from `from` to one
 * more, or one less: both or neither, whatever instant the caller dies at. False: *noted is not `from`. */
MUST_CHECK bool commons_count_up(struct object *o, _Atomic uint64_t *noted, uint64_t from);
MUST_CHECK bool commons_count_down(struct object *o, _Atomic uint64_t *noted, uint64_t from);
/* The note, when no change of it is under way. */
uint64_t commons_noted(const _Atomic uint64_t *noted);

/* Another object needs this one, which the caller holds; and needs it no more. What it needs it for is a bit,
 * which is up to the kind. Both may be done twice. */
void commons_anchor(struct object *o, uint32_t anchor);
void commons_unanchor(struct object *o, uint32_t anchor);

/* Ends an object of that kind that can no longer be reached; set once, by the file that defines the
 * kind. May run twice, the second time in a sweeper after a death in the first. */
typedef void (*object_destructor)(struct object *o);
void commons_set_destructor(enum object_kind kind, object_destructor destroy);
/* What has to happen when a participant that held the object is gone, before it stops to be a
 * holder; may be done twice. */
typedef void (*object_mourner)(struct object *o, uint32_t slot);
void commons_set_mourner(enum object_kind kind, object_mourner mourn);

/* Aborts when an invariant does not hold: of the arena, the roster, the bells and the objects. Read only; the
 * dead must have been swept, and nobody else may be at work. */
void commons_validate(void);

#endif

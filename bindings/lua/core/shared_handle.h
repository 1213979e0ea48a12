/* SPDX-License-Identifier: MIT */
/* Handles of shared objects: userdata that name a queue, a connection, a typed array, a shared
 * table or a lock in the segment. This file makes, checks, sends, receives and closes all of them.
 *
 * Each userdata begins with a struct shared_handle; the fields of its kind follow. A kind has one
 * shared_type for each flavor (Queue, SimpleQueue, …), all in one array, so that a flavor is an
 * index.
 *
 * I1  An open handle has one hold of its object (shared/segment.h), and releases it when it is
 *     closed or collected.
 * I2  A wait in a handle holds the object as well: the object outlives it, whatever closes the handle
 *     meanwhile. Closing ends the waits of its VM in the handle (core/waiting.h).
 * I3  `type` is the address of a constant, and no other userdata begins with it. So it proves that
 *     the userdata is a handle, and of which flavor.
 *
 * A handle belongs to its VM and is used under the VM lock.
 */
#ifndef BINDINGS_CORE_SHARED_HANDLE_H
#define BINDINGS_CORE_SHARED_HANDLE_H

#include "channel/message_refs.h"
#include "core/arguments.h"
#include "shared/segment.h"
#include "state/handle.h"
#include "wire/handles.h"

struct shared_type;

struct shared_handle {
  const struct shared_type *type;
  struct object *object; /* NULL: closed */
  bool is_closed;        /* it was open, and is not any more */
};

struct shared_type {
  struct handle_type travels; /* first: the decoder passes only its address */
  struct handle_class class;
  int number; /* enum handle_number */
  enum object_kind kind;
  int flavor;       /* its index among the kind's types */
  size_t size;      /* of the userdata */
  const char *gone; /* "used after …" */
  /* Adds the kind's own fields to the new metatable on top. May be NULL. [-0, +0, raises] */
  void (*extend)(lua_State *L, const struct shared_type *type);
  /* Sets the fields after the shared_handle, which are 0 before. May be NULL. [-0, +0, raises] */
  void (*init)(lua_State *L, void *handle);
  /* Called when the handle, which is on top, has taken its object. May be NULL. [-0, +0, memory] */
  void (*take)(lua_State *L, void *handle);
  /* Whether an object of the kind is of this flavor. NULL: every one is. */
  bool (*fits)(const struct shared_type *type, const struct object *object);
};

/* The field `travels` of a type without functions of its own for sending and receiving. */
#define SHARED_TRAVELS(word)                                                      \
  {                                                                               \
    .name = (word), .send = shared_handle_send, .receive = shared_handle_receive, \
    .drop = message_refs_drop_reference                                           \
  }

/* Lets this VM decode handles of `type`. [-0, +0, memory] */
void shared_handle_register(lua_State *L, const struct shared_type *type);
/* Pushes the metatable, and makes it if this VM has none yet. Handles of one object are equal, and so are
 * closed handles of one kind. [-0, +1, raises] */
void shared_handle_push_class(lua_State *L, const struct shared_type *type);

/* Pushes a new handle, closed, and returns the userdata. [-0, +1, raises] */
void *shared_handle_push(lua_State *L, const struct shared_type *type);
/* Opens the handle on top: it takes over the caller's hold of the object. [-0, +0, memory] */
void shared_handle_take(lua_State *L, struct shared_handle *h, struct object *object);
/* Closes the handle at `index`, if it is open: ends the waits in it, and releases its hold. `descriptor`: one
 * that the handle gave to a caller, and that is still open; -1: none. [-0, +0, memory] */
void shared_handle_close(lua_State *L, int index, int descriptor) REQUIRES(rank_vm);
/* For __gc: the same, where nothing waits in it. Does not raise. */
void shared_handle_drop(struct shared_handle *h);
/* For a wait in an open handle: holds its object, until segment_release. [-0, +0, raises] */
struct object *shared_handle_hold(lua_State *L, const struct shared_handle *h);
/* wait_in_program, for an attempt that uses nothing but the object afterwards. STATUS_CLOSED as well: the handle
 * was closed. Does not raise. */
MUST_CHECK status shared_handle_wait(lua_State *L, const struct shared_handle *h, enum trace_call call,
                                     wait_attempt attempt, void *context, deadline until) REQUIRES(rank_vm);
/* The same for a wait that another user of the object has to end; the caller holds the object, once beside the
 * handle. STATUS_DEADLOCK as well: the wait has no deadline, and no other user can reach the object, or can reach it
 * any more. Does not raise. */
struct wait_for_others {
  struct object *held;
  enum trace_call call;
  wait_attempt attempt;
  void *context;
};
MUST_CHECK status shared_handle_wait_for_others(lua_State *L, const struct shared_handle *h,
                                                const struct wait_for_others *wait, deadline until)
    REQUIRES(rank_vm);
/* What raise_if_stopped does, and raises the mm.Error of STATUS_DEADLOCK for that method of the class.
 * [-0, +0, raises] */
void shared_handle_raise(lua_State *L, const struct shared_handle *h, status st, const char *method);
/* Raises if the handle was closed, or is the parent's in a child that the host forked, as each use of it does. [-0, +0, raises] */
void shared_handle_refuse_closed(lua_State *L, const struct shared_handle *h);

/* Raises if the value at `index` is a handle of the parent's in a child that the host forked. [-0, +0, raises] */
void shared_handle_refuse_foreign(lua_State *L, int index);

/* The handle at `index`, open or closed, if it is of one of the `count` types; NULL otherwise.
 * [-0, +0, does not raise] */
void *shared_handle_at(lua_State *L, int index, const struct shared_type *types, int count);
/* The handle at `index`; raises unless it is open and of one of `count` types; the error of another value names the
 * first. [-0, +0, raises] */
void *shared_handle_check_any(lua_State *L, int index, const struct shared_type *types, int count);

/* The same for one type. Every method begins with it: the usual case stands here. [-0, +0, raises] */
static inline void *shared_handle_check(lua_State *L, int index, const struct shared_type *type) {
  struct shared_handle *h = lua_touserdata(L, index);
  const bool is_usual = h && lua_rawlen(L, index) == type->size && h->type == type && segment_has(h->object);
  return is_usual ? h : shared_handle_check_any(L, index, type, 1);
}

/* handle_type.send and .receive (state/handle.h). */
uint64_t shared_handle_send(lua_State *L, int index);
/* Pushes a handle on the object that a message names, held once more by this process. Raises if
 * the object is gone. [-0, +1, raises] */
void shared_handle_receive(lua_State *L, const struct handle_type *type, uint64_t reference);

/* Sets a function in the metatable on top, by whose name errors call it (state/caller.h). [-0, +0, memory] */
void shared_handle_set_function(lua_State *L, const char *name, lua_CFunction function);

#endif

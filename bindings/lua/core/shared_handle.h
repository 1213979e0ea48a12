/* SPDX-License-Identifier: MIT */
/* A userdata that names an object of the segment, whatever the object is: how it is made, known,
 * sent, received and closed.
 *
 * Queues, connections, typed memory, tables and locks are such handles. Each userdata begins with a
 * struct shared_handle; what its kind keeps beside that follows. A kind has one shared_type for
 * each of its flavors (Queue, SimpleQueue, …), all in one array, so that a flavor is an index.
 *
 * I1  A handle with an object holds it (shared/segment.h), and gives the hold back when it is
 *     closed or collected.
 * I2  `type` is the address of a constant, which no other userdata begins with: it proves that the
 *     userdata is a handle, and of which flavor.
 *
 * Handles belong to their VM and are used under its lock.
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
};

struct shared_type {
  struct handle_type travels; /* first: decoding has its address alone */
  struct handle_class class;
  int number; /* enum handle_number */
  enum object_kind kind;
  int flavor;       /* the kind's own number of it */
  size_t size;      /* of the userdata */
  const char *gone; /* "used after …" */
  /* Adds to the new metatable on top what class_register does not; NULL: nothing.
   * [-0, +0, raises] */
  void (*extend)(lua_State *L, const struct shared_type *type);
  /* Fills what follows the shared_handle, which is all 0; NULL: it stays so. [-0, +0, raises] */
  void (*init)(lua_State *L, void *handle);
  /* The handle has got its object; NULL: nothing more is to be done. [-0, +0, memory] */
  void (*take)(lua_State *L, void *handle);
  /* Whether an object of the kind is of this flavor; NULL: each is. */
  bool (*fits)(const struct shared_type *type, const struct object *object);
};

/* The field `travels` of a type that is sent and received as all are. */
#define SHARED_TRAVELS(name) \
  { (name), shared_handle_send, shared_handle_receive, message_refs_drop_reference }

/* Handles of `type` can be decoded from now on. [-0, +0, memory] */
void shared_handle_register(lua_State *L, const struct shared_type *type);
/* Pushes the metatable, which is made when it is first needed. [-0, +1, raises] */
void shared_handle_push_class(lua_State *L, const struct shared_type *type);

/* Pushes a closed handle, and returns the userdata. [-0, +1, raises] */
void *shared_handle_push(lua_State *L, const struct shared_type *type);
/* The handle takes over the caller's hold of the object. [-0, +0, memory] */
void shared_handle_take(lua_State *L, struct shared_handle *h, struct object *object);
/* Gives the hold back; again: nothing. Does not raise. */
void shared_handle_close(struct shared_handle *h);

/* The handle at `index` if it is of one of the `count` types, open or closed; NULL: it is none of
 * these. [-0, +0, does not raise] */
void *shared_handle_at(lua_State *L, int index, const struct shared_type *types, int count);
/* The open handle at `index`, of that type; raises for all else. [-0, +0, raises] */
void *shared_handle_check(lua_State *L, int index, const struct shared_type *type);

/* handle_type.send and .receive (state/handle.h). */
uint64_t shared_handle_send(lua_State *L, int index);
void shared_handle_receive(lua_State *L, const struct handle_type *type, uint64_t reference);
/* __eq: two handles on one object, or two closed ones of a kind, are equal.
 * [-0, +1, does not raise] */
int shared_handle_eq(lua_State *L);

/* Sets a function in the table on top. [-0, +0, memory] */
void shared_handle_set_function(lua_State *L, const char *name, lua_CFunction function);

#endif

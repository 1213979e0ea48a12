/* SPDX-License-Identifier: MIT */
/* Where inside a value the encoder is, kept so that it costs nothing until somebody asks.
 *
 * Each level of the encoder's recursion has one step in its own C frame, linked to the level above; a step
 * names its key by the key's place on the Lua stack. Only an error walks the chain and makes
 * text of it: `value.jobs[3].co`, `argument 2.f(upvalue conn)`.
 */
#ifndef STATE_VALUE_PATH_H
#define STATE_VALUE_PATH_H

#include <stdint.h>

#include "state/lua_compat.h"

/* The name of a root that is a function followed by its arguments. */
#define PATH_CALL "call"

enum path_kind {
  PATH_ROOT,        /* `name`, and `number` behind it unless that is 0 */
  PATH_ELEMENT,     /* [number] */
  PATH_FIELD,       /* the value of the key at stack index `number` */
  PATH_KEY,         /* that key itself */
  PATH_UPVALUE,     /* the upvalue called `name` */
  PATH_ENVIRONMENT, /* the environment of a function of Lua 5.1 */
  PATH_FAR,         /* somewhere deep below: the levels between are not known any more */
};

struct path_step {
  const struct path_step *up; /* NULL: the root */
  enum path_kind kind;
  int64_t number;
  const char *name;
};

/* Pushes the path as text. [-0, +1, memory] */
void path_push(lua_State *L, const struct path_step *at);

/* Raises "cannot send `what` (at path)". */
NO_RETURN void path_raise(lua_State *L, const struct path_step *at, const char *what);

#endif

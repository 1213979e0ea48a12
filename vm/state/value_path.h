/* SPDX-License-Identifier: MIT */
/* The position of the encoder inside a value, kept at no cost until an error needs its text.
 *
 * Each level of the encoder's recursion has one step in its C frame, linked to the level above. A
 * step refers to its key by the key's stack index. Only an error follows the links and makes a
 * text: `value.jobs[3].co`, `argument 2.f(upvalue 'conn')`.
 */
#ifndef STATE_VALUE_PATH_H
#define STATE_VALUE_PATH_H

#include <stdint.h>

#include "state/lua_compat.h"

/* The name of a root that is a function followed by its arguments. */
#define PATH_CALL "call"
/* The name of a root that is a list: its elements are "item 1", "item 2", … */
#define PATH_ITEMS "item"

enum path_kind {
  PATH_ROOT,        /* `name`, followed by `number` unless that is 0 */
  PATH_ELEMENT,     /* [number] */
  PATH_FIELD,       /* the value of the key at stack index `number` */
  PATH_KEY,         /* that key itself */
  PATH_UPVALUE,     /* the upvalue called `name` */
  PATH_ENVIRONMENT, /* the environment of a function of Lua 5.1 */
  PATH_METATABLE,   /* the metatable of an environment */
  PATH_CLASS,       /* a class, of which `up` is an instance's metatable or a value */
  PATH_SENT,        /* what __mm_send returned for an object */
  PATH_FAR,         /* a deferred object: the levels between are not known any more */
};

struct path_step {
  const struct path_step *up; /* NULL: the root */
  enum path_kind kind;
  int64_t number;
  const char *name;
};

/* Pushes the path as text. [-0, +1, memory] */
void path_push(lua_State *L, const struct path_step *at);

/* Raises "cannot send `what` (at path): cure", which says what the script can do instead. [raises] */
NO_RETURN void path_raise(lua_State *L, const struct path_step *at, const char *what, const char *cure);
/* The same for the userdata at `index`, by the name of its type. [raises] */
NO_RETURN void path_raise_userdata(lua_State *L, const struct path_step *at, int index);

#endif

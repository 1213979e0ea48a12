/* SPDX-License-Identifier: MIT */
/* Writes a Lua table and all that it reaches into a frozen table (shared/frozen_table.h). */
#ifndef BINDINGS_MEMORY_FROZEN_WRITER_H
#define BINDINGS_MEMORY_FROZEN_WRITER_H

#include "core/arguments.h"
#include "shared/frozen_table.h"

/* How frozen tables among the values are recognised and copied. */
struct frozen_copier {
  bool (*is_frozen)(lua_State *L, int index);   /* [-0, +0, does not raise] */
  void (*push_thawed)(lua_State *L, int index); /* [-0, +1, raises] */
};

/* The table at `index` → *out, held once by this process. Otherwise a failure is pushed, nil and why:
 * what cannot be frozen, or the memory that is missing. Tables are read raw: no metamethod runs.
 * [-0, +0|2, raises] */
MUST_CHECK bool frozen_write(lua_State *L, int index, const struct frozen_copier *copier,
                             struct frozen_table **out);

/* The key at `index` as a search wants it, unless it is a string. False: no key is like it. Keys that
 * Lua holds for equal are the same. [-0, +0, does not raise] */
MUST_CHECK bool frozen_key_read(lua_State *L, int index, struct frozen_value *out);

#endif

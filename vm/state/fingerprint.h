/* SPDX-License-Identifier: MIT */
/* The fingerprint of a value: a number that differs if the value has changed since.
 *
 * A table counts by what is in it, keys, values and metatable; a Lua function by its identity and its
 * upvalues. Modules of package.loaded, the table of globals, C functions, userdata and coroutines count
 * by identity, because they are sent by name or not at all. Objects are looked at breadth first, up to a
 * given number of entries in all. Of those behind it the fingerprint has some samples and the lengths.
 * Tables are read raw, so no metamethod of the script runs.
 *
 * A finder looks at values one after the other. It may collect the Lua functions that it meets, the
 * global names of metatables, and the modules: what is met belongs to the code that can be reached from the value.
 */
#ifndef STATE_FINGERPRINT_H
#define STATE_FINGERPRINT_H

#include "state/lua_compat.h"

/* The fingerprint of nil. */
enum { FINGERPRINT_NIL = 0 };

struct finder_memory; /* what a VM keeps for finders */

struct finder {
  lua_State *L;
  struct finder_memory *memory;
  int base;         /* stack index of the first of FINDER_SLOTS values */
  bool knows_fixed; /* what counts by identity alone is in the map */
  uint32_t since;   /* ordinals from here on are of the current value */
  uint32_t last;    /* ordinal */
  int work_count;   /* objects to look into */
  int work_done;
  int entries_left;
  uint64_t hash;
  int functions; /* stack index of the list that gets functions, or 0: none is collected */
  int function_count;
  int modules; /* stack index of the list that gets the modules that are met, or 0 */
  int module_count;
  bool has_indexed_names;
};

enum { FINDER_SLOTS = 3 };

/* A finder on top of the stack, which has its values until finder_end. [-0, +FINDER_SLOTS, memory] */
struct finder finder_begin(lua_State *L);
/* Call it when the finder has done its work. [-0, +0] */
void finder_end(struct finder *f);
/* The fingerprint of the value on top of the stack, of which at most `entries` are looked at.
 * [-0, +0, memory] */
lua_Number finder_print(struct finder *f, int entries);

#endif

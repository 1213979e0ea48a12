/* SPDX-License-Identifier: MIT */
#include "state/stack_walk.h"

#include <string.h>

#include "state/lua_compat.h"

/* False: the entry stands for calls that are no longer there (PUC 5.1). */
static bool is_call(lua_State *L, lua_Debug *ar, const char *wanted) {
  return lua_getinfo(L, wanted, ar) && strcmp(ar->what, "tail") != 0;
}

static bool read_call(lua_State *L, lua_Debug *ar, struct profile_call *out) {
  if (!is_call(L, ar, "nSl")) return false;
  const bool is_c = *ar->what == 'C';
  *out = (struct profile_call){
      .source = is_c ? NULL : ar->source,
      .name = ar->name,
      .line = ar->currentline,
      .line_defined = is_c ? -1 : ar->linedefined,
      .language = is_c               ? PROFILE_C
                  : *ar->what == 'm' ? PROFILE_MAIN_CHUNK
                                     : PROFILE_LUA,
  };
  return true;
}

static size_t walk_one(lua_State *L, struct profile_call *calls, size_t room) {
  size_t count = 0;
  lua_Debug ar;
  for (int level = 0; count < room && lua_getstack(L, level, &ar); level++)
    if (read_call(L, &ar, &calls[count])) count++;
  return count;
}

static size_t walk_all(const struct vm_thread *t, struct profile_call calls[STACK_WALK_MOST]) {
  size_t count = walk_one(atomic_load(&t->running), calls, STACK_WALK_MOST);
  for (const struct vm_resume *r = t->resume; r; r = r->outer)
    count += walk_one(r->from, calls + count, STACK_WALK_MOST - count);
  return count;
}

/* A stack that is not whole has lost what stands at its bottom. */
size_t stack_walk(const struct vm_thread *t, struct profile_call calls[STACK_WALK_MOST]) {
  const size_t count = walk_all(t, calls);
  if (count == STACK_WALK_MOST) return count;
  return count > t->inherited_calls ? count - t->inherited_calls : 0;
}

static size_t count_calls(lua_State *L) {
  size_t count = 0;
  lua_Debug ar;
  for (int level = 0; count < STACK_WALK_MOST && lua_getstack(L, level, &ar); level++)
    if (is_call(L, &ar, "S")) count++;
  return count;
}

/* A forked child begins here: it writes to no more of its stack than it must. */
void stack_walk_begin_here(struct vm_thread *t) {
  size_t count = count_calls(atomic_load(&t->running));
  for (const struct vm_resume *r = t->resume; r; r = r->outer) count += count_calls(r->from);
  t->inherited_calls = count < STACK_WALK_MOST ? count : STACK_WALK_MOST;
}

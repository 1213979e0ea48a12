/* SPDX-License-Identifier: MIT */
/* Lua's patterns, matched by backtracking that counts its steps.
 *
 * The manual of Lua (section 6.4.1) says what patterns mean. Matching recurses for what may be tried in
 * several ways, at most MATCHER_DEPTH deep, and loops for the rest of a pattern.
 */
#ifndef STATE_MATCHER_H
#define STATE_MATCHER_H

#include <lua.h>
#include <stddef.h>

#include "state/vm.h"

enum { MATCHER_CAPTURES = 32, MATCHER_DEPTH = 200 };

struct matcher {
  lua_State *L;
  struct vm *vm;
  const char *subject;
  const char *subject_end;
  const char *pattern_end;
  int depth; /* of recursion */
  int level; /* captures that have begun */
  struct {
    const char *at;
    ptrdiff_t size; /* or enum matcher_capture */
  } captures[MATCHER_CAPTURES];
};

/* The caller keeps both texts on the stack while the matcher is used. */
struct matcher matcher_over(lua_State *L, const char *subject, size_t subject_size, const char *pattern_end);
/* The end of the match that begins at `at`, which also sets the captures; NULL: none begins there.
 * [-0, +0, raises for a malformed pattern, and as vm_look_up] */
const char *matcher_match(struct matcher *m, const char *at, const char *pattern);
/* Pushes capture `index`, from 0; where a pattern has no captures, the match itself is capture 0.
 * [-0, +1, raises: there is none, or it is not complete] */
void matcher_push_capture(const struct matcher *m, int index, const char *at, const char *end);
/* Pushes all captures and returns their number. at NULL: a pattern without captures has none. */
int matcher_push_captures(const struct matcher *m, const char *at, const char *end);

#endif

/* SPDX-License-Identifier: MIT */
#include "state/matcher.h"

#include <ctype.h>
#include <string.h>

#include "state/lua_compat.h"
#include "state/vm_interrupt.h"

enum matcher_capture { UNFINISHED = -1, POSITION = -2 };

static const char *match(struct matcher *m, const char *at, const char *p);

static int byte_at(const char *text) { return (unsigned char)*text; }

static bool at_end(const struct matcher *m, const char *at) { return at >= m->subject_end; }

/* ---- single characters ----------------------------------------------------------------------- */

/* The end of the set that begins at `p`, a '['. A ']' that comes first stands for itself. */
static const char *set_end(const struct matcher *m, const char *p) {
  p++;
  if (p < m->pattern_end && *p == '^') p++;
  bool is_first = true;
  for (;; is_first = false) {
    if (p >= m->pattern_end) luaL_error(m->L, "malformed pattern (missing ']')");
    if (*p == ']' && !is_first) return p + 1;
    const bool is_escape = *p++ == '%';
    if (is_escape && p < m->pattern_end) p++;
  }
}

/* The end of the single character class that begins at `p`, which is not the pattern's end. */
static const char *single_end(const struct matcher *m, const char *p) {
  if (*p == '[') return set_end(m, p);
  if (*p != '%') return p + 1;
  if (p + 1 >= m->pattern_end) luaL_error(m->L, "malformed pattern (ends with '%%')");
  return p + 2;
}

/* Whether the character is in the class %letter. */
static bool is_in_class(int c, int letter) {
  bool is_in = false;
  switch (tolower(letter)) {
    case 'a': is_in = isalpha(c); break;
    case 'c': is_in = iscntrl(c); break;
    case 'd': is_in = isdigit(c); break;
    case 'g': is_in = isgraph(c); break;
    case 'l': is_in = islower(c); break;
    case 'p': is_in = ispunct(c); break;
    case 's': is_in = isspace(c); break;
    case 'u': is_in = isupper(c); break;
    case 'w': is_in = isalnum(c); break;
    case 'x': is_in = isxdigit(c); break;
    case 'z': is_in = c == 0; break; /* of 5.1; later versions still have it */
    default: return letter == c;
  }
  return isupper(letter) ? !is_in : is_in;
}

/* Whether the character is in the set from `p`, a '[', to `end`, behind its ']'. */
static bool is_in_set(const struct matcher *m, int c, const char *p, const char *end) {
  const char *last = end - 1;
  const bool is_negated = p[1] == '^';
  vm_steps(m->L, m->vm, (unsigned)(end - p) / 8);
  p += is_negated ? 2 : 1;
  while (p < last) {
    if (*p == '%' && p + 1 < last) {
      if (is_in_class(c, byte_at(p + 1))) return !is_negated;
      p += 2;
    } else if (p + 2 < last && p[1] == '-') {
      if (byte_at(p) <= c && c <= byte_at(p + 2)) return !is_negated;
      p += 3;
    } else {
      if (byte_at(p) == c) return !is_negated;
      p++;
    }
  }
  return is_negated;
}

/* Whether the single character class from `p` to `end` accepts the character at `at`. */
static bool accepts(const struct matcher *m, const char *at, const char *p, const char *end) {
  if (at_end(m, at)) return false;
  switch (*p) {
    case '.': return true;
    case '%': return is_in_class(byte_at(at), byte_at(p + 1));
    case '[': return is_in_set(m, byte_at(at), p, end);
    default: return *p == *at;
  }
}

/* ---- repetitions ----------------------------------------------------------------------------- */

/* The most characters first, then one less each time. */
static const char *match_most(struct matcher *m, const char *at, const char *p, const char *end) {
  ptrdiff_t count = 0;
  for (; accepts(m, at + count, p, end); count++) vm_steps(m->L, m->vm, 1);
  for (; count >= 0; count--) {
    const char *found = match(m, at + count, end + 1);
    if (found) return found;
  }
  return NULL;
}

static const char *match_fewest(struct matcher *m, const char *at, const char *p, const char *end) {
  for (;; at++) {
    const char *found = match(m, at, end + 1);
    if (found) return found;
    if (!accepts(m, at, p, end)) return NULL;
  }
}

/* ---- captures, %b, %f and back references ---------------------------------------------------- */

static const char *begin_capture(struct matcher *m, const char *at, const char *p, ptrdiff_t size) {
  if (m->level >= MATCHER_CAPTURES) luaL_error(m->L, "too many captures");
  m->captures[m->level].at = at;
  m->captures[m->level].size = size;
  m->level++;
  const char *found = match(m, at, p);
  if (!found) m->level--;
  return found;
}

static const char *end_capture(struct matcher *m, const char *at, const char *p) {
  int open = m->level - 1;
  while (open >= 0 && m->captures[open].size != UNFINISHED) open--;
  if (open < 0) luaL_error(m->L, "invalid pattern capture");
  m->captures[open].size = at - m->captures[open].at;
  const char *found = match(m, at, p);
  if (!found) m->captures[open].size = UNFINISHED;
  return found;
}

/* %bxy, whose x is at `p`. The end of the balanced text, or NULL. */
static const char *match_balance(const struct matcher *m, const char *at, const char *p) {
  if (p + 1 >= m->pattern_end) luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
  if (at_end(m, at) || *at != *p) return NULL;
  size_t open = 1;
  while (++at < m->subject_end) {
    vm_steps(m->L, m->vm, 1);
    if (*at == p[1]) {
      if (--open == 0) return at + 1;
    } else if (*at == *p) {
      open++;
    }
  }
  return NULL;
}

/* %f, whose set is at `p`: whether `at` is where the set begins to accept. */
static bool is_frontier(const struct matcher *m, const char *at, const char *p, const char *end) {
  const int before = at == m->subject ? 0 : byte_at(at - 1);
  const int here = at_end(m, at) ? 0 : byte_at(at);
  return !is_in_set(m, before, p, end) && is_in_set(m, here, p, end);
}

/* The end of the text at `at` that equals the capture %digit, or NULL. */
static const char *match_reference(const struct matcher *m, const char *at, int digit) {
  const int index = digit - '1';
  if (index < 0 || index >= m->level || m->captures[index].size == UNFINISHED)
    luaL_error(m->L, "invalid capture index %%%d", index + 1);
  const ptrdiff_t found = m->captures[index].size;
  const size_t size = found == POSITION ? SIZE_MAX : (size_t)found;
  if ((size_t)(m->subject_end - at) < size) return NULL;
  vm_steps(m->L, m->vm, (unsigned)(size / 64));
  return memcmp(m->captures[index].at, at, size) == 0 ? at + size : NULL;
}

/* ---- a pattern ------------------------------------------------------------------------------- */

/* What follows one part of a pattern. */
struct next {
  const char *at; /* NULL: there is no match */
  const char *p;  /* NULL: `at` is the match's end */
};

static struct next over(const char *at) { return (struct next){at, NULL}; }

/* A single character class and the sign after it. */
static struct next match_single(struct matcher *m, const char *at, const char *p) {
  const char *end = single_end(m, p);
  switch (end < m->pattern_end ? *end : '\0') {
    case '*': return over(match_most(m, at, p, end));
    case '-': return over(match_fewest(m, at, p, end));
    case '+': return over(accepts(m, at, p, end) ? match_most(m, at + 1, p, end) : NULL);
    case '?': {
      const char *found = accepts(m, at, p, end) ? match(m, at + 1, end + 1) : NULL;
      return found ? over(found) : (struct next){at, end + 1};
    }
    default: return (struct next){accepts(m, at, p, end) ? at + 1 : NULL, end};
  }
}

static struct next match_escape(struct matcher *m, const char *at, const char *p) {
  const int letter = p + 1 < m->pattern_end ? byte_at(p + 1) : 0;
  if (letter == 'b') return (struct next){match_balance(m, at, p + 2), p + 4};
  if (letter == 'f') {
    p += 2;
    if (p >= m->pattern_end || *p != '[') luaL_error(m->L, "missing '[' after '%%f' in pattern");
    const char *end = set_end(m, p);
    return (struct next){is_frontier(m, at, p, end) ? at : NULL, end};
  }
  if (letter >= '0' && letter <= '9') return (struct next){match_reference(m, at, letter), p + 2};
  return match_single(m, at, p);
}

static struct next match_part(struct matcher *m, const char *at, const char *p) {
  switch (*p) {
    case '(': {
      const bool is_position = p + 1 < m->pattern_end && p[1] == ')';
      return over(is_position ? begin_capture(m, at, p + 2, POSITION)
                              : begin_capture(m, at, p + 1, UNFINISHED));
    }
    case ')': return over(end_capture(m, at, p + 1));
    case '$':
      if (p + 1 == m->pattern_end) return over(at_end(m, at) ? at : NULL);
      return match_single(m, at, p);
    case '%': return match_escape(m, at, p);
    default: return match_single(m, at, p);
  }
}

static const char *match(struct matcher *m, const char *at, const char *p) {
  if (++m->depth > MATCHER_DEPTH) luaL_error(m->L, "pattern too complex");
  vm_steps(m->L, m->vm, 1);
  while (at && p && p < m->pattern_end) {
    vm_steps(m->L, m->vm, 1);
    const struct next next = match_part(m, at, p);
    at = next.at;
    p = next.p;
  }
  m->depth--;
  return at;
}

struct matcher matcher_over(lua_State *L, const char *subject, size_t subject_size, const char *pattern_end) {
  return (struct matcher){.L = L,
                          .vm = vm_of(L),
                          .subject = subject,
                          .subject_end = subject + subject_size,
                          .pattern_end = pattern_end};
}

const char *matcher_match(struct matcher *m, const char *at, const char *pattern) {
  m->depth = 0;
  m->level = 0;
  return match(m, at, pattern);
}

/* ---- results --------------------------------------------------------------------------------- */

void matcher_push_capture(const struct matcher *m, int index, const char *at, const char *end) {
  if (index >= m->level) {
    if (index != 0) luaL_error(m->L, "invalid capture index %%%d", index + 1);
    lua_pushlstring(m->L, at, (size_t)(end - at));
    return;
  }
  const ptrdiff_t size = m->captures[index].size;
  if (size == UNFINISHED) luaL_error(m->L, "unfinished capture");
  if (size == POSITION)
    lua_pushinteger(m->L, m->captures[index].at - m->subject + 1);
  else
    lua_pushlstring(m->L, m->captures[index].at, (size_t)size);
}

int matcher_push_captures(const struct matcher *m, const char *at, const char *end) {
  const int count = m->level == 0 && at ? 1 : m->level;
  luaL_checkstack(m->L, count, "too many captures");
  for (int i = 0; i < count; i++) matcher_push_capture(m, i, at, end);
  return count;
}

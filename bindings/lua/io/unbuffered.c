/* SPDX-License-Identifier: MIT */
#include "io/unbuffered.h"

#include "io/result.h"

struct some {
  FILE *file;
  void *bytes;
  size_t most;
  size_t got;
  status st;
};

static void read_some(void *context) {
  struct some *s = context;
  s->st = file_stream_read_now(s->file, s->bytes, s->most, &s->got);
}

int unbuffered_descriptor_call(lua_State *L) {
  lua_pushinteger(L, file_stream_descriptor(io_file_check(L, 1)));
  return 1;
}

int unbuffered_is_abandoned_call(lua_State *L) {
  lua_pushboolean(L, file_stream_is_abandoned(io_file_check(L, 1)));
  return 1;
}

int unbuffered_read_call(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  struct some s = {.file = io_file_check(L, 1), .most = (size_t)luaL_checkinteger(L, 2)};
  if (file_stream_kind(s.file) == FILE_STREAM_WAITABLE)
    away_raise(L, away_wait(L, NULL, AWAY_FILE, file_stream_descriptor(s.file), AWAY_TO_READ));
  s.bytes = lua_newuserdata(L, s.most ? s.most : 1);
  away_do_shortly(L, read_some, &s);
  if (s.st) return result_push(L, -s.st, NULL);
  lua_pushlstring(L, s.bytes, s.got);
  return 1;
}

/* SPDX-License-Identifier: MIT */
#include "net/lookup.h"

#include <stdio.h>

#include "core/arguments.h"
#include "core/waiting.h"
#include "os/address.h"

static status attempt(void *context, deadline until) { return address_resolve(context, until); }

/* Each address once: the system lists it for each kind of socket. */
static void push_numbers(lua_State *L, const struct address *a) {
  lua_newtable(L);
  int count = 0;
  for (const struct addrinfo *one = address_list(a); one; one = one->ai_next) {
    char text[ADDRESS_TEXT_MAX];
    if (!address_write_number(one, text, sizeof text)) continue;
    lua_pushstring(L, text);
    lua_rawseti(L, -2, ++count);
  }
}

static int push_found(lua_State *L) {
  push_numbers(L, lua_touserdata(L, 1));
  return 1;
}

int lookup_call(lua_State *L) REQUIRES(rank_vm) {
  const char *host = luaL_checkstring(L, 1);
  const deadline until = argument_timeout(L, 2);
  char text[ADDRESS_TEXT_MAX];
  struct address *a = NULL;
  snprintf(text, sizeof text, strchr(host, ':') ? "[%s]:0" : "%s:0", host);
  lua_pushcfunction(L, push_found);
  status st = address_open(text, ADDRESS_TO_CONNECT, &a);
  if (!st) st = wait_for(L, TRACE_CALL_WAIT, attempt, a, until);
  lua_pushlightuserdata(L, a);
  const int failed = st ? 0 : lua_pcall(L, 1, 1, 0);
  address_close(a);
  raise_if_stopped(L, st);
  if (failed) return lua_error(L);
  if (!st) return 1;
  if (st != STATUS_MALFORMED) return return_failure(L, st);
  lua_pushnil(L);
  lua_pushliteral(L, "host or service not provided, or not known"); /* luasocket's words */
  return 2;
}

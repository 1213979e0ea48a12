/* SPDX-License-Identifier: MIT */
/* No header of Lua is included: the functions declared here are the same in all versions, or looked at only. */
#include "state/running_lua.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "os/program.h"

enum { PATH_LENGTH = 2048, NAME_LENGTH = 3 };

extern const char *lua_pushfstring(lua_State *L, const char *format, ...);
extern int lua_error(lua_State *L);

#define ONLY_SOME_HAVE(name) extern void name(void) __attribute__((weak))
ONLY_SOME_HAVE(luaL_openselectedlibs); /* since 5.5 */
ONLY_SOME_HAVE(lua_newuserdatauv);     /* since 5.4 */
ONLY_SOME_HAVE(lua_rotate);            /* since 5.3 */
ONLY_SOME_HAVE(lua_arith);             /* since 5.2 */

static const char *running(void) {
  if (luaL_openselectedlibs) return "5.5";
  if (lua_newuserdatauv) return "5.4";
  if (lua_rotate) return "5.3";
  return lua_arith ? "5.2" : "5.1";
}

/* Changes the folder of the version in the path. False: there is none. */
static bool change_version(char *path, const char *from, const char *to) {
  char *at = NULL;
  for (char *next = path; (next = strstr(next, from)) != NULL; next++)
    if (next > path && next[-1] == '/' && next[NAME_LENGTH] == '/') at = next;
  if (at) memcpy(at, to, NAME_LENGTH);
  return at != NULL;
}

static const char *shown(const char *version) {
  return strcmp(version, "5.1") == 0 ? "5.1 and LuaJIT" : version;
}

static bool is_supported(const char *version) {
  return strcmp(version, "5.1") == 0 || strcmp(version, "5.3") == 0 || strcmp(version, "5.4") == 0;
}

static void raise_wrong(lua_State *L, const char *built_for, const char *version) {
  char path[PATH_LENGTH] = "this module", right[PATH_LENGTH] = "";
  static const char here = 0; /* its address is in the file of this module */
  if (program_file_of(&here, path, sizeof path) == STATUS_OK) {
    memcpy(right, path, sizeof right);
    if (!change_version(right, built_for, version) || !program_has_file(right)) right[0] = '\0';
  }
  const char *text = lua_pushfstring(L, "manymoons: %s was built for Lua %s, and this is Lua %s: ", path,
                                     shown(built_for), version);
  if (*right)
    lua_pushfstring(L, "%suse %s (package.cpath finds the other one first)", text, right);
  else if (is_supported(version))
    lua_pushfstring(L, "%sinstall the module for Lua %s (make install, or luarocks --lua-version %s make)",
                    text, version, version);
  else
    lua_pushfstring(L, "%sthere are modules for Lua 5.1, LuaJIT, 5.3 and 5.4", text);
  lua_error(L);
}

void running_lua_check(lua_State *L, const char *built_for) {
  const char *version = running();
  if (strcmp(version, built_for) != 0) raise_wrong(L, built_for, version);
}

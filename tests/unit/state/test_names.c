/* SPDX-License-Identifier: MIT */
/* Following paths like "a.b.c", raw and with metamethods. */
#include "lua_pair.h"
#include "state/names.h"

/* Checks the text of the value at a path, from the table that the chunk returns. */
static void expect(lua_State *L, const char *table, const char *path, enum names_access access,
                   const char *text) {
  pair_run(L, table, 0, 1);
  names_walk(L, path, access);
  luaL_tolstring(L, -1, NULL);
  if (strcmp(lua_tostring(L, -1), text) != 0) pair_fail(path, lua_tostring(L, -1));
  lua_pop(L, 2);
  CHECK_EQ(lua_gettop(L), 0);
}

static void a_path_leads_to_a_field_of_a_field(void) {
  static const char tables[] = "return { a = { b = { c = 'there' }, s = 'text' } }";
  lua_State *L = pair_open_one();
  for (int access = NAMES_RAW; access <= NAMES_AS_PROGRAM; access++) {
    expect(L, tables, "a.b.c", (enum names_access)access, "there");
    expect(L, tables, "a.s", (enum names_access)access, "text");
  }
  lua_close(L);
}

static void a_path_to_nothing_leads_to_nil(void) {
  static const char *const paths[] = {"x", "x.y.z", "a.x", "a.s.len", "", ".", "a.", ".a", "a..s"};
  lua_State *L = pair_open_one();
  for (int access = NAMES_RAW; access <= NAMES_AS_PROGRAM; access++)
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
      expect(L, "return { a = { s = 'text' } }", paths[i], (enum names_access)access, "nil");
  lua_close(L);
}

static void metamethods_run_only_if_the_access_allows(void) {
  static const char first[] = "return setmetatable({}, { __index = { a = { b = 'there' } } })";
  static const char second[] = "return { a = setmetatable({}, { __index = { b = 'there' } }) }";
  lua_State *L = pair_open_one();
  expect(L, first, "a.b", NAMES_RAW, "nil");
  expect(L, first, "a.b", NAMES_RAW_BELOW, "there");
  expect(L, first, "a.b", NAMES_AS_PROGRAM, "there");
  expect(L, second, "a.b", NAMES_RAW, "nil");
  expect(L, second, "a.b", NAMES_RAW_BELOW, "nil");
  expect(L, second, "a.b", NAMES_AS_PROGRAM, "there");
  lua_close(L);
}

int main(void) {
  a_path_leads_to_a_field_of_a_field();
  a_path_to_nothing_leads_to_nil();
  metamethods_run_only_if_the_access_allows();
  return 0;
}

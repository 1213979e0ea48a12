/* SPDX-License-Identifier: MIT */
/* The text of error values, and the error "not enough memory". */
#include "lua_pair.h"
#include "state/error.h"

static void expect_text(lua_State *L, const char *value, bool has_words, const char *text) {
  pair_run(L, value, 0, 1);
  CHECK_EQ(error_push_text(L, -1), has_words);
  if (strcmp(lua_tostring(L, -1), text) != 0) pair_fail(value, lua_tostring(L, -1));
  lua_pop(L, 2);
}

static void an_error_object_with_tostring_gives_its_text(void) {
  lua_State *L = pair_open_one();
  expect_text(L, "return 'file:1: broken'", true, "file:1: broken");
  expect_text(L, "return 12", true, "12");
  expect_text(L, "return setmetatable({}, { __tostring = function(t) return 'an object' end })", true,
              "an object");
  lua_close(L);
}

static void an_error_object_without_tostring_gives_its_type(void) {
  lua_State *L = pair_open_one();
  expect_text(L, "return {}", false, "(error object is a table value)");
  expect_text(L, "return nil", false, "(error object is a nil value)");
  expect_text(L, "return setmetatable({}, { __tostring = function() return 1 end })", false,
              "(error object is a table value)");
  lua_close(L);
}

static void error_text_runs_no_code_of_an_error_object(void) {
  lua_State *L = pair_open_one();
  pair_run(L, "return setmetatable({}, { __tostring = error }), 'broken'", 0, 2);
  CHECK(strcmp(error_text(L), "broken") == 0);
  lua_pop(L, 1);
  CHECK(strcmp(error_text(L), "(error object is not a string)") == 0);
  lua_close(L);
}

static int raise_memory(lua_State *L) { return error_raise_memory(L); }

static void running_out_of_memory_raises_the_error_of_lua(void) {
  lua_State *L = pair_open_one();
  const int code = lua_try(L, raise_memory, NULL); /* 5.4 recognises the text, and gives LUA_ERRMEM */
  CHECK(strcmp(lua_tostring(L, -1), "not enough memory") == 0);
  CHECK(code != LUA_OK && error_is_of_memory(L, code));
  lua_pushliteral(L, "another");
  CHECK(!error_is_of_memory(L, LUA_ERRRUN));
  CHECK(error_is_of_memory(L, LUA_ERRMEM));
  lua_close(L);
}

int main(void) {
  an_error_object_with_tostring_gives_its_text();
  an_error_object_without_tostring_gives_its_type();
  error_text_runs_no_code_of_an_error_object();
  running_out_of_memory_raises_the_error_of_lua();
  return 0;
}

/* SPDX-License-Identifier: MIT */
/* A program of the build: compiles the Lua files of bindings/lua to bytecode, for the host program alone, which has the
 * same Lua in itself (program/precompiled.h). Usage: precompile OUTPUT FILE…
 *
 * The output is a list of: name, a zero byte, the size as 4 bytes of this machine, the bytecode. An empty name ends
 * it. The bytecode keeps what tracebacks and messages need: lines, and names of variables.
 */
#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char folder[] = "bindings/lua/", suffix[] = ".lua";

static void fail(const char *what, const char *why) {
  fprintf(stderr, "precompile: %s: %s\n", what, why);
  exit(EXIT_FAILURE);
}

static int write_part(lua_State *L, const void *data, size_t size, void *file) {
  (void)L;
  return fwrite(data, 1, size, file) != size;
}

/* Pushes the text of a file. */
static void push_text(lua_State *L, const char *path) {
  char block[4096];
  luaL_Buffer text;
  FILE *file = fopen(path, "rb");
  if (!file) fail(path, "cannot be opened");
  luaL_buffinit(L, &text);
  for (size_t size; (size = fread(block, 1, sizeof block, file)) > 0;) luaL_addlstring(&text, block, size);
  fclose(file);
  luaL_pushresult(&text);
}

static void write_file(lua_State *L, FILE *out, const char *path) {
  const size_t length = strlen(path);
  if (strncmp(path, folder, strlen(folder)) != 0 || length < strlen(suffix))
    fail(path, "no file of the library");
  lua_pushlstring(L, path + strlen(folder), length - strlen(folder) - strlen(suffix));
  const char *name = lua_tostring(L, 1);
  lua_pushfstring(L, "=manymoons/%s.lua", name);
  push_text(L, path);
  if (luaL_loadbuffer(L, lua_tostring(L, 3), lua_rawlen(L, 3), lua_tostring(L, 2)))
    fail(path, lua_tostring(L, -1));
  fprintf(out, "%s%c", luaL_gsub(L, name, "/", "."), 0);
  lua_pop(L, 1);
  uint32_t size = 0;
  const long start = ftell(out);
  fwrite(&size, sizeof size, 1, out);
  if (lua_dump(L, write_part, out, 0)) fail(path, "cannot be dumped");
  size = (uint32_t)(ftell(out) - start) - (uint32_t)sizeof size;
  fseek(out, start, SEEK_SET);
  fwrite(&size, sizeof size, 1, out);
  fseek(out, 0, SEEK_END);
  lua_settop(L, 0);
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  FILE *out = argc > 1 ? fopen(argv[1], "wb") : NULL;
  if (!L || !out) fail("usage", "precompile OUTPUT FILE…");
  for (int i = 2; i < argc; i++) write_file(L, out, argv[i]);
  fputc(0, out);
  if (fclose(out)) fail(argv[1], "cannot be written");
  lua_close(L);
  return EXIT_SUCCESS;
}

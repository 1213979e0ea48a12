/* SPDX-License-Identifier: MIT */
/* Decodes arbitrary bytes as `mm.loads` does, and reads them as a tree, as the C library does.
 *
 * With clang -fsanitize=fuzzer,address,undefined this is a libFuzzer target. Without it the program
 * has a main function: `fuzz_decode [rounds]` mutates messages of the encoder, the same in each
 * run, and prints nothing unless a check fails.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "state/transfer.h"
#include "wire/format.h"
#include "wire/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One VM for the whole run, so that the garbage of decoding and its collection are part of the
 * test. */
static lua_State *vm(void) {
  static lua_State *L;
  if (L) return L;
  L = luaL_newstate();
  CHECK(L != NULL);
  luaL_openlibs(L);
  transfer_open(L);
  return L;
}

/* The C reader is stricter about table sizes than Lua's decoder, so the results are not
 * compared. */
static void read_as_tree(const uint8_t *bytes, size_t size) {
  struct bytes message;
  struct tree *t = NULL;
  bytes_init(&message);
  CHECK_EQ(bytes_append(&message, bytes, size), STATUS_OK);
  if (tree_read(&message, &t) == STATUS_OK) tree_free(t);
  bytes_fini(&message);
}

/* Adds a valid header, so that the fuzzer spends its time on the body. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lua_State *L = vm();
  uint8_t *copy = malloc(WIRE_HEADER_SIZE + size);
  CHECK(copy != NULL);
  const uint32_t body = (uint32_t)size;
  memset(copy, 0, WIRE_HEADER_SIZE);
  copy[0] = WIRE_MAGIC;
  copy[1] = WIRE_VERSION;
  copy[3] = KEYS_MAX;
  memcpy(copy + 4, &body, sizeof body);
  if (size) memcpy(copy + WIRE_HEADER_SIZE, data, size);
  int count;
  const size_t all = WIRE_HEADER_SIZE + size;
  const int failed = transfer_try_decode_dump(L, copy, all, TRUST_STRANGER, &count);
  if (failed) CHECK(lua_type(L, -1) == LUA_TSTRING);
  read_as_tree(copy, WIRE_HEADER_SIZE + size);
  lua_settop(L, 0);
  free(copy);
  return 0;
}

#if !defined(FUZZ_WITH_LIBFUZZER)

static const char *const seeds[] = {
    "return {1, -1, 2.5, 'three', true, false, {x = {y = 'z'}}, [10] = -70000, [2.5] = ('x'):rep(200)}",
    "local t, u = {}, {} for i = 1, 20 do t[i] = i + 0.5 u[i] = i * 100000 end return {t, u, {t}}",
    "local s = {1} local t = {a = s, b = s, [s] = s} t.self = t return t",
    "local t = {} for i = 1, 210 do t = {t, i} end return t",
    "local t = {} for i = 1, 9 do t[i] = {name = 'n' .. i, x = i, y = {name = 'x', z = t}} end return t",
    "return {string, math, _G, io.stdout, setmetatable({}, string), setmetatable({}, string)}",
};

static uint32_t random_next(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static void mutate(uint8_t *data, size_t size, uint32_t *state) {
  for (uint32_t n = random_next(state) % 6; n > 0 && size > 0; n--) {
    const size_t at = random_next(state) % size, from = random_next(state) % size;
    switch (random_next(state) % 4) {
      case 0: data[at] = (uint8_t)random_next(state); break;
      case 1: data[at] ^= (uint8_t)(1u << random_next(state) % 8); break;
      case 2: data[at] = (uint8_t)(random_next(state) % 0x35); break;
      default: memmove(data + at, data + from, size - (at > from ? at : from)); break;
    }
  }
}

static void replay(const char *seed, long rounds, uint32_t *state) {
  lua_State *L = vm();
  CHECK_EQ(luaL_loadstring(L, seed), LUA_OK);
  lua_call(L, 0, 1);
  struct bytes *out = transfer_encode(L, -1, 1, "value");
  struct bytes message = *out;
  bytes_init(out);
  lua_settop(L, 0);
  const size_t size = message.len - WIRE_HEADER_SIZE;
  uint8_t *body = malloc(size);
  CHECK(body != NULL);
  for (long i = 0; i < rounds; i++) {
    memcpy(body, message.data + WIRE_HEADER_SIZE, size);
    mutate(body, size, state);
    LLVMFuzzerTestOneInput(body, random_next(state) % 8 ? size : random_next(state) % (size + 1));
  }
  free(body);
  bytes_fini(&message);
}

int main(int argc, char **argv) {
  const long rounds = argc > 1 ? atol(argv[1]) : 20000;
  uint32_t state = 2463534242;
  for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) replay(seeds[i], rounds / 6, &state);
  lua_close(vm());
  return 0;
}

#endif

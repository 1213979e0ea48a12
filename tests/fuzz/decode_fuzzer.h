/* SPDX-License-Identifier: MIT */
/* The fuzzers of the decoder, one for each level of trust: each defines FUZZ_TRUST, and includes this
 * file.
 *
 * With clang -fsanitize=fuzzer,address,undefined it is a libFuzzer target. Without that the program
 * has a main function: `fuzz_X [rounds]` mutates messages of the encoder, the same in each run, and
 * prints nothing unless a check fails; `fuzz_X --seeds FOLDER` writes these messages to files.
 *
 * The oracle: while bytes are decoded no Lua runs, neither the program's nor the sender's; a hook
 * sees each call. A stranger's bytes become data, of which any use runs no Lua either, and become the same
 * where they are trusted, for what was looked at once is believed later. Loading code is no part of it: Lua does not check code, so bytes with other code than that of the seeds are
 * left out.
 */
#ifndef FUZZ_DECODE_FUZZER_H
#define FUZZ_DECODE_FUZZER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/state/fake_handle.h"
#include "base/check.h"
#include "base/memory.h"
#include "state/names.h"
#include "state/transfer.h"
#include "wire/format.h"
#include "wire/message.h"
#include "wire/reader.h"
#include "wire/tree.h"
#include "wire/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- no Lua runs ----------------------------------------------------------------------------- */

static int fuzz_calls; /* calls of any function since fuzz_watch */

static void fuzz_on_call(lua_State *L, lua_Debug *call) {
  fuzz_calls++;
  lua_getinfo(L, "S", call);
  if (strcmp(call->what, "C") == 0) return;
  fprintf(stderr, "Lua ran: %s:%d\n", call->short_src, call->linedefined);
  abort();
}

static void fuzz_watch(lua_State *L) {
  fuzz_calls = 0;
  lua_sethook(L, fuzz_on_call, LUA_MASKCALL, 0);
}

static void fuzz_watch_ends(lua_State *L) { lua_sethook(L, NULL, 0, 0); }

/* ---- code ------------------------------------------------------------------------------------ */

enum { FUZZ_CODE_MOST = 4 };

static struct fuzz_code {
  uint8_t *text;
  size_t size;
} fuzz_codes[FUZZ_CODE_MOST];
static size_t fuzz_code_count;

static int fuzz_append(lua_State *L, const void *code, size_t size, void *bytes) {
  (void)L;
  return bytes_append(bytes, code, size) ? 1 : 0;
}

/* Notes the code of the function on top of the stack as one that messages may have. [-1, +0] */
static void fuzz_allow_code(lua_State *L) {
  struct bytes code;
  bytes_init(&code);
  CHECK_EQ(lua_dump_code(L, fuzz_append, &code), 0);
  CHECK(fuzz_code_count < FUZZ_CODE_MOST);
  fuzz_codes[fuzz_code_count++] = (struct fuzz_code){code.data, code.len};
  lua_pop(L, 1);
}

static bool fuzz_is_known_code(const uint8_t *at, size_t left) {
  for (size_t i = 0; i < fuzz_code_count; i++)
    if (fuzz_codes[i].size <= left && memcmp(at, fuzz_codes[i].text, fuzz_codes[i].size) == 0) return true;
  return false;
}

/* Whether all code in the bytes is that of the seeds: code begins with this character. */
static bool fuzz_has_known_code_alone(const uint8_t *data, size_t size) {
  for (size_t at = 0; at + 3 <= size; at++) {
    const bool is_code =
        data[at] == 0x1b && data[at + 1] == 'L' && (data[at + 2] == 'u' || data[at + 2] == 'J');
    if (is_code && !fuzz_is_known_code(data + at, size - at)) return false;
  }
  return true;
}

/* ---- the VM ---------------------------------------------------------------------------------- */

/* Classes and modules of a program, of which a stranger gets `Open` alone. No module can be found,
 * so `require` runs no Lua; and no function that bytes of a peer may name as a finalizer does harm. */
static const char fuzz_program[] =
    "local function trap() end\n"
    "Trap = {} for _, name in ipairs{'__index', '__newindex', '__call', '__gc', '__close', '__len', '__eq', "
    "'__tostring', '__name', '__pairs', '__add', '__concat', '__lt'} do Trap[name] = trap end\n"
    "Closed, Open = {__index = trap, __tostring = trap, __len = trap}, {__index = {kind = 'open'}}\n"
    "package.loaded.traps = {Trap = Trap, deep = {Trap = Trap}}\n"
    "package.path, package.cpath, package.loadlib = '', '', nil\n"
    "for _, name in ipairs{'os', 'debug', 'ffi', 'jit'} do _G[name] = nil package.loaded[name] = nil end\n"
    "dofile, loadfile, load, loadstring, collectgarbage, print, io.popen, io.open = nil\n"
    "local up = {} function theirs() end function theirs_with_upvalue() return up end\n";

static lua_State *fuzz_open(void) {
  lua_State *L = luaL_newstate();
  CHECK(L != NULL);
  luaL_openlibs(L);
  transfer_open(L);
  fake_open(L);
  CHECK_EQ(luaL_loadstring(L, fuzz_program), LUA_OK);
  lua_call(L, 0, 0);
  static const char *const codes[] = {"theirs", "theirs_with_upvalue"};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    lua_getglobal(L, codes[i]);
    fuzz_allow_code(L);
  }
  lua_getglobal(L, "Closed");
  names_register(L, "Closed", NAMES_FOR_PEERS);
  lua_getglobal(L, "Open");
  names_register(L, "Open", NAMES_FOR_STRANGERS);
  return L;
}

/* One VM for the whole run, so that the garbage of decoding and its collection are part of the
 * test. */
static lua_State *fuzz_vm(void) {
  static lua_State *L;
  if (!L) L = fuzz_open();
  return L;
}

/* ---- what strangers bring -------------------------------------------------------------------- */

/* Uses the value on top of the stack as a program may. [-0, +0] */
static int fuzz_use(lua_State *L) {
  lua_settop(L, 1);
  lua_pushliteral(L, "command");
  lua_gettable(L, 1);
  lua_settop(L, 1);
  lua_getfield(L, 1, "kind");
  luaL_tolstring(L, 1, NULL);
  lua_settop(L, 1);
  lua_call(L, 0, 0);
  return 0;
}

static bool fuzz_is_data(lua_State *L, int index) {
  const int type = lua_type(L, index);
  return type == LUA_TNIL || type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING ||
         (type == LUA_TLIGHTUSERDATA && !lua_touserdata(L, index));
}

/* Whether the table at `index` is one of the program's. */
static bool fuzz_is_own(lua_State *L, int index) {
  static const char *const names[] = {"_G", "string", "package", "Trap", "Closed", "Open", "io"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    lua_getglobal(L, names[i]);
    const bool is_it = lua_rawequal(L, -1, index);
    lua_pop(L, 1);
    if (is_it) return true;
  }
  return false;
}

/* Checks and uses the value on top of the stack and all below it; the table at `seen` has the tables met.
 * [-1, +0] */
static void fuzz_check_data(lua_State *L, int seen, int depth) {
  const int value = lua_gettop(L);
  luaL_checkstack(L, 10, "depth");
  if (!lua_istable(L, value)) {
    CHECK(fuzz_is_data(L, value));
    lua_pop(L, 1);
    return;
  }
  CHECK(!fuzz_is_own(L, value));
  if (lua_getmetatable(L, value)) {
    lua_getglobal(L, "Open");
    CHECK(lua_rawequal(L, -1, -2));
    lua_pop(L, 2);
  }
  lua_pushvalue(L, value);
  lua_rawget(L, seen);
  const bool is_new = lua_isnil(L, -1);
  lua_pop(L, 1);
  if (is_new && depth < 150) {
    lua_pushvalue(L, value);
    lua_pushboolean(L, 1);
    lua_rawset(L, seen);
    lua_pushcfunction(L, fuzz_use);
    lua_pushvalue(L, value);
    (void)lua_pcall(L, 1, 0, 0);
    lua_settop(L, value);
    lua_pushnil(L);
    while (lua_next(L, value)) {
      lua_pushvalue(L, -2);
      fuzz_check_data(L, seen, depth + 1);
      fuzz_check_data(L, seen, depth + 1);
    }
  }
  lua_settop(L, value - 1);
}

static void fuzz_check_all(lua_State *L, int count) {
  lua_newtable(L);
  lua_insert(L, 1);
  for (int i = 0; i < count; i++) fuzz_check_data(L, 1, 0);
}

/* ---- one input ------------------------------------------------------------------------------- */

/* The C reader is stricter about table sizes than Lua's decoder, so the results are not
 * compared. */
static void fuzz_read_as_tree(struct bytes *message) {
  struct tree *t = NULL;
  if (tree_read(message, &t) == STATUS_OK) tree_free(t);
}

/* A message with a valid header, so that the fuzzer spends its time on the body, and in a message of this
 * program one handle. The memory has exactly its size. */
static struct bytes fuzz_message(const uint8_t *body, size_t size) {
  const uint32_t handles = FUZZ_TRUST == TRUST_OWN_PROGRAM;
  const uint32_t last = size >= 4 ? load_u32(body + size - 4) : 0;
  const bool has_classes = last >= WIRE_HEADER_SIZE && last <= WIRE_HEADER_SIZE + size - 4;
  const struct message_header header = {.flags = has_classes ? FLAG_CLASSES | FLAG_CLASSES_CHANGED : 0,
                                        .key_count = KEYS_MAX,
                                        .body_size = (uint32_t)size,
                                        .handle_count = handles};
  struct bytes m;
  bytes_init(&m);
  CHECK_EQ(bytes_reserve(&m, WIRE_HEADER_SIZE + size + WIRE_HANDLE_SIZE), STATUS_OK);
  uint8_t *at = message_put_header(m.data, &header);
  if (size) memcpy(at, body, size);
  at += size;
  if (handles) at = put_u64(put_u8(at, FAKE_ID), FAKE_REFERENCE);
  m.len = (size_t)(at - m.data);
  return m;
}

/* What a stranger may send is data for every reader. */
static void fuzz_trust_it(lua_State *L, const struct bytes *m) {
  int count = 0;
  CHECK(!message_has_flag(m->data, m->len, FLAG_CLASSES | FLAG_FUNCTIONS));
  CHECK_EQ(transfer_try_decode_dump(L, m->data, m->len, TRUST_OWN_PROGRAM, &count), LUA_OK);
  fuzz_check_all(L, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (!fuzz_has_known_code_alone(data, size)) return 0;
  lua_State *L = fuzz_vm();
  struct bytes m = fuzz_message(data, size);
  uint8_t *copy = malloc(m.len);
  CHECK(copy != NULL);
  memcpy(copy, m.data, m.len);
  int count = 0;
  /* Finalizers that a peer's bytes bring may run, but later. */
  if (FUZZ_TRUST != TRUST_STRANGER) lua_gc(L, LUA_GCSTOP, 0);
  fuzz_watch(L);
  const int failed = FUZZ_TRUST == TRUST_OWN_PROGRAM
                         ? transfer_try_decode(L, copy, m.len, &count)
                         : transfer_try_decode_dump(L, copy, m.len, FUZZ_TRUST, &count);
  if (FUZZ_TRUST == TRUST_STRANGER) CHECK(fuzz_calls <= 1); /* the decoder itself */
  if (failed) CHECK(lua_type(L, -1) == LUA_TSTRING);
  if (!failed && FUZZ_TRUST == TRUST_STRANGER) {
    fuzz_check_all(L, count);
    lua_settop(L, 0);
    fuzz_trust_it(L, &m);
  }
  lua_settop(L, 0);
  if (FUZZ_TRUST == TRUST_STRANGER) lua_gc(L, LUA_GCSTEP, 100);
  fuzz_watch_ends(L);
  if (FUZZ_TRUST != TRUST_STRANGER) lua_gc(L, LUA_GCRESTART, 0);
  CHECK_EQ(fake_in_flight, 0);
  fuzz_read_as_tree(&m);
  free(copy);
  bytes_fini(&m);
  return 0;
}

/* ---- seeds ----------------------------------------------------------------------------------- */

#if !defined(FUZZ_WITH_LIBFUZZER)

static const struct fuzz_seed {
  enum trust trust; /* the least at which it is accepted; a fuzzer has those of all levels */
  const char *code;
} fuzz_seeds[] = {
    {TRUST_STRANGER,
     "return {1, -1, 2.5, 'three', true, false, {x = {y = 'z'}}, [10] = -70000, [2.5] = ('x'):rep(200)}"},
    {TRUST_STRANGER,
     "local t, u = {}, {} for i = 1, 20 do t[i] = i + 0.5 u[i] = i * 100000 end return {t, u, {t}}"},
    {TRUST_STRANGER, "local s = {1} local t = {a = s, b = s, [s] = s} t.self = t return t"},
    {TRUST_STRANGER, "local t = {} for i = 1, 210 do t = {t, i} end return t"},
    {TRUST_STRANGER,
     "local t = {} for i = 1, 9 do t[i] = {name = 'n' .. i, x = i, y = {name = 'x', z = t}} end return t"},
    {TRUST_STRANGER, "local o = setmetatable({1}, Open) return {o, o, setmetatable({a = o}, Open)}"},
    {TRUST_PEER, "return {string, math, _G, io.stdout, setmetatable({}, string), setmetatable({}, string)}"},
    {TRUST_PEER, "return {setmetatable({}, Trap), setmetatable({}, Closed), package.loaded.traps.deep}"},
    {TRUST_PEER, "local m = {__index = type, __gc = type} return {m, setmetatable({}, m)}"},
    {TRUST_PEER, "return {theirs, theirs_with_upvalue, {theirs}, type}"},
    {TRUST_PEER,
     "local m = {__index = theirs, __gc = theirs, __call = theirs} return {m, setmetatable({}, m)}"},
    {TRUST_PEER,
     "local A = {__index = theirs} local B = setmetatable({up = A}, {__index = A}) A.down = B\n"
     "return {setmetatable({}, A), B, setmetatable({}, B)}"},
    {TRUST_PEER,
     "local S = {__mm_send = theirs, __mm_receive = type} return {setmetatable({}, S), setmetatable({}, S)}"},
    {TRUST_OWN_PROGRAM, "local f = require 'fake'.new() return {f, {x = 1}}"},
};
enum { FUZZ_SEEDS = sizeof fuzz_seeds / sizeof *fuzz_seeds };

/* The seed's message up to its handles. */
static struct bytes fuzz_encode(lua_State *L, const struct fuzz_seed *seed) {
  if (luaL_loadstring(L, seed->code)) lua_error(L);
  lua_call(L, 0, 1);
  struct bytes *out = seed->trust == TRUST_OWN_PROGRAM ? transfer_encode(L, -1, 1, "value")
                                                       : transfer_encode_dump(L, -1, 1, "value");
  struct bytes message = *out;
  bytes_init(out);
  lua_settop(L, 0);
  struct message m;
  CHECK_EQ(message_parse(message.data, message.len, &m), STATUS_OK);
  transfer_discard(L, message.data, message.len);
  message.len = m.body_end;
  return message;
}

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

static void replay(const struct fuzz_seed *seed, long rounds, uint32_t *state) {
  struct bytes message = fuzz_encode(fuzz_vm(), seed);
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

static void write_seeds(const char *folder) {
  for (int i = 0; i < FUZZ_SEEDS; i++) {
    char path[1024];
    struct bytes message = fuzz_encode(fuzz_vm(), &fuzz_seeds[i]);
    snprintf(path, sizeof path, "%s/seed-%d", folder, i);
    FILE *file = fopen(path, "we");
    CHECK(file != NULL);
    const size_t size = message.len - WIRE_HEADER_SIZE;
    CHECK_EQ(fwrite(message.data + WIRE_HEADER_SIZE, 1, size, file), size);
    CHECK_EQ(fclose(file), 0);
    bytes_fini(&message);
  }
}

/* An unchanged seed is accepted at its level and above, and nowhere else. */
static void check_seed(const struct fuzz_seed *seed) {
  struct bytes message = fuzz_encode(fuzz_vm(), seed);
  lua_State *L = fuzz_vm();
  int count = 0;
  struct bytes m = fuzz_message(message.data + WIRE_HEADER_SIZE, message.len - WIRE_HEADER_SIZE);
  const int failed = FUZZ_TRUST == TRUST_OWN_PROGRAM
                         ? transfer_try_decode(L, m.data, m.len, &count)
                         : transfer_try_decode_dump(L, m.data, m.len, FUZZ_TRUST, &count);
  CHECK_EQ(failed == LUA_OK, FUZZ_TRUST >= seed->trust);
  lua_settop(L, 0);
  bytes_fini(&m);
  bytes_fini(&message);
}

static void fuzz_close(void) {
  lua_close(fuzz_vm());
  for (size_t i = 0; i < fuzz_code_count; i++) memory_free(fuzz_codes[i].text);
}

int main(int argc, char **argv) {
  if (argc > 2 && strcmp(argv[1], "--seeds") == 0) {
    write_seeds(argv[2]);
    fuzz_close();
    return 0;
  }
  const long rounds = argc > 1 ? atol(argv[1]) : 20000;
  uint32_t state = 2463534242;
  for (int i = 0; i < FUZZ_SEEDS; i++) {
    check_seed(&fuzz_seeds[i]);
    replay(&fuzz_seeds[i], rounds / FUZZ_SEEDS, &state);
  }
  fuzz_close();
  return 0;
}

#endif

#endif

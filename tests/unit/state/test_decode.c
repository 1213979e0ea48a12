/* SPDX-License-Identifier: MIT */
/* Bytes that no encoder wrote are refused with an error, never with a crash. Run under
 * AddressSanitizer, too. */
#include "lua_pair.h"

#include "state/names.h"
#include "wire/format.h"

static const struct sample {
  const char *code;
  enum trust trust; /* the least that it needs */
} samples[] = {
    {"return nil", TRUST_STRANGER},
    {"return {1, 2.5, 'three', true, false, {x = {y = 'z'}}, [10] = -70000, [2.5] = ('x'):rep(200)}",
     TRUST_STRANGER},
    {"local t = {} for i = 1, 20 do t[i] = i + 0.5 end return t", TRUST_STRANGER},
    {"local t = {} for i = 1, 20 do t[i] = i * 1000000 end return {t, {t}, t}", TRUST_STRANGER},
    {"local s = {1} local t = {a = s, b = s, [s] = s} t.self = t return t", TRUST_STRANGER},
    {"local s = ('s'):rep(70) return {s, {s, [s] = s}, s}", TRUST_STRANGER},
    {"local t = {{}, {}, {}} for i = 1, 20 do t[1][i], t[2][i], t[3][i] = -i, i * 1000, i * 2^40 end return "
     "t",
     TRUST_STRANGER},
    {"local t = {} for i = 1, 250 do t = {t, i} end return t", TRUST_STRANGER},
    {"local t = {} for i = 1, 5 do t[i] = {name = 'n', x = i, y = {name = i, z = 'name'}} end return t",
     TRUST_STRANGER},
    {"return {string, math, _G, io.stdout, string}", TRUST_PEER},
    {"return setmetatable({1}, string), setmetatable({2}, string)", TRUST_PEER},
};

/* Decodes bytes from a block of exactly their size, so that a sanitizer sees a
 * read behind the end. */
static bool decode_exactly(lua_State *L, const uint8_t *data, size_t size, enum trust trust) {
  uint8_t *copy = malloc(size ? size : 1);
  memcpy(copy, data, size);
  int count;
  const bool is_good = transfer_try_decode_dump(L, copy, size, trust, &count) == LUA_OK;
  if (!is_good) CHECK(lua_type(L, -1) == LUA_TSTRING);
  lua_settop(L, 0);
  free(copy);
  return is_good;
}

static void every_truncation_is_refused(lua_State *L, const struct bytes *m, enum trust trust) {
  for (size_t size = 0; size < m->len; size++) CHECK(!decode_exactly(L, m->data, size, trust));
}

static void no_flipped_byte_crashes(lua_State *L, const struct bytes *m, enum trust trust) {
  static const uint8_t masks[] = {0x01, 0x02, 0x10, 0x20, 0x40, 0x80, 0xff, 0x55};
  for (size_t at = 0; at < m->len; at++)
    for (size_t i = 0; i < sizeof masks; i++) {
      m->data[at] ^= masks[i];
      (void)decode_exactly(L, m->data, m->len, trust);
      m->data[at] ^= masks[i];
    }
}

static void no_shortened_body_crashes(lua_State *L, const struct bytes *m, enum trust trust) {
  for (size_t size = WIRE_HEADER_SIZE; size < m->len; size++) {
    const uint32_t body = (uint32_t)(size - WIRE_HEADER_SIZE);
    memcpy(m->data + 4, &body, sizeof body);
    CHECK(!decode_exactly(L, m->data, size, trust));
  }
}

static void samples_survive_mutation(struct lua_pair *p) {
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    const enum trust trust = samples[i].trust;
    pair_run(p->sender, samples[i].code, 0, 1);
    struct bytes *encoded = transfer_encode(p->sender, -1, 1, "value");
    struct bytes m = *encoded;
    bytes_init(encoded); /* takes the bytes over; see state/transfer.h */
    for (enum trust level = TRUST_STRANGER; level <= TRUST_OWN_PROGRAM; level++)
      CHECK_EQ(decode_exactly(p->receiver, m.data, m.len, level), level >= trust);
    every_truncation_is_refused(p->receiver, &m, trust);
    no_flipped_byte_crashes(p->receiver, &m, trust);
    no_shortened_body_crashes(p->receiver, &m, trust);
    bytes_fini(&m);
    lua_settop(p->sender, 0);
  }
}

static void expect_refusal(lua_State *L, const void *data, size_t size, enum trust trust, const char *why) {
  int count;
  CHECK(transfer_try_decode_dump(L, data, size, trust, &count) != LUA_OK);
  if (!strstr(lua_tostring(L, -1), why)) pair_fail(why, lua_tostring(L, -1));
  lua_settop(L, 0);
}

static void another_version_is_refused_by_number(struct lua_pair *p) {
  lua_pushinteger(p->sender, 5);
  struct bytes *m = transfer_encode(p->sender, -1, 1, "value");
  m->data[1] = 9;
  expect_refusal(p->receiver, m->data, m->len, TRUST_OWN_PROGRAM,
                 "the message has wire format 9; this version reads format");
  expect_refusal(p->receiver, "hello", 5, TRUST_OWN_PROGRAM, "malformed message");
  expect_refusal(p->receiver, "", 0, TRUST_OWN_PROGRAM, "malformed message");
  lua_settop(p->sender, 0);
}

static void functions_need_leave(struct lua_pair *p) {
  pair_run(p->sender, "return {f = function() return 5 end}", 0, 1);
  struct bytes *m = transfer_encode(p->sender, -1, 1, "value");
  expect_refusal(p->receiver, m->data, m->len, TRUST_STRANGER, "the bytes hold functions");
  m->data[2] = 0; /* even if the header says that there are none */
  expect_refusal(p->receiver, m->data, m->len, TRUST_STRANGER, "the bytes hold functions");
  pair_run(p->sender, "return print", 0, 1);
  m = transfer_encode(p->sender, -1, 1, "value");
  m->data[2] = 0;
  expect_refusal(p->receiver, m->data, m->len, TRUST_STRANGER, "the bytes name 'print' of module '_G'");
  lua_settop(p->sender, 0);
}

static void functions_of_another_lua_are_refused_by_name(struct lua_pair *p) {
  pair_run(p->sender, "return function() return 5 end", 0, 1);
  struct bytes *m = transfer_encode(p->sender, -1, 1, "value");
  const char ours[] = "\x1bLua\x54", theirs[] = "\x1bLua\x51";
  uint8_t *code = m->data + WIRE_HEADER_SIZE + 2 + 4; /* value count, tag, code size */
  CHECK(code[0] == 0x1b);
  const bool is_54 = memcmp(code, ours, 5) == 0;
  memcpy(code, is_54 ? theirs : ours, 5);
  char why[80];
  snprintf(why, sizeof why, "a function from Lua %s cannot be loaded by", is_54 ? "5.1" : "5.4");
  expect_refusal(p->receiver, m->data, m->len, TRUST_OWN_PROGRAM, why);
  lua_settop(p->sender, 0);
}

static void untrusted_bytes_load_no_module(struct lua_pair *p) {
  pair_run(p->receiver, "package.preload.evil = function() loaded = true end", 0, 0);
  pair_run(p->sender, "package.loaded.evil = {} return package.loaded.evil", 0, 1);
  const struct bytes *m = transfer_encode(p->sender, -1, 1, "value");
  expect_refusal(p->receiver, m->data, m->len, TRUST_STRANGER, "the bytes name the module 'evil'");
  pair_run(p->receiver, "assert(loaded == nil)", 0, 0);
  lua_settop(p->sender, 0);
}

/* Encodes what the code returns as a dump, and expects a stranger's bytes of it to be refused. */
static void refuse_of_stranger(struct lua_pair *p, const char *code, const char *why) {
  pair_run(p->sender, code, 0, 1);
  struct bytes *m = transfer_encode_dump(p->sender, -1, 1, "value");
  m->data[2] = 0; /* even if the header says that there is no function */
  expect_refusal(p->receiver, m->data, m->len, TRUST_STRANGER, why);
  lua_settop(p->sender, 0);
}

static void strangers_bring_data_alone(struct lua_pair *p) {
  refuse_of_stranger(p, "return {_G}", "the bytes name the table of globals");
  refuse_of_stranger(p, "return {string}", "the bytes name the module 'string'");
  refuse_of_stranger(p, "package.loaded['a\\27[2J'] = {} return package.loaded['a\\27[2J']",
                     "the bytes name the module 'a\\x1b[2J'");
  refuse_of_stranger(p, "return {io.stdout}", "the bytes name 'stdout' of module 'io'");
  refuse_of_stranger(p, "package.loaded.m = {Class = {}} return setmetatable({}, package.loaded.m.Class)",
                     "the bytes hold an object of class 'm.Class'");
  refuse_of_stranger(p, "return setmetatable({}, string)", "the bytes hold an object of class 'string'");
  refuse_of_stranger(p, "local m = {} return {m, setmetatable({}, m)}", "the bytes hold a class");
  refuse_of_stranger(p, "return setmetatable({}, {})", "the bytes hold a class");
  refuse_of_stranger(p, "Mine = {} return setmetatable({}, Mine)", "the bytes hold a class");
  refuse_of_stranger(p,
                     "local S = {__mm_send = function() return 1 end, __mm_receive = type}\n"
                     "return setmetatable({}, S)",
                     "the bytes hold an object that its class makes");
}

static void register_class_for_strangers(lua_State *L) {
  pair_run(L, "P = {} P.__index = P return P", 0, 1);
  names_register(L, "P", NAMES_FOR_STRANGERS);
}

/* A class for strangers serves as the metatable of their objects. The class itself they do not
 * get, by no reference. */
static void strangers_bring_instances_of_classes_for_them(struct lua_pair *p) {
  register_class_for_strangers(p->sender);
  register_class_for_strangers(p->receiver);
  pair_run(p->sender,
           "package.loaded.p = P local o = setmetatable({1}, P) return {o, setmetatable({2}, P), o}", 0, 1);
  const struct bytes *m = transfer_encode_dump(p->sender, -1, 1, "value");
  int count;
  CHECK_EQ(transfer_try_decode_dump(p->receiver, m->data, m->len, TRUST_STRANGER, &count), LUA_OK);
  pair_run(p->receiver,
           "local t = ... assert(getmetatable(t[1]) == P and getmetatable(t[2]) == P and t[1] == t[3] and "
           "t[2][1] == 2)",
           1, 0);
  lua_settop(p->sender, 0);
  uint8_t forged[WIRE_HEADER_SIZE + 12] = {WIRE_MAGIC, WIRE_VERSION, 0, 0, 12};
  const uint8_t body[12] = {
      1,       TAG_TABLE,           0, 2, TAG_TABLE, SHAPE_METATABLE, 0, TAG_REGISTERED | TAG_SHARED, 1, 'P',
      TAG_REF, WIRE_HEADER_SIZE + 7};
  memcpy(forged + WIRE_HEADER_SIZE, body, sizeof body);
  expect_refusal(p->receiver, forged, sizeof forged, TRUST_STRANGER, "malformed message");
  CHECK(decode_exactly(p->receiver, forged, sizeof forged, TRUST_PEER));
}

static void sizes_beyond_the_bytes_are_refused(struct lua_pair *p) {
  /* 200 empty tables, each of which claims 2^30 pairs or elements. */
  uint8_t data[WIRE_HEADER_SIZE + 2 + 200 * 8] = {WIRE_MAGIC, WIRE_VERSION};
  const uint32_t body = sizeof data - WIRE_HEADER_SIZE;
  memcpy(data + 4, &body, sizeof body);
  data[WIRE_HEADER_SIZE] = 0xc8, data[WIRE_HEADER_SIZE + 1] = 0x01;
  for (int i = 0; i < 200; i++) {
    const uint8_t pairs[8] = {TAG_TABLE, 31, 0, TAG_END, TAG_NIL, TAG_NIL, TAG_NIL, TAG_NIL};
    memcpy(data + WIRE_HEADER_SIZE + 2 + 8 * i, pairs, 8);
  }
  expect_refusal(p->receiver, data, sizeof data, TRUST_STRANGER, "malformed message");
  const uint8_t array[8] = {TAG_TABLE, 0, 0x80, 0x80, 0x80, 0x80, 0x04, TAG_NIL};
  memcpy(data + WIRE_HEADER_SIZE + 2, array, 8);
  expect_refusal(p->receiver, data, sizeof data, TRUST_STRANGER, "malformed message");
}

/* Refuses a table with these pairs, in a message whose header says `key_count`. */
static void refuse_pairs(struct lua_pair *p, uint8_t key_count, const uint8_t *pairs, size_t size) {
  uint8_t data[WIRE_HEADER_SIZE + 4 + 16] = {WIRE_MAGIC, WIRE_VERSION, 0, key_count};
  const uint32_t body = (uint32_t)(4 + size);
  memcpy(data + 4, &body, sizeof body);
  const uint8_t table[4] = {1, TAG_TABLE, 2, 0};
  memcpy(data + WIRE_HEADER_SIZE, table, sizeof table);
  memcpy(data + WIRE_HEADER_SIZE + sizeof table, pairs, size);
  expect_refusal(p->receiver, data, WIRE_HEADER_SIZE + body, TRUST_STRANGER, "malformed message");
}

static void numbers_of_unknown_keys_are_refused(struct lua_pair *p) {
  const uint8_t first[] = {TAG_KEY, TAG_TRUE, TAG_END};
  refuse_pairs(p, 0, first, sizeof first);
  refuse_pairs(p, 64, first, sizeof first);
  const uint8_t second[] = {TAG_SHORT_STRING | 1, 'a', TAG_TRUE, TAG_KEY | 1, TAG_TRUE, TAG_END};
  refuse_pairs(p, 0, second, sizeof second);
  refuse_pairs(p, 2, second, sizeof second);
  const uint8_t value[] = {TAG_SHORT_STRING | 1, 'a', TAG_KEY, TAG_END};
  refuse_pairs(p, 1, value, sizeof value);
  refuse_pairs(p, 65, value, sizeof value);
}

static uint32_t next_random(uint32_t *seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 17;
  *seed ^= *seed << 5;
  return *seed;
}

static void random_bodies_do_not_crash(struct lua_pair *p) {
  uint32_t seed = 12345;
  uint8_t data[WIRE_HEADER_SIZE + 64] = {WIRE_MAGIC, WIRE_VERSION};
  for (int round = 0; round < 20000; round++) {
    const uint32_t body = next_random(&seed) % 64;
    memcpy(data + 4, &body, sizeof body);
    data[3] = (uint8_t)(round % (KEYS_MAX + 1));
    for (uint32_t i = 0; i < body; i++) {
      const uint32_t r = next_random(&seed);
      data[WIRE_HEADER_SIZE + i] = (uint8_t)(r & 0x100 ? r % 0x1c : r); /* half of them are tags */
    }
    (void)decode_exactly(p->receiver, data, WIRE_HEADER_SIZE + body, TRUST_STRANGER);
  }
}

int main(void) {
  struct lua_pair p = pair_open();
  transfer_open(p.sender);
  transfer_open(p.receiver);
  samples_survive_mutation(&p);
  another_version_is_refused_by_number(&p);
  functions_need_leave(&p);
  functions_of_another_lua_are_refused_by_name(&p);
  untrusted_bytes_load_no_module(&p);
  strangers_bring_data_alone(&p);
  strangers_bring_instances_of_classes_for_them(&p);
  sizes_beyond_the_bytes_are_refused(&p);
  numbers_of_unknown_keys_are_refused(&p);
  random_bodies_do_not_crash(&p);
  pair_close(&p);
  return 0;
}

/* SPDX-License-Identifier: MIT */
/* Values through a ring: lone scalars and encoded values arrive alike, and a failure leaks neither
 * a block nor a hold. */
#include "state/parcel.h"

#include <errno.h>

#include "base/memory.h"
#include "channel/message_refs.h"
#include "lua_pair.h"
#include "state/handle.h"
#include "state/scalar.h"

static struct ring *ring; /* of the current test */
static struct bytes inbox;

/* The ring behind the test's handle type; the tests count its holds. */
enum { TARGET_ID = 9 };
static struct ring *target;

static uint64_t target_send(lua_State *L, int index) {
  (void)index;
  if (segment_hold(&target->object)) luaL_error(L, "not enough memory");
  return segment_object_ref(&target->object);
}

static void target_receive(lua_State *L, const struct handle_type *type, uint64_t reference) {
  (void)type;
  struct object *object = NULL;
  CHECK_EQ(segment_find(reference, OBJECT_RING, &object), STATUS_OK);
  lua_pushboolean(L, 1);
}

static const struct handle_type target_type = {
    .name = "Target", .send = target_send, .receive = target_receive, .drop = message_refs_drop_reference};

static void open_target(lua_State *L) {
  lua_newuserdata(L, 1);
  lua_createtable(L, 0, 1);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&target_type);
  lua_setfield(L, -2, HANDLE_FIELD);
  lua_setmetatable(L, -2);
  lua_setglobal(L, "target");
  handle_register(L, TARGET_ID, &target_type);
}

static uint64_t used(void) { return arena_used(segment_arena()); }

static void take_all(lua_State *L, size_t skipped) {
  struct ring_message m;
  CHECK_EQ(ring_take(ring, &inbox, &m, deadline_now()), STATUS_OK);
  CHECK(skipped == 0 || (m.data[0] == 'E' && m.data[skipped - 1] == 'e'));
  int count = 0;
  CHECK_EQ(transfer_try_decode(L, m.data + skipped, m.size - skipped, &count), LUA_OK);
  ring_message_done(&m);
}

enum { ENVELOPE = 24 };

/* Sends the results of `make` to `check`, with an envelope and without. */
static void send(struct lua_pair *p, const char *make, const char *check) {
  static const char envelope[ENVELOPE] = "E                      e";
  const uint64_t before = used();
  for (size_t size = 0; size <= ENVELOPE; size += ENVELOPE) {
    pair_run(p->sender, make, 0, LUA_MULTRET);
    struct parcel parcel;
    parcel_open(&parcel, envelope, size);
    parcel_pack(p->sender, &parcel, 1, lua_gettop(p->sender), "argument");
    const status st = parcel_put(ring, &parcel, deadline_now());
    parcel_settle(&parcel, st);
    CHECK_EQ(st, STATUS_OK);
    lua_settop(p->sender, 0);
    lua_gc(p->sender, LUA_GCCOLLECT, 0);
    ring_validate(ring);
    take_all(p->receiver, size);
    pair_run(p->receiver, check, lua_gettop(p->receiver), 0);
    lua_settop(p->receiver, 0);
    CHECK_EQ(used(), before);
  }
}

static void scalars_arrive(struct lua_pair *p) {
  send(p, "return nil", "assert(select('#', ...) == 1 and (...) == nil)");
  send(p, "return true", "assert((...) == true)");
  send(p, "return false", "assert((...) == false)");
  for (int i = -70; i < 70; i++) {
    char make[40], check[60];
    snprintf(make, sizeof make, "return %d", i);
    snprintf(check, sizeof check, "assert((...) == %d)", i);
    send(p, make, check);
  }
  send(p, "return 2^53", "assert((...) == 2^53)");
  send(p, "return -1/0", "assert((...) == -1/0)");
  send(p, "return 0/0", "assert((...) ~= (...))");
  send(p, "local zero = 0.0 return -zero", "assert(1/(...) == -1/0)");
  if (strcmp(pair_kind(), "5.4") != 0) return;
  send(p, "return math.mininteger", "assert(math.type((...)) == 'integer' and (...) == math.mininteger)");
  send(p, "return 3.0", "assert(math.type((...)) == 'float')");
}

static void strings_of_any_size_arrive(struct lua_pair *p) {
  static const int sizes[] = {0,    1,    63,    64,    127,   128,   4000,  4070,   4080,    4090,   4096,
                              4097, 4160, 16300, 16384, 16400, 65500, 65536, 262144, 1048576, 5000000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char make[100], table[200], check[200];
    snprintf(make, sizeof make, "return ('x\\0y'):rep(%d):sub(1, %d)", sizes[i], sizes[i]);
    snprintf(check, sizeof check, "assert((...) == ('x\\0y'):rep(%d):sub(1, %d))", sizes[i], sizes[i]);
    send(p, make, check);
    snprintf(table, sizeof table, "local function f() %s end return {f(), f(), 7}", make);
    snprintf(
        check, sizeof check,
        "local s = ('x\\0y'):rep(%d):sub(1, %d) local t = ... assert(t[1] == s and t[2] == s and t[3] == 7)",
        sizes[i], sizes[i]);
    send(p, table, check);
  }
}

static void several_values_and_large_tables_arrive(struct lua_pair *p) {
  send(p, "return", "assert(select('#', ...) == 0)");
  send(p, "return 1, 'two', nil",
       "local a, b, c = ... assert(a == 1 and b == 'two' and select('#', ...) == 3)");
  send(p, "local t = {} for i = 1, 200000 do t[i] = i + 0.5 end return t",
       "local t = ... assert(#t == 200000) for i = 1, 200000, 7 do assert(t[i] == i + 0.5) end");
  send(
      p, "local t = {} for i = 1, 20000 do t[i] = {name = 'n' .. i, ('v'):rep(i % 50)} end return t",
      "local t = ... for i = 1, 20000 do assert(t[i].name == 'n' .. i and t[i][1] == ('v'):rep(i % 50)) end");
}

static const char *const with_handle = "return {target, ('x'):rep(%d), target}";

/* After a put into a closed or a full ring, holds and block are released, and the next message is
 * not affected. */
static void a_refused_parcel_leaks_nothing(struct lua_pair *p) {
  static const int sizes[] = {10, 100000};
  for (int i = 0; i < 4; i++) {
    char make[80];
    CHECK_EQ(ring_make(&target, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
    const uint64_t before = used();
    snprintf(make, sizeof make, with_handle, sizes[i % 2]);
    pair_run(p->sender, make, 0, 1);
    struct parcel parcel;
    parcel_open(&parcel, NULL, 0);
    parcel_pack(p->sender, &parcel, 1, 1, "value");
    if (i >= 2) parcel_keep(&parcel);
    parcel_settle(&parcel, STATUS_CLOSED);
    CHECK_EQ(used(), before);
    segment_release(&target->object); /* the last hold */
    CHECK_EQ(used(), before - 1);
    lua_settop(p->sender, 0);
  }
}

/* Other values are encoded and delivered between keep and put. */
static void a_kept_parcel_is_not_changed_by_others(struct lua_pair *p) {
  struct parcel parcel;
  pair_run(p->sender, "return {('a'):rep(100000), 'b'}", 0, 1);
  parcel_open(&parcel, NULL, 0);
  parcel_pack(p->sender, &parcel, 1, 1, "value");
  parcel_keep(&parcel);
  lua_settop(p->sender, 0);
  send(p, "return {('c'):rep(100000)}", "assert((...)[1] == ('c'):rep(100000))");
  const status st = parcel_put(ring, &parcel, deadline_now());
  parcel_settle(&parcel, st);
  CHECK_EQ(st, STATUS_OK);
  take_all(p->receiver, 0);
  pair_run(p->receiver, "local t = ... assert(t[1] == ('a'):rep(100000) and t[2] == 'b')", 1, 0);
}

static int pack_protected(lua_State *L) {
  struct parcel *parcel = lua_touserdata(L, 1);
  parcel_open(parcel, NULL, 0);
  parcel_pack(L, parcel, 2, 1, "value");
  return 0;
}

static void an_unsendable_value_leaks_nothing(struct lua_pair *p) {
  CHECK_EQ(ring_make(&target, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  const uint64_t before = used();
  struct parcel parcel;
  lua_pushcfunction(p->sender, pack_protected);
  lua_pushlightuserdata(p->sender, &parcel);
  pair_run(p->sender, "return {target, ('x'):rep(100000), coroutine.create(function() end)}", 0, 1);
  CHECK(lua_pcall(p->sender, 2, 0, 0) != LUA_OK);
  CHECK(strcmp(lua_tostring(p->sender, -1), "cannot send a coroutine (at value[3]): make it in the worker") ==
        0);
  lua_settop(p->sender, 0);
  CHECK_EQ(used(), before);
  segment_release(&target->object);
  CHECK_EQ(used(), before - 1);
}

/* Each allocation fails in turn, private or shared: as an error, as a status, or without effect. */
static void memory_may_run_out_at_any_point(struct lua_pair *p, const char *make) {
#if defined(MM_FAULTS)
  CHECK_EQ(ring_make(&target, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  const uint64_t before = used();
  bool is_good = false;
  for (long n = 1; !is_good; n++) {
    struct parcel parcel;
    lua_pushcfunction(p->sender, pack_protected);
    lua_pushlightuserdata(p->sender, &parcel);
    pair_run(p->sender, make, 0, 1);
    memory_fail_after(n);
    const bool is_packed = lua_pcall(p->sender, 2, 0, 0) == LUA_OK;
    const status st = is_packed ? parcel_put(ring, &parcel, deadline_now()) : -ENOMEM;
    is_good = is_packed && st == STATUS_OK && n > 12;
    memory_fail_after(0);
    CHECK(st == STATUS_OK || st == -ENOMEM);
    if (is_packed) parcel_settle(&parcel, st);
    if (st == STATUS_OK) message_refs_drain(ring);
    lua_settop(p->sender, 0);
    CHECK_EQ(used(), before);
  }
  segment_release(&target->object);
  CHECK_EQ(used(), before - 1);
#else
  (void)p, (void)make;
#endif
}

/* Lone scalars that are too short, too long or have a wrong size are not accepted. */
static void malformed_scalars_are_refused(struct lua_pair *p) {
  static const char *const values[] = {"return 5",       "return -5000",          "return 2.5",
                                       "return 'short'", "return ('x'):rep(300)", "return nil",
                                       "return true"};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    uint8_t data[512];
    const char *text = NULL;
    size_t text_size = 0;
    pair_run(p->sender, values[i], 0, 1);
    size_t size = scalar_write(p->sender, 1, data, &text, &text_size);
    CHECK(size > 0);
    if (text_size) memcpy(data + size, text, text_size);
    size += text_size;
    lua_State *L = p->receiver;
    CHECK(scalar_push(L, data, size));
    CHECK(!scalar_push(L, data, size - 1) && !scalar_push(L, data, size + 1));
    for (int change = -1; change <= 1; change += 2) { /* with a matching header */
      const uint32_t body = (uint32_t)((int)size - WIRE_HEADER_SIZE + change);
      memcpy(data + 4, &body, sizeof body);
      CHECK(!scalar_push(L, data, size + (size_t)change));
    }
    CHECK_EQ(lua_gettop(L), 1);
    lua_settop(L, 0);
    lua_settop(p->sender, 0);
  }
}

/* Grows the ring, which keeps its size, so that the count of blocks later counts messages alone. */
static void open_ring(void) {
  static const uint8_t text[4096];
  const struct ring_record letter = {.body = text, .body_size = sizeof text};
  CHECK_EQ(ring_make(&ring, (struct ring_bounds){0}, RING_GROWS), STATUS_OK);
  for (int i = 0; i < 20; i++) CHECK_EQ(ring_put(ring, &letter, deadline_now()), STATUS_OK);
  message_refs_drain(ring);
}

int main(void) {
  CHECK_EQ(segment_open(), STATUS_OK);
  channel_register_kinds();
  struct lua_pair p = pair_open();
  open_target(p.sender);
  open_target(p.receiver);
  transfer_open(p.sender);
  transfer_open(p.receiver);
  open_ring();
  scalars_arrive(&p);
  strings_of_any_size_arrive(&p);
  several_values_and_large_tables_arrive(&p);
  a_refused_parcel_leaks_nothing(&p);
  a_kept_parcel_is_not_changed_by_others(&p);
  an_unsendable_value_leaks_nothing(&p);
  memory_may_run_out_at_any_point(&p, "return 5");
  memory_may_run_out_at_any_point(&p, "return ('x'):rep(100000)");
  memory_may_run_out_at_any_point(&p, "return {target, ('x'):rep(5000), ('y'):rep(70000), target}");
  malformed_scalars_are_refused(&p);
  segment_release(&ring->object);
  bytes_fini(&inbox);
  pair_close(&p);
  arena_validate(segment_arena());
  return 0;
}

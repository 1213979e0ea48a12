/* SPDX-License-Identifier: MIT */
/* Handles inside values: the owner of a message drops each of its holds once. */
#include "fake_handle.h"
#include "lua_pair.h"

#include "state/globals.h"
#include "wire/message.h"

static void a_handle_arrives_and_stays_one_object_within_a_message(struct lua_pair *p) {
  pair_send(p, "local h = require 'fake'.new() return {h, again = h}, h",
            "local t, h = ... assert(type(h) == 'userdata' and t[1] == h and t.again == h)");
  CHECK_EQ(fake_in_flight, 1); /* one hold for any number of references in a message */
  fake_drop(FAKE_REFERENCE);
}

static void a_message_lists_its_handles_at_its_end(struct lua_pair *p) {
  pair_run(p->sender, "local f = require 'fake' return {f.new(), f.new()}", 0, 1);
  const struct bytes *out = transfer_encode(p->sender, -1, 1, "value");
  struct message m;
  CHECK_EQ(message_parse(out->data, out->len, &m), STATUS_OK);
  CHECK_EQ(m.handle_count, 2);
  CHECK_EQ(message_handle_at(&m, 1).reference, FAKE_REFERENCE);
  CHECK_EQ(fake_in_flight, 2);
  transfer_discard(p->sender, out->data, out->len);
  CHECK_EQ(fake_in_flight, 0);
  lua_settop(p->sender, 0);
}

static void a_failed_encode_drops_what_it_held(struct lua_pair *p) {
  pair_refuse(p, "return {require 'fake'.new(), coroutine.create(function() end)}",
              "cannot send a coroutine (at value[2])");
  CHECK_EQ(fake_in_flight, 0);
  pair_refuse(p, "local f = require 'fake' local h = f.new() f.close(h) return {f.new(), h}",
              "this fake is closed");
  CHECK_EQ(fake_in_flight, 0);
}

/* The receiver lacks a module that is between the two handles. */
static void a_failed_decode_leaves_the_messages_holds(struct lua_pair *p) {
  pair_run(p->sender,
           "package.loaded.gone = {} local f = require 'fake' return {f.new(), package.loaded.gone, f.new()}",
           0, 1);
  const struct bytes *out = transfer_encode(p->sender, -1, 1, "value");
  CHECK_EQ(fake_in_flight, 2);
  int count;
  CHECK(transfer_try_decode(p->receiver, out->data, out->len, &count) != LUA_OK);
  CHECK_EQ(fake_in_flight, 2);
  transfer_discard(p->sender, out->data, out->len);
  CHECK_EQ(fake_in_flight, 0);
  lua_settop(p->sender, 0);
  lua_settop(p->receiver, 0);
}

static void handles_are_refused_in_dumps(struct lua_pair *p) {
  pair_run(p->sender, "return {q = require 'fake'.new()}", 0, 1);
  const struct bytes *out = transfer_encode(p->sender, -1, 1, "value");
  int count;
  for (enum trust trust = TRUST_STRANGER; trust <= TRUST_OWN_PROGRAM; trust++) {
    CHECK(transfer_try_decode_dump(p->receiver, out->data, out->len, trust, &count) != LUA_OK);
    CHECK(strstr(lua_tostring(p->receiver, -1), "the bytes hold handles of a program") != NULL);
    lua_settop(p->receiver, 0);
  }
  CHECK_EQ(fake_in_flight, 1);
  transfer_discard(p->sender, out->data, out->len);
  lua_settop(p->sender, 0);
}

static void an_image_keeps_its_handles_and_serves_many(struct lua_pair *p) {
  pair_run(p->sender, "q = require 'fake'.new() jobs = {q = q}", 0, 0);
  struct bytes image = {0};
  globals_encode(p->sender, &image);
  CHECK_EQ(fake_in_flight, 1);
  for (int i = 0; i < 3; i++) {
    lua_State *L = pair_open_one();
    fake_open(L);
    globals_install(L, image.data, image.len);
    pair_run(L, "assert(type(q) == 'userdata' and jobs.q == q)", 0, 0);
    lua_close(L);
    CHECK_EQ(fake_in_flight, 1);
  }
  transfer_discard(p->sender, image.data, image.len);
  CHECK_EQ(fake_in_flight, 0);
  bytes_fini(&image);
}

int main(void) {
  struct lua_pair p = pair_open();
  fake_open(p.sender);
  fake_open(p.receiver);
  transfer_open(p.sender);
  transfer_open(p.receiver);
  a_handle_arrives_and_stays_one_object_within_a_message(&p);
  a_message_lists_its_handles_at_its_end(&p);
  a_failed_encode_drops_what_it_held(&p);
  a_failed_decode_leaves_the_messages_holds(&p);
  handles_are_refused_in_dumps(&p);
  an_image_keeps_its_handles_and_serves_many(&p);
  pair_close(&p);
  CHECK_EQ(fake_handles, 0);
  return 0;
}

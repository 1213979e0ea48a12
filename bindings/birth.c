/* SPDX-License-Identifier: MIT */
#include "birth.h"

#include "channel/message.h"
#include "state/globals.h"
#include "state/transfer.h"
#include "state/value_path.h"

/* The three sections are gathered in a buffer that a Lua error cannot leak: a userdata of its own. */
static int gathered_gc(lua_State *L) {
  bytes_fini(lua_touserdata(L, 1));
  return 0;
}

static struct bytes *push_gathered(lua_State *L) {
  struct bytes *b = lua_newuserdata(L, sizeof *b);
  bytes_init(b);
  if (luaL_newmetatable(L, "manymoons.bytes")) {
    lua_pushcfunction(L, gathered_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return b;
}

static void raise_status(lua_State *L, status st) {
  char text[STATUS_TEXT_MAX];
  if (st) luaL_error(L, "starting a worker: %s", status_text(st, text));
}

static struct birth_section append(lua_State *L, struct bytes *to, const struct bytes *from) {
  raise_status(L, bytes_reserve(to, from->len + 8));
  while (to->len % 8) to->data[to->len++] = 0;
  const struct birth_section section = {sizeof(struct birth) + to->len, from->len};
  raise_status(L, bytes_append(to, from->data, from->len));
  return section;
}

block_ref birth_write(lua_State *L, struct birth birth, int settings, int first, int count) {
  struct bytes *all = push_gathered(L);
  struct bytes *image = push_gathered(L);
  globals_encode(L, image);
  message_weaken(image->data, image->len);
  birth.image = append(L, all, image);
  birth.settings = append(L, all, transfer_encode(L, settings, 1, "settings"));
  birth.payload = append(L, all, transfer_encode(L, first, count, PATH_CALL));
  block_ref block = 0;
  const status st = commons_alloc(sizeof birth + all->len, &block);
  if (st) {
    message_discard(all->data + birth.payload.offset - sizeof birth, birth.payload.size);
    message_discard_weakened(image->data, image->len);
  }
  raise_status(L, st);
  memcpy(commons_at(block), &birth, sizeof birth);
  memcpy((uint8_t *)commons_at(block) + sizeof birth, all->data, all->len);
  bytes_fini(all);
  bytes_fini(image);
  lua_pop(L, 2);
  return block;
}

void birth_destroy(block_ref block, enum birth_fate fate) {
  const struct birth *b = commons_at(block);
  if (fate == BIRTH_UNREAD) message_discard(birth_data(b, b->payload), b->payload.size);
  message_discard_weakened(birth_data(b, b->image), b->image.size);
  commons_free(block);
}

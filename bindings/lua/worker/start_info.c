/* SPDX-License-Identifier: MIT */
#include "worker/start_info.h"

#include "channel/message_refs.h"
#include "os/status_text.h"
#include "shared/attachments.h"
#include "state/globals.h"
#include "state/raise.h"
#include "state/transfer.h"
#include "state/value_path.h"
#include "wire/message.h"
#include "worker/sandbox_rules.h"

/* The sections are collected in a buffer inside a userdata, which a Lua error cannot leak. */
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

static struct start_info_section append(lua_State *L, struct bytes *to, const struct bytes *from) {
  raise_status(L, bytes_reserve(to, from->len + 8));
  while (to->len % 8) to->data[to->len++] = 0;
  const struct start_info_section section = {sizeof(struct start_info) + to->len, from->len};
  raise_status(L, bytes_append(to, from->data, from->len));
  return section;
}

static status make_attachments(const struct bytes *text, enum message_part part, block_ref *out) {
  struct bytes carried;
  bytes_init(&carried);
  status st = message_refs_list(text->data, text->len, part, &carried);
  const struct object_list list = message_refs_listed(&carried);
  if (st == STATUS_OK && list.count) st = attachments_make(&list, 0, out);
  bytes_fini(&carried);
  return st;
}

static void discard_attachments(const struct start_info *b) {
  if (b->payload_attachments) attachments_discard(b->payload_attachments);
  if (b->image_attachments) attachments_discard(b->image_attachments);
}

static status make_block(struct start_info *start_info, const struct bytes *all, block_ref *out) {
  const status st = segment_alloc_vital(sizeof *start_info + all->len, out);
  if (st) return st;
  memcpy(segment_at(*out), start_info, sizeof *start_info);
  memcpy((uint8_t *)segment_at(*out) + sizeof *start_info, all->data, all->len);
  return STATUS_OK;
}

/* Raises if a value cannot be sent, and then holds nothing. */
static const struct bytes *encode_payload(lua_State *L, int first, int count, const struct bytes *image) {
  struct bytes *payload = NULL;
  luaL_checkstack(L, count + 4, "too many arguments");
  if (transfer_try_encode(L, first, count, PATH_CALL, &payload)) {
    message_refs_discard(image->data, image->len);
    lua_error(L);
  }
  return payload;
}

/* Raises if a sandboxed worker is to get a handle that it cannot use, and then holds nothing. */
static void check_handles(lua_State *L, const struct bytes *payload, const struct bytes *image) {
  const char *unfit = sandbox_rules_unfit_handle(payload);
  if (!unfit) return;
  message_refs_discard(payload->data, payload->len);
  message_refs_discard(image->data, image->len);
  lua_pushfstring(L, "%s: cannot be sent to a sandboxed worker, because it is memory of the program", unfit);
  lua_error(L);
}

/* Kept are globals without handles, each of which would be held, and no more than this: their owner lives longer
 * than the starts. */
enum { IMAGE_KEPT_MOST = 64 * 1024 };

static void keep_image(struct globals_image *kept, const struct bytes *image) {
  struct message m;
  bytes_clear(&kept->text);
  if (image->len > IMAGE_KEPT_MOST || message_parse(image->data, image->len, &m) || m.handle_count) return;
  if (bytes_append(&kept->text, image->data, image->len)) bytes_clear(&kept->text);
}

static void take_image(lua_State *L, struct globals_image *kept, struct bytes *image) {
  if (kept && kept->is_current && kept->text.len) {
    raise_status(L, bytes_append(image, kept->text.data, kept->text.len));
    return;
  }
  globals_encode(L, image);
  if (kept) keep_image(kept, image);
}

block_ref start_info_write(lua_State *L, struct start_info start_info, int settings, int first, int count,
                           struct globals_image *kept) {
  struct bytes *all = push_gathered(L);
  struct bytes *image = push_gathered(L);
  struct bytes *sandbox = push_gathered(L);
  sandbox_rules_append(L, settings, sandbox);
  start_info.sandbox = append(L, all, sandbox);
  start_info.settings = append(L, all, transfer_encode(L, settings, 1, "settings"));
  take_image(L, kept, image);
  start_info.image = append(L, all, image);
  const struct bytes *payload = encode_payload(L, first, count, image);
  if (sandbox->len) check_handles(L, payload, image);
  start_info.payload = append(L, all, payload);
  status st = make_attachments(payload, MESSAGE_ALL, &start_info.payload_attachments);
  if (st == STATUS_OK) st = make_attachments(image, MESSAGE_BUT_PIPES, &start_info.image_attachments);
  message_refs_discard(payload->data, payload->len);
  message_refs_discard(image->data, image->len);
  block_ref block = 0;
  if (st == STATUS_OK) st = make_block(&start_info, all, &block);
  if (st) discard_attachments(&start_info);
  raise_status(L, st);
  bytes_fini(all);
  bytes_fini(image);
  bytes_fini(sandbox);
  lua_pop(L, 3);
  return block;
}

void start_info_unload(const struct start_info *b) {
  if (b->payload_attachments) attachments_unload(b->payload_attachments);
}

void start_info_destroy(block_ref block) {
  discard_attachments(segment_at(block));
  segment_free(block);
}

/* SPDX-License-Identifier: MIT */
/* A handle owns a descriptor of its own, which no other code closes: a copy of the script's, or of that which a message
 * carried (shared/descriptor.h). */
#include "net/descriptor.h"

#include "channel/message_refs.h"
#include "core/arguments.h"
#include "os/status_text.h"
#include "os/stream.h"
#include "shared/descriptor.h"
#include "state/handle.h"
#include "wire/handles.h"

struct descriptor {
  int fd; /* -1: closed */
};

static const struct handle_class class;
static const struct handle_type travels;

static struct descriptor *check_descriptor(lua_State *L, int index) {
  struct descriptor *d = class_check(L, index, &class);
  if (d->fd < 0) luaL_error(L, "Descriptor: used after close");
  return d;
}

static struct descriptor *push_descriptor(lua_State *L) {
  struct descriptor *d = lua_newuserdata(L, sizeof *d);
  d->fd = -1;
  if (class_push(L, &class)) class_set_pointer(L, HANDLE_FIELD, &travels);
  lua_setmetatable(L, -2);
  return d;
}

int descriptor_new(lua_State *L) {
  const lua_Number fd = lua_type(L, 1) == LUA_TNUMBER ? lua_tonumber(L, 1) : -1;
  if (!(fd >= 0 && fd <= INT32_MAX) || fd != (lua_Number)(int)fd)
    luaL_error(L, "Descriptor: the number of a descriptor expected, got %s", argument_shown(L, 1));
  struct descriptor *d = push_descriptor(L);
  const status st = stream_copy((int)fd, &d->fd);
  return st ? return_failure(L, st) : 1;
}

static int descriptor_fileno(lua_State *L) {
  lua_pushinteger(L, check_descriptor(L, 1)->fd);
  return 1;
}

/* detach() → the number, which from now on is the caller's to close. [-0, +1, raises] */
static int descriptor_detach(lua_State *L) {
  struct descriptor *d = check_descriptor(L, 1);
  lua_pushinteger(L, d->fd);
  d->fd = -1;
  return 1;
}

static int descriptor_close(lua_State *L) {
  struct descriptor *d = class_check(L, 1, &class);
  stream_close(d->fd);
  d->fd = -1;
  return 0;
}

static const luaL_Reg methods[] = {
    {"fileno", descriptor_fileno}, {"detach", descriptor_detach}, {NULL, NULL}};

static const struct handle_class class = {.name = "Descriptor",
                                          .key = "manymoons.Descriptor",
                                          .methods = methods,
                                          .close = descriptor_close,
                                          .collect = descriptor_close};

/* ---- travelling ------------------------------------------------------------------------------ */

static uint64_t send_descriptor(lua_State *L, int index) {
  char text[STATUS_TEXT_MAX];
  object_ref ref = 0;
  const status st = descriptor_send(check_descriptor(L, index)->fd, NULL, 0, &ref);
  if (st == STATUS_FULL) luaL_error(L, "Descriptor: too many descriptors are under way and not received");
  if (st) luaL_error(L, "Descriptor: %s", status_text(st, text));
  return ref;
}

static void receive_descriptor(lua_State *L, const struct handle_type *type, uint64_t ref) {
  struct descriptor *d = push_descriptor(L);
  struct bytes none;
  char text[STATUS_TEXT_MAX];
  bytes_init(&none);
  const status st = descriptor_receive(ref, &d->fd, &none);
  bytes_fini(&none);
  if (st) luaL_error(L, "%s: %s", type->name, status_text(st, text));
}

static const struct handle_type travels = {.name = "Descriptor",
                                           .send = send_descriptor,
                                           .receive = receive_descriptor,
                                           .drop = message_refs_drop_reference};

void descriptor_open(lua_State *L) { handle_register(L, HANDLE_DESCRIPTOR, &travels); }

/* SPDX-License-Identifier: MIT */
#include "queues/stand_in.h"

#include "core/arguments.h"
#include "os/process.h"
#include "process/sandboxed.h"
#include "queues/priority.h"
#include "state/handle.h"
#include "state/transfer.h"
#include "state/vm_interrupt.h"
#include "wire/handles.h"

enum flavor { QUEUE, SIMPLE_QUEUE, JOINABLE_QUEUE, PRIORITY_QUEUE, FLAVORS };

struct stand_in_type {
  struct handle_type travels; /* first: the decoder passes only its address */
  struct handle_class class;
  int number; /* enum handle_number */
};

struct stand_in {
  const struct stand_in_type *type;
  uint64_t reference; /* 0: closed by its collection */
  uint64_t abandoned; /* JoinableQueue: how many were abandoned when it last joined */
};

static const struct stand_in_type types[FLAVORS]; /* defined below the methods */

static struct stand_in *check(lua_State *L) {
  const struct stand_in *s = lua_touserdata(L, 1);
  const bool is_one = s && lua_rawlen(L, 1) == sizeof *s && s->type >= types && s->type < types + FLAVORS;
  return is_one ? lua_touserdata(L, 1) : class_check(L, 1, &types[QUEUE].class);
}

/* ---- asking the guard ------------------------------------------------------------------------ */

struct call {
  struct frame frame; /* the request, then its answer */
  const struct bytes *text;
  struct bytes reply;
};

static bool must_stop(void *vm) { return vm_must_stop(vm); }

/* The text belongs to the VM, which encodes nothing meanwhile: the worker has one thread. */
static status ask(lua_State *L, struct call *call) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  const struct bytes *text = call->text;
  vm_leave(vm);
  const status st = sandboxed_ask(&call->frame, text ? text->data : NULL, text ? text->len : 0, &call->reply,
                                  must_stop, vm);
  vm_enter(vm);
  if (st == STATUS_CLOSED) process_exit_now(1);
  if (st == STATUS_INTERRUPTED) {
    bytes_fini(&call->reply);
    vm_raise_stop(L, vm);
  }
  return st ? st : call->frame.value;
}

static struct call call_of(const struct stand_in *s, enum queue_call what, deadline until) {
  return (struct call){
      .frame = {.kind = FRAME_QUEUE, .value = (int32_t)what, .numbers = {s->reference, (uint64_t)until.ns}}};
}

/* Calls without values. Raises if the queue is gone. */
static uint64_t ask_number(lua_State *L, enum queue_call what) REQUIRES(rank_vm) {
  const struct stand_in *s = check(L);
  struct call call = call_of(s, what, deadline_now());
  const status st = ask(L, &call);
  bytes_fini(&call.reply);
  if (st) luaL_error(L, "%s: the queue is gone", s->type->class.name);
  return call.frame.numbers[0];
}

/* ---- put and get ----------------------------------------------------------------------------- */

static int put_text(lua_State *L, const struct bytes *text, deadline until) REQUIRES(rank_vm) {
  struct call call = call_of(check(L), QUEUE_CALL_PUT, until);
  call.text = text;
  const status st = ask(L, &call);
  bytes_fini(&call.reply);
  return return_status(L, st);
}

static int put_until(lua_State *L, deadline until) REQUIRES(rank_vm) {
  check(L);
  luaL_checkany(L, 2);
  return put_text(L, transfer_encode_data(L, 2, 1, "value"), until);
}

static int stand_in_put(lua_State *L) REQUIRES(rank_vm) { return put_until(L, argument_timeout(L, 3)); }
static int stand_in_put_nowait(lua_State *L) REQUIRES(rank_vm) { return put_until(L, deadline_now()); }

/* A frame with the key in front of the message (process/sandbox_frame.h). */
static int priority_put_until(lua_State *L, deadline until) REQUIRES(rank_vm) {
  const struct ring_key key = priority_key(L);
  const struct bytes *text = transfer_encode_data(L, 2, 1, "value");
  struct bytes frame;
  bytes_init(&frame);
  status st = bytes_append(&frame, &key.size, sizeof key.size);
  if (st == STATUS_OK) st = bytes_append(&frame, key.bytes, key.size);
  if (st == STATUS_OK) st = bytes_append(&frame, text->data, text->len);
  const int count = st ? return_failure(L, st) : put_text(L, &frame, until);
  bytes_fini(&frame);
  return count;
}

static int priority_put(lua_State *L) REQUIRES(rank_vm) {
  check(L);
  priority_arguments(L);
  return priority_put_until(L, argument_timeout(L, 3));
}

static int priority_put_nowait(lua_State *L) REQUIRES(rank_vm) {
  check(L);
  priority_arguments(L);
  return priority_put_until(L, deadline_now());
}

/* reply (light) → values */
static int decode_reply(lua_State *L) {
  const struct bytes *reply = lua_touserdata(L, 1);
  return transfer_decode(L, reply->data, reply->len);
}

static int get_until(lua_State *L, deadline until) REQUIRES(rank_vm) {
  struct call call = call_of(check(L), QUEUE_CALL_GET, until);
  const status st = ask(L, &call);
  if (st) {
    bytes_fini(&call.reply);
    return return_failure(L, st);
  }
  const int before = lua_gettop(L);
  lua_pushcfunction(L, decode_reply);
  lua_pushlightuserdata(L, &call.reply);
  const int failed = lua_pcall(L, 1, LUA_MULTRET, 0);
  bytes_fini(&call.reply);
  return failed ? lua_error(L) : lua_gettop(L) - before;
}

static int stand_in_get(lua_State *L) REQUIRES(rank_vm) { return get_until(L, argument_timeout(L, 2)); }
static int stand_in_get_nowait(lua_State *L) REQUIRES(rank_vm) { return get_until(L, deadline_now()); }
static int iterate(lua_State *L) REQUIRES(rank_vm) { return get_until(L, deadline_never()); }

static int stand_in_iter(lua_State *L) {
  check(L);
  lua_pushcfunction(L, iterate);
  lua_pushvalue(L, 1);
  return 2;
}

/* ---- looking, reporting, closing ------------------------------------------------------------- */

static int stand_in_qsize(lua_State *L) REQUIRES(rank_vm) {
  lua_pushinteger(L, (lua_Integer)ask_number(L, QUEUE_CALL_SIZE));
  return 1;
}

static int stand_in_empty(lua_State *L) REQUIRES(rank_vm) {
  lua_pushboolean(L, ask_number(L, QUEUE_CALL_SIZE) == 0);
  return 1;
}

static int stand_in_full(lua_State *L) REQUIRES(rank_vm) {
  lua_pushboolean(L, ask_number(L, QUEUE_CALL_IS_FULL) != 0);
  return 1;
}

static int stand_in_close(lua_State *L) REQUIRES(rank_vm) {
  ask_number(L, QUEUE_CALL_CLOSE);
  return 0;
}

static int stand_in_task_done(lua_State *L) REQUIRES(rank_vm) {
  if (!ask_number(L, QUEUE_CALL_TASK_DONE))
    luaL_error(L, "JoinableQueue:task_done: called more often than get");
  return 0;
}

static int stand_in_join(lua_State *L) REQUIRES(rank_vm) {
  struct stand_in *s = check(L);
  struct call call = call_of(s, QUEUE_CALL_JOIN, argument_timeout(L, 2));
  const status st = ask(L, &call);
  bytes_fini(&call.reply);
  if (st || call.frame.numbers[0] == s->abandoned) return return_status(L, st);
  s->abandoned = call.frame.numbers[0];
  lua_pushboolean(L, 1);
  lua_pushliteral(L, "abandoned");
  return 2;
}

/* Never asks, so it may run in a finalizer. */
static int stand_in_gc(lua_State *L) {
  struct stand_in *s = check(L);
  struct frame f = {.kind = FRAME_QUEUE, .value = QUEUE_CALL_DROP, .numbers = {s->reference}};
  if (s->reference) (void)!sandboxed_tell(&f, NULL, 0, NULL, 0);
  s->reference = 0;
  return 0;
}

static int stand_in_eq(lua_State *L) {
  const struct stand_in *a = lua_touserdata(L, 1);
  const struct stand_in *b = lua_touserdata(L, 2);
  lua_pushboolean(L, lua_rawlen(L, 1) == lua_rawlen(L, 2) && a->reference == b->reference);
  return 1;
}

/* ---- types ----------------------------------------------------------------------------------- */

static uint64_t refuse_to_travel(lua_State *L, int index) {
  const struct stand_in *s = lua_touserdata(L, index);
  luaL_error(L, "%s: a sandboxed worker cannot send a queue", s->type->class.name);
  return 0;
}

/* __index, with the class's methods as upvalue: these, and the field `maxsize`. */
static int stand_in_index(lua_State *L) REQUIRES(rank_vm) {
  if (lua_type(L, 2) == LUA_TSTRING && strcmp(lua_tostring(L, 2), "maxsize") == 0) {
    lua_pushinteger(L, (lua_Integer)ask_number(L, QUEUE_CALL_BOUND));
    return 1;
  }
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  return 1;
}

/* Completes the new metatable on top. */
static void extend_class(lua_State *L) {
  lua_pushcfunction(L, stand_in_eq);
  lua_setfield(L, -2, "__eq");
  lua_getfield(L, -1, "__index");
  lua_pushcclosure(L, stand_in_index, 1);
  lua_setfield(L, -2, "__index");
}

static void receive(lua_State *L, const struct handle_type *travels, uint64_t reference) {
  const struct stand_in_type *type = (const struct stand_in_type *)(const void *)travels;
  struct stand_in *s = lua_newuserdata(L, sizeof *s);
  *s = (struct stand_in){.type = type, .reference = reference};
  if (class_push(L, &type->class)) {
    class_set_pointer(L, HANDLE_FIELD, travels);
    extend_class(L);
  }
  lua_setmetatable(L, -2);
}

/* Stand-ins are never in a message that is discarded. */
static void drop_nothing(uint64_t reference) { (void)reference; }

static const luaL_Reg methods[] = {
    {"put", stand_in_put},
    {"put_nowait", stand_in_put_nowait},
    {"get", stand_in_get},
    {"get_nowait", stand_in_get_nowait},
    {"iter", stand_in_iter},
    {"qsize", stand_in_qsize},
    {"empty", stand_in_empty},
    {"full", stand_in_full},
    {NULL, NULL},
};

static const luaL_Reg priority_methods[] = {
    {"put", priority_put},
    {"put_nowait", priority_put_nowait},
    {NULL, NULL},
};

static const luaL_Reg joinable_methods[] = {
    {"task_done", stand_in_task_done},
    {"join", stand_in_join},
    {NULL, NULL},
};

#define TYPE(handle, text, more_methods)                                                             \
  {                                                                                                  \
    .travels = {.name = (text), .send = refuse_to_travel, .receive = receive, .drop = drop_nothing}, \
    .class = {.name = (text),                                                                        \
              .key = "manymoons.StandIn" text,                                                       \
              .methods = methods,                                                                    \
              .close = stand_in_close,                                                               \
              .collect = stand_in_gc,                                                                \
              .more = (more_methods)},                                                               \
    .number = (handle)                                                                               \
  }

static const struct stand_in_type types[FLAVORS] = {
    [QUEUE] = TYPE(HANDLE_QUEUE, "Queue", NULL),
    [SIMPLE_QUEUE] = TYPE(HANDLE_SIMPLE_QUEUE, "SimpleQueue", NULL),
    [JOINABLE_QUEUE] = TYPE(HANDLE_JOINABLE_QUEUE, "JoinableQueue", joinable_methods),
    [PRIORITY_QUEUE] = TYPE(HANDLE_PRIORITY_QUEUE, "PriorityQueue", priority_methods),
};

void stand_in_open(lua_State *L) {
  for (int i = 0; i < FLAVORS; i++) handle_register(L, types[i].number, &types[i].travels);
}

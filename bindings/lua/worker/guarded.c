/* SPDX-License-Identifier: MIT */
#include "worker/guarded.h"

#include <errno.h>

#include "os/process.h"
#include "process/sandboxed.h"
#include "state/error.h"
#include "state/raise.h"
#include "state/transfer.h"
#include "state/vm_interrupt.h"

static bool must_stop(void *vm) { return vm_must_stop(vm); }

/* A worker without a guard is about to be killed. */
static status ask(lua_State *L, struct frame *f, struct bytes *payload) REQUIRES(rank_vm) {
  struct vm *vm = vm_of(L);
  vm_leave(vm);
  const status st = sandboxed_ask(f, NULL, 0, payload, must_stop, vm);
  vm_enter(vm);
  if (st == STATUS_CLOSED) process_exit_now(1);
  if (st == STATUS_INTERRUPTED) vm_raise_stop(L, vm);
  if (st) error_raise_memory(L);
  return st;
}

status guarded_take(lua_State *L, struct bytes *inbox, struct ring_message *message) {
  struct frame f = {.kind = FRAME_NEXT};
  const status st = ask(L, &f, inbox);
  if (st) return st;
  if (f.kind != FRAME_TASK) return STATUS_CLOSED;
  *message = (struct ring_message){.data = inbox->data, .size = inbox->len, .number = f.numbers[0]};
  return STATUS_OK;
}

void guarded_fetch(lua_State *L, block_ref place, struct bytes *text) {
  struct frame f = {.kind = FRAME_STORED, .numbers = {place}};
  if (ask(L, &f, text) || f.kind != FRAME_BYTES) luaL_error(L, "the pool is gone");
}

size_t guarded_answer(lua_State *L, const void *envelope, size_t envelope_size, int first, const char *what) {
  struct frame f = {.kind = FRAME_ANSWER};
  const struct bytes *text = transfer_encode_data(L, first, lua_gettop(L) - first + 1, what);
  if (sandboxed_tell(&f, envelope, envelope_size, text->data, text->len)) process_exit_now(1);
  return text->len;
}

void guarded_note(uint32_t item) {
  atomic_store_explicit(&sandboxed_page()->item, item, memory_order_relaxed);
}

bool guarded_may_begin(lua_State *L, uint32_t item) {
  struct bytes nothing;
  struct frame f = {.kind = FRAME_BEGIN, .value = (int32_t)item};
  guarded_note(item);
  bytes_init(&nothing);
  const status st = ask(L, &f, &nothing);
  bytes_fini(&nothing);
  return st == STATUS_OK && f.kind == FRAME_GO && f.value == 1;
}

/* ---- programs -------------------------------------------------------------------------------- */

/* The sandbox refuses these in any case; the C library's text for it names something else. */
static int refuse_program(lua_State *L) {
  lua_pushnil(L);
  lua_pushliteral(L, "the sandbox refuses to start a program");
  lua_pushinteger(L, EPERM);
  return 3;
}

void guarded_refuse_programs(lua_State *L) {
  lua_getglobal(L, "os");
  if (lua_istable(L, -1)) {
    lua_pushcfunction(L, refuse_program);
    lua_setfield(L, -2, "execute");
  }
  lua_getglobal(L, "io");
  if (lua_istable(L, -1)) {
    lua_pushcfunction(L, refuse_program);
    lua_setfield(L, -2, "popen");
  }
  lua_pop(L, 2);
}

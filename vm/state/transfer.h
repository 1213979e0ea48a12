/* SPDX-License-Identifier: MIT */
/* Copying values between VMs: Lua values -> a message -> equal values in another VM.
 *
 * docs/reference/lua.md (register) lists the values that can be sent; wire/format.h defines the
 * bytes. The sender's call encodes, so that an unsendable value is an error there, with its path
 * ("cannot send a coroutine (at value.jobs[3].co)"), and the receiver does not see later changes to
 * the value.
 *
 * Two inexact cases:
 *   - PUC Lua 5.1 cannot report which closures share an upvalue, so each gets a copy of its own
 *     (a local function that calls itself still works).
 *   - LuaJIT has one NaN; the bits of others are lost.
 *
 * Threads: the caller holds the VM lock. Ownership: an encoded message holds the objects behind its
 * handles until its owner discards it (transfer_discard), exactly once; decoding does not change
 * the holds (state/handle.h).
 */
#ifndef STATE_TRANSFER_H
#define STATE_TRANSFER_H

#include <stddef.h>

#include "base/bytes.h"
#include "state/lua_compat.h"
#include "state/trust.h"

/* Prepares this VM, so that the try_ functions never raise. May be called again.
 * [-0, +0, memory] */
void transfer_open(lua_State *L);

/* Encodes the `count` values from index `first` on as one message. `what` names them in errors:
 * "value"; of several, "argument" becomes "argument 2"; PATH_ITEMS is for lists whose elements are
 * copied each for itself; PATH_CALL is for a function with its
 * arguments. The bytes belong to the VM and are valid until the VM encodes again. The caller may
 * take them over by copying the struct and calling bytes_init on the original. [-0, +0, raises] */
struct bytes *transfer_encode(lua_State *L, int first, int count, const char *what);
/* The same, for parcel.c alone: a long message is written into a block of the segment
 * (shared/block_bytes.h), which the caller hands over or frees before the VM encodes again.
 * [-0, +0, raises] */
struct bytes *transfer_encode_for_ring(lua_State *L, int first, int count, const char *what);
/* The same without handles, for bytes that may be stored and decoded any number of times.
 * [-0, +0, raises] */
struct bytes *transfer_encode_dump(lua_State *L, int first, int count, const char *what);
/* The same for what a sandboxed worker sends: functions are errors, too. [-0, +0, raises] */
struct bytes *transfer_encode_data(lua_State *L, int first, int count, const char *what);

/* Pushes the values of a message of this program and returns their number. `data` must not change
 * during the call. The message keeps its holds, also on an error. [-0, +n, raises] */
int transfer_decode(lua_State *L, const void *data, size_t size);
/* The same for a call's values. If the message has the globals of the call (FLAG_GLOBALS), they are its first
 * value, and are applied before the others are decoded (state/globals_apply.h). [-0, +n, raises] */
int transfer_decode_call(lua_State *L, const void *data, size_t size);
/* The same for bytes that may be stored or come from elsewhere, and have no handles, whatever the
 * trust (transfer_encode_dump). [-0, +n, raises] */
int transfer_decode_dump(lua_State *L, const void *data, size_t size, enum trust trust);

/* The same for C code that must not raise; call transfer_open before, and ensure stack space for
 * count + 4 values. LUA_OK, or Lua's error code with the error pushed.
 * [-0, +0|n|1, never raises] */
int transfer_try_encode(lua_State *L, int first, int count, const char *what, struct bytes **out);
/* transfer_decode and transfer_decode_dump, protected: LUA_OK and *count values pushed, else Lua's code
 * and the error pushed. [-0, +count|1, never raises] */
int transfer_try_decode(lua_State *L, const void *data, size_t size, int *count);
int transfer_try_decode_dump(lua_State *L, const void *data, size_t size, enum trust trust, int *count);

/* Drops the message's holds; call transfer_open before. Malformed bytes are ignored.
 * [-0, +0, never raises] */
void transfer_discard(lua_State *L, const void *data, size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/* Values cross between VMs: Lua values -> a message -> the same values in another VM.
 *
 * What can be sent, and what becomes of it, is in docs/reference/lua.md (register); the bytes are
 * wire/format.h. Encoding happens in the sender's call, so that what cannot be sent is an error
 * there, with the path to the culprit ("cannot send a coroutine (at value.jobs[3].co)"), and later
 * changes to the value are not seen by the receiver.
 *
 * Two ways not to be exact:
 *   - PUC Lua 5.1 cannot tell which closures share an upvalue, so there each gets a copy of its own
 *     (a local function that calls itself still works).
 *   - LuaJIT keeps one NaN, whatever its bits were.
 *
 * Threads: the VM's lock is held. Ownership: an encoded message holds the objects behind its
 * handles until it is decoded or discarded; exactly once, the one or the other.
 */
#ifndef STATE_TRANSFER_H
#define STATE_TRANSFER_H

#include <stddef.h>

#include "base/bytes.h"
#include "state/lua_compat.h"

enum transfer_flag {
  TRANSFER_TRUSTED =
      1, /* a message of this program: functions and handles are welcome, modules are required */
  TRANSFER_UNTRUSTED = 2, /* anybody's bytes: data only, nothing is loaded because they name it */
  TRANSFER_FUNCTIONS = 4, /* with UNTRUSTED: the caller vouches for functions, too */
};

/* Prepares this VM, so that the try_ functions never raise. Safe to call again. [-0, +0, memory] */
void transfer_open(lua_State *L);

/* One message with the `count` values from index `first` on. `what` names them in errors: "value"; with
 * several, "argument" gives "argument 2"; PATH_CALL is for a function with its arguments. The bytes belong to
 * the VM and are valid until its next encode; the caller may take them over by copying the struct and calling
 * bytes_init on the original. [-0, +0, raises] */
struct bytes *transfer_encode(lua_State *L, int first, int count, const char *what);
/* The same for parcel.c alone: what is long is written into a block of the segment (shared/block_bytes.h),
 * which has to be handed over or given back before anything else happens. [-0, +0, raises] */
struct bytes *transfer_encode_for_ring(lua_State *L, int first, int count, const char *what);
/* The same without handles, for bytes that may be kept and decoded any number of times. [-0, +0, raises] */
struct bytes *transfer_encode_dump(lua_State *L, int first, int count, const char *what);

/* Pushes the values of a message and returns how many. On an error the message's handles are let go.
 * `data` must not change meanwhile. [-0, +n, raises] */
int transfer_decode(lua_State *L, const void *data, size_t size, unsigned flags);

/* As above for loops in C, after transfer_open and with stack space for count + 4 values: LUA_OK, or an error
 * code of Lua, and its value pushed instead. Never raise. */
int transfer_try_encode(lua_State *L, int first, int count, const char *what, struct bytes **out);
int transfer_try_decode(lua_State *L, const void *data, size_t size, unsigned flags, int *count);

/* Releases the message's holds. Malformed bytes are ignored. Never raises; after transfer_open. */
void transfer_discard(lua_State *L, const void *data, size_t size);

#endif

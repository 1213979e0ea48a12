/* SPDX-License-Identifier: MIT */
/* The globals of a script, for its workers: the difference to a fresh VM, encoded once and decoded
 * name by name.
 *
 * The image (wire/format.h) is one object space: an object that two globals share at the sender is
 * shared at the receiver. The receiver's _G gets a metatable that decodes a name at its first use
 * and removes itself when no name is left. A metatable of the script's own (strict mode) is
 * carried, too: it handles the names that the image does not have, and becomes the metatable of _G
 * in the end. A global that cannot be sent raises an error where it is used: `global 'conn': cannot
 * send a coroutine (at conn.co)`.
 *
 * Carried:
 *   - globals under string keys
 *   - additions to standard libraries
 *   - functions in package.preload
 *   - registered classes
 *
 * Not carried:
 *   - package.path, package.cpath and arg, which belong to the worker's settings
 *   - names that the script removed
 *
 * Known limits:
 *   - rawget(_G, name), and next(_G) and pairs(_G) before Lua 5.2, do not find a name
 *     before its first use.
 *   - If decoding a global fails, globals decoded later share no objects with earlier ones.
 *
 * The caller holds the VM lock. An image is trusted: it comes from this program.
 */
#ifndef STATE_GLOBALS_H
#define STATE_GLOBALS_H

#include <stddef.h>

#include "base/bytes.h"
#include "state/lua_compat.h"

/* Appends the image of this VM's globals to `out`. The image holds the objects behind its handles:
 * discard it like a message when no VM uses it any more. On failure `out` is unchanged.
 * [-0, +0, memory] */
void globals_encode(lua_State *L, struct bytes *out);

/* Installs the globals of an image in a fresh VM with open libraries. `data` must stay valid and
 * unchanged until the VM is closed; several VMs may use one image.
 * [-0, +0, raises if it is no image, memory] */
void globals_install(lua_State *L, const void *data, size_t size);

/* Decodes the names of an installed image that are still pending; skips those that fail.
 * [-0, +0, memory] */
void globals_load(lua_State *L);
/* Pushes the table of names that could not be decoded, name -> text of the error, or nil.
 * [-0, +1, memory] */
void globals_push_broken(lua_State *L);
/* Pushes the script's own metatable of _G, or nil. [-0, +1, raises] */
void globals_push_metatable(lua_State *L);

#endif

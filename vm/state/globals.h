/* SPDX-License-Identifier: MIT */
/* A program's globals travel to its workers: what differs from a fresh VM, encoded once,
 * decoded name by name.
 *
 * The image (wire/format.h) is one object space: what two globals share at the sender they share
 * at the receiver. The receiver finds it through a metatable on _G that decodes a name when it is
 * first asked for, and takes itself away when no name is left. A metatable of the program's own
 * (strict mode) is carried, too: it is asked for names that the image has not, and is _G's alone
 * in the end. What cannot be sent raises where it is used: `global 'conn': cannot send a
 * coroutine (at conn.co)`.
 *
 * Carried:
 *   - globals under string keys
 *   - additions to standard libraries
 *   - functions in package.preload
 *   - registered classes
 *
 * Not carried:
 *   - package.path, package.cpath and arg, which are the worker's settings
 *   - names that the program removed
 *
 * Known limits:
 *   - rawget(_G, name), and next(_G) and pairs(_G) before Lua 5.2, do not see a name
 *     before its first use.
 *   - If decoding a global fails, globals decoded later share nothing with those decoded before.
 *
 * The VM's lock is held. An image is trusted: it comes from this program.
 */
#ifndef STATE_GLOBALS_H
#define STATE_GLOBALS_H

#include <stddef.h>

#include "base/bytes.h"
#include "state/lua_compat.h"

/* Appends the image of this VM's globals to `out`. It holds the objects behind its handles for as long as it
 * is kept: discard it like a message when no VM uses it any more. [-0, +0, memory] */
void globals_encode(lua_State *L, struct bytes *out);

/* Gives the globals of an image to a fresh VM with its libraries open. `data` has to stay valid, and
 * unchanged, until the VM is closed; many VMs may use one image. [-0, +0, raises if it is no image, memory]
 */
void globals_install(lua_State *L, const void *data, size_t size);

/* Decodes whatever an installed image still has, but for what cannot be. [-0, +0, memory] */
void globals_load(lua_State *L);
/* Pushes the table of names that cannot be had here, name -> text of the error, or nil. [-0, +1, memory] */
void globals_push_broken(lua_State *L);
/* Pushes the program's own metatable of _G, or nil. [-0, +1, raises] */
void globals_push_metatable(lua_State *L);

#endif

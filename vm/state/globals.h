/* SPDX-License-Identifier: MIT */
/* The globals of a script, for its workers: the difference to a fresh VM, encoded once and decoded
 * name by name.
 *
 * The image (wire/format.h) is one object space: an object that two globals share at the sender is
 * shared at the receiver. The receiver's _G gets a metatable that decodes a name at its first use
 * and removes itself when no name is left, or when the script is about to look at the table: then all
 * names are decoded. A metatable of the script's own (strict mode) is carried, too, and all names with
 * it. A global that cannot be sent raises an error where it is used: `global 'conn': cannot send a
 * coroutine (at conn.co)`.
 *
 * Carried, as fork gives them:
 *   - globals under string keys, and that a name is missing which a fresh VM has
 *   - the same of standard libraries, and of the metatable of strings; metatables of other types
 *   - functions in package.preload, and modules in package.loaded that no file has
 *   - the searchers of `require`
 *   - registered classes
 *
 * Not carried:
 *   - package.path, package.cpath and arg, which belong to the worker's settings
 *   - the table by which a script knows its host, if it cannot be sent (`vim`, `love`)
 *
 * Known limits:
 *   - Code that uses _ENV as a table, or package.loaded._G, may look at _G before all names are there.
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
/* The same for registered classes alone: a class that was decoded as a value is known by its
 * registered name from then on. [-0, +0, memory] */
void globals_load_classes(lua_State *L);
/* Pushes the table of names that could not be decoded, name -> text of the error, or nil.
 * [-0, +1, memory] */
void globals_push_broken(lua_State *L);
/* Pushes the global whose name is at index `name`, decoded if it is pending. [-0, +1, memory] */
void globals_take(lua_State *L, int name);
/* The value on top of the stack becomes that global, which is not pending any more. [-1, +0, memory] */
void globals_put(lua_State *L, int name);
/* That global raises the text on top of the stack where it is used, until another value is put there.
 * [-1, +0, memory] */
void globals_break(lua_State *L, int name);
/* Pushes the script's own metatable of _G, or nil. [-0, +1, memory] */
void globals_push_metatable(lua_State *L);

#endif

/* SPDX-License-Identifier: MIT */
/* Why a worker has not what belongs to its host: "attempt to index field 'api' (a nil value): vim.api belongs to the editor;
 * workers have none".
 *
 * The names stay nil in workers, because code that works in both asks for them (`if vim.api then`). So nothing is said when
 * a name is read, but where an error is about to be shown, or sent, as in method_hint.h.
 */
#ifndef STATE_HOST_HINT_H
#define STATE_HOST_HINT_H

#include "state/lua_compat.h"

/* Adds the hint to the error on top, if it is about such a name. False: it is not. [-1, +1, memory] */
bool host_hint_add(lua_State *L);

#endif

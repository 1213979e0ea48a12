/* SPDX-License-Identifier: MIT */
/* Text of others, escaped for a person (base/printable.h). */
#ifndef BINDINGS_CORE_PRINTABLE_H
#define BINDINGS_CORE_PRINTABLE_H

#include "base/printable.h"
#include "state/lua_compat.h"

/* Pushes the string at `index` as it may be shown. [-0, +1, memory] */
void printable_push(lua_State *L, int index, enum printable_as as);

/* printable(text [, "json"]) → the text as it may be shown; with "json", as in a string of JSON, but
 * for quotes and backslashes. [-0, +1, raises] */
int printable_call(lua_State *L);

#endif

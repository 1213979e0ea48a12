/* SPDX-License-Identifier: MIT */
/* The handles of frozen tables (shared/frozen_table.h), mm.freeze and mm.thaw, in every world. */
#ifndef BINDINGS_MEMORY_FROZEN_TABLE_H
#define BINDINGS_MEMORY_FROZEN_TABLE_H

#include "core/arguments.h"

/* Lets this VM decode them. [-0, +0, raises] */
void frozen_table_open(lua_State *L);
/* freeze(table) → a frozen table; or nil and why. [-0, +1 or 2, raises] */
int frozen_table_freeze_call(lua_State *L);
/* thaw(frozen) → a table; or nil: it is no frozen table. [-0, +1, raises] */
int frozen_table_thaw_call(lua_State *L);
/* is_frozen(value) → a boolean. [-0, +1] */
int frozen_table_is_call(lua_State *L);

#endif

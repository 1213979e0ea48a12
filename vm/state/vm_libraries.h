/* SPDX-License-Identifier: MIT */
/* Which of Lua's standard libraries a VM has. */
#ifndef STATE_VM_LIBRARIES_H
#define STATE_VM_LIBRARIES_H

#include "state/lua_compat.h"

/* The values are those of MM_LIB_* in manymoons.h. */
enum vm_standard_library {
  VM_LIB_SAFE =
      1, /* base, string, table, math, utf8 or bit, coroutine; load takes text alone; no file is read */
  VM_LIB_IO = 2, /* io, dofile, loadfile */
  VM_LIB_OS = 4,
  VM_LIB_PACKAGE = 8, /* require */
  VM_LIB_DEBUG = 16,
  VM_LIB_FFI = 32, /* LuaJIT's ffi; jit is there with it, or with DEBUG */
  VM_LIB_ALL = 63, /* as the stand-alone interpreter has them: load takes bytecode, too */
};

/* The bit of a name that users write ("io"), or 0. */
unsigned vm_library_called(const char *name);
/* Opens those of `set`, SAFE in any case. [-0, +0, raises] */
void vm_libraries_open(lua_State *L, unsigned set);

#endif

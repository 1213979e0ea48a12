/* SPDX-License-Identifier: MIT */
/* The sets of standard libraries that a VM can have. */
#ifndef STATE_VM_LIBRARIES_H
#define STATE_VM_LIBRARIES_H

#include "state/lua_compat.h"

/* The values are those of MM_LIB_* in manymoons.h. */
enum vm_standard_library {
  /* base, string, table, math, utf8 or bit, coroutine; load refuses bytecode; no file is read */
  VM_LIB_SAFE = 1,
  VM_LIB_IO = 2, /* io, dofile, loadfile */
  VM_LIB_OS = 4,
  VM_LIB_PACKAGE = 8, /* require */
  VM_LIB_DEBUG = 16,
  VM_LIB_FFI = 32, /* LuaJIT's ffi, and jit, which DEBUG has, too */
  VM_LIB_ALL = 63, /* as in the stand-alone interpreter: load accepts bytecode, too */
};

/* The bit of a library by its name for users ("io"); 0: no such name. */
unsigned vm_library_called(const char *name);
/* Opens the libraries of `set`, and always those of SAFE. [-0, +0, raises] */
void vm_libraries_open(lua_State *L, unsigned set);

#endif

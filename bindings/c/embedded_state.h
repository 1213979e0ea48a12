/* SPDX-License-Identifier: MIT */
/* Opening and closing the Lua VM behind an mm_vm, in this process or in a process of its own. */
#ifndef C_EMBEDDED_STATE_H
#define C_EMBEDDED_STATE_H

#include "c/modules.h"
#include "state/vm.h"

/* The caller owns the texts and modules; they outlive the VM. */
struct embedded_vm_options {
  const struct vm_library *library;
  struct vm_options vm; /* .libraries is not 0 */
  const char *path;
  const char *cpath;
  struct module_set modules;
  bool has_require;                             /* MM_LIB_REQUIRE; the library `package` has its own */
  bool counts_steps;                            /* can be stopped in long C functions, too */
  void *owner;                                  /* the result of embedded_state_owner */
  void (*print)(void *owner, const char *line); /* NULL: stdout */
};

/* Opens a VM and enters it. -ENOMEM. -EINVAL: Lua raised an error, whose text is in `error`. */
enum { EMBEDDED_STATE_ERROR_MAX = 200 };
/* A VM with the options' libraries, limits and functions. On failure `error` has Lua's message
 * (or is untouched, if there is none), and *out is untouched: -ENOMEM, -EINVAL, or what vm_open
 * returns. */
MUST_CHECK status embedded_state_open(struct vm **out, const struct embedded_vm_options *options,
                                      char error[EMBEDDED_STATE_ERROR_MAX]);
/* Stops the workers of the VM's scripts, closes the VM and frees it. The caller has entered it. */
void embedded_state_close(struct vm *vm);
/* The `owner` of the options; NULL in a VM that is not embedded. [-0, +0] */
void *embedded_state_owner(lua_State *L);

#endif

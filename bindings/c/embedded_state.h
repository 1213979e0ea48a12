/* SPDX-License-Identifier: MIT */
/* The Lua VM of a embedded VM: what it is opened with, and how it is shut. In this process or another one. */
#ifndef C_EMBEDDED_STATE_H
#define C_EMBEDDED_STATE_H

#include "manymoons.h"
#include "state/vm.h"

/* A module that `require` finds in embedded VMs: in C or as source. */
struct module {
  struct module *next;
  char *name;
  mm_open_fn open; /* NULL: source */
  char *source;
  size_t source_size;
};

/* What a embedded VM is made from; the texts are the maker's. */
struct embedded_vm_options {
  const struct vm_library *library;
  struct vm_options options; /* .libraries is not 0 */
  const char *path;
  const char *cpath;
  const struct module *modules;
  void *owner;                                  /* what embedded_state_owner gives */
  void (*print)(void *owner, const char *line); /* NULL: stdout */
};

/* Opened and entered. -ENOMEM; -EINVAL, and why in `error` if there is room: something of
 * it cannot be done. */
enum { EMBEDDED_STATE_ERROR_MAX = 200 };
MUST_CHECK status embedded_state_open(struct vm **out, const struct embedded_vm_options *order,
                                      char error[EMBEDDED_STATE_ERROR_MAX]);
/* Entered; ends the workers of its scripts, and frees it. */
void embedded_state_close(struct vm *vm);
/* NULL in other VMs. */
void *embedded_state_owner(lua_State *L);

#endif

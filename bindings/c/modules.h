/* SPDX-License-Identifier: MIT */
/* What `require` finds in embedded VMs: the modules that the program has registered, and those whose
 * source a function of the program finds (mm_rt_config.find). */
#ifndef C_MODULES_H
#define C_MODULES_H

#include <lua.h>

#include "base/bytes.h"
#include "manymoons.h"

/* A module that the program has registered: a C function or source. */
struct module {
  struct module *next;
  char *name;
  mm_open_fn open; /* NULL: the module is source */
  char *source;
  size_t source_size;
};

/* The source of a module, as a function of the program gives it; empty at first. */
struct mm_source {
  struct bytes text;
  struct bytes name; /* of the chunk; empty: the module's */
  status failure;    /* of mm_source_give */
  bool is_given;
};
void source_fini(struct mm_source *s);

struct module_set {
  const struct module *registered;
  /* False: there is none. NULL: nothing is looked for. Called in the VM, under its lock. */
  bool (*find)(void *owner, const char *name, struct mm_source *out);
  void *owner;
};

/* Lets `require` of the library `package` find them: registered ones as preloaded, the others before
 * files. [-0, +0, raises] */
void modules_install(lua_State *L, const struct module_set *set);
/* Makes a global `require` that finds these modules, those of the VM's libraries, and no others.
 * [-0, +0, raises] */
void modules_install_require(lua_State *L, const struct module_set *set);

#endif

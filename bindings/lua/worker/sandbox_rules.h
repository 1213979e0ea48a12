/* SPDX-License-Identifier: MIT */
/* The rules of a sandboxed worker on their way from the program's options (worker/sandbox.lua) to
 * the sandbox (os/sandbox.h):
 *
 *     rules := struct sandbox_rules_head | name | path …
 *     path  := access ('r' or 'w') and the absolute path
 *
 * Each text ends with a zero byte. */
#ifndef BINDINGS_WORKER_SANDBOX_RULES_H
#define BINDINGS_WORKER_SANDBOX_RULES_H

#include "base/bytes.h"
#include "os/sandbox.h"
#include "state/lua_compat.h"

struct sandbox_rules_head {
  uint64_t memory;
  uint32_t network; /* enum sandbox_network */
  uint32_t path_count;
};

/* The memory of a sandboxed worker whose Lua has this limit; 0: none. */
uint64_t sandbox_rules_memory(uint64_t limit);
/* Appends rules to `out`: the head and the name, then head->path_count paths. -ENOMEM. */
MUST_CHECK status sandbox_rules_begin(struct bytes *out, const struct sandbox_rules_head *head,
                                      const char *name);
MUST_CHECK status sandbox_rules_add(struct bytes *out, enum sandbox_access access, const char *path);
/* Appends the rules in the settings at `settings`; nothing if the worker is not sandboxed.
 * [-0, +0, raises] */
void sandbox_rules_append(lua_State *L, int settings, struct bytes *out);
/* Reads rules, whose texts stay where they are. The caller frees rules->paths with memory_free.
 * STATUS_MALFORMED, -ENOMEM. */
MUST_CHECK status sandbox_rules_read(const void *data, size_t size, struct sandbox_rules *rules,
                                     const char **name);

/* The name of a handle in the message that a sandboxed worker cannot use; NULL: there is none. */
const char *sandbox_rules_unfit_handle(const struct bytes *message);

/* sandbox_obstacle(names_files) → why this machine cannot have such a sandbox; nil: it can.
 * [-0, +1, raises] */
int sandbox_obstacle_call(lua_State *L);
/* sandbox_path(path) → the absolute path without symbolic links; nil and why. [-0, +1 or 2, raises] */
int sandbox_path_call(lua_State *L);

#endif

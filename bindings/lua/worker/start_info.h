/* SPDX-License-Identifier: MIT */
/* What a worker is born with: one block of the segment, written by the parent before the start,
 * read by the worker.
 *
 *     birth     := struct birth | settings | payload | image
 *     settings  a wire message with one table: name, daemon, path, cpath, arg, world, …
 *               (worker/process.lua, worker_settings)
 *     payload   a wire message: of a process the function and its arguments, of a worker of a
 *               pool the initializer and its arguments
 *     image     the program's globals (state/globals.h)
 *
 * The parent owns the block and frees it after the worker's end; until then it does not change.
 */
#ifndef BINDINGS_WORKER_START_INFO_H
#define BINDINGS_WORKER_START_INFO_H

#include "shared/ring.h"
#include "state/lua_compat.h"

enum birth_role { BIRTH_PROCESS = 1, BIRTH_POOL_WORKER = 2 }; /* 3: bindings/c/process_vm.h */

struct birth_section {
  uint64_t offset; /* from the start of the birth */
  uint64_t size;
};

/* What the worker may use (worker/limits.lua); 0: as much as there is. */
struct birth_limits {
  uint64_t memory; /* bytes */
  int64_t timeout_ns;
  uint32_t libraries; /* enum vm_standard_library */
  int32_t nice;
};

struct birth {
  uint32_t role; /* enum birth_role */
  uint32_t reserved;
  struct birth_limits limits;
  object_ref tasks; /* pool worker: its two rings, held by the parent for longer than the worker lives */
  object_ref results;
  struct birth_section settings;
  struct birth_section payload;
  struct birth_section image;
  block_ref payload_attachments; /* what they carry; 0: nothing */
  block_ref image_attachments;
};

/* Writes a birth from the settings table at `settings`, the `count` payload values from `first`, and this
 * VM's globals. The block is this process's. [-0, +0, raises] */
block_ref birth_write(lua_State *L, struct birth birth, int settings, int first, int count);
/* The worker has read the payload, and holds for itself what it carried. */
void birth_unload(const struct birth *b);
/* Never started, or ended. */
void birth_destroy(block_ref block);

static inline const uint8_t *birth_data(const struct birth *b, struct birth_section section) {
  return (const uint8_t *)b + section.offset;
}

#endif

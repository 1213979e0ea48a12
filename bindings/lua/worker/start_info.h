/* SPDX-License-Identifier: MIT */
/* What a worker is born with: one block of the segment, written by the parent before the start,
 * read by the worker.
 *
 *     start info     := struct start info | settings | payload | image
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

enum start_info_role { START_INFO_PROCESS = 1, START_INFO_POOL_WORKER = 2 }; /* 3: bindings/c/process_vm.h */

struct start_info_section {
  uint64_t offset; /* from the start of the start info */
  uint64_t size;
};

/* What the worker may use (worker/limits.lua); 0: as much as there is. */
struct start_info_limits {
  uint64_t memory; /* bytes */
  int64_t timeout_ns;
  uint32_t libraries; /* enum vm_standard_library */
  int32_t nice;
};

struct start_info {
  uint32_t role; /* enum start_info_role */
  uint32_t reserved;
  struct start_info_limits limits;
  object_ref tasks; /* pool worker: its two rings, held by the parent for longer than the worker lives */
  object_ref results;
  struct start_info_section settings;
  struct start_info_section payload;
  struct start_info_section image;
  block_ref payload_attachments; /* what they carry; 0: nothing */
  block_ref image_attachments;
};

/* Writes a start info from the settings table at `settings`, the `count` payload values from `first`, and this
 * VM's globals. The block is this process's. [-0, +0, raises] */
block_ref start_info_write(lua_State *L, struct start_info start_info, int settings, int first, int count);
/* The worker has read the payload, and holds for itself what it carried. */
void start_info_unload(const struct start_info *b);
/* Never started, or ended. */
void start_info_destroy(block_ref block);

static inline const uint8_t *start_info_data(const struct start_info *b, struct start_info_section section) {
  return (const uint8_t *)b + section.offset;
}

#endif

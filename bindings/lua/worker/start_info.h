/* SPDX-License-Identifier: MIT */
/* The start info of a worker: one block of the segment, which the parent writes before the start
 * and the worker reads.
 *
 *     block     struct start_info | settings | payload | image | sandbox
 *     settings  a wire message of one table: name, daemon, path, cpath, arg, world, …
 *               (worker/start.lua)
 *     payload   a wire message: for a process the function and its arguments, for a pool worker the
 *               initializer, its arguments, and the finalizer
 *     image     the program's globals (state/globals.h)
 *     sandbox   the rules of a sandboxed worker (worker/sandbox_rules.h); empty: it is not one
 *
 * The parent owns the block and frees it after the worker's end. It does not change in between.
 */
#ifndef BINDINGS_WORKER_START_INFO_H
#define BINDINGS_WORKER_START_INFO_H

#include "base/bytes.h"
#include "process/sandboxed.h"
#include "shared/ring.h"
#include "state/lua_compat.h"

enum start_info_role { START_INFO_PROCESS = 1, START_INFO_POOL_WORKER = 2 }; /* 3: bindings/c/process_vm.h */

struct start_info_section {
  uint64_t offset; /* from the start of the block */
  uint64_t size;
};

/* The worker's limits (worker/limits.lua); 0: none. */
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
  object_ref tasks; /* of a pool worker: its rings, which the parent holds until after the worker's end */
  object_ref urgent;
  object_ref later;
  object_ref results;
  struct start_info_section settings;
  struct start_info_section payload;
  struct start_info_section image;
  struct start_info_section sandbox;
  block_ref payload_attachments; /* the attachments of the sections; 0: none */
  block_ref image_attachments;
};

/* The globals as the last worker got them, for others that start before any code of the script has run. */
struct globals_image {
  struct bytes text; /* empty: none are kept */
  bool is_current;   /* the next worker gets the same; for a forked one the classes have their ids */
};

/* Writes a start info from the settings table at `settings`, the `count` payload values from
 * `first` on, and this VM's globals, which `kept`, unless it is NULL, has or gets. This process owns the block.
 * [-0, +0, raises] */
block_ref start_info_write(lua_State *L, struct start_info start_info, int settings, int first, int count,
                           struct globals_image *kept);
/* Called by the worker once it has decoded the payload and has holds of its own: releases the
 * attachments. */
void start_info_unload(const struct start_info *b);
/* Called by the parent if the worker never started or has ended. */
void start_info_destroy(block_ref block);

/* The first byte of a section; its size is in the table of sections. A sandboxed worker has a copy in
 * private memory, which its guard's process made before the fork. */
static inline const uint8_t *start_info_data(const struct start_info *b, struct start_info_section section) {
  if (sandboxed_is()) return (const uint8_t *)b + section.offset;
  return (const uint8_t *)segment_bytes_at(segment_ref(b) + section.offset, section.size);
}

#endif

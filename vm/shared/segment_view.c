/* SPDX-License-Identifier: MIT */
#include "shared/segment_view.h"

#include "os/mapping.h"
#include "shared/segment_private.h"

enum { OWNERS_AT_ONCE = 1024 };

static status read_header(int fd, uint64_t size, struct segment_header *out) {
  const status st = mapping_read(fd, 0, out, sizeof *out);
  if (st) return st;
  return segment_header_is_ours(out, size) ? STATUS_OK : STATUS_FOREIGN;
}

status segment_view_open(struct segment_view *out, int fd) {
  struct segment_view v = {.fd = fd};
  struct segment_header header;
  uint64_t size = 0;
  status st = mapping_sizes(fd, &size, &v.used);
  if (st == STATUS_OK) st = read_header(fd, size, &header);
  if (st) return st;
  const struct mapping nothing = {.size = size, .fd = -1}; /* for the places of the tables alone */
  arena_init(&v.arena, &nothing, segment_arena_offset(), 0);
  for (int class = 0; class < ARENA_CLASSES; class ++)
    atomic_store(&v.arena.classes[class].high_water, atomic_load(&header.arena.classes[class].high_water));
  *out = v;
  return STATUS_OK;
}

status segment_view_read(const struct segment_view *v, block_ref at, void *out, size_t size) {
  return mapping_read(v->fd, at, out, size);
}

status segment_view_read_processes(const struct segment_view *v, struct process_table *out) {
  return mapping_read(v->fd, segment_process_table_offset(), out, sizeof *out);
}

status segment_view_each_block(const struct segment_view *v, segment_view_visit visit, void *context) {
  owner_id owners[OWNERS_AT_ONCE];
  for (int class = 0; class < ARENA_CLASSES; class ++) {
    const struct arena_class *c = &v->arena.classes[class];
    const uint64_t high = atomic_load(&c->high_water);
    const uint64_t count = high < c->count ? high : c->count;
    for (uint64_t first = 0; first < count; first += OWNERS_AT_ONCE) {
      const uint64_t here = count - first < OWNERS_AT_ONCE ? count - first : OWNERS_AT_ONCE;
      const status st =
          mapping_read(v->fd, c->owners + first * sizeof *owners, owners, here * sizeof *owners);
      if (st) return st;
      for (uint64_t i = 0; i < here; i++) {
        const block_ref block = arena_block_at(&v->arena, class, first + i);
        if (owners[i] && !visit(context, block, c->block_size, owners[i])) return STATUS_OK;
      }
    }
  }
  return STATUS_OK;
}

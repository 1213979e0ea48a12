/* SPDX-License-Identifier: MIT */
#include "shared/segment_view.h"

#include <stddef.h>

#include "os/mapping.h"
#include "shared/arena_private.h"
#include "shared/segment_private.h"
#include "shared/wait_graph.h"

enum { CHUNKS_AT_ONCE = 128 };

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
  v.arena = arena_layout(size, segment_arena_offset());
  const uint64_t high = atomic_load(&header.arena.high_water);
  v.warm = atomic_load(&header.arena.warm_pages) * PAGE;
  v.most = header.arena.bytes_max;
  v.chunks = high < v.arena.chunks ? high : v.arena.chunks;
  *out = v;
  return STATUS_OK;
}

status segment_view_read(const struct segment_view *v, block_ref at, void *out, size_t size) {
  return mapping_read(v->fd, at, out, size);
}

status segment_view_read_processes(const struct segment_view *v, struct process_table *out) {
  return mapping_read(v->fd, segment_process_table_offset(), out, sizeof *out);
}

struct visitor {
  segment_view_visit visit;
  void *context;
  bool is_done;
  uint64_t slabs_left; /* each has a page of owner words, so the memory has no more slabs than pages */
};

static void visit_block(struct visitor *w, block_ref block, uint64_t size, uint32_t owner) {
  if (!w->is_done && is_owner(owner)) w->is_done = !w->visit(w->context, block, size, owner);
}

static status visit_slab(const struct segment_view *v, uint64_t chunk, unsigned class, struct visitor *w) {
  struct arena_control control;
  if (class >= ARENA_CLASSES || w->slabs_left == 0) return STATUS_OK;
  w->slabs_left--;
  const status st = mapping_read(v->fd, v->arena.control + chunk * PAGE, &control, sizeof control);
  for (uint32_t i = 0; st == STATUS_OK && i < class_blocks(class); i++)
    visit_block(w, v->arena.data + chunk * ARENA_CHUNK + (uint64_t)i * class_size(class), class_size(class),
                atomic_load(&control.owners[i]));
  return st;
}

static status visit_chunk(const struct segment_view *v, uint64_t chunk, const struct arena_chunk *entry,
                          struct visitor *w) {
  const uint32_t state = atomic_load(&entry->state);
  const unsigned detail = state_detail(state);
  if (state_kind(state) == CHUNK_SLAB) return visit_slab(v, chunk, detail, w);
  if (state_kind(state) == CHUNK_RUN && detail < ARENA_ORDERS)
    visit_block(w, v->arena.data + chunk * ARENA_CHUNK, (uint64_t)ARENA_CHUNK << detail,
                atomic_load(&entry->owner));
  return STATUS_OK;
}

/* Every chunk is looked at: nothing begins inside a run or a slab, whatever a run says of itself. */
status segment_view_each_block(const struct segment_view *v, segment_view_visit visit, void *context) {
  struct arena_chunk entries[CHUNKS_AT_ONCE];
  struct visitor w = {visit, context, false, v->used / PAGE};
  for (uint64_t first = 0; first < v->chunks && !w.is_done; first += CHUNKS_AT_ONCE) {
    const uint64_t here = v->chunks - first < CHUNKS_AT_ONCE ? v->chunks - first : CHUNKS_AT_ONCE;
    status st =
        mapping_read(v->fd, v->arena.table + first * sizeof *entries, entries, here * sizeof *entries);
    for (uint64_t i = 0; st == STATUS_OK && i < here; i++) st = visit_chunk(v, first + i, &entries[i], &w);
    if (st) return st;
  }
  return STATUS_OK;
}

status segment_view_read_waits(const struct segment_view *v, struct wait_graph *out) {
  const status st = mapping_read(v->fd, segment_wait_graph_offset(), out, sizeof *out);
  for (size_t i = 0; st == STATUS_OK && i < WAIT_GRAPH_MAX; i++)
    wait_description_end_texts(&out->entries[i].wait);
  return st;
}

status segment_view_read_profiling(const struct segment_view *v, uint64_t *word, int *signal) {
  struct segment_header header;
  const status st = mapping_read(v->fd, 0, &header, sizeof header);
  if (st) return st;
  *word = atomic_load(&header.profiling);
  *signal = (int)atomic_load(&header.request_signal);
  return STATUS_OK;
}

/* The time first: a word without one would count for ever. */
status segment_view_write_profiling(const struct segment_view *v, uint64_t word, int64_t until_ns) {
  const status st =
      mapping_write(v->fd, offsetof(struct segment_header, profiled_until_ns), &until_ns, sizeof until_ns);
  return st ? st : mapping_write(v->fd, offsetof(struct segment_header, profiling), &word, sizeof word);
}

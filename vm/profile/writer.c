/* SPDX-License-Identifier: MIT */
#include "profile/writer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "os/clock.h"
#include "os/mutex.h"
#include "os/thread.h"

enum { TABLE_FIRST = 1024, SHEETS_MAX = 256, TEXTS_MAX = 2 * PROFILE_TEXT_MAX };

/* Numbers by hash: open addressing; 0 is a free place. */
struct table {
  uint32_t *places;
  size_t capacity; /* a power of two */
};

/* Records by number, from 1. */
struct list {
  void **records;
  size_t capacity;
  uint32_t count;
};

/* See vm/README.md. */
static struct {
  struct mutex lock;
  bool is_fork_watched;
  uint64_t word;
  struct profile_sheet *sheets[SHEETS_MAX];
  uint32_t sheet_count;
  uint32_t used; /* bytes of the last sheet's records: what stands in the sheet, a peer may have changed */
  struct list stacks; /* struct profile_root and profile_node */
  struct list frames;
  struct table stack_table;
  struct table frame_table;
} writer = {.lock = MUTEX_INITIALIZER};

/* ---- records --------------------------------------------------------------------------------- */

static bool add_sheet(void) {
  block_ref block = 0;
  if (writer.sheet_count == SHEETS_MAX ||
      arena_alloc(segment_arena(), PROFILE_SHEET_BYTES, profile_owner(writer.word), &block))
    return false;
  struct profile_sheet *sheet = segment_at(block);
  memset(sheet, 0, sizeof *sheet);
  sheet->generation = profile_generation(writer.word);
  sheet->number = writer.sheet_count;
  sheet->process = process_self();
  writer.sheets[writer.sheet_count++] = sheet;
  writer.used = 0;
  __atomic_store_n(&sheet->magic, PROFILE_MAGIC, __ATOMIC_RELEASE); /* pairs with the reader's look at it */
  return true;
}

static struct profile_sheet *last_sheet(void) {
  return writer.sheet_count ? writer.sheets[writer.sheet_count - 1] : NULL;
}

/* Room for a record, zeroed but for its head, which readers do not see before `publish`. */
static void *begin_record(enum profile_kind kind, size_t size) {
  size = (size + 7) & ~(size_t)7;
  struct profile_sheet *sheet = last_sheet();
  if (!sheet || writer.used + size > PROFILE_RECORDS_MAX) {
    if (!add_sheet()) return NULL;
    sheet = last_sheet();
  }
  struct profile_record *record = (void *)((uint8_t *)(sheet + 1) + writer.used);
  memset(record, 0, size);
  *record = (struct profile_record){kind, (uint32_t)size};
  writer.used += (uint32_t)size;
  return record;
}

/* Readers see the last record from now on. Pairs with their acquire. */
static void publish(void) { atomic_store_explicit(&last_sheet()->used, writer.used, memory_order_release); }

static bool make_room(struct list *list) {
  if (list->count + 1 < list->capacity) return true;
  const size_t capacity = list->capacity ? list->capacity * 2 : TABLE_FIRST;
  void **records = memory_resize(list->records, capacity * sizeof *records);
  if (!records) return false;
  list->records = records;
  list->capacity = capacity;
  return true;
}

static uint32_t append(struct list *list, void *record) {
  list->records[++list->count] = record;
  return list->count;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
  return hash ^ hash >> 29;
}

static uint64_t mix_text(uint64_t hash, const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
  return mix(hash, size);
}

static const char *texts_of(const struct profile_frame *f) { return (const char *)(f + 1); }

/* Of a frame in a sheet, too, whose sizes a peer may have changed. */
static uint64_t hash_of_frame(const struct profile_frame *f) {
  const uint64_t place = (uint64_t)(uint32_t)f->line << 32 | (uint32_t)f->line_defined;
  const size_t size = (size_t)f->source_size + f->name_size;
  return mix_text(mix(f->language, place), texts_of(f), size < TEXTS_MAX ? size : TEXTS_MAX);
}

static uint64_t hash_of_node(uint32_t parent, uint32_t frame) {
  return mix(mix(1, (uint64_t)parent << 32 | frame), 7);
}

static uint64_t hash_of_stack(const struct profile_record *r) {
  const struct profile_node *node = (const void *)r;
  return r->kind == PROFILE_NODE ? hash_of_node(node->parent, node->frame) : 0;
}

/* Grows the table when it is half full. `hash` gives that of a record. */
static bool make_place(struct table *t, const struct list *list, uint64_t (*hash)(const void *)) {
  if ((size_t)list->count * 2 < t->capacity) return true;
  const size_t capacity = t->capacity ? t->capacity * 2 : TABLE_FIRST;
  uint32_t *places = memory_alloc(capacity * sizeof *places);
  if (!places) return false;
  for (uint32_t number = 1; number <= list->count; number++) {
    size_t at = hash(list->records[number]) & (capacity - 1);
    while (places[at]) at = (at + 1) & (capacity - 1);
    places[at] = number;
  }
  memory_free(t->places);
  *t = (struct table){places, capacity};
  return true;
}

static uint64_t hash_frame(const void *record) { return hash_of_frame(record); }
static uint64_t hash_stack(const void *record) { return hash_of_stack(record); }

/* ---- frames ---------------------------------------------------------------------------------- */

/* A frame as it would be written, on the C stack. */
union draft {
  struct profile_frame frame;
  char room[sizeof(struct profile_frame) + TEXTS_MAX];
};

/* Of a chunk that is no file: the first line of its code, as in messages of Lua. */
static size_t copy_source(char *out, const char *source) {
  if (!source) return 0;
  if (*source == '@' || *source == '=') {
    const size_t size = strnlen(source, PROFILE_TEXT_MAX);
    memcpy(out, source, size);
    return size;
  }
  const size_t line = strcspn(source, "\n");
  const int length = snprintf(out, PROFILE_TEXT_MAX, "=[string \"%.*s%s\"]", line < 40 ? (int)line : 40,
                              source, source[line] || line > 40 ? "..." : "");
  return length > 0 ? (size_t)length : 0;
}

/* A C function, or one of this library, is known by the name with which it is called. For a function of the
 * script that is no part of it: it may have several. */
static bool has_name_of_caller(const struct profile_call *call) {
  return call->language == PROFILE_C || strncmp(call->source, "=manymoons/", 11) == 0;
}

static size_t draft_frame(union draft *d, const struct profile_call *call) {
  struct profile_frame *f = &d->frame;
  memset(f, 0, sizeof *f);
  f->line = call->line;
  f->line_defined = call->line_defined;
  f->language = call->language;
  char *texts = (char *)(f + 1);
  f->source_size = (uint16_t)copy_source(texts, call->source);
  const char *name = has_name_of_caller(call) && call->name ? call->name : "";
  f->name_size = (uint16_t)strnlen(name, PROFILE_TEXT_MAX);
  memcpy(texts + f->source_size, name, f->name_size);
  return sizeof *f + f->source_size + f->name_size;
}

static bool is_same_frame(const struct profile_frame *written, const struct profile_frame *f) {
  return written->line == f->line && written->line_defined == f->line_defined &&
         written->language == f->language && written->source_size == f->source_size &&
         written->name_size == f->name_size &&
         memcmp(texts_of(written), texts_of(f), (size_t)f->source_size + f->name_size) == 0;
}

static uint32_t write_frame(const union draft *d, size_t size, size_t at) {
  struct profile_frame *f = make_room(&writer.frames) ? begin_record(PROFILE_FRAME, size) : NULL;
  if (!f) return 0;
  memcpy(&f->head + 1, &d->frame.head + 1, size - sizeof f->head);
  publish();
  return writer.frame_table.places[at] = append(&writer.frames, f);
}

static uint32_t number_of_frame(const struct profile_call *call) {
  union draft d;
  const size_t size = draft_frame(&d, call);
  if (!make_place(&writer.frame_table, &writer.frames, hash_frame)) return 0;
  const size_t mask = writer.frame_table.capacity - 1;
  size_t at = hash_of_frame(&d.frame) & mask;
  for (uint32_t number; (number = writer.frame_table.places[at]) != 0; at = (at + 1) & mask)
    if (is_same_frame(writer.frames.records[number], &d.frame)) return number;
  return write_frame(&d, size, at);
}

/* ---- stacks ---------------------------------------------------------------------------------- */

static bool is_node(uint32_t number, uint32_t parent, uint32_t frame) {
  const struct profile_node *node = writer.stacks.records[number];
  return node->head.kind == PROFILE_NODE && node->parent == parent && node->frame == frame;
}

static uint32_t number_of_node(uint32_t parent, uint32_t frame) {
  if (!make_place(&writer.stack_table, &writer.stacks, hash_stack)) return 0;
  const size_t mask = writer.stack_table.capacity - 1;
  size_t at = hash_of_node(parent, frame) & mask;
  for (uint32_t number; (number = writer.stack_table.places[at]) != 0; at = (at + 1) & mask)
    if (is_node(number, parent, frame)) return number;
  struct profile_node *node = make_room(&writer.stacks) ? begin_record(PROFILE_NODE, sizeof *node) : NULL;
  if (!node) return 0;
  node->parent = parent;
  node->frame = frame;
  publish();
  return writer.stack_table.places[at] = append(&writer.stacks, node);
}

static uint32_t write_root(const struct profile_thread *t) {
  if (!make_place(&writer.stack_table, &writer.stacks, hash_stack)) return 0;
  struct profile_root *root = make_room(&writer.stacks) ? begin_record(PROFILE_ROOT, sizeof *root) : NULL;
  if (!root) return 0;
  root->thread = t->number;
  root->vm = t->vm;
  snprintf(root->name, sizeof root->name, "%s", t->name);
  snprintf(root->world, sizeof root->world, "%s", t->world);
  publish();
  const size_t mask = writer.stack_table.capacity - 1;
  size_t at = 0;
  while (writer.stack_table.places[at]) at = (at + 1) & mask;
  return writer.stack_table.places[at] = append(&writer.stacks, root);
}

uint32_t profile_writer_root(const struct profile_thread *t) {
  mutex_lock(&writer.lock);
  const uint32_t number = writer.word ? write_root(t) : 0;
  mutex_unlock(&writer.lock);
  return number;
}

uint32_t profile_writer_stack(uint32_t root, const struct profile_call *calls, size_t count) {
  mutex_lock(&writer.lock);
  uint32_t number = root <= writer.stacks.count ? root : 0;
  for (size_t i = count; number && i > 0; i--) {
    const uint32_t frame = number_of_frame(&calls[i - 1]);
    number = frame ? number_of_node(number, frame) : 0;
  }
  mutex_unlock(&writer.lock);
  return number;
}

void profile_writer_note_heap(uint32_t root, uint64_t bytes) {
  mutex_lock(&writer.lock);
  struct profile_root *r = root && root <= writer.stacks.count ? writer.stacks.records[root] : NULL;
  if (r && r->head.kind == PROFILE_ROOT) atomic_store_explicit(&r->heap, bytes, memory_order_relaxed);
  mutex_unlock(&writer.lock);
}

static void add_times(struct profile_times *times, const uint32_t us[PROFILE_STATE_COUNT]) {
  uint64_t last = 0;
  for (uint64_t state = 0; state < PROFILE_STATE_COUNT; state++) {
    if (us[state]) atomic_fetch_add_explicit(&times->us[state], us[state], memory_order_relaxed);
    if (state != PROFILE_HOLDS && us[state] > us[last]) last = state;
  }
  atomic_store_explicit(&times->last_state, last, memory_order_relaxed);
  atomic_store_explicit(&times->last_ns, clock_now_ns(), memory_order_relaxed);
  atomic_fetch_add_explicit(&times->samples, 1, memory_order_relaxed);
}

/* Roots and nodes both have their times behind the head. */
_Static_assert(offsetof(struct profile_root, times) == offsetof(struct profile_node, times), "");

void profile_writer_add(uint32_t stack, const uint32_t us[PROFILE_STATE_COUNT]) {
  mutex_lock(&writer.lock);
  struct profile_sheet *sheet = last_sheet();
  if (stack && stack <= writer.stacks.count)
    add_times(&((struct profile_node *)writer.stacks.records[stack])->times, us);
  else if (sheet)
    atomic_fetch_add(&sheet->dropped, 1);
  mutex_unlock(&writer.lock);
}

/* ---- beginning and ending -------------------------------------------------------------------- */

static void empty(struct table *t) {
  if (t->places) memset(t->places, 0, t->capacity * sizeof(uint32_t));
}

static void forget(void) {
  writer.word = 0;
  writer.sheet_count = writer.used = 0;
  writer.stacks.count = writer.frames.count = 0;
  empty(&writer.stack_table);
  empty(&writer.frame_table);
}

/* A thread that did not come along may have held the lock, or have been growing a table: the child begins
 * with empty ones. */
static void forget_parent(void) {
  mutex_init(&writer.lock);
  writer.stacks = writer.frames = (struct list){0};
  writer.stack_table = writer.frame_table = (struct table){0};
  forget();
}

static status begin_locked(uint64_t word) {
  if (!writer.is_fork_watched && thread_on_fork(forget_parent)) return -ENOMEM;
  writer.is_fork_watched = true;
  forget();
  writer.word = word;
  return STATUS_OK;
}

status profile_writer_begin(uint64_t word) {
  mutex_lock(&writer.lock);
  const status st = begin_locked(word);
  mutex_unlock(&writer.lock);
  return st;
}

void profile_writer_end(void) {
  mutex_lock(&writer.lock);
  for (uint32_t i = 0; i < writer.sheet_count; i++) {
    __atomic_store_n(&writer.sheets[i]->magic, 0, __ATOMIC_RELEASE);
    segment_free(segment_ref(writer.sheets[i]));
  }
  forget();
  mutex_unlock(&writer.lock);
}

uint64_t profile_writer_word(void) {
  mutex_lock(&writer.lock);
  const uint64_t word = writer.word;
  mutex_unlock(&writer.lock);
  return word;
}

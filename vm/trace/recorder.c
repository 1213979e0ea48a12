/* SPDX-License-Identifier: MIT */
/* Starting and stopping a recording, and freeing its memory (lane.h, I3). */
#include "trace/recorder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/mutex.h"
#include "os/process.h"
#include "os/status_text.h"
#include "trace/chrome.h"
#include "trace/lane.h"

enum phase { IDLE, CHANGING, RECORDING };

/* See vm/README.md. The thread that moves `phase` to CHANGING owns the rest until it moves it on.
 * Lanes are freed under `lock` alone, because other threads walk over them meanwhile. */
static struct {
  struct mutex lock; /* no rank: a leaf */
  _Atomic int phase;
  int32_t pid; /* a forked child has a copy of all this, and does not record */
  uint32_t generation;
  bool ends_at_exit;
  struct trace_recording *recording; /* NULL: there never was one */
  FILE *file;
  char *text; /* what was written without a path: of open_memstream */
  size_t text_size;
  char program[256];
} recorder = {.lock = MUTEX_INITIALIZER};

static bool begin_change(int from) {
  return atomic_compare_exchange_strong(&recorder.phase, &from, CHANGING);
}

bool recorder_is_recording(void) {
  return atomic_load(&recorder.phase) == RECORDING && recorder.pid == process_pid();
}

/* ---- starting -------------------------------------------------------------------------------- */

/* For a host that does not stop its recording. */
static void stop_at_exit(void) {
  if (!recorder_is_recording()) return;
  char text[STATUS_TEXT_MAX];
  const status st = recorder_stop();
  if (st) fprintf(stderr, "manymoons: the trace is not complete: %s\n", status_text(st, text));
}

/* Allocates what a recording needs once. */
static status prepare(void) {
  if (!recorder.ends_at_exit && atexit(stop_at_exit)) return -ENOMEM;
  recorder.ends_at_exit = true;
  if (recorder.recording && segment_has(recorder.recording)) return STATUS_OK;
  status st = segment_open();
  if (st) return st;
  block_ref block = 0;
  st = segment_alloc(sizeof(struct trace_recording), &block);
  if (st) return st;
  recorder.recording = segment_at(block);
  memset(recorder.recording, 0, sizeof *recorder.recording);
  recorder.recording->owner = segment_self();
  return STATUS_OK;
}

static status open_file(const char *path) {
  free(recorder.text);
  recorder.text = NULL;
  if (path)
    recorder.file = fopen(path, "we");
  else
    recorder.file = open_memstream(&recorder.text, &recorder.text_size);
  return recorder.file ? STATUS_OK : -errno;
}

static void publish(uint64_t limit) {
  struct trace_recording *r = recorder.recording;
  r->limit = limit;
  atomic_store(&r->room, 0);
  atomic_store(&r->dropped, 0);
  r->start_ns = clock_now_ns();
  recorder.generation = (recorder.generation + 1) & 0xffff;
  if (recorder.generation == 0) recorder.generation = 1;
  recorder.pid = process_pid();
  atomic_store(segment_recording_place, trace_word(r, recorder.generation));
}

status recorder_start(const struct recorder_options *options) {
  if (!begin_change(IDLE)) return -EBUSY;
  status st = prepare();
  if (st == STATUS_OK) st = open_file(options->path);
  if (st) {
    atomic_store(&recorder.phase, IDLE);
    return st;
  }
  snprintf(recorder.program, sizeof recorder.program, "%s", options->program);
  publish(options->limit);
  atomic_store(&recorder.phase, RECORDING);
  return STATUS_OK;
}

/* ---- stopping -------------------------------------------------------------------------------- */

/* Frees the chunks that their thread no longer writes to; all of them if it is gone. */
static void free_chunks(struct trace_lane *lane, bool is_gone) {
  block_ref block = atomic_load(&lane->chunks);
  while (block) {
    const block_ref next = atomic_load(&((struct trace_chunk *)segment_at(block))->next);
    if (!next && !is_gone) break;
    segment_free(block);
    block = next;
  }
  if (block != atomic_load(&lane->chunks)) atomic_store(&lane->chunks, block);
}

static bool is_gone(const struct trace_lane *lane) {
  return atomic_load(&lane->state) == TRACE_LANE_ENDED || !process_is_alive(&lane->process);
}

static void push_back(struct trace_recording *r, struct trace_lane *lane) {
  lane->next = atomic_load(&r->lanes);
  while (!atomic_compare_exchange_weak(&r->lanes, &lane->next, segment_ref(lane))) continue;
}

static void reclaim(struct trace_recording *r) {
  block_ref block = atomic_exchange(&r->lanes, 0);
  while (block) {
    struct trace_lane *lane = segment_at(block);
    const bool goes = is_gone(lane);
    block = lane->next;
    if (goes || atomic_load(&lane->generation) == recorder.generation) free_chunks(lane, goes);
    if (goes)
      segment_free(segment_ref(lane));
    else
      push_back(r, lane);
  }
}

static status write_file(void) {
  const struct chrome_source source = {.recording = recorder.recording,
                                       .generation = recorder.generation,
                                       .stop_ns = clock_now_ns() - recorder.recording->start_ns,
                                       .program = recorder.program,
                                       .recorder = recorder.pid};
  chrome_write(recorder.file, &source);
  errno = 0;
  const bool has_failed = ferror(recorder.file) != 0;
  const int why = fclose(recorder.file) || has_failed ? (errno ? errno : EIO) : 0;
  return -why;
}

status recorder_stop(void) {
  if (!recorder_is_recording() || !begin_change(RECORDING)) return STATUS_CLOSED;
  atomic_store(segment_recording_place, 0);
  const status st = write_file();
  mutex_lock(&recorder.lock);
  reclaim(recorder.recording);
  mutex_unlock(&recorder.lock);
  atomic_store(&recorder.phase, IDLE);
  return st;
}

char *recorder_take(size_t *size) {
  if (recorder_is_recording()) return NULL;
  char *text = recorder.text;
  recorder.text = NULL;
  *size = recorder.text_size;
  return text;
}

/* ---- deaths ---------------------------------------------------------------------------------- */

static void end_lanes_of(int32_t pid) {
  const int64_t now = clock_now_ns() - recorder.recording->start_ns;
  for (block_ref block = atomic_load(&recorder.recording->lanes); block;) {
    struct trace_lane *lane = segment_at(block);
    int64_t unknown = 0;
    if (lane->process.pid == pid) atomic_compare_exchange_strong(&lane->death_ns, &unknown, now);
    block = lane->next;
  }
}

void recorder_note_death(int32_t pid) {
  if (!recorder_is_recording()) return;
  mutex_lock(&recorder.lock);
  if (recorder_is_recording()) end_lanes_of(pid);
  mutex_unlock(&recorder.lock);
}

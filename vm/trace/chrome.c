/* SPDX-License-Identifier: MIT */
/* A slice is written where it begins; its end is found by looking ahead. So nothing is kept in
 * memory, and nothing is sorted.
 *
 * A slice without an end lasts until the parent noted the death of its process, or else until the
 * recording stopped. Where neither is certain (events were dropped, or a process is gone and its
 * death was not noted) it lasts until the thread's last event.
 */
#include "trace/chrome.h"

#include <inttypes.h>
#include <string.h>

#include "base/version.h"
#include "trace/cursor.h"

enum { NS_PER_US = 1000 };

/* The activity of a thread. */
enum activity { ACTIVITY_NONE, ACTIVITY_HOLDS, ACTIVITY_WAITS, ACTIVITY_BLOCKED };

struct lane_writer {
  FILE *file;
  struct trace_lane *lane;
  struct trace_cursor cursor;
  int64_t end_ns;
  enum activity activity;
  enum trace_call call; /* while BLOCKED */
  uint64_t sample;      /* the value of the last SAMPLE */
};

/* ---- text ------------------------------------------------------------------------------------ */

/* The length of the UTF-8 character at `text`; 0: it is none, or an overlong form, or a
 * surrogate. */
static int character_length(const unsigned char *text) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const int length = text[0] < 0x80 ? 1 : text[0] < 0xc0 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
  if (length < 2) return length;
  uint32_t code = text[0] & (0x7fu >> length);
  for (int i = 1; i < length; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0;
    code = code << 6 | (text[i] & 0x3f);
  }
  const bool is_surrogate = code >= 0xd800 && code < 0xe000;
  return code < least[length] || code > 0x10ffff || is_surrogate ? 0 : length;
}

static void write_text(FILE *file, const char *text) {
  fputc('"', file);
  for (const unsigned char *at = (const unsigned char *)text; *at;) {
    const int length = character_length(at);
    if (length == 0)
      fputs("\\ufffd", file);
    else if (*at == '"' || *at == '\\')
      fprintf(file, "\\%c", *at);
    else if (*at < 0x20 || *at == 0x7f)
      fprintf(file, "\\u%04x", *at);
    else
      fwrite(at, 1, (size_t)length, file);
    at += length ? length : 1;
  }
  fputc('"', file);
}

static void write_time(FILE *file, const char *field, int64_t ns) {
  fprintf(file, ",\"%s\":%" PRId64 ".%03d", field, ns / NS_PER_US, (int)(ns % NS_PER_US));
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Writes the fields that all events have; further fields follow, then end_event. Each event has a
 * line of its own and begins with a comma, because chrome_write writes the first one. */
static void begin_event(const struct lane_writer *w, char phase) {
  fprintf(w->file, ",\n{\"ph\":\"%c\",\"pid\":%d,\"tid\":%d", phase, (int)w->lane->process.pid,
          (int)w->lane->thread);
}

static void end_event(const struct lane_writer *w) { fputc('}', w->file); }

static void write_name(const struct lane_writer *w, const char *what, const char *name) {
  begin_event(w, 'M');
  fprintf(w->file, ",\"name\":\"%s\",\"args\":{\"name\":", what);
  write_text(w->file, name);
  fputc('}', w->file);
  end_event(w);
}

static void write_vm(const struct lane_writer *w) {
  begin_event(w, 'M');
  fprintf(w->file, ",\"name\":\"vm\",\"args\":{\"vm\":%" PRIu32 "}", atomic_load(&w->lane->vm));
  end_event(w);
}

static void begin_slice(const struct lane_writer *w, const char *category, const char *name, int64_t from,
                        int64_t to) {
  begin_event(w, 'X');
  write_time(w->file, "ts", from);
  write_time(w->file, "dur", to > from ? to - from : 0);
  fprintf(w->file, ",\"cat\":\"%s\",\"name\":", category);
  write_text(w->file, name);
}

static void write_slice(const struct lane_writer *w, const char *category, const char *name, int64_t from,
                        int64_t to) {
  begin_slice(w, category, name, from, to);
  end_event(w);
}

static void write_message(const struct lane_writer *w, const struct trace_moment *m) {
  begin_event(w, m->kind == TRACE_PUT ? 's' : 'f');
  write_time(w->file, "ts", m->ns);
  fprintf(w->file, ",\"cat\":\"message\",\"name\":\"message\",\"bp\":\"e\",\"id\":\"0x%" PRIx64 "\"",
          m->value);
  end_event(w);
}

/* ---- looking ahead --------------------------------------------------------------------------- */

#define KINDS(kind) (1u << ((kind)&31))
enum {
  MESSAGES = KINDS(TRACE_PUT) | KINDS(TRACE_TAKE),
  SAMPLES = KINDS(TRACE_SAMPLE) | KINDS(TRACE_SAMPLE_TIMES),
  LOCK = KINDS(TRACE_LOCK_WAIT) | KINDS(TRACE_LOCK_TAKEN) | KINDS(TRACE_LOCK_LEFT),
};

/* The next event that is one of `kinds`; false: there is none. */
static bool find_next(const struct lane_writer *w, unsigned kinds, struct trace_moment *out) {
  struct trace_cursor ahead = w->cursor;
  while (trace_cursor_next(&ahead, out))
    if (KINDS(out->kind) & kinds) return true;
  return false;
}

static int64_t next_time(const struct lane_writer *w, unsigned kinds) {
  struct trace_moment m;
  return find_next(w, kinds, &m) ? m.ns : w->end_ns;
}

/* ---- one thread ------------------------------------------------------------------------------ */

static const char *name_of_call(uint64_t call) {
#define CALL_TEXT(name, text) text,
  static const char *const names[] = {TRACE_CALLS(CALL_TEXT)};
  return call < TRACE_CALL_COUNT ? names[call] : names[TRACE_CALL_UNKNOWN];
}

/* Writes the thread's activity, from here to the next event that may change it. */
static void write_activity(const struct lane_writer *w, int64_t from) {
  const int64_t to = next_time(w, ~(unsigned)(MESSAGES | SAMPLES));
  switch (w->activity) {
    case ACTIVITY_HOLDS: write_slice(w, "lock", "holds the lock", from, to); break;
    case ACTIVITY_WAITS: write_slice(w, "lock", "waits for the lock", from, to); break;
    case ACTIVITY_BLOCKED: write_slice(w, "blocked", name_of_call(w->call), from, to); break;
    case ACTIVITY_NONE: break;
  }
}

static void write_task(const struct lane_writer *w, const struct trace_moment *m) {
  const unsigned ends = KINDS(TRACE_TASK_END) | KINDS(TRACE_TASK_START) | KINDS(TRACE_WORKER_END);
  begin_slice(w, "task", "task", m->ns, next_time(w, ends));
  fprintf(w->file, ",\"args\":{\"task\":%" PRIu64 "}", m->value);
  end_event(w);
}

static void write_worker(const struct lane_writer *w, int64_t from) {
  write_slice(w, "worker", w->lane->name, from, next_time(w, KINDS(TRACE_WORKER_END)));
}

static void change_activity(struct lane_writer *w, const struct trace_moment *m) {
  switch (m->kind) {
    case TRACE_LOCK_TAKEN: w->activity = ACTIVITY_HOLDS; break;
    case TRACE_LOCK_WAIT: w->activity = ACTIVITY_WAITS; break;
    case TRACE_LOCK_LEFT:
      w->activity = m->value == TRACE_CALL_NONE ? ACTIVITY_NONE : ACTIVITY_BLOCKED;
      w->call = (enum trace_call)m->value;
      break;
    case TRACE_WORKER_END: w->activity = ACTIVITY_NONE; break;
    default: break;
  }
}

/* What a profile saw of a thread of this process, which need not be the lane's own. */
static void write_sample(struct lane_writer *w, const struct trace_moment *m) {
  if (m->kind == TRACE_SAMPLE) {
    w->sample = m->value;
    return;
  }
  fprintf(w->file, ",\n{\"ph\":\"P\",\"pid\":%d,\"tid\":%" PRIu32, (int)w->lane->process.pid,
          (uint32_t)(w->sample >> 32));
  write_time(w->file, "ts", m->ns);
  fprintf(w->file,
          ",\"cat\":\"sample\",\"name\":\"sample\",\"args\":{\"stack\":%" PRIu32 ",\"time\":%" PRIu32
          ",\"ready\":%" PRIu32 "}",
          (uint32_t)w->sample, (uint32_t)(m->value >> 32), (uint32_t)m->value);
  end_event(w);
}

static void write_moment(struct lane_writer *w, const struct trace_moment *m) {
  if (KINDS(m->kind) & SAMPLES) {
    write_sample(w, m);
    return;
  }
  if (KINDS(m->kind) & MESSAGES) {
    write_message(w, m);
    return;
  }
  if (m->kind == TRACE_WORKER_START) write_worker(w, m->ns);
  if (m->kind == TRACE_TASK_START) write_task(w, m);
  change_activity(w, m);
  write_activity(w, m->ns);
}

/* A thread whose first event of the lock is to leave it held it when the recording started. */
static void write_beginning(struct lane_writer *w) {
  struct trace_moment m;
  if (!find_next(w, LOCK, &m) || m.kind != TRACE_LOCK_LEFT) return;
  w->activity = ACTIVITY_HOLDS;
  write_activity(w, 0);
}

static void write_who(const struct lane_writer *w, const struct chrome_source *source) {
  const bool is_recorder = w->lane->process.pid == source->recorder;
  const char *name = w->lane->name[0] ? w->lane->name : is_recorder ? "MainProcess" : "thread";
  if (w->lane->thread == w->lane->process.pid)
    write_name(w, "process_name", is_recorder ? "manymoons" : name);
  write_name(w, "thread_name", name);
  write_vm(w);
}

static int64_t last_time(struct trace_cursor c) {
  struct trace_moment m = {0};
  while (trace_cursor_next(&c, &m)) continue;
  return m.ns;
}

static int64_t end_of(const struct lane_writer *w, const struct chrome_source *source) {
  const int64_t last = last_time(w->cursor);
  const int64_t death = atomic_load(&w->lane->death_ns);
  if (atomic_load(&w->lane->dropped)) return last;
  if (death) return death > last ? death : last;
  return process_is_alive(&w->lane->process) && source->stop_ns > last ? source->stop_ns : last;
}

static void write_lane(FILE *file, struct trace_lane *lane, const struct chrome_source *source) {
  struct lane_writer w = {.file = file, .lane = lane, .cursor = trace_cursor_open(lane)};
  w.end_ns = end_of(&w, source);
  write_who(&w, source);
  write_beginning(&w);
  for (struct trace_moment m; trace_cursor_next(&w.cursor, &m);) write_moment(&w, &m);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static struct trace_lane *lane_at(block_ref block) { return block ? segment_at(block) : NULL; }

static bool has_part(const struct trace_lane *lane, const struct chrome_source *source) {
  return atomic_load_explicit(&((struct trace_lane *)(uintptr_t)lane)->generation, memory_order_acquire) ==
         source->generation;
}

static void count(const struct chrome_source *source, uint64_t *events, uint64_t *dropped) {
  *events = 0;
  *dropped = atomic_load(&source->recording->dropped);
  for (struct trace_lane *lane = lane_at(atomic_load(&source->recording->lanes)); lane;
       lane = lane_at(lane->next)) {
    if (!has_part(lane, source)) continue;
    *events += trace_cursor_open(lane).left;
    *dropped += atomic_load(&lane->dropped);
  }
}

static void write_head(FILE *file, const struct chrome_source *source) {
  uint64_t events = 0;
  uint64_t dropped = 0;
  count(source, &events, &dropped);
  fputs("{\"displayTimeUnit\":\"ms\",\n\"otherData\":{\"program\":", file);
  write_text(file, source->program);
  fprintf(file, ",\"version\":\"%s\",\"recorded\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"limit\":%" PRIu64,
          MANYMOONS_VERSION, events, dropped, source->recording->limit);
  write_time(file, "duration", source->stop_ns);
  fputs("},\n\"traceEvents\":[\n", file);
}

void chrome_write(FILE *file, const struct chrome_source *source) {
  write_head(file, source);
  fprintf(file, "{\"ph\":\"M\",\"pid\":%d,\"name\":\"process_sort_index\",\"args\":{\"sort_index\":-1}}",
          (int)source->recorder);
  for (struct trace_lane *lane = lane_at(atomic_load(&source->recording->lanes)); lane;
       lane = lane_at(lane->next))
    if (has_part(lane, source)) write_lane(file, lane, source);
  fputs("\n]}\n", file);
}

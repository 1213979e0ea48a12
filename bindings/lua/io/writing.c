/* SPDX-License-Identifier: MIT */
/* To a pipe, a terminal or a socket no more is written at a time than the system takes once it says that there is room, so
 * that the wait is the poll before it and not the write: that one could be interrupted, and the C library would lose
 * bytes. */
#include "io/writing.h"

#include <errno.h>
#include <limits.h>

#include "io/result.h"
#include "state/vm_print.h"

/* A pipe with room takes so many bytes at once. */
enum { PIECE = PIPE_BUF, NUMERAL_MAX = 64, FAST_VALUES = 8 };

/* ---- calls without Lua ----------------------------------------------------------------------- */

struct put {
  FILE *file;
  const char *data;
  size_t size;
  int error; /* 0: all is written, or stands in the buffer */
};

static void put(void *context) {
  struct put *p = context;
  errno = 0;
  const size_t written = fwrite(p->data, 1, p->size, p->file);
  p->error = written == p->size ? 0 : errno ? errno : EIO;
}

static void flush(void *context) {
  struct put *p = context;
  errno = 0;
  p->error = fflush(p->file) == 0 ? 0 : errno;
}

static void put_and_flush(void *context) {
  put(context);
  flush(context);
}

struct seek {
  FILE *file;
  int whence;
  off_t offset;
  off_t at;
  int error;
};

static void seek(void *context) {
  struct seek *s = context;
  s->error = 0;
  if (fseeko(s->file, s->offset, s->whence))
    s->error = errno;
  else
    s->at = ftello(s->file);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

struct writer {
  lua_State *L;
  struct io_file_use *use;
  enum file_stream_kind kind;
  int error;
};

static void wait_for_room(struct writer *w) REQUIRES(rank_vm) {
  FILE *f = w->use->file;
  io_file_raise(w->L, w->use, away_wait(w->L, &w->use->is_closed, AWAY_FILE, fileno(f), AWAY_TO_WRITE));
}

static void run(struct writer *w, void (*work)(void *), struct put *p) REQUIRES(rank_vm) {
  if (w->kind == FILE_STREAM_INSTANT)
    work(p);
  else if (w->kind == FILE_STREAM_WAITABLE && file_stream_pending(p->file) <= PIECE)
    away_do_shortly(w->L, work, p);
  else
    io_file_raise(w->L, w->use, away_do(w->L, work, p));
  w->error = p->error;
}

/* What stands in the buffer goes first, for the write of both could be too much. */
static void flush_before(struct writer *w, size_t size) REQUIRES(rank_vm) {
  struct put p = {.file = w->use->file};
  const size_t pending = file_stream_pending(p.file);
  if (pending == 0 || size <= file_stream_writable(p.file)) return;
  wait_for_room(w);
  run(w, flush, &p);
}

static void write_pieces(struct writer *w, const char *data, size_t size) REQUIRES(rank_vm) {
  for (size_t done = 0; done < size && !w->error;) {
    const size_t piece = size - done < PIECE ? size - done : PIECE;
    struct put p = {.file = w->use->file, .data = data + done, .size = piece};
    flush_before(w, piece);
    if (w->error) return;
    if (piece > file_stream_writable(p.file)) wait_for_room(w);
    run(w, put, &p);
    done += piece;
  }
}

static void write_text(struct writer *w, const char *data, size_t size) REQUIRES(rank_vm) {
  struct put p = {.file = w->use->file, .data = data, .size = size};
  if (w->kind == FILE_STREAM_WAITABLE)
    write_pieces(w, data, size);
  else
    run(w, put, &p);
}

/* A whole number below this is written with all its digits by each Lua. */
static const lua_Integer small_number = 100000000000000;

/* Writes it as decimal digits, in a fifth of the time that printf takes. */
static size_t write_whole(lua_Integer number, char text[NUMERAL_MAX]) {
  char digits[NUMERAL_MAX];
  size_t count = 0, size = 0;
  lua_Integer left = number < 0 ? -number : number;
  do digits[count++] = (char)('0' + left % 10);
  while ((left /= 10) > 0);
  if (number < 0) text[size++] = '-';
  while (count > 0) text[size++] = digits[--count];
  return size;
}

static size_t write_number(lua_State *L, int index, char text[NUMERAL_MAX]) {
  if (lua_isinteger(L, index)) {
    const lua_Integer number = lua_tointeger(L, index);
    if (-small_number < number && number < small_number) return write_whole(number, text);
  }
  return (size_t)lua_write_number(L, index, text, NUMERAL_MAX);
}

/* The text of the value at `index`: `numeral` has it if it is a number. */
static const char *text_of(lua_State *L, int index, char numeral[NUMERAL_MAX], size_t *size) {
  if (lua_type(L, index) != LUA_TNUMBER) return lua_tolstring(L, index, size);
  *size = write_number(L, index, numeral);
  return numeral;
}

/* (the use, the file, values …) */
static int write_values(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  enum { FIRST = 3 };
  struct io_file_use *use = io_file_current(L);
  struct writer w = {L, use, file_stream_kind(use->file), 0};
  for (int i = FIRST; i <= lua_gettop(L) && !w.error; i++) {
    char numeral[NUMERAL_MAX];
    size_t size = 0;
    const char *text = text_of(L, i, numeral, &size);
    write_text(&w, text, size);
  }
  return w.error ? result_push(L, w.error, NULL) : writing_push_success(L, io_files_of(L), FIRST - 1);
}

int writing_push_success(lua_State *L, const struct io_files *s, int file) {
  if (s->tells_ends)
    lua_pushvalue(L, file);
  else
    lua_pushboolean(L, 1);
  return 1;
}

void writing_check(lua_State *L, int first) {
  for (int i = first; i <= lua_gettop(L); i++)
    if (lua_type(L, i) != LUA_TNUMBER) (void)luaL_checkstring(L, i);
}

int writing_run(lua_State *L) { return io_file_use(L, 1, write_values); }

bool writing_at_once(lua_State *L, const struct io_files *s, FILE *f) {
  const int first = 2, last = lua_gettop(L);
  char numerals[FAST_VALUES][NUMERAL_MAX];
  const char *texts[FAST_VALUES];
  size_t sizes[FAST_VALUES], total = 0;
  if (last - first >= FAST_VALUES || io_file_is_used(s, f)) return false;
  for (int i = first; i <= last; i++) {
    texts[i - first] = text_of(L, i, numerals[i - first], &sizes[i - first]);
    total += sizes[i - first];
  }
  if (ftrylockfile(f)) return false;
  const bool is_there = total <= file_stream_writable(f);
  for (int i = 0; is_there && i <= last - first; i++) (fwrite_unlocked)(texts[i], 1, sizes[i], f);
  funlockfile(f);
  return is_there;
}

/* ---- the rest -------------------------------------------------------------------------------- */

/* (the use, the file) */
static int flush_file(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  struct io_file_use *use = io_file_current(L);
  struct writer w = {L, use, file_stream_kind(use->file), 0};
  struct put p = {.file = use->file};
  if (w.kind == FILE_STREAM_WAITABLE && file_stream_pending(p.file)) wait_for_room(&w);
  if (file_stream_pending(p.file))
    run(&w, flush, &p);
  else
    flush(&p); /* as it does for a file that is read */
  return result_push(L, p.error, NULL);
}

int writing_flush(lua_State *L) { return io_file_use(L, 1, flush_file); }

/* (the use, the file, whence, offset) */
static int seek_file(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  enum { WHENCE = 3, OFFSET = 4 };
  struct io_file_use *use = io_file_current(L);
  struct seek s = {.file = use->file};
  s.whence = (int)lua_tointeger(L, WHENCE);
  s.offset = (off_t)lua_tointeger(L, OFFSET);
  if (file_stream_pending(s.file) && file_stream_kind(s.file) != FILE_STREAM_INSTANT)
    io_file_raise(L, use, away_do(L, seek, &s));
  else
    seek(&s);
  if (s.error) return result_push(L, s.error, NULL);
  lua_pushwhole(L, (int64_t)s.at);
  return 1;
}

int writing_seek(lua_State *L) { return io_file_use(L, 1, seek_file); }

/* (the use, the file, mode, size) */
static int set_buffer(lua_State *L) {
  enum { MODE = 3, SIZE = 4 };
  const int failed =
      setvbuf(io_file_current(L)->file, NULL, (int)lua_tointeger(L, MODE), (size_t)lua_tointeger(L, SIZE));
  return result_push(L, failed ? errno : 0, NULL);
}

int writing_set_buffer(lua_State *L) { return io_file_use(L, 1, set_buffer); }

/* ---- print ----------------------------------------------------------------------------------- */

/* With a line that is longer than a piece other VMs of the process must not write between two of its pieces, so the C
 * library has all of it at once. That would keep the tasks of the thread from running, and they come first. */
static bool is_in_pieces(lua_State *L, const struct writer *w, size_t size) {
  return w->kind == FILE_STREAM_WAITABLE && (size <= PIECE || away_has_tasks(L));
}

static void print_in_pieces(struct writer *w, const char *line, size_t size, bool is_flushed)
    REQUIRES(rank_vm) {
  struct put p = {.file = w->use->file};
  write_pieces(w, line, size);
  if (w->error || !is_flushed || file_stream_pending(p.file) == 0) return;
  wait_for_room(w);
  run(w, flush, &p);
}

/* (the use, nil, the line) */
static int print_line(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  enum { LINE = 3 };
  struct io_file_use *use = io_file_current(L);
  struct writer w = {L, use, file_stream_kind(use->file), 0};
  const bool flushes = io_files_of(L)->flushes_prints;
  size_t size = 0;
  const char *line = lua_tolstring(L, LINE, &size);
  struct put p = {.file = use->file, .data = line, .size = size};
  if (is_in_pieces(L, &w, size))
    print_in_pieces(&w, line, size, flushes);
  else
    away_do_shortly(L, flushes ? put_and_flush : put, &p);
  return 0;
}

/* Where nothing else of the VM can run. */
static void print_at_once(lua_State *L, const struct io_files *s) {
  struct put p = {.file = stdout};
  p.data = lua_tolstring(L, 1, &p.size);
  if (s->flushes_prints)
    put_and_flush(&p);
  else
    put(&p);
}

int writing_print(lua_State *L) {
  const struct io_files *s = io_files_here(L);
  vm_print_push_line(L);
  lua_pushliteral(L, "\n");
  lua_concat(L, 2);
  lua_insert(L, 1);
  lua_settop(L, 1);
  if (away_is_alone(L)) {
    print_at_once(L, s);
  } else {
    lua_pushnil(L); /* in the place of a file */
    lua_insert(L, 1);
    if (s->flushes_prints || !writing_at_once(L, s, stdout)) (void)io_file_use_stream(L, stdout, print_line);
  }
  if (ferror(stdout)) clearerr(stdout);
  return 0;
}

/* ---- reports --------------------------------------------------------------------------------- */

int writing_now(lua_State *L) {
  size_t size = 0;
  const char *text = luaL_checklstring(L, 2, &size);
  struct put p = {.file = lua_file_get(luaL_checkudata(L, 1, LUA_FILEHANDLE)), .data = text, .size = size};
  if (p.file) away_do_shortly(L, put_and_flush, &p);
  return 0;
}

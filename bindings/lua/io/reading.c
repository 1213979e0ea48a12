/* SPDX-License-Identifier: MIT */
/* A call reads in steps (take): each takes from the stream what stands in its buffer, or calls the system once. What can
 * make the system call wait is waited for before it, outside of the stream's lock. Bytes of a format that is not
 * whole yet stand in the memory of the use, which frees it, whatever ends the call. */
#include "io/reading.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>

#include "base/bytes.h"
#include "io/result.h"

enum { FAST_MAX = 1024, NUMERAL_MAX = 200, PIECE = 1 << 16 };

/* What a step has to take. */
enum take_what {
  TAKE_LINE,    /* up to a newline, which is the last byte taken */
  TAKE_COUNT,   /* `wanted` bytes */
  TAKE_NOTHING, /* it only finds out whether there is a byte */
};

struct take {
  FILE *file;
  struct bytes *out;
  size_t wanted;
  enum take_what what;
  bool may_call; /* the system, once; on a disk as often as needed */
  bool is_disk;
  bool is_done;
  bool is_at_end; /* also after an error, which the stream keeps */
  int error;      /* of the last system call */
  status st;      /* -ENOMEM */
};

/* ---- steps, without Lua ---------------------------------------------------------------------- */

/* At least one byte is in the buffer; or the stream is at its end. */
static bool fill(struct take *t) {
  errno = 0;
  const int c = getc_unlocked(t->file);
  if (c != EOF) return ungetc(c, t->file) != EOF;
  t->is_at_end = true;
  t->error = errno;
  return false;
}

static void take_bytes(struct take *t, size_t count) {
  t->st = bytes_reserve(t->out, count);
  if (t->st) return;
  t->out->len += (fread_unlocked)(t->out->data + t->out->len, 1, count, t->file);
}

/* How many bytes of the buffer belong to what is wanted. Without a view of the buffer: the one that fill put there. */
static size_t count_there(const struct take *t, bool was_filled) {
  const char *start;
  size_t there = file_stream_readable(t->file, &start);
  if (!start) return was_filled;
  const size_t left = t->wanted - t->out->len;
  if (t->what == TAKE_COUNT) return there < left ? there : left;
  const char *end = there ? memchr(start, '\n', there) : NULL;
  return end ? (size_t)(end - start) + 1 : there;
}

static bool is_whole(const struct take *t) {
  if (t->what == TAKE_COUNT) return t->out->len == t->wanted;
  return t->out->len > 0 && t->out->data[t->out->len - 1] == '\n';
}

/* Many bytes of a file on a disk go past the buffer. */
static void take_directly(struct take *t) {
  while (!t->st && !t->is_at_end && t->wanted - t->out->len >= BUFSIZ) {
    const size_t left = t->wanted - t->out->len;
    const size_t count = left < PIECE ? left : PIECE;
    const size_t before = t->out->len;
    take_bytes(t, count);
    t->is_at_end = !t->st && t->out->len - before < count;
    if (t->is_at_end) t->error = ferror(t->file) ? errno : 0;
  }
}

static void take_locked(struct take *t) {
  bool may_call = t->may_call, was_filled = false;
  t->is_at_end = false;
  if (t->what == TAKE_COUNT && t->is_disk && may_call) take_directly(t);
  while (!t->st && !t->is_at_end) {
    const size_t count = count_there(t, was_filled);
    if (t->what == TAKE_NOTHING && (count || was_filled)) {
      t->is_done = true;
      return;
    }
    if (count) take_bytes(t, count);
    t->is_done = is_whole(t);
    if (t->is_done || t->st) return;
    if (!may_call) return;
    may_call = t->is_disk;
    was_filled = fill(t);
  }
}

static void take(void *context) {
  struct take *t = context;
  flockfile(t->file);
  take_locked(t);
  funlockfile(t->file);
}

/* ---- a format -------------------------------------------------------------------------------- */

/* The body of reading_run: what it reads, and from where. */
struct reader {
  lua_State *L;
  struct io_file_use *use;
  struct bytes *bytes; /* the use's */
  enum file_stream_kind kind;
  bool has_failed;
  int error;
};

/* What a disk's file has in memory is copied under the VM's lock: to leave the lock for that would cost more, and
 * threads that compute would get it for a whole turn each time. */
static bool take_cached(struct reader *r, struct take *t) {
  if (t->wanted >= PIECE || !file_stream_is_cached(r->use->file)) return false;
  t->is_disk = false; /* one call, for what was asked about */
  take(t);
  t->is_disk = true;
  return true;
}

/* One call of the system; of a disk that has to fetch the bytes as many as it takes. */
static void take_from_system(struct reader *r, struct take *t) REQUIRES(rank_vm) {
  lua_State *L = r->L;
  t->may_call = true;
  if (r->kind == FILE_STREAM_INSTANT) {
    take(t);
    return;
  }
  if (r->kind == FILE_STREAM_WAITABLE)
    io_file_raise(L, r->use, away_wait(L, &r->use->is_closed, AWAY_FILE, fileno(t->file), AWAY_TO_READ));
  if (r->kind == FILE_STREAM_DISK && take_cached(r, t)) return;
  status st = STATUS_OK;
  if (r->kind == FILE_STREAM_DISK)
    st = away_do(L, take, t);
  else
    away_do_shortly(L, take, t);
  io_file_raise(L, r->use, st);
}

/* A signal, or another process that was quicker, is no end. */
static bool is_to_repeat(struct take *t) {
  if (!t->is_at_end || (t->error != EINTR && t->error != EAGAIN)) return false;
  clearerr(t->file);
  return true;
}

/* Reads until it is whole, or the file is at its end. [raises] */
static void read_whole(struct reader *r, struct take *t) REQUIRES(rank_vm) {
  *t = (struct take){.file = r->use->file, .out = r->bytes, .wanted = t->wanted, .what = t->what};
  t->is_disk = r->kind == FILE_STREAM_DISK;
  take(t);
  while (!t->is_done && !t->st) {
    take_from_system(r, t);
    if (t->is_at_end && (r->kind == FILE_STREAM_INSTANT || !is_to_repeat(t))) break;
    io_file_raise(r->L, r->use, STATUS_OK);
  }
  if (t->st) luaL_error(r->L, "not enough memory");
  if (t->is_at_end && ferror(t->file)) {
    r->has_failed = true;
    r->error = t->error;
  }
}

static bool read_line(struct reader *r, bool chops) REQUIRES(rank_vm) {
  struct take t = {.what = TAKE_LINE};
  bytes_clear(r->bytes);
  read_whole(r, &t);
  const size_t size = r->bytes->len;
  lua_pushlstring(r->L, (const char *)r->bytes->data, size - (chops && t.is_done));
  return size > 0;
}

static bool read_count(struct reader *r, size_t count) REQUIRES(rank_vm) {
  struct take t = {.wanted = count, .what = TAKE_COUNT};
  bytes_clear(r->bytes);
  read_whole(r, &t);
  lua_pushlstring(r->L, (const char *)r->bytes->data, r->bytes->len);
  return r->bytes->len > 0;
}

static bool read_end(struct reader *r) REQUIRES(rank_vm) {
  struct take t = {.what = TAKE_NOTHING};
  bytes_clear(r->bytes);
  read_whole(r, &t);
  lua_pushliteral(r->L, "");
  return t.is_done;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* A numeral as it is read, one byte ahead: what can be the beginning of one, at most NUMERAL_MAX bytes. The bytes are
 * those of a reader, or those from `at` to `end`, which may be too few. */
struct numeral {
  struct reader *r; /* NULL: the others */
  const char *at;
  const char *end;
  int ahead; /* EOF: the end */
  size_t count;
  char text[NUMERAL_MAX + 1];
};

static void look_ahead(struct numeral *n) REQUIRES(rank_vm) {
  if (!n->r) {
    n->ahead = n->at < n->end ? (unsigned char)*n->at++ : EOF;
    return;
  }
  struct take t = {.what = TAKE_NOTHING};
  bytes_clear(n->r->bytes);
  read_whole(n->r, &t);
  n->ahead = t.is_done ? getc(n->r->use->file) : EOF;
}

static bool keep(struct numeral *n) REQUIRES(rank_vm) {
  if (n->count >= NUMERAL_MAX) {
    n->text[0] = '\0'; /* too long to be one */
    return false;
  }
  n->text[n->count++] = (char)n->ahead;
  look_ahead(n);
  return true;
}

static bool keep_one_of(struct numeral *n, const char *set) REQUIRES(rank_vm) {
  return n->ahead != EOF && n->ahead != '\0' && strchr(set, n->ahead) && keep(n);
}

static int keep_digits(struct numeral *n, bool is_hex) REQUIRES(rank_vm) {
  int count = 0;
  while (n->ahead != EOF && (is_hex ? isxdigit(n->ahead) : isdigit(n->ahead)) && keep(n)) count++;
  return count;
}

/* From the first byte that is no space to the one behind the numeral, which is `ahead` then. */
static void scan(struct numeral *n) REQUIRES(rank_vm) {
  int count = 0;
  bool is_hex = false;
  const char point[] = {*localeconv()->decimal_point, '.', '\0'};
  do look_ahead(n);
  while (n->ahead != EOF && isspace(n->ahead));
  (void)keep_one_of(n, "+-");
  if (keep_one_of(n, "0")) {
    if (keep_one_of(n, "xX"))
      is_hex = true;
    else
      count = 1;
  }
  count += keep_digits(n, is_hex);
  if (keep_one_of(n, point)) count += keep_digits(n, is_hex);
  if (count > 0 && keep_one_of(n, is_hex ? "pP" : "eE")) {
    (void)keep_one_of(n, "+-");
    (void)keep_digits(n, false);
  }
  n->text[n->count] = '\0';
}

static bool push_number(lua_State *L, const struct numeral *n) {
  if (lua_push_numeral(L, n->text)) return true;
  lua_pushnil(L);
  return false;
}

static bool read_number(struct reader *r) REQUIRES(rank_vm) {
  struct numeral n = {.r = r};
  scan(&n);
  if (n.ahead != EOF) ungetc(n.ahead, r->use->file);
  return push_number(r->L, &n);
}

/* ---- all formats ----------------------------------------------------------------------------- */

/* The letter of a format: without the asterisk that 5.1 wants. */
static char letter_of(lua_State *L, int index) {
  const char *format = lua_tostring(L, index);
  if (*format == '*') format++;
  return *format;
}

static bool is_letter(char letter) {
  return letter == 'n' || letter == 'l' || letter == 'a' || (letter == 'L' && lua_reads_bare_formats());
}

void reading_check_formats(lua_State *L, int first) {
  for (int i = first; i <= lua_gettop(L); i++) {
    if (lua_type(L, i) == LUA_TNUMBER) {
      (void)luaL_checkinteger(L, i);
      continue;
    }
    const char *format = luaL_checkstring(L, i);
    if (*format != '*' && !lua_reads_bare_formats()) luaL_argerror(L, i, "invalid option");
    if (!is_letter(letter_of(L, i))) luaL_argerror(L, i, "invalid format");
  }
}

/* Pushes what the format at `index` reads. False: there is none. */
static bool read_format(struct reader *r, int index) REQUIRES(rank_vm) {
  lua_State *L = r->L;
  if (lua_type(L, index) == LUA_TNUMBER) {
    const lua_Integer count = lua_tointeger(L, index);
    return count == 0 ? read_end(r) : read_count(r, (size_t)count);
  }
  switch (letter_of(L, index)) {
    case 'n': return read_number(r);
    case 'l': return read_line(r, true);
    case 'L': return read_line(r, false);
    default: (void)read_count(r, SIZE_MAX); return true;
  }
}

/* (the use, the file, formats …) */
static int read_formats(lua_State *L) NO_THREAD_SAFETY_ANALYSIS {
  enum { FIRST = 3 };
  struct io_file_use *use = io_file_current(L);
  struct reader r = {L, use, &use->bytes, file_stream_kind(use->file), false, 0};
  const int last = lua_gettop(L);
  clearerr(use->file);
  luaL_checkstack(L, last + LUA_MINSTACK, "too many arguments");
  bool is_there = true;
  if (last < FIRST) is_there = read_line(&r, true);
  for (int i = FIRST; i <= last && is_there; i++) is_there = read_format(&r, i);
  if (r.has_failed) return result_push(L, r.error, NULL);
  if (!is_there) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  return lua_gettop(L) - last;
}

int reading_run(lua_State *L) { return io_file_use(L, 1, read_formats); }

/* ---- what stands in the buffer --------------------------------------------------------------- */

/* How many of the bytes there are the line, with its end; 0: it is not whole there. */
static size_t line_size(const char *start, size_t there) {
  const char *newline = there ? memchr(start, '\n', there) : NULL;
  return newline ? (size_t)(newline - start) + 1 : 0;
}

/* 0: they are not there. */
static size_t size_there(FILE *f, size_t wanted, const char **start) {
  const size_t there = file_stream_readable(f, start);
  return wanted ? wanted * (wanted <= there) : line_size(*start, there);
}

/* Standard input is one stream of all VMs of the process: what another one reads next may take the place of the bytes. */
static bool push_of_input(lua_State *L, size_t wanted, bool chops) {
  char piece[FAST_MAX];
  const char *start;
  if (ftrylockfile(stdin)) return false;
  const size_t size = size_there(stdin, wanted, &start);
  const bool is_taken = size > 0 && size <= FAST_MAX;
  if (is_taken) memcpy(piece, start, size);
  if (is_taken) file_stream_skip(stdin, size);
  funlockfile(stdin);
  if (is_taken) lua_pushlstring(L, piece, size - chops);
  return is_taken;
}

/* A line, if `wanted` is 0; else so many bytes. Another file is used by this VM alone, under its lock. */
static bool push_at_once(lua_State *L, const struct io_files *s, FILE *f, size_t wanted, bool chops) {
  const char *start;
  if (io_file_is_used(s, f)) return false;
  if (f == stdin) return push_of_input(L, wanted, chops);
  const size_t size = size_there(f, wanted, &start);
  if (!size) return false;
  file_stream_skip(f, size);
  lua_pushlstring(L, start, size - chops);
  return true;
}

bool reading_push_line(lua_State *L, const struct io_files *s, FILE *f) {
  return push_at_once(L, s, f, 0, true);
}

/* A numeral that ends in the buffer. */
static bool push_number_at_once(lua_State *L, const struct io_files *s, FILE *f) REQUIRES(rank_vm) {
  if (io_file_is_used(s, f) || ftrylockfile(f)) return false;
  struct numeral n = {.r = NULL};
  const char *start;
  const size_t there = file_stream_readable(f, &start);
  n.at = start;
  n.end = there ? start + there : start;
  scan(&n);
  char piece[FAST_MAX];
  const size_t size = n.ahead == EOF ? FAST_MAX + 1 : (size_t)(n.at - start) - 1;
  const bool is_whole = size <= FAST_MAX;
  if (is_whole) (void)!(fread_unlocked)(piece, 1, size, f);
  funlockfile(f);
  if (is_whole) (void)push_number(L, &n);
  return is_whole;
}

bool reading_push_format(lua_State *L, const struct io_files *s, FILE *f, int index) {
  const int type = lua_type(L, index);
  if (type == LUA_TNUMBER) {
    const lua_Integer wanted = lua_tointeger(L, index);
    return wanted > 0 && (lua_Number)wanted == lua_tonumber(L, index) &&
           push_at_once(L, s, f, (size_t)wanted, false);
  }
  if (type != LUA_TSTRING) return false;
  const char *format = lua_tostring(L, index);
  if (*format == '*')
    format++;
  else if (!lua_reads_bare_formats())
    return false;
  switch (*format) {
    case 'n': return push_number_at_once(L, s, f);
    case 'l': return push_at_once(L, s, f, 0, true);
    case 'L': return lua_reads_bare_formats() && push_at_once(L, s, f, 0, false);
    default: return false;
  }
}

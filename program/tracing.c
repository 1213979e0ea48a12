/* SPDX-License-Identifier: MIT */
#include "tracing.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "chunk.h"
#include "os/environment.h"
#include "os/status_text.h"
#include "trace/recorder.h"

static const char file_variable[] = "MANYMOONS_TRACE";
static const char limit_variable[] = "MANYMOONS_TRACE_LIMIT";
static const char profile_variable[] = "MANYMOONS_PROFILE";
static const char rate_variable[] = "MANYMOONS_PROFILE_RATE";

/* A decimal number, RECORDER_LIMIT_LEAST or more. *out is unchanged if `text` is NULL. */
static bool read_limit(const char *text, uint64_t *out) {
  char *end = NULL;
  if (!text) return true;
  errno = 0;
  const uint64_t limit = strtoumax(text, &end, 10);
  const bool is_number = *text && strspn(text, "0123456789") == strlen(text) && !errno;
  if (!is_number || limit < RECORDER_LIMIT_LEAST) {
    fprintf(stderr, "manymoons: %s: a number of events, %d or more, expected, got '%s'\n", limit_variable,
            RECORDER_LIMIT_LEAST, text);
    return false;
  }
  *out = limit;
  return true;
}

static bool start(const struct recorder_options *options) {
  char text[STATUS_TEXT_MAX];
  const status st = recorder_start(options);
  if (st)
    fprintf(stderr, "manymoons: cannot write the trace '%s': %s\n", options->path, status_text(st, text));
  return st == STATUS_OK;
}

static bool is_subcommand_trace(const struct options *o) {
  return o->is_subcommand && strcmp(o->argv[o->script], "trace") == 0;
}

/* The file of an earlier trace is kept if there is nothing to trace; the error comes when the script is loaded. */
static bool is_script_missing(const struct options *o) {
  if (o->script >= o->argc || o->is_subcommand) return false;
  const char *name = o->argv[o->script];
  if (!o->is_script_literal && strcmp(name, "-") == 0) return false;
  FILE *file = fopen(name, "r");
  if (file) fclose(file);
  return !file;
}

bool tracing_begin(const struct options *o) {
  const char *path = environment_get(file_variable);
  if (!path || !*path || is_script_missing(o)) return true;
  if (is_subcommand_trace(o)) {
    unsetenv(file_variable);
    return true;
  }
  struct recorder_options options = {.path = path,
                                     .program = o->script < o->argc ? o->argv[o->script] : "manymoons",
                                     .limit = RECORDER_LIMIT_DEFAULT};
  if (!read_limit(environment_get(limit_variable), &options.limit) || !start(&options)) return false;
  unsetenv(file_variable);
  unsetenv(limit_variable);
  return true;
}

bool tracing_begin_profile(lua_State *L) {
  static const char begin[] = "require('manymoons')._require('profile.session').begin_for_environment(...)";
  const char *path = environment_get(profile_variable);
  if (!path || !*path) return true;
  const int state = luaL_loadbuffer(L, begin, sizeof begin - 1, "=manymoons");
  lua_pushstring(L, path);
  lua_pushstring(L, environment_get(rate_variable));
  unsetenv(profile_variable);
  unsetenv(rate_variable);
  return chunk_succeeded(L, state == LUA_OK ? chunk_call(L, 2, 0) : state);
}

bool tracing_is_on(void) { return recorder_is_recording(); }

bool tracing_end(void) {
  if (!recorder_is_recording()) return true;
  char text[STATUS_TEXT_MAX];
  const status st = recorder_stop();
  if (st) fprintf(stderr, "manymoons: the trace is not complete: %s\n", status_text(st, text));
  return st == STATUS_OK;
}

/* SPDX-License-Identifier: MIT */
/* manymoons.h: the library itself, errors, recordings, and worker programs. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "c/api/api.h"
#include "c/request.h"
#include "os/clock.h"
#include "os/status_text.h"
#include "state/lua_compat.h"
#include "trace/recorder.h"

int mm_version(void) { return MM_VERSION_NUM; }

const char *mm_lua_version(void) { return lua_is_jit() ? "LuaJIT" : LUA_VERSION; }

const char *mm_strerror(int err) { return outcome_text(err); }

const char *mm_last_error(void) { return last_error(); }

int api_refuse(mm_err err, const char *format, ...) {
  char text[300];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  last_error_set("%s", text);
  return -(int)err;
}

int api_refuse_null(const char *function, const char *argument) {
  return api_refuse(MM_EINVAL, "%s: %s is NULL", function, argument);
}

static int result_of(status st) {
  switch (st) {
    case STATUS_OK: return MM_OK;
    case STATUS_TIMEOUT: return -MM_ETIMEOUT;
    case STATUS_CLOSED: return -MM_ECLOSED;
    case STATUS_DIED: return -MM_EDIED;
    case STATUS_MALFORMED:
    case STATUS_TOO_LARGE:
    case STATUS_FOREIGN:
    case -EINVAL: return -MM_EINVAL;
    case -ENOMEM: return -MM_ENOMEM;
    case -EBUSY:
    case -ENOSYS: return -MM_EUNSUPPORTED;
    default: return -MM_ESYS;
  }
}

int api_status(const char *function, status st) {
  char text[STATUS_TEXT_MAX];
  if (st && st != STATUS_TIMEOUT) last_error_set("%s: %s", function, status_text(st, text));
  return result_of(st);
}

deadline api_deadline(int timeout_ms) {
  if (timeout_ms < 0) return deadline_never();
  return timeout_ms ? deadline_after(timeout_ms / 1000.0) : deadline_now();
}

static bool is_zero(const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i]) return false;
  return true;
}

int api_copy_config(const char *function, const char *argument, void *to, size_t size, const void *from) {
  size_t theirs = 0;
  memcpy(&theirs, from, sizeof theirs);
  if (theirs < sizeof theirs || theirs > 4096)
    return api_refuse(MM_EINVAL, "%s: %s.size is %zu; its _init function sets it", function, argument,
                      theirs);
  if (theirs > size && !is_zero((const uint8_t *)from + size, theirs - size))
    return api_refuse(MM_EINVAL, "%s: %s sets a field that this version of the library does not know",
                      function, argument);
  memcpy(to, from, theirs < size ? theirs : size);
  memcpy(to, &size, sizeof size);
  return MM_OK;
}

int mm_trace_start(mm_rt *rt, const char *path) {
  if (!rt || !path) return api_refuse_null("mm_trace_start", rt ? "path" : "rt");
  const struct recorder_options options = {
      .path = path, .program = "manymoons", .limit = RECORDER_LIMIT_DEFAULT};
  const status st = recorder_start(&options);
  if (st == -EBUSY) return api_refuse(MM_EAGAIN, "mm_trace_start: the program records already");
  return api_status("mm_trace_start", st);
}

int mm_trace_stop(mm_rt *rt) {
  if (!rt) return api_refuse_null("mm_trace_stop", "rt");
  const status st = recorder_stop();
  if (st == STATUS_CLOSED) return api_refuse(MM_EINVAL, "mm_trace_stop: nothing is recorded");
  return api_status("mm_trace_stop", st);
}

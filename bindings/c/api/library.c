/* SPDX-License-Identifier: MIT */
/* manymoons.h: the library itself, errors, recordings, and worker programs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "c/api/api.h"
#include "c/request.h"
#include "os/clock.h"
#include "state/lua_compat.h"
#include "trace/recorder.h"

int mm_version(void) { return MM_VERSION_NUM; }

const char *mm_lua_version(void) { return lua_is_jit() ? "LuaJIT" : LUA_VERSION; }

const char *mm_strerror(int err) { return outcome_text(err); }

int api_result(status st) {
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

deadline api_deadline(int timeout_ms) {
  if (timeout_ms < 0) return deadline_never();
  return timeout_ms ? deadline_after(timeout_ms / 1000.0) : deadline_now();
}

static bool is_zero(const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i]) return false;
  return true;
}

bool api_copy_config(void *to, size_t size, const void *from) {
  size_t theirs = 0;
  memcpy(&theirs, from, sizeof theirs);
  if (theirs < sizeof theirs || theirs > 4096) return false;
  if (theirs > size && !is_zero((const uint8_t *)from + size, theirs - size)) return false;
  memcpy(to, from, theirs < size ? theirs : size);
  memcpy(to, &size, sizeof size);
  return true;
}

int mm_trace_start(mm_rt *rt, const char *path) {
  if (!rt || !path) return -MM_EINVAL;
  const struct recorder_options options = {
      .path = path, .program = "manymoons", .limit = RECORDER_LIMIT_DEFAULT};
  const status st = recorder_start(&options);
  return st == -EBUSY ? -MM_EAGAIN : api_result(st);
}

int mm_trace_stop(mm_rt *rt) {
  if (!rt) return -MM_EINVAL;
  const status st = recorder_stop();
  return st == STATUS_CLOSED ? -MM_EINVAL : api_result(st);
}

/* SPDX-License-Identifier: MIT */
/* The words for statuses. The system's own go by their symbolic name first, because that is what
 * people search for and what a script can compare. */
#include "os/status_text.h"

#include <stdio.h>

#include "os/error_name.h"

static const char *own_text(status st) {
  switch (st) {
    case STATUS_OK: return "ok";
    case STATUS_TIMEOUT: return "timeout";
    case STATUS_CLOSED: return "closed";
    case STATUS_FULL: return "full";
    case STATUS_EMPTY: return "empty";
    case STATUS_CANCELLED: return "cancelled";
    case STATUS_DIED: return "died";
    case STATUS_INTERRUPTED: return "interrupted";
    case STATUS_MALFORMED: return "malformed message";
    case STATUS_FOREIGN: return "not of this program";
    case STATUS_TOO_LARGE: return "too large";
    case STATUS_BROKEN: return "broken";
    case STATUS_DEADLOCK: return "deadlock";
    default: return "unknown status";
  }
}

const char *status_text(status st, char text[STATUS_TEXT_MAX]) {
  if (st >= 0) {
    snprintf(text, STATUS_TEXT_MAX, "%s", own_text(st));
    return text;
  }
  const char *name = error_name(-st);
  const char *words = error_words(-st);
  if (name && words)
    snprintf(text, STATUS_TEXT_MAX, "%s: %s", name, words);
  else
    snprintf(text, STATUS_TEXT_MAX, "E%d: unknown system error", -st);
  return text;
}

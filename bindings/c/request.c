/* SPDX-License-Identifier: MIT */
#include "c/request.h"

#include <string.h>

#include "base/memory.h"
#include "c/values/value.h"

void request_fini(struct request *r) {
  memory_free(r->name);
  memory_free(r->source);
  value_discard_message(&r->message);
}

struct outcome outcome_failed(int err, const char *text) {
  struct outcome outcome = {.state = -err};
  outcome.error = text ? memory_copy_text(text, strlen(text)) : NULL;
  return outcome;
}

const char *outcome_text(int err) {
  static const char *const texts[] = {
      [MM_OK] = "no error",
      [MM_ENOMEM] = "not enough memory",
      [MM_EINVAL] = "wrong argument",
      [MM_ESYNTAX] = "the source does not compile",
      [MM_ERUN] = "the code raised an error",
      [MM_ELIMIT_MEM] = "over its memory limit",
      [MM_ELIMIT_TIME] = "over its time limit",
      [MM_ECANCELED] = "cancelled",
      [MM_EDIED] = "the process of the VM is gone",
      [MM_ETIMEOUT] = "timeout",
      [MM_EAGAIN] = "not now; try again",
      [MM_ECLOSED] = "the VM was freed",
      [MM_EUNSUPPORTED] = "not supported here",
      [MM_ESYS] = "the system refused",
      [MM_EUNSENDABLE] = "a value that cannot leave its VM",
  };
  const int index = err < 0 ? -err : err;
  return index < (int)(sizeof texts / sizeof *texts) ? texts[index] : "unknown error";
}

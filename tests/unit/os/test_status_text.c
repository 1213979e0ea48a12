/* SPDX-License-Identifier: MIT */
/* The words of statuses: ours are words alone, the system's have their name in front. */
#include "os/status_text.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"

static void says(status st, const char *wanted) {
  char text[STATUS_TEXT_MAX];
  CHECK_EQ(strcmp(status_text(st, text), wanted), 0);
}

int main(void) {
  says(STATUS_OK, "ok");
  says(STATUS_TIMEOUT, "timeout");
  says(STATUS_BROKEN, "broken");
  says(1000, "unknown status");
  says(-ENOMEM, "ENOMEM: Cannot allocate memory");
  says(-100000, "E100000: unknown system error");
  return 0;
}

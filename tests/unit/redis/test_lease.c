/* SPDX-License-Identifier: MIT */
/* A lease whose server says nothing: its owner can leave it without waiting for the thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "os/address.h"
#include "os/process.h"
#include "os/ready.h"
#include "os/stream.h"
#include "redis/lease.h"

static int listen_at(const char *name) {
  struct address *a = NULL;
  char bound[ADDRESS_TEXT_MAX];
  struct stream_file file;
  int fd = -1;
  CHECK_EQ(address_open(name, ADDRESS_TO_LISTEN, &a), STATUS_OK);
  CHECK_EQ(address_resolve(a, deadline_never()), STATUS_OK);
  CHECK_EQ(stream_listen(a, &fd, bound, &file), STATUS_OK);
  address_close(a);
  return fd;
}

int main(void) {
  struct lease_settings settings = {
      .script = "", .fixed = {"a", "b", "c", "d"}, .text = "", .interval = 1e6 /* s */};
  snprintf(settings.server.address, sizeof settings.server.address, "@manymoons-test-lease-%d",
           (int)process_pid());
  snprintf(settings.server.password, sizeof settings.server.password, "expects an answer");
  const int server = listen_at(settings.server.address);
  struct lease *lease = NULL;
  CHECK_EQ(lease_open(&settings, &lease), STATUS_OK);
  struct ready dials = ready_watch(server);
  CHECK_EQ(ready_wait(&dials, 1, deadline_never()), STATUS_OK);
  lease_leave(lease);

  CHECK_EQ(lease_open(&settings, &lease), STATUS_OK);
  lease_leave(lease);
  stream_close(server);
  return EXIT_SUCCESS;
}

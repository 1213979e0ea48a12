/* SPDX-License-Identifier: MIT */
#include "os/file_limit.h"

#include <errno.h>
#include <sys/resource.h>

status file_limit_allows(uint64_t size) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_FSIZE, &limit)) return -errno;
  return limit.rlim_cur == RLIM_INFINITY || size <= limit.rlim_cur ? STATUS_OK : -EFBIG;
}

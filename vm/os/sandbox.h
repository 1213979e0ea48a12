/* SPDX-License-Identifier: MIT */
/* The sandbox of a process: from its start on the process can open only the named files, start no
 * process and no thread, and, unless allowed, use no network. It cannot be undone.
 *
 * A system call that is not allowed fails with EPERM. One that only an attack makes ends the
 * process with SIGSYS; its number is stored first (sandbox_enter). docs/explanation/trust.md says
 * what is not promised.
 */
#ifndef OS_SANDBOX_H
#define OS_SANDBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* What may be done with a file, or with a folder and all below it. Neither grants the other. */
enum sandbox_access {
  SANDBOX_READ = 'r',  /* read files, list folders */
  SANDBOX_WRITE = 'w', /* write, create and remove files and folders */
};

enum sandbox_network { SANDBOX_NO_NETWORK, SANDBOX_NETWORK /* TCP and UDP */ };

struct sandbox_path {
  enum sandbox_access access;
  const char *path; /* absolute */
};

struct sandbox_rules {
  const struct sandbox_path *paths;
  size_t path_count;
  enum sandbox_network network;
  uint64_t memory; /* bytes of address space beyond those that the process has */
};

/* What the kernel offers. */
struct sandbox_support {
  int landlock; /* version of the ABI; 0: none */
  bool has_seccomp;
};
struct sandbox_support sandbox_support(void);
/* Why such a kernel cannot enforce a sandbox that names files (`names_files`) or none; NULL: it
 * can. */
const char *sandbox_obstacle(struct sandbox_support support, bool names_files);

/* Puts this process, which has one thread, into a sandbox. *refused is set to the number of a
 * system call plus one before that call ends the process. On failure the process is in an unknown
 * state and must end; `what` names the step that failed. */
MUST_CHECK status sandbox_enter(const struct sandbox_rules *rules, _Atomic uint32_t *refused,
                                const char **what);

/* "mount"; NULL: no such system call is known. */
const char *sandbox_call_name(uint32_t number);

#endif

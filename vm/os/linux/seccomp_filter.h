/* SPDX-License-Identifier: MIT */
/* The seccomp filter of a sandbox. For sandbox.c alone. */
#ifndef OS_LINUX_SECCOMP_FILTER_H
#define OS_LINUX_SECCOMP_FILTER_H

#include "os/sandbox.h"

enum seccomp_files {
  SECCOMP_FILES_BY_LANDLOCK, /* Landlock decides about paths */
  SECCOMP_NO_FILES,          /* there is no Landlock: no path can be opened or changed */
};

/* Whether this processor's system calls are known here. */
bool seccomp_filter_knows_processor(void);
bool seccomp_filter_is_supported(void);
/* Installs the filter, for all threads of this process and for good. Needs no_new_privs. */
MUST_CHECK status seccomp_filter_install(enum seccomp_files files, enum sandbox_network network);

#endif

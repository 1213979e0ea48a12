/* SPDX-License-Identifier: MIT */
/* The environment of this process, as far as it is trusted: in a host that runs with more rights than
 * its user (setuid, setgid, file capabilities: AT_SECURE) the user's variables count for nothing. The
 * one place that reads variables of ours and of Lua's. */
#ifndef OS_ENVIRONMENT_H
#define OS_ENVIRONMENT_H

#include <stdbool.h>

/* The variable; NULL: it is not set, or not trusted. */
const char *environment_get(const char *name);
bool environment_is_trusted(void);

#endif

/* SPDX-License-Identifier: MIT */
/* Profiling another program: its word of profiles is written, and its processes are asked to look at it.
 *
 * The request ends by itself, so that it does not outlive this program if that is killed. */
#ifndef BINDINGS_PROFILE_ATTACHING_H
#define BINDINGS_PROFILE_ATTACHING_H

#include "base/status.h"
#include "state/lua_compat.h"

/* pid, samples a second, seconds → the generation of the profile, and the list of the program's processes, for
 * profile_read; or nil, why, and whether it is only that another
 * program has it profiled at this moment. The profile ends after so many seconds, or by profile_detach. */
int profile_attach(lua_State *L);
int profile_detach(lua_State *L); /* pid, generation → nothing; another profile stays */

/* The descriptor of the program's memory, for mapping_drop. */
MUST_CHECK status profile_find(int64_t pid, int *fd);
/* Pushes nil, the reason, and whether it may be another one in a moment; returns 3. */
int profile_refusal(lua_State *L, status st);

#endif

/* SPDX-License-Identifier: MIT */
/* Coroutine jobs, which wait for frames of the program, and `mm.frame`, with which they wait.
 *
 * A coroutine job runs in a coroutine of its VM. Where it yields it waits for the next frame: the
 * VM runs other jobs, and resumes it after the program's next mm_poll. The VM keeps the coroutine
 * under the job's number from its first run to its end.
 *
 * The functions with a `frames_job` are C functions for a protected call; the caller holds the VM lock.
 */
#ifndef C_FRAMES_H
#define C_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "state/lua_compat.h"

struct frames_job {
  uint64_t number;
  bool waits; /* it has yielded */
  int code;   /* that of Lua for its error */
};

/* Gives the VM `mm.frame`, in a global table `mm` and for the library. [-0, +0, raises] */
void frames_install(lua_State *L);
/* (frames_job, function, arguments …) → results: the coroutine begins. An error has its traceback. */
int frames_begin(lua_State *L);
/* (frames_job) → results: it goes on. */
int frames_resume(lua_State *L);
/* (frames_job) → where it stood: it is closed. */
int frames_drop(lua_State *L);
/* The coroutine of an ended job goes. [-0, +0, does not raise] */
void frames_forget(lua_State *L, uint64_t number);

/* Pushes the text of the error on top of L, with the stack of `of` from that level on. [-0, +1, memory] */
void frames_describe_error(lua_State *L, lua_State *of, int level);

#endif

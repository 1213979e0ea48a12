/* SPDX-License-Identifier: MIT */
/* The script's call of a function of this library, as errors name it: its place, and the function's name.
 *
 * The place is the first Lua function on the stack that is not of this library, with its line, however many functions
 * of the library and of C stand between: no caller counts levels. A tail call leaves no trace of the function that made it
 * (on LuaJIT, and where a Lua function is called). So where the library calls a function for the script (a task, a
 * target, a callback), its frame says which: if no line of the script is above that frame, the place is where that
 * function was defined. The frame of caller_run says it, and in Lua a local variable: `called` of a function that runs a
 * task or a target, `callback` of one that calls back in the middle of a call of the script.
 *
 * The name is kept where the function is made: a C function of the library's classes, and one of its public table, has
 * its name as its first upvalue ("Queue:put"). Functions in Lua say it themselves (core/checks.lua), also where they
 * call one in C.
 */
#ifndef STATE_CALLER_H
#define STATE_CALLER_H

#include "state/lua_compat.h"

/* The innermost levels of a stack in which a function is searched: a look at a level costs as much as the level is deep,
 * so a search of a whole stack that has overflowed would not end in a minute. */
enum { CALLER_LEVELS = 1000 };

/* The chunk of the Lua functions that wrap methods which may wait (bindings/lua/core/waiting.h). */
#define WAITING_CHUNK "=manymoons/waiting.lua"

/* Whether the frame, with its source (S), is a Lua function of this library. */
bool caller_is_own(const lua_Debug *frame);
/* Whether the frame is where the library runs a function for the script: what is below it is another call, in a forked
 * child that of its parent. [-0, +0, does not raise] */
bool caller_is_bottom(lua_State *of, const lua_Debug *frame);
/* Describes the function that such a frame runs. False: it is none of the script. [-0, +0, does not raise] */
bool caller_describe_called(lua_State *of, const lua_Debug *bottom, lua_Debug *out);
/* Pushes "FILE:LINE: "; or "" if the stack has nothing of the script. [-0, +1, memory] */
void caller_push_place(lua_State *L);
/* The innermost line of `of`, a coroutine or the caller, that is the script's: "script.lua:12"; "?": there is none.
 * [-0, +0, does not raise] */
void caller_write_place(lua_State *of, char *text, size_t size);
/* The calls of the script on the stack of `of`, then on those of the coroutines that resumed it, the innermost first: a
 * line "\n    name (script.lua:12)" each, as many as there is room for. [-0, +0, does not raise] */
struct vm_resume;
void caller_write_stack(lua_State *of, const struct vm_resume *resumes, char *text, size_t size);
/* Pushes the name of a variable of the script that holds an object of the class, the innermost first: "p" in a script that
 * has called p.map(…); or the class's name, "pool", if there is none. [-0, +1, memory] */
void caller_push_variable(lua_State *L, const char *class);
/* Pushes the name of the running C function and ": "; or "" if it has none. [-0, +1, memory] */
void caller_push_name(lua_State *L);
/* Whether that name has the form "Class:method". [-0, +0, memory] */
bool caller_is_method(lua_State *L);
/* Puts place and name in front of the error on top, if that is text; in place of the place that it has. [-1, +1, memory] */
void caller_name_in(lua_State *L);

/* The innermost Lua function of `of` from `level` on, with its source and line (Sl). False: there is none.
 * [-0, +0, does not raise] */
bool caller_find_lua(lua_State *of, int level, lua_Debug *out);
/* Of the error on top, which code under `level` of the stack of `of` has raised: takes away the place that it begins with,
 * if that is a line of this library, which called a function in C for the script (`pool:apply(error, "text")`).
 * [-1, +1, memory] */
void caller_strip_own(lua_State *L, lua_State *of, int level);

/* A lua_CFunction: (f, …) → the results of f(…), which is called for the script. [-n, +m, raises] */
int caller_run(lua_State *L);
/* Pushes the mark that makes the running C function such a frame: its first value. The second one is the function
 * that it calls. [-0, +1] */
void caller_push_mark(lua_State *L);

/* Pushes a C function with a name of the form "sleep", or "Queue:put" where there is a class. [-0, +1, memory] */
void caller_push_function(lua_State *L, lua_CFunction function, const char *class, const char *name);
/* luaL_setfuncs with such names, for the table on top. [-0, +0, memory] */
void caller_set_functions(lua_State *L, const luaL_Reg *functions, const char *class);

#endif

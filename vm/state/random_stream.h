/* SPDX-License-Identifier: MIT */
/* Streams of math.random: for some time a thread of a VM draws from a sequence of its own, made of a seed and a place,
 * and then from the VM's again, which has not moved.
 *
 * No function is replaced: the state of the VM's own generator is exchanged, so that each way to call math.random
 * draws from the stream, and math.randomseed seeds the stream alone. The state lies in a userdata, the upvalue of
 * both functions. PUC 5.1 and 5.3 of a host draw from the C library instead, whose state is the process'.
 *
 * random_state.h keeps the streams of threads apart. Tasks of one thread have streams by themselves: the scheduler exchanges states between their steps
 * (async/scheduler.lua).
 *
 * The state for a seed and a place is counter-based (SplitMix64), so that no stream has to be computed from another
 * one. The VM's lock protects everything here.
 */
#ifndef STATE_RANDOM_STREAM_H
#define STATE_RANDOM_STREAM_H

#include "state/lua_compat.h"
#include "state/vm_struct.h"

/* Whether this VM has streams: it has the functions of its Lua, or no math at all. [-0, +0, raises] */
bool random_stream_is_possible(lua_State *L);
/* From now on the calling thread draws from this stream, until random_stream_end. Does nothing without math.
 * [-0, +0, raises] */
void random_stream_begin(lua_State *L, uint64_t seed, uint64_t place);
void random_stream_end(lua_State *L);

/* random_begin(seed, place) → the state of the caller's stream before, or nil: the caller draws from another stream.
 * [-0, +1, raises] */
int random_begin_call(lua_State *L);
/* random_swap(state or nil) → the state of the caller's stream, or nil: the caller draws from the stream with that
 * state; nil: from the VM's. [-0, +1, memory] */
int random_swap_call(lua_State *L);
/* random_is_possible() → whether this VM has streams. [-0, +1, raises] */
int random_is_possible_call(lua_State *L);

#endif

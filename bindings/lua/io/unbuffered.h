/* SPDX-License-Identifier: MIT */
/* What the descriptor of a stream has now, past the stream's buffer; for a program that reads a file in no other way. And
 * whether what is written to it has a reader. */
#ifndef BINDINGS_IO_UNBUFFERED_H
#define BINDINGS_IO_UNBUFFERED_H

#include "io/file.h"

/* descriptor_of(file) → its descriptor. [-0, +1, raises] */
int unbuffered_descriptor_call(lua_State *L);
/* read_some(file, most) → what is there, of at most so many bytes, waiting for the first one; "" at the end; or nil, why
 * and the number of the error. [-0, +1|3, raises] */
int unbuffered_read_call(lua_State *L);

/* is_abandoned(file) → whether its reader has gone. [-0, +1, raises] */
int unbuffered_is_abandoned_call(lua_State *L);

#endif

/* SPDX-License-Identifier: MIT */
/* Reads past the buffer of a stream: what its descriptor has now, and no more. For a program that reads a file in no other
 * way. */
#ifndef BINDINGS_IO_UNBUFFERED_H
#define BINDINGS_IO_UNBUFFERED_H

#include "io/file.h"

/* descriptor_of(file) → its descriptor. [-0, +1, raises] */
int unbuffered_descriptor_call(lua_State *L);
/* read_some(file, most) → what is there, of at most so many bytes, waiting for the first one; "" at the end; or nil, why
 * and the number of the error. [-0, +1|3, raises] */
int unbuffered_read_call(lua_State *L);

#endif

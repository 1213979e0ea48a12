/* SPDX-License-Identifier: MIT */
/* mm_buf: a C program's handle on a typed array (shared/typed_array.h). Each mm_buf counts as a
 * user of the segment. */
#ifndef C_BUFFER_H
#define C_BUFFER_H

#include "shared/typed_array.h"

struct mm_buf {
  struct typed_array *memory; /* held */
  struct array_view view;
};

/* Makes a typed array of `count` zeros, and a handle on it. */
MUST_CHECK status buffer_make(const struct array_element_type *type, uint64_t count, struct mm_buf **out);
/* Makes a handle on an array that a message names; the message keeps the array alive during the
 * call. STATUS_FOREIGN: the object is no typed array. */
MUST_CHECK status buffer_open(object_ref reference, struct mm_buf **out);
/* The buffer and its view are gone; NULL is allowed. Only a buffer that no value refers to. */
void buffer_close(struct mm_buf *b);

#endif

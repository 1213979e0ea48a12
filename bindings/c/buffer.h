/* SPDX-License-Identifier: MIT */
/* mm_buf: a C program's handle on typed memory (shared/typed_array.h). It is a user of the segment. */
#ifndef C_BUFFER_H
#define C_BUFFER_H

#include "shared/typed_array.h"

struct mm_buf {
  struct typed_array *memory; /* held */
};

MUST_CHECK status buffer_make(const struct array_element_type *type, uint64_t count, struct mm_buf **out);
/* Another handle on what a message names, which keeps it alive meanwhile. STATUS_FOREIGN: it is none. */
MUST_CHECK status buffer_open(object_ref reference, struct mm_buf **out);
void buffer_close(struct mm_buf *b);

#endif

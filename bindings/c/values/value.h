/* SPDX-License-Identifier: MIT */
/* The values of C programs (mm_val): trees (wire/tree.h) with holds on the objects in them.
 *
 * A tree with handles counts as a user of the segment, so that it may outlive its runtime.
 */
#ifndef C_VALUE_H
#define C_VALUE_H

#include <lua.h>
#include <stdarg.h>

#include "wire/tree.h"

/* Makes a list of a message's values. Takes over the message with its holds; on failure the caller
 * keeps them. */
MUST_CHECK status value_from_message(struct bytes *message, struct tree **out);
/* Encodes a list, or a value as a list of one, with a new hold on each object. Failures as of
 * tree_write. */
MUST_CHECK status value_to_message(const struct mm_val *value, struct bytes *out);
/* Drops the holds of a message and frees its bytes. */
void value_discard_message(struct bytes *message);
/* Removes an owner of the tree; the last one frees it. NULL is allowed. */
void value_release(struct tree *t);

/* Whether the value is an integer, or a number without a fraction that is in range. */
MUST_CHECK bool value_integer(const struct mm_val *v, int64_t *out);
/* As mm_pack and mm_unpack (manymoons.h), with a text for mm_last_error. STATUS_MALFORMED, -ENOMEM. */
MUST_CHECK status value_pack(const char *format, va_list *arguments, struct tree **out);
/* Reads the value into the pointers of `arguments`, one for each letter of the format. On
 * failure no argument is written. */
MUST_CHECK status value_unpack(const struct mm_val *value, const char *format, va_list *arguments);

#endif

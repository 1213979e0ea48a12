/* SPDX-License-Identifier: MIT */
/* Values of C programs: trees (wire/tree.h) with the objects they hold, on their way into and out of VMs.
 *
 * A tree with handles is a user of the segment for as long as it lives, so that it may outlive its runtime.
 */
#ifndef C_VALUE_H
#define C_VALUE_H

#include <lua.h>
#include <stdarg.h>

#include "wire/tree.h"

/* A list of what the message has, which is taken over with its holds; on failure they are
 * still the caller's. */
MUST_CHECK status value_from_message(struct bytes *message, struct tree **out);
/* The bytes that carry a list, or a value as a list of one, and a hold on each object for
 * them. As tree_write. */
MUST_CHECK status value_to_message(const struct mm_val *value, struct bytes *out);
void value_discard_message(struct bytes *message);
void value_release(struct tree *t);

/* As mm_pack and mm_unpack (manymoons.h). STATUS_MALFORMED, -ENOMEM. */
MUST_CHECK status value_pack(const char *format, va_list *arguments, struct tree **out);
MUST_CHECK status value_unpack(const struct mm_val *value, const char *format, va_list *arguments);

#endif

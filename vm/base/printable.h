/* SPDX-License-Identifier: MIT */
/* Text of others, as a person may see it: a name of a worker, a reason that another program gave.
 *
 * What a terminal would obey, or a reader could not see, is written out: control characters, those
 * of C1 in UTF-8 as well; marks that change the direction of text or have no width; and bytes that
 * are no UTF-8. The rest stays as it is.
 */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stddef.h>

enum printable_as {
  PRINTABLE_TEXT, /* \x1b, \u{202e} */
  PRINTABLE_JSON, /* the text is JSON, and stays JSON: \u202e; bytes that are no UTF-8 become \ufffd */
};

enum { PRINTABLE_GROWTH = 6 }; /* a byte becomes at most so many */

/* Writes the text to `out`, which has room for PRINTABLE_GROWTH times its size. Returns the number
 * of bytes written. */
size_t printable_write(char *out, const char *text, size_t size, enum printable_as as);

#endif

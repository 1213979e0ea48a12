/* SPDX-License-Identifier: MIT */
/* Decodes classes, and objects that decide for themselves. A part of decode.c.
 *
 * A class whose id is known is there; its body is skipped, however often it comes. The body of any other one is
 * decoded when the class is named first, before the object that names it gets its metatable. Where bodies nest too
 * deeply it is decoded when the outermost one is complete. A class of which a message brings a newer version is
 * updated before any value is decoded.
 *
 * Only peers send classes (trust.h).
 */
#ifndef STATE_DECODE_CLASS_H
#define STATE_DECODE_CLASS_H

#include "state/decode.h"

/* Updates the classes of this VM that the sender has changed. [-0, +0, raises] */
void decode_changed_classes(struct decoder *d);
/* Pushes the class whose id is at the cursor. [-0, +1, raises] */
void decode_class(struct decoder *d);
/* Skips a class of an image. [-0, +0, raises] */
void decode_class_skip(struct decoder *d);
/* Pushes the object that its class makes of what is at the cursor. [-0, +1, raises] */
void decode_sent(struct decoder *d, int depth);

#endif

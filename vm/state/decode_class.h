/* SPDX-License-Identifier: MIT */
/* Decodes classes, and objects that decide for themselves. decode.c calls it by way of the decoder.
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
/* A decoder of values: see decoder_make. [-0, +0] */
struct decoder class_decoder_make(lua_State *L, const struct message *m, int first);

#endif

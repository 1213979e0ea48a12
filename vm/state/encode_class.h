/* SPDX-License-Identifier: MIT */
/* Encodes classes, and objects that decide for themselves. encode.c calls it by way of the encoder.
 *
 * The encoder of a message has a list of the classes to send, which are those that its values name, and those that
 * the bodies of these name. A body is encoded when its class is named first, by an encoder of its own: so it
 * refers to nothing outside, is kept for later messages, and an error has the path of the object that led to the
 * class. Only where bodies nest too deeply, and where a known body imports others, is that done at the end.
 *
 * A table is known to be a class when it is met as a metatable, or has a metamethod. The encoder sees the
 * metamethod while it writes the table; it notes the class then, and the message is encoded once more.
 *
 * An image has classes among its objects, each behind its id.
 */
#ifndef STATE_ENCODE_CLASS_H
#define STATE_ENCODE_CLASS_H

#include "state/encode.h"

/* An encoder of messages and images: see encoder_make. [-0, +0] */
struct encoder class_encoder_make(lua_State *L, struct scratch *s, enum encode_mode mode, int work);

/* Completes the list, and all bodies. `root` names the root in errors. [-0, +0, raises] */
void encode_classes_complete(struct encoder *e, const char *root);
/* Appends the classes of the complete list. [-0, +0, memory] */
void encode_classes(struct encoder *e);

#endif

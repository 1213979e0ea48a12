/* SPDX-License-Identifier: MIT */
/* Encodes classes, and objects that decide for themselves. A part of encode.c.
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

/* Writes the class at `index`, which is entered in the map, by a name or by its id. [-0, +0, raises] */
void encode_class(struct encoder *e, int index, const struct path_step *at);
/* The same if the table at `index` is a class. False: it is data. [-0, +0, raises] */
bool encode_class_if_class(struct encoder *e, int index, const struct path_step *at, int depth);
/* Writes the object at `index` as its class decides (__mm_send). False: the class does not decide.
 * [-0, +0, raises] */
bool encode_class_if_object(struct encoder *e, int index, const struct path_step *at, int depth);

/* The field at stack index `key` of the table at `index`, which begins with "_", was written as data. */
void encode_class_see_field(struct encoder *e, int index, int key);
/* A reference to the table at `index` was written as a metatable. */
void encode_class_see_metatable(struct encoder *e, int index);
/* Raises if the object at `offset` is one whose __mm_send has been called, and has not been written yet. */
void encode_class_check_reference(struct encoder *e, uint32_t offset);

/* Completes the list, and all bodies. `root` names the root in errors. [-0, +0, raises] */
void encode_classes_complete(struct encoder *e, const char *root);
/* Appends the classes of the complete list. [-0, +0, memory] */
void encode_classes(struct encoder *e);

#endif

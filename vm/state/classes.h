/* SPDX-License-Identifier: MIT */
/* The identity of classes that no name tells: metatables, and tables with metamethods, of the script.
 *
 * A class gets an id when this VM sends it first: the random id of its *maker*, this VM, and a number. So no
 * two VMs, of whatever programs, give the same id. A message names classes by their ids, and has their
 * *bodies* behind the values (wire/format.h). A receiver that knows the id has the class already and skips
 * the body; so the class stays one table there, and the one that comes back to its maker is the original.
 *
 * What is known about a class is its *record*, a table:
 *   CLASS_ID       24 bytes; nil: it has none yet, or a name
 *   CLASS_VERSION  how often its maker has changed it since; nil: the body could not be decoded to its end
 *   CLASS_MARK     of its fields when the id was given, or the body was made, by which a change is seen
 *   CLASS_BODY     the bytes, if they hold no handles
 *   CLASS_IMPORTS  set of the ids of classes that the body names
 *   CLASS_HINT     "a.b": it was _G.a.b when it got the id; or its private name (state/private_names.h)
 *   CLASS_ALIAS    true: it is this VM's own, and bytes of another program name it by their id
 *   CLASS_CLOSURE  weak table, n -> class, class -> n, -n -> its mark, of all classes that a message has with this one
 *   CLASS_COUNT    how many these are
 *   CLASS_SECTION  the bytes with which the message ends then
 *   CLASS_FLAGS    enum wire_flag of these bytes
 *   CLASS_IS_REGISTRY  true: it is no class, but a registry
 *   CLASS_REGISTRIES   weak list of the registries to which the class leads; nil: not known yet
 *
 * A *registry* is a table with weak keys to which a class leads: a library, or a class, keeps there what belongs to
 * its objects. It has an id as a class has, and is one table in each VM. Its entries do not travel with it, but each
 * with its key: with an object of the class, or with a class. A change of them is no change of the registry (I1).
 *
 * I1  A class belongs to its maker. Its fields are sent again when the maker has set, replaced or removed one;
 *     a receiver then updates its copy. Changes that others make to their copies stay theirs.
 * I2  No record keeps its class alive, and no id does. The KEPT_MAX classes received last are kept, so that
 *     what a worker counts in a class is not lost between two messages.
 * I3  A forked child knows the ids of its parent's classes, and is a maker of its own.
 *
 * The state is in the registry of the VM, protected by the VM lock.
 */
#ifndef STATE_CLASSES_H
#define STATE_CLASSES_H

#include "state/lua_compat.h"
#include "wire/format.h"

enum class_field {
  CLASS_ID = 1,
  CLASS_VERSION,
  CLASS_MARK,
  CLASS_BODY,
  CLASS_IMPORTS,
  CLASS_HINT,
  CLASS_ALIAS,
  CLASS_CLOSURE,
  CLASS_COUNT,
  CLASS_SECTION,
  CLASS_FLAGS,
  CLASS_IS_REGISTRY,
  CLASS_REGISTRIES
};

/* Whether the table at `index` has a record. [-0, +0] */
bool class_is_known(lua_State *L, int index);
/* Makes the record of the table at `index`. False: it had one. [-0, +0, memory] */
bool class_note(lua_State *L, int index);
/* Pushes the record of the table at `index`, which is made if there is none. [-0, +1, memory] */
void class_push_record(lua_State *L, int index);

/* Whether the field whose key and value are at `key` and `key` + 1 makes a class of its table: a metamethod.
 * [-0, +0] */
bool class_is_metamethod(lua_State *L, int key);
/* Whether the table at `index` has such a field. [-0, +0] */
bool class_has_metamethods(lua_State *L, int index);
/* Whether the table at `index`, which can be called, is what a class library calls a class: a table around its
 * instances' metatable, or one with methods that inherits others. An object has its methods from its metatable, and
 * none of its own. [-0, +0] */
bool class_looks_like_one(lua_State *L, int index);

/* Pushes module and path of the class at `class`, whose record is at `record`. False: no module but _G has it; a path
 * below _G, or a private name, is kept as its hint. [-0, +0|2, memory] */
bool class_find_path(lua_State *L, int class, int record);
/* Gives the class an id; what changes from now on is a change. [-0, +0, memory] */
void class_give_id(lua_State *L, int class, int record);

/* Whether the class has changed since its body was made, which its maker alone looks at; then its version
 * rises, and the body is gone. [-0, +0, memory] */
void class_review(lua_State *L, int class, int record);
/* Pushes the mark of the fields as they are. [-0, +1] */
void class_push_mark(lua_State *L, int class);

/* Whether the classes of the record's closure are all there, and none has changed. [-0, +0] */
bool class_closure_is_valid(lua_State *L, int record);
/* Keeps as closure of the record at `record` the first `count` classes of the list n -> class, class -> n at `list`.
 * [-0, +0, memory] */
void class_keep_closure(lua_State *L, int record, int list, int count);

/* Whether the metatable at `index` makes the keys of its tables weak. [-0, +0] */
bool class_has_weak_keys(lua_State *L, int index);
/* Marks the table with the record as a registry; this VM has some from now on. [-0, +0, memory] */
void class_be_registry(lua_State *L, int record);
bool class_is_registry(lua_State *L, int record);
/* Finds the registries to which the class leads, by what the bodies import, and keeps the list. Returns whether there
 * are any. [-0, +0, memory] */
bool class_find_registries(lua_State *L, int class, int record);

/* Replaces the id on top of the stack by its class, or by nil. [-1, +1] */
void class_find(lua_State *L);
/* Enters the received class at `class` under the id at index `id`. [-0, +0, memory] */
void class_enter(lua_State *L, int class, int id);
/* Whether the table at `class`, found by the name of the class with the id at index `id`, may be that class: its maker
 * did not give the table another id. [-0, +0, memory] */
bool class_may_be(lua_State *L, int class, int id);
/* Enters this VM's own class at `class` under an id of another maker. [-0, +0, memory] */
void class_enter_alias(lua_State *L, int class, int id);
/* Keeps the class at `class` for a while. [-0, +0, memory] */
void class_keep(lua_State *L, int class);

/* Pushes the field `name` of the metatable at `index`, which may inherit it by a table `__index`.
 * [-0, +1] */
void class_push_inherited(lua_State *L, int index, const char *name);

/* Gives ids to the classes that globals, modules, and the values from index `first` on lead to. A forked child
 * and its parent then know them by the same ids. [-0, +0, memory] */
void classes_before_fork(lua_State *L, int first);

#endif

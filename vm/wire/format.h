/* SPDX-License-Identifier: MIT */
/* The wire format: the layout of a message.
 *
 *   message  := magic 'M' | version | flags | key count | body size u32 | handle count u32
 *               | body | handle …
 *   handle   := type u8 | reference u64
 *   body     := value count (varint) | value … | deferred part …
 *
 * All fixed-width integers are little-endian. A varint is LEB128, at most 10 bytes. An *offset* is
 * the distance of an object's tag byte from the start of the message. References are offsets, so
 * neither encoder nor decoder numbers objects.
 *
 * An object, or a long string, that a later reference names has TAG_SHARED set in its tag: the writer sets it when it
 * writes the first reference, so a reader remembers those objects alone.
 *
 * I1  A body is self-delimiting: reading `value count` values, and then the deferred parts in the
 *     order in which they were named, ends exactly at `body size`.
 * I2  A reference is the offset of a table, function, handle, cell or TAG_STRING that is earlier in
 *     the message and tagged as shared. In a globals image, which is trusted and read out of order, it may be
 *     anywhere.
 * I3  Nesting in the bytes is at most WIRE_DEPTH_MAX: what is deeper is deferred, so no reader
 *     recurses further, whatever the bytes are, but for WIRE_SENDING_MAX values of TAG_SENT. In a globals
 *     image everything is deferred.
 * I4  The handles are together at the end, so that the holds of a message that is never read can be
 *     released without a Lua state. The body names them by index, each once, in rising order.
 * I5  Sum of all array counts and pair rooms <= body size: every element takes a byte, every pair
 *     two, and the room is less than twice the pairs. A reader that checks this allocates no more
 *     than O(input).
 * I6  Short strings that are written out as keys of pairs are numbered in the order of the bytes,
 *     from 0 up to KEYS_MAX; TAG_KEY names one of them as a later key. `key count` is one more than
 *     the highest number so used: a reader remembers no more. A globals image has none.
 *
 * The format is private to one program and one version; no other version can read it.
 */
#ifndef WIRE_FORMAT_H
#define WIRE_FORMAT_H

enum {
  WIRE_MAGIC = 'M',
  WIRE_VERSION = 4,
  WIRE_HEADER_SIZE = 12,
  WIRE_HANDLE_SIZE = 9,
  WIRE_DEPTH_MAX = 100,
  WIRE_SENDING_MAX = 50, /* objects that their classes make, one within the value of the other */
  CLASS_ID_SIZE = 24,
};

enum wire_flag {
  FLAG_FUNCTIONS = 1,        /* contains bytecode, which must be trusted */
  FLAG_IMAGE = 2,            /* a globals image: see state/globals.h */
  FLAG_FOREIGN = 4,          /* from a sandboxed worker: every reader takes data alone */
  FLAG_CLASSES = 8,          /* the body ends with bodies of classes, see below */
  FLAG_CLASSES_CHANGED = 16, /* one of these classes was changed since it was sent first */
  FLAG_GLOBALS = 32,         /* the first value is the globals of a call: see state/globals_watch.h */
};

enum wire_tag {
  TAG_NIL = 0x00,
  TAG_FALSE = 0x01,
  TAG_TRUE = 0x02,
  TAG_INTEGER = 0x03,           /* zigzag varint */
  TAG_FLOAT = 0x04,             /* 8 bytes, the bits of an IEEE 754 double */
  TAG_STRING = 0x05,            /* size (varint), bytes */
  TAG_TABLE = 0x06,             /* a table's part, see below */
  TAG_TABLE_DEFERRED = 0x07,    /* u32 offset of the table's part */
  TAG_REF = 0x08,               /* offset (varint) of an object's or a cell's tag */
  TAG_FUNCTION = 0x09,          /* code size (u32), code from string.dump, the function's part */
  TAG_FUNCTION_DEFERRED = 0x0a, /* u32 offset of the function's part, code size (u32), code */
  TAG_CELL = 0x0b,              /* an upvalue: its value follows */
  TAG_GLOBALS = 0x0c,           /* the receiver's table of globals */
  TAG_MODULE = 0x0d,            /* string: a table in package.loaded, required by the receiver */
  TAG_NAMED = 0x0e,             /* string module, string path "a.b": a value below a module */
  TAG_REGISTERED = 0x0f,        /* string: a metatable given to mm.register under that name */
  TAG_HANDLE = 0x10,            /* index (varint) of a handle, see state/handle.h */
  TAG_NULL = 0x11,              /* the light userdata NULL, which JSON libraries use for null */
  TAG_INTEGERS = 0x12,          /* an array part in bulk: 8 bytes each, two's complement */
  TAG_FLOATS = 0x13,            /* likewise, doubles */
  TAG_END = 0x14,               /* no more pairs */
  TAG_CLASS = 0x15,             /* 24 bytes: the id of a class, whose body is behind the values; in an image
                                 * version (varint), private name (string, may be empty) and
                                 * TAG_TABLE_DEFERRED follow instead */
  TAG_SENT = 0x16,          /* u32 size of the rest, metatable, value that __mm_send gave, deferred parts */
  TAG_SOURCE = 0x17,        /* string: a module, the function that loads it, the value that needs it */
  TAG_HANDLE_PART = 0x18,   /* index (varint) of a handle, place (varint) of a part of its object */
  TAG_INTEGERS_1 = 0x19,    /* as TAG_INTEGERS, with 1, … */
  TAG_INTEGERS_2 = 0x1a,    /* … 2, … */
  TAG_INTEGERS_4 = 0x1b,    /* … and 4 bytes each */
  TAG_SHARED = 0x20,        /* or-ed into the tag of an object that is named again */
  TAG_SMALL_INTEGER = 0x40, /* 0x40 … 0x7f: 0 … 63 in the tag itself */
  TAG_SHORT_STRING = 0x80,  /* 0x80 … 0xbf: a string of 0 … 63 bytes; size in the tag */
  TAG_KEY = 0xc0,           /* 0xc0 … 0xff: the key of a pair that has this number; see I6 */
};

/* Bytes of each number behind a tag of numbers in bulk; 0: the tag is none. */
static inline unsigned bulk_size(unsigned tag) {
  switch (tag) {
    case TAG_INTEGERS_1: return 1;
    case TAG_INTEGERS_2: return 2;
    case TAG_INTEGERS_4: return 4;
    case TAG_INTEGERS:
    case TAG_FLOATS: return 8;
    default: return 0;
  }
}

/* SOURCES_DEEP: so many sources stand in each other at most. */
enum { SHORT_STRING_MAX = 0x3f, KEYS_MAX = 64, SOURCES_DEEP = 50 };

/* The two kinds of part:
 *
 *   table part     := shape (u8) | array count (varint) | array | pairs
 *                     | metatable, if any (a value that is a table) | entries, if any
 *   entries        := count (u8) | (registry, which is a class with an id | value) …: registry[table] = value
 *   array          := value …, or a tag of numbers in bulk and the numbers;
 *                     nothing if the count is 0
 *   pairs          := (key | value) … | TAG_END; nothing if the shape says that there are none
 *
 *   function part  := shape (u8) | environment, if any (a value that is a table)
 *                     | upvalue count (u8) | upvalue …
 *   upvalue        := TAG_CELL | value, or TAG_REF | offset of the cell that it shares */
enum table_shape {
  SHAPE_ROOM_MASK = 0x1f, /* 0: no pairs; r: room for 2^(r-1) pairs, the least that is enough */
  SHAPE_METATABLE = 0x20,
  SHAPE_ENTRIES = 0x40,
};
/* Behind the values and deferred parts of a body with FLAG_CLASSES:
 *
 *   classes     := class … | u32 offset of the first one
 *   class       := id (24 bytes) | version (varint)
 *                  | hint (string, may be empty: a path below _G, or a private name, state/private_names.h)
 *                  | first handle (varint) | size (u32) | class body
 *   class body  := a message of its own, whose one value is the class, written as a table. It has no handles: its
 *                  handles are those of the outer message, from the first one on.
 *
 * Each class that the values, or another class body of the message, name by id is there once. */
/* The body of a globals image:
 *
 *   image body  := entry …
 *   entry       := kind (u8) | size (u32) of what follows | library (string; IMAGE_LIBRARY, IMAGE_MODULE)
 *                  | key (string) | content
 *                  The library "=file" of IMAGE_LIBRARY is the methods of files; the key "" is the metatable.
 *   content     := value | deferred part …, or with IMAGE_BROKEN the text (string) of the error it
 *                  raises when used; nil: a fresh VM has it, and the program has removed it
 */
enum image_kind {
  IMAGE_GLOBAL = 0,    /* _G[key] */
  IMAGE_LIBRARY = 1,   /* package.loaded[library][key]; of library "=string" the metatable of strings */
  IMAGE_PRELOAD = 2,   /* package.preload[key] */
  IMAGE_CLASS = 3,     /* the metatable registered as `key` */
  IMAGE_METATABLE = 4, /* of _G; the key is empty */
  IMAGE_CLASS_FOR_STRANGERS = 5, /* as IMAGE_CLASS, registered as { untrusted = true } */
  IMAGE_LOADED = 6,              /* package.loaded[key] */
  IMAGE_SEARCHERS = 7,           /* the list of the searchers of `require`; the key is empty */
  IMAGE_TYPE = 8,   /* the metatable of all values of the type `key`, without fields of strings */
  IMAGE_MODULE = 9, /* package.loaded[library][key], once the module is required; key "": its metatable */
  IMAGE_GLOBAL_NEEDING = 10, /* as IMAGE_GLOBAL; decoding it may load modules */
  IMAGE_BROKEN = 0x80,       /* or-ed in: the value cannot be sent */
};
enum function_shape {
  FUNCTION_PLAIN = 0,
  FUNCTION_ENVIRONMENT = 1, /* Lua 5.1: the function's environment comes first */
};

#endif

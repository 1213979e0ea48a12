/* SPDX-License-Identifier: MIT */
/* The types of handles that travel, by the number that stands for them in a message. No two have
 * the same (handle_register, state/handle.h). */
#ifndef WIRE_HANDLES_H
#define WIRE_HANDLES_H

enum handle_number {
  HANDLE_QUEUE = 1,
  HANDLE_CONNECTION = 2,
  HANDLE_SIMPLE_QUEUE = 3,
  HANDLE_JOINABLE_QUEUE = 4,
  HANDLE_LOCAL_QUEUE = 5, /* these four refuse to travel, by name */
  HANDLE_LOCAL_SIMPLE_QUEUE = 6,
  HANDLE_LOCAL_JOINABLE_QUEUE = 7,
  HANDLE_LOCAL_PRIORITY_QUEUE = 22,
  HANDLE_PRIORITY_QUEUE = 21,
  HANDLE_VALUE = 15,
  HANDLE_ARRAY = 16,
  HANDLE_TABLE = 17,
  HANDLE_STREAM = 20,
  HANDLE_FROZEN_TABLE = 23,
  HANDLE_DESCRIPTOR = 24,
#define KIND(id, number, ...) HANDLE_##id = (number),
#include "shared/lock_kinds.def"
};

#endif

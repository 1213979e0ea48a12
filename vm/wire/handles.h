/* SPDX-License-Identifier: MIT */
/* The types of handles that travel, by the number that stands for them in a message. */
#ifndef WIRE_HANDLES_H
#define WIRE_HANDLES_H

enum handle_number {
  HANDLE_QUEUE = 1,
  HANDLE_CONNECTION = 2,
  HANDLE_SIMPLE_QUEUE = 3,
  HANDLE_JOINABLE_QUEUE = 4,
  HANDLE_LOCAL_QUEUE = 5, /* and the two after it: those refuse to travel, by name */
  HANDLE_LOCK = 8,        /* and the six after it, in the order of enum sync_kind */
  HANDLE_VALUE = 15,
  HANDLE_ARRAY = 16,
  HANDLE_TABLE = 17,
};

#endif

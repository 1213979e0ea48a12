/* SPDX-License-Identifier: MIT */
/* Bytes from anywhere: mm.loads, connections without a key, unsigned tasks, clients of a manager for
 * data. */
#define FUZZ_TRUST TRUST_STRANGER
#include "decode_fuzzer.h"

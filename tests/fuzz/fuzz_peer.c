/* SPDX-License-Identifier: MIT */
/* Bytes of a holder of the key, of which a part went wrong on its way: connections with a key,
 * signed tasks, managers. */
#define FUZZ_TRUST TRUST_PEER
#include "decode_fuzzer.h"

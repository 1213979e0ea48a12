/* SPDX-License-Identifier: MIT */
/* Messages between the workers of one program, of which a part was overwritten. */
#define FUZZ_TRUST TRUST_OWN_PROGRAM
#include "decode_fuzzer.h"

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

/*
 * One parser, any bytes: tests/fuzz/fuzz_<parser>.c defines this function and lets the parser see
 * the bytes. It returns 0; what is wrong shows as a crash, a sanitizer's report or a failed assert.
 * `make fuzz` drives it with libFuzzer, `make test` with replay.c over tests/fuzz/corpus/<parser>/.
 * The name is libFuzzer's. A crash that was found becomes a file of the corpus and a unit test.
 */

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif

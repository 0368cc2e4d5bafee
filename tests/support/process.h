/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_PROCESS_H
#define TESTS_SUPPORT_PROCESS_H

/*
 * Runs a foreign program (openssl, git, pkcs11-tool) for a test: no shell, arguments as they are, at
 * most PROCESS_SECONDS. argv[0] is looked up in PATH and argv ends in NULL. stdin_text (NULL: none)
 * is its standard input; standard output and error go together into output, NUL-terminated; what
 * does not fit is read and dropped. The program inherits the environment.
 *
 *	const char *const argv[] = {"openssl", "version", NULL};
 *	assert_true(process_run(argv, NULL, &exit_code, output, sizeof(output)));
 *
 * False when the program could not be started, ended by a signal, or was still running at the end of
 * its time and was killed; output then tells which.
 */

#include <stdbool.h>
#include <stddef.h>

enum { PROCESS_SECONDS = 60 };

bool process_run(const char *const argv[], const char *stdin_text, int *exit_code, char *output,
		 size_t output_bytes);

#endif

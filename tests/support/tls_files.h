/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_TLS_FILES_H
#define TESTS_SUPPORT_TLS_FILES_H

/*
 * Certificates and keys in files for tests over TLS, in a folder of their own: a development PKI by
 * tools/pki.sh (server for localhost and 127.0.0.1, device unit-1), and client certificates with
 * one thing wrong, by the same authority. Making them ends the test program when it fails; it
 * wants to be run from the top of the tree.
 */

#include "tests/support/certs.h"

struct tls_files {
	char folder[64];
	const char *server_authority, *server, *server_key;
	const char *client_authority, *client, *client_key;
};

struct tls_files tls_files_make(struct arena *arena);
void tls_files_remove(const struct tls_files *files);

/* NAME.pem and NAME.key in the folder, issued by the authority of devices or, foreign, by another
 * of the same name. Returns the path without the ending. */
const char *tls_files_client(struct arena *arena, const struct tls_files *files, const char *file,
			     const struct certs_recipe *recipe, bool foreign);
/* A recipe that makes a good one, to be spoilt. */
struct certs_recipe tls_files_recipe(void);

#endif

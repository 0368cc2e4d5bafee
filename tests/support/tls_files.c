/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificates does a test over TLS need in files? */

#include "tests/support/tls_files.h"
#include "common/file.h"
#include "tests/support/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/pem.h>

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "tests/support/tls_files: %s\n", what);
	abort();
}

static void run(const char *const argv[])
{
	char output[4096];
	int code = -1;

	bool ran = process_run(argv, NULL, &code, output, sizeof(output));
	must(ran && code == 0, output);
}

struct tls_files tls_files_make(struct arena *arena)
{
	struct tls_files files = {.folder = "/tmp/test-tls-XXXXXX"};

	must(mkdtemp(files.folder) != NULL, "no folder");
	const char *ca = arena_printf(arena, "%s/ca", files.folder);
	run((const char *const[]){"tools/pki.sh", ca, NULL});
	run((const char *const[]){"tools/pki.sh", ca, "tls", NULL});
	run((const char *const[]){"tools/pki.sh", ca, "device", "unit-1", NULL});
	files.server_authority = arena_printf(arena, "%s/tls-ca.pem", ca);
	files.client_authority = arena_printf(arena, "%s/device-ca.pem", ca);
	files.server = arena_printf(arena, "%s/keys/service/tls.pem", files.folder);
	files.server_key = arena_printf(arena, "%s/keys/service/tls.key", files.folder);
	files.client = arena_printf(arena, "%s/devices/unit-1/tls.pem", files.folder);
	files.client_key = arena_printf(arena, "%s/devices/unit-1/tls.key", files.folder);
	return files;
}

void tls_files_remove(const struct tls_files *files)
{
	run((const char *const[]){"rm", "-rf", files->folder, NULL});
}

struct certs_recipe tls_files_recipe(void)
{
	struct certs_recipe recipe = certs_leaf(SIGN_DEVICE);

	recipe.name = "unit-2";
	recipe.eku = "critical,clientAuth";
	return recipe;
}

static void authority_read(struct arena *arena, const struct tls_files *files, X509 **x509,
			   EVP_PKEY **key)
{
	FILE *file = fopen(files->client_authority, "re");

	must(file != NULL, "no authority");
	*x509 = PEM_read_X509(file, NULL, NULL, NULL);
	(void)fclose(file);
	file = fopen(arena_printf(arena, "%s/ca/device-ca.key", files->folder), "re");
	must(file != NULL, "no key of the authority");
	*key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
	(void)fclose(file);
	must(*x509 && *key, "the authority cannot be read");
}

const char *tls_files_client(struct arena *arena, const struct tls_files *files, const char *file,
			     const struct certs_recipe *recipe, bool foreign)
{
	const char *path = arena_printf(arena, "%s/%s", files->folder, file);
	EVP_PKEY *key = certs_key(arena, "P-256");
	EVP_PKEY *issuer_key = NULL;
	X509 *issuer = NULL;
	struct err err = {0};

	authority_read(arena, files, &issuer, &issuer_key);
	if (foreign) {
		struct certs_recipe authority = certs_authority();
		EVP_PKEY_free(issuer_key);
		X509_free(issuer);
		authority.name = "EXAMPLE device-ca";
		issuer_key = certs_key(arena, "P-256");
		issuer = certs_make(arena, &authority, issuer_key, NULL, NULL);
	}
	X509 *x509 = certs_make(arena, recipe, key, issuer, issuer_key);
	must(file_replace(arena_printf(arena, "%s.pem", path), certs_pem(arena, x509), 0600, &err),
	     err.text);
	certs_key_file(arena_printf(arena, "%s.key", path), key, 0600);
	if (!foreign) {
		EVP_PKEY_free(issuer_key);
		X509_free(issuer);
	}
	return path;
}

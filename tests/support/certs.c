/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates for tests, made without our own code. */

#include "tests/support/certs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { DAY = 24 * 60 * 60 };
#define ODD_OID "2.25.4711.99"

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "tests/support/certs: %s\n", what);
	ERR_print_errors_fp(stderr);
	abort();
}

static void release_pkey(void *pkey)
{
	EVP_PKEY_free(pkey);
}

static void release_x509(void *x509)
{
	X509_free(x509);
}

static void release_sign_key(void *key)
{
	sign_key_free(key);
}

long long certs_now(void)
{
	static long long now;

	if (now == 0)
		now = (long long)time(NULL);
	return now;
}

struct certs_recipe certs_leaf(enum sign_role role)
{
	return (struct certs_recipe){.name = "EXAMPLE leaf",
				     .policies = sign_role_policy(role),
				     .eku = "critical,emailProtection",
				     .usage = "critical,digitalSignature",
				     .basic = "critical,CA:FALSE",
				     .from = -DAY,
				     .to = 30L * DAY,
				     .serial = 4711};
}

struct certs_recipe certs_authority(void)
{
	return (struct certs_recipe){.name = "EXAMPLE authority",
				     .usage = "critical,keyCertSign,cRLSign",
				     .basic = "critical,CA:TRUE,pathlen:0",
				     .from = -2L * DAY,
				     .to = 60L * DAY,
				     .serial = 1};
}

EVP_PKEY *certs_key(struct arena *arena, const char *kind)
{
	EVP_PKEY *key = NULL;

	if (strcmp(kind, "ED25519") == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else if (strncmp(kind, "RSA-PSS-", 8) == 0) {
		EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
		must(context && EVP_PKEY_keygen_init(context) == 1 &&
			     EVP_PKEY_CTX_set_rsa_keygen_bits(
				     context, (int)strtol(kind + 8, NULL, 10)) == 1 &&
			     EVP_PKEY_generate(context, &key) == 1,
		     "no RSA-PSS key");
		EVP_PKEY_CTX_free(context);
	} else if (strncmp(kind, "RSA-", 4) == 0)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)strtoul(kind + 4, NULL, 10));
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind);
	must(key != NULL, "no key");
	arena_defer(arena, release_pkey, key);
	return key;
}

static void extend(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;

	if (!value)
		return;
	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	CONF *empty = NCONF_new(NULL); /* policies want one, for sections that we don't use */
	X509V3_set_nconf(&context, empty);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	must(extension && X509_add_ext(x509, extension, -1) == 1, value);
	X509_EXTENSION_free(extension);
	NCONF_free(empty);
}

X509 *certs_make(struct arena *arena, const struct certs_recipe *recipe, EVP_PKEY *key,
		 X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *x509 = X509_new();
	must(x509 != NULL, "no certificate");
	arena_defer(arena, release_x509, x509);
	X509_NAME *name = X509_get_subject_name(x509);
	must(X509_set_version(x509, X509_VERSION_3) == 1 &&
		     ASN1_INTEGER_set(X509_get_serialNumber(x509), recipe->serial) == 1 &&
		     ASN1_TIME_set(X509_getm_notBefore(x509), certs_now() + recipe->from) &&
		     ASN1_TIME_set(X509_getm_notAfter(x509), certs_now() + recipe->to) &&
		     X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
						(const unsigned char *)"EXAMPLE", -1, -1, 0) == 1 &&
		     X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
						(const unsigned char *)recipe->name, -1, -1,
						0) == 1 &&
		     X509_set_issuer_name(x509, issuer ? X509_get_subject_name(issuer) : name) ==
			     1 &&
		     X509_set_pubkey(x509, key) == 1,
	     "a certificate could not be filled");
	if (!issuer)
		issuer = x509;
	extend(x509, issuer, NID_basic_constraints, recipe->basic);
	extend(x509, issuer, NID_key_usage, recipe->usage);
	extend(x509, issuer, NID_ext_key_usage, recipe->eku);
	extend(x509, issuer, NID_certificate_policies, recipe->policies);
	extend(x509, issuer, NID_subject_key_identifier, "hash");
	if (issuer != x509)
		extend(x509, issuer, NID_authority_key_identifier, "keyid");
	if (recipe->odd) {
		int odd = OBJ_txt2nid(ODD_OID);
		extend(x509, issuer, odd ? odd : OBJ_create(ODD_OID, "odd", "odd"), recipe->odd);
	}
	EVP_PKEY *signing = issuer_key ? issuer_key : key;
	const EVP_MD *digest = recipe->digest ? recipe->digest : EVP_sha256();
	if (EVP_PKEY_is_a(signing, "ED25519"))
		digest = NULL;
	must(X509_sign(x509, signing, digest) > 0, "a certificate could not be signed");
	return x509;
}

static struct bytes bio_bytes(struct arena *arena, BIO *bio)
{
	char *data = NULL;
	long size = BIO_get_mem_data(bio, &data);
	struct bytes copy = arena_bytes(arena, bytes_of(data, (size_t)size));

	BIO_free(bio);
	return copy;
}

struct bytes certs_der(struct arena *arena, X509 *x509)
{
	BIO *bio = BIO_new(BIO_s_mem());

	must(bio && i2d_X509_bio(bio, x509) == 1, "a certificate could not be written");
	return bio_bytes(arena, bio);
}

struct bytes certs_pem(struct arena *arena, X509 *x509)
{
	BIO *bio = BIO_new(BIO_s_mem());

	must(bio && PEM_write_bio_X509(bio, x509) == 1, "a certificate could not be written");
	return bio_bytes(arena, bio);
}

struct bytes certs_spki(struct arena *arena, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	must(bio && i2d_PUBKEY_bio(bio, key) == 1, "a public key could not be written");
	return bio_bytes(arena, bio);
}

void certs_key_file(const char *path, EVP_PKEY *key, unsigned mode)
{
	FILE *file = fopen(path, "w");

	must(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		     fclose(file) == 0 && chmod(path, (mode_t)mode) == 0,
	     path);
}

struct sign_key *certs_sign_key(struct arena *arena, EVP_PKEY *key)
{
	char path[] = "/tmp/countersign-test-XXXXXX";
	struct sign_key *made = NULL;
	struct err err = {0};
	int fd = mkstemp(path);

	must(fd >= 0, "no temporary file");
	close(fd);
	certs_key_file(path, key, 0600);
	must(sign_key_new(path, &made, &err), err.text);
	unlink(path);
	arena_defer(arena, release_sign_key, made);
	return made;
}

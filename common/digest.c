/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is the digest of these bytes, and is this the password? For every room; the half of the door
 * to OpenSSL that needs no keys. A crypto library that refuses to hash or to draw random bytes
 * leaves nothing that could be done safely, so that ends the program instead of being an error.
 */

#include "common/digest.h"

#include "common/encode.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

enum {
	SALT_BYTES = 16,
	SALT_DIGITS = 22, /* base64 without padding, as the PHC string format asks */
	PASSWORD_HASH_BYTES = 32,
	PASSWORD_HASH_DIGITS = 43,
	SCRYPT_LOG_N = 15,
	SCRYPT_R = 8,
	SCRYPT_P = 1,
	/* scrypt needs 128 * r * N bytes, 32 MiB, and a little; OpenSSL's own limit is just below. */
	SCRYPT_MEMORY_MAX = 48 * 1024 * 1024,
};
#define PASSWORD_PREFIX "$scrypt$ln=15,r=8,p=1$"
enum {
	PASSWORD_PREFIX_LENGTH = sizeof(PASSWORD_PREFIX) - 1,
	PASSWORD_TEXT_LENGTH = PASSWORD_PREFIX_LENGTH + SALT_DIGITS + 1 + PASSWORD_HASH_DIGITS,
};

struct digest {
	EVP_MD_CTX *context;
};

/* Fetched once: fetching per call costs a third to a half of the throughput on small records. */
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;
static EVP_MD *kinds[3];
static EVP_MAC *hmac;
static pthread_key_t tools_key;

/* Contexts of one thread, made at its first digest and reused by every later one. */
struct tools {
	EVP_MD_CTX *digest;
	EVP_MAC_CTX *hmac;
};
static _Thread_local struct tools tools;

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "countersign: crypto: OpenSSL cannot %s\n", what);
	abort();
}

static void tools_release(void *object)
{
	struct tools *mine = object;

	EVP_MD_CTX_free(mine->digest);
	EVP_MAC_CTX_free(mine->hmac);
	*mine = (struct tools){0};
}

static void fetch_all(void)
{
	static const char *const names[] = {
		[DIGEST_SHA256] = "SHA2-256", [DIGEST_SHA1] = "SHA1", [DIGEST_MD5] = "MD5"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		kinds[i] = EVP_MD_fetch(NULL, names[i], NULL);
		if (!kinds[i])
			give_up("provide SHA-256, SHA-1 and MD5");
	}
	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (!hmac)
		give_up("provide HMAC");
	if (pthread_key_create(&tools_key, tools_release) != 0)
		give_up("keep contexts per thread");
}

static EVP_MD *kind_get(enum digest_kind kind)
{
	pthread_once(&fetch_once, fetch_all);
	return kinds[kind];
}

static EVP_MAC_CTX *hmac_new(void)
{
	char name[] = "SHA2-256";
	OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", name, 0),
				   OSSL_PARAM_construct_end()};
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac);

	if (!context || EVP_MAC_CTX_set_params(context, parameters) != 1)
		give_up("set up HMAC");
	return context;
}

static struct tools *tools_get(void)
{
	if (tools.digest)
		return &tools;
	pthread_once(&fetch_once, fetch_all);
	tools.digest = EVP_MD_CTX_new();
	if (!tools.digest)
		give_up("allocate a digest");
	tools.hmac = hmac_new();
	if (pthread_setspecific(tools_key, &tools) != 0)
		give_up("keep contexts per thread");
	return &tools;
}

struct sha256 digest_sha256_pair(struct bytes a, struct bytes b)
{
	EVP_MD_CTX *context = tools_get()->digest;
	struct sha256 digest;

	if (EVP_DigestInit_ex2(context, kinds[DIGEST_SHA256], NULL) != 1 ||
	    (a.size && EVP_DigestUpdate(context, a.data, a.size) != 1) ||
	    (b.size && EVP_DigestUpdate(context, b.data, b.size) != 1) ||
	    EVP_DigestFinal_ex(context, digest.at, NULL) != 1)
		give_up("compute SHA-256");
	return digest;
}

struct sha256 digest_sha256(struct bytes bytes)
{
	return digest_sha256_pair(bytes, bytes_of(NULL, 0));
}

struct sha256_hex digest_hex(const struct sha256 *digest)
{
	struct sha256_hex hex = {{0}};

	encode_hex_to(digest->at, sizeof(digest->at), hex.text);
	return hex;
}

struct sha256_hex digest_sha256_hex(struct bytes bytes)
{
	struct sha256 digest = digest_sha256(bytes);

	return digest_hex(&digest);
}

bool digest_of_hex(const char *text, struct sha256 *out, struct err *err)
{
	struct sha256 digest = {{0}};

	if (!decode_hex_to(text, digest.at, sizeof(digest.at), err))
		return false;
	*out = digest;
	return true;
}

struct digest *digest_new(enum digest_kind kind)
{
	struct digest *digest = calloc(1, sizeof(*digest));
	if (!digest)
		give_up("allocate a digest");
	digest->context = EVP_MD_CTX_new();
	if (!digest->context || EVP_DigestInit_ex2(digest->context, kind_get(kind), NULL) != 1)
		give_up("begin a digest");
	return digest;
}

void digest_add(struct digest *digest, struct bytes bytes)
{
	if (bytes.size && EVP_DigestUpdate(digest->context, bytes.data, bytes.size) != 1)
		give_up("go on with a digest");
}

void digest_so_far(const struct digest *digest, unsigned char *out)
{
	EVP_MD_CTX *copy = tools_get()->digest;

	if (EVP_MD_CTX_copy_ex(copy, digest->context) != 1 ||
	    EVP_DigestFinal_ex(copy, out, NULL) != 1)
		give_up("end a digest");
}

void digest_free(struct digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->context);
	free(digest);
}

struct sha256 digest_hmac(struct bytes key, struct bytes message)
{
	EVP_MAC_CTX *context = tools_get()->hmac;
	/* A NULL key would mean "the key of the last call". */
	const unsigned char *key_data = key.size ? key.data : (const unsigned char *)"";
	struct sha256 digest;
	size_t size = 0;

	if (EVP_MAC_init(context, key_data, key.size, NULL) != 1 ||
	    (message.size && EVP_MAC_update(context, message.data, message.size) != 1) ||
	    EVP_MAC_final(context, digest.at, &size, sizeof(digest.at)) != 1 ||
	    size != sizeof(digest.at))
		give_up("compute HMAC-SHA-256");
	return digest;
}

bool digest_equal(const void *a, const void *b, size_t size)
{
	return CRYPTO_memcmp(a, b, size) == 0;
}

void random_fill(void *out, size_t size)
{
	unsigned char *at = out;

	while (size) {
		size_t part = size > INT_MAX ? INT_MAX : size;
		if (RAND_bytes(at, (int)part) != 1)
			give_up("draw random bytes");
		at += part;
		size -= part;
	}
}

char *random_token(struct arena *arena, size_t size)
{
	unsigned char *drawn = arena_alloc(arena, size);

	random_fill(drawn, size);
	char *token = encode_base64url(arena, bytes_of(drawn, size));
	digest_forget(drawn, size);
	return token;
}

/* The stored text of this password under this salt. */
static void password_text(const char *password, const unsigned char salt[SALT_BYTES],
			  char out[PASSWORD_TEXT_LENGTH + 1])
{
	unsigned char hash[PASSWORD_HASH_BYTES];
	struct arena *arena = arena_new(1024);

	if (EVP_PBE_scrypt(password, strlen(password), salt, SALT_BYTES,
			   (uint64_t)1 << SCRYPT_LOG_N, SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY_MAX, hash,
			   sizeof(hash)) != 1)
		give_up("compute scrypt (32 MiB of memory are needed)");
	snprintf(out, PASSWORD_TEXT_LENGTH + 1, "%s%.*s$%.*s", PASSWORD_PREFIX, SALT_DIGITS,
		 encode_base64(arena, bytes_of(salt, SALT_BYTES)), PASSWORD_HASH_DIGITS,
		 encode_base64(arena, bytes_of(hash, sizeof(hash))));
	digest_forget(hash, sizeof(hash));
	arena_free(arena);
}

bool digest_password(struct arena *arena, const char *password, char **out, struct err *err)
{
	unsigned char salt[SALT_BYTES];
	char text[PASSWORD_TEXT_LENGTH + 1];
	size_t length = strlen(password);

	if (length < PASSWORD_MIN || length > PASSWORD_MAX)
		return err_fail(err, E_PASSWORD, NULL);
	random_fill(salt, sizeof(salt));
	password_text(password, salt, text);
	*out = arena_text(arena, text);
	return true;
}

/* The salt of a stored text. Whether the rest of the text is well formed, comparing it shows. */
static bool password_salt(const char *stored, unsigned char salt[SALT_BYTES])
{
	char padded[SALT_DIGITS + 3] = {0};
	struct bytes decoded = {0};
	struct err err = {0};

	if (strlen(stored) != PASSWORD_TEXT_LENGTH)
		return false;
	memcpy(padded, stored + PASSWORD_PREFIX_LENGTH, SALT_DIGITS);
	memcpy(padded + SALT_DIGITS, "==", 2);
	struct arena *arena = arena_new(1024);
	bool good = decode_base64(arena, padded, &decoded, &err) && decoded.size == SALT_BYTES;
	if (good)
		memcpy(salt, decoded.data, SALT_BYTES);
	arena_free(arena);
	return good;
}

bool digest_password_matches(const char *stored, const char *password)
{
	unsigned char salt[SALT_BYTES] = {0};
	char text[PASSWORD_TEXT_LENGTH + 1];

	if (strlen(password) > PASSWORD_MAX)
		return false;
	bool known = stored && password_salt(stored, salt);
	/* Also without a stored text: the time must not tell who exists. */
	password_text(password, salt, text);
	bool matches = known && digest_equal(stored, text, PASSWORD_TEXT_LENGTH);
	digest_forget(text, sizeof(text));
	return matches;
}

void digest_forget(void *secret, size_t size)
{
	OPENSSL_cleanse(secret, size);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which keys do we use, under which name, and does this Ed25519 signature hold? For everybody who
 * signs or checks; the certificates and CMS of sign.h are in sign_cert.c and sign_cms.c. The kind of
 * a key is decided here, once, from its DER SubjectPublicKeyInfo and never from a message.
 */

#include "common/file.h"
#include "common/sign_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

enum {
	KEY_FILE_MAX = 64 * 1024,
	DOCUMENT_MAX = 16 * 1024 * 1024,
	RAW_KEY_BYTES = 32,
	RSA_BITS_MIN = 3072, /* 128 bits of strength, as P-256 has */
	RSA_BITS_MAX = 8192, /* what a stranger may make us compute */
	SPKI_MAX = 2048,
};

/* All that stands before the key itself in a SubjectPublicKeyInfo: RFC 8410 section 4; RFC 5480
 * section 2.1.1 with a named curve and an uncompressed point. One key has one encoding, so that it
 * has one name. */
static const unsigned char prefix_ed25519[] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
					       0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
static const unsigned char prefix_p256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
					    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
					    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
static const unsigned char prefix_p384[] = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
					    0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
					    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04};

static const struct {
	enum sign_alg alg;
	const unsigned char *prefix;
	size_t prefix_size;
	size_t size;
} encodings[] = {
	{SIGN_ED25519, prefix_ed25519, sizeof(prefix_ed25519), 44},
	{SIGN_P256, prefix_p256, sizeof(prefix_p256), 91},
	{SIGN_P384, prefix_p384, sizeof(prefix_p384), 120},
};

static const struct {
	const char *policy;
	const char *word;
} roles[] = {
	[SIGN_ROOT] = {SIGN_POLICY_ARC ".1", "root"},
	[SIGN_AUTHOR] = {SIGN_POLICY_ARC ".2", "author"},
	[SIGN_KEEPER] = {SIGN_POLICY_ARC ".3", "keeper"},
	[SIGN_PERSON] = {SIGN_POLICY_ARC ".4", "person"},
	[SIGN_SITE] = {SIGN_POLICY_ARC ".5", "site"},
	[SIGN_DEVICE] = {SIGN_POLICY_ARC ".6", "device"},
};

const char *sign_role_policy(enum sign_role role)
{
	return roles[role].policy;
}

const char *sign_role_word(enum sign_role role)
{
	return roles[role].word;
}

const char *sign_alg_word(enum sign_alg alg)
{
	static const char *const words[] = {[SIGN_ED25519] = "ed25519",
					    [SIGN_P256] = "p256",
					    [SIGN_P384] = "p384",
					    [SIGN_RSA] = "rsa"};

	return words[alg];
}

bool sign_library_failed(struct err *err, enum err_code code, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	err_set(err, code, "%s%s%s%s", what, reason ? " (" : "", reason ? reason : "",
		reason ? ")" : "");
	ERR_clear_error();
	return false;
}

/* --- public keys ------------------------------------------------------------------------------ */

struct sha256_hex sign_key_id(struct bytes spki)
{
	return digest_sha256_hex(spki);
}

static bool rsa_fits(const EVP_PKEY *pkey, struct bytes spki, struct err *err)
{
	unsigned char *encoded = NULL;
	int bits = EVP_PKEY_get_bits(pkey);

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return err_fail(err, E_KEY, "an RSA key of %d bits; use %d to %d", bits,
				RSA_BITS_MIN, RSA_BITS_MAX);
	int size = i2d_PUBKEY(pkey, &encoded);
	bool same = size > 0 && bytes_equal(spki, bytes_of(encoded, (size_t)size));
	OPENSSL_free(encoded);
	if (!same)
		return err_fail(err, E_KEY, "the public key is not in DER");
	return true;
}

/* Ed25519 and the curves by their exact encoding; what is left can only be RSA. */
bool sign_alg_of(const EVP_PKEY *pkey, struct bytes spki, enum sign_alg *out, struct err *err)
{
	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
		if (spki.size == encodings[i].size &&
		    memcmp(spki.data, encodings[i].prefix, encodings[i].prefix_size) == 0) {
			*out = encodings[i].alg;
			return true;
		}
	}
	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)
		return err_fail(err, E_KEY,
				"a key of this kind is not used here; use P-256, P-384, RSA of %d "
				"bits or more, or Ed25519",
				RSA_BITS_MIN);
	if (!rsa_fits(pkey, spki, err))
		return false;
	*out = SIGN_RSA;
	return true;
}

bool sign_pkey_of_spki(struct bytes spki, EVP_PKEY **out, enum sign_alg *alg, struct err *err)
{
	const unsigned char *at = spki.data;

	if (spki.size == 0 || spki.size > SPKI_MAX)
		return err_fail(err, E_KEY, "a public key of %zu bytes; at most %d are taken",
				spki.size, SPKI_MAX);
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)spki.size);
	if (!pkey)
		return sign_library_failed(err, E_KEY, "the public key cannot be read");
	if (at != spki.data + spki.size) {
		EVP_PKEY_free(pkey);
		return err_fail(err, E_KEY, "bytes follow after the public key");
	}
	if (!sign_alg_of(pkey, spki, alg, err)) {
		EVP_PKEY_free(pkey);
		return false;
	}
	*out = pkey;
	return true;
}

bool sign_spki_alg(struct bytes spki, enum sign_alg *out, struct err *err)
{
	EVP_PKEY *pkey = NULL;

	if (!sign_pkey_of_spki(spki, &pkey, out, err))
		return false;
	EVP_PKEY_free(pkey);
	return true;
}

bool sign_spki_ed25519_raw(struct bytes spki, unsigned char out[32], struct err *err)
{
	if (spki.size != sizeof(prefix_ed25519) + RAW_KEY_BYTES ||
	    memcmp(spki.data, prefix_ed25519, sizeof(prefix_ed25519)) != 0)
		return err_fail(err, E_KEY, "an Ed25519 key is needed here");
	memcpy(out, spki.data + sizeof(prefix_ed25519), RAW_KEY_BYTES);
	return true;
}

struct bytes sign_spki_of_ed25519_raw(struct arena *arena, const unsigned char raw[32])
{
	unsigned char *spki = arena_alloc(arena, sizeof(prefix_ed25519) + RAW_KEY_BYTES);

	memcpy(spki, prefix_ed25519, sizeof(prefix_ed25519));
	memcpy(spki + sizeof(prefix_ed25519), raw, RAW_KEY_BYTES);
	return bytes_of(spki, sizeof(prefix_ed25519) + RAW_KEY_BYTES);
}

/* --- private keys ----------------------------------------------------------------------------- */

static bool secret_read_open(int fd, const char *path, size_t max, char **out, size_t *size,
			     struct err *err)
{
	struct stat status;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return err_fail(err, E_KEY, "%s is not a file", path);
	if (status.st_mode & (S_IRWXG | S_IRWXO))
		return err_fail(err, E_KEY,
				"%s can be read or changed by others than its owner; chmod 600 it",
				path);
	if (status.st_size <= 0 || (size_t)status.st_size > max)
		return err_fail(err, E_KEY, "%s is empty or larger than %zu bytes", path, max);
	char *secret = calloc(1, (size_t)status.st_size + 1);
	if (!secret)
		return err_fail(err, E_OS, NULL);
	if (!file_read_all(fd, secret, (size_t)status.st_size, err)) {
		free(secret);
		return false;
	}
	*out = secret;
	*size = (size_t)status.st_size;
	return true;
}

bool sign_secret_read(const char *path, size_t max, char **out, size_t *size, struct err *err)
{
	/* Not blocking: a FIFO of that name must not stop us before we see that it is one. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return err_fail(err, E_KEY, "%s cannot be opened: %s", path, strerror(errno));
	bool good = secret_read_open(fd, path, max, out, size, err);
	close(fd);
	return good;
}

/* A passphrase would have to come from somewhere; the mode of the file or a token protects. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static bool pem_load(const char *path, EVP_PKEY **out, struct err *err)
{
	char *text = NULL;
	size_t size = 0;

	if (!sign_secret_read(path, KEY_FILE_MAX, &text, &size, err))
		return false;
	BIO *bio = BIO_new_mem_buf(text, (int)size);
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	BIO_free(bio);
	digest_forget(text, size);
	free(text);
	if (!pkey) {
		sign_library_failed(err, E_KEY, "no PEM private key without passphrase found");
		err_prefix(err, "%s", path);
		return false;
	}
	*out = pkey;
	return true;
}

bool sign_key_new(const char *source, struct sign_key **out, struct err *err)
{
	struct sign_key made = {0};
	bool token = strncmp(source, "pkcs11:", strlen("pkcs11:")) == 0;

	if (token ? !sign_token_load(source, &made.pkey, err) : !pem_load(source, &made.pkey, err))
		return false;
	int size = i2d_PUBKEY(made.pkey, &made.spki);
	if (size <= 0) {
		EVP_PKEY_free(made.pkey);
		return sign_library_failed(err, E_KEY, "the public half of the key is missing");
	}
	made.spki_size = (size_t)size;
	struct sign_key *key = calloc(1, sizeof(*key));
	if (!key || !sign_alg_of(made.pkey, bytes_of(made.spki, made.spki_size), &made.alg, err)) {
		err_set(err, E_OS,
			NULL); /* stays without effect where sign_alg_of gave the reason */
		EVP_PKEY_free(made.pkey);
		OPENSSL_free(made.spki);
		free(key);
		return false;
	}
	*key = made;
	*out = key;
	return true;
}

void sign_key_free(struct sign_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	OPENSSL_free(key->spki);
	free(key);
}

enum sign_alg sign_key_alg(const struct sign_key *key)
{
	return key->alg;
}

struct bytes sign_key_spki(const struct sign_key *key)
{
	return bytes_of(key->spki, key->spki_size);
}

/* --- Ed25519 ---------------------------------------------------------------------------------- */

bool sign_raw(const struct sign_key *key, struct bytes message,
	      unsigned char out[SIGN_ED25519_BYTES], struct err *err)
{
	unsigned char signature[SIGN_ED25519_BYTES];
	size_t size = sizeof(signature);

	if (key->alg != SIGN_ED25519)
		return err_fail(err, E_KEY, "an Ed25519 key is needed here, this one is %s",
				sign_alg_word(key->alg));
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context &&
		    EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, key->pkey, NULL) == 1 &&
		    EVP_DigestSign(context, signature, &size, message.data, message.size) == 1 &&
		    size == sizeof(signature);
	EVP_MD_CTX_free(context);
	if (!good)
		return sign_library_failed(err, E_CRYPTO, "the key did not sign");
	memcpy(out, signature, sizeof(signature));
	return true;
}

bool sign_raw_check(struct bytes spki, struct bytes message, struct bytes signature,
		    struct err *err)
{
	unsigned char raw[RAW_KEY_BYTES];

	if (!sign_spki_ed25519_raw(spki, raw, err))
		return false;
	if (signature.size != SIGN_ED25519_BYTES)
		return err_fail(err, E_SIGNATURE, "an Ed25519 signature has %d bytes, this one %zu",
				SIGN_ED25519_BYTES, signature.size);
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = pkey && context &&
		    EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, pkey, NULL) == 1 &&
		    EVP_DigestVerify(context, signature.data, signature.size, message.data,
				     message.size) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	if (!good)
		return err_fail(err, E_SIGNATURE, NULL);
	return true;
}

/* Ed25519 signs in one pass over one run of bytes, so type, line end and document are put together.
 * NULL when the document is over the limit or memory is out, with err set. */
static unsigned char *document_join(const char *type, struct bytes document, size_t *size,
				    struct err *err)
{
	size_t type_size = strlen(type);

	if (document.size > DOCUMENT_MAX) {
		err_set(err, E_DOC_LIMIT, "a signed document may have %d bytes", DOCUMENT_MAX);
		return NULL;
	}
	unsigned char *joined = malloc(type_size + 1 + document.size);
	if (!joined) {
		err_set(err, E_OS, NULL);
		return NULL;
	}
	memcpy(joined, type, type_size);
	joined[type_size] = '\n';
	if (document.size)
		memcpy(joined + type_size + 1, document.data, document.size);
	*size = type_size + 1 + document.size;
	return joined;
}

bool sign_document(const struct sign_key *key, const char *type, struct bytes document,
		   unsigned char out[SIGN_ED25519_BYTES], struct err *err)
{
	size_t size = 0;
	unsigned char *joined = document_join(type, document, &size, err);

	if (!joined)
		return false;
	bool good = sign_raw(key, bytes_of(joined, size), out, err);
	free(joined);
	return good;
}

bool sign_document_check(struct bytes spki, const char *type, struct bytes document,
			 struct bytes signature, struct err *err)
{
	size_t size = 0;
	unsigned char *joined = document_join(type, document, &size, err);

	if (!joined)
		return false;
	bool good = sign_raw_check(spki, bytes_of(joined, size), signature, err);
	free(joined);
	return good;
}

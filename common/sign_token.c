/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which private key does this PKCS#11 URI (RFC 7512) name? For sign_key_new. On Debian 12 the way
 * from OpenSSL 3.0 to a token is the engine of libengine-pkcs11-openssl; OpenSSL has deprecated
 * engines in favour of providers, which Debian has only since 13, so everything that knows engines
 * stays in this file and the warning is switched off for it alone.
 *
 * Of the URI's path everything is the engine's business. Of its query we take two attributes and no
 * others: pin-source, "file:/..." or a path, a file with mode 0600; and module-path, the PKCS#11
 * library (without it: PKCS11_MODULE_PATH, else p11-kit's proxy). pin-value is refused: a URI stands
 * in configuration files and arguments.
 *
 * The limits of the engine: one module per process, loaded at the first key and never unloaded,
 * because unloading it would log out every key that is still in use.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include "common/sign_internal.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/engine.h>
#include <openssl/err.h>

enum { URI_MAX = 1024, PIN_MAX = 64 };

struct token_uri {
	char path[URI_MAX];   /* without the query */
	char pin[URI_MAX];    /* file that holds the PIN; "" if none is named */
	char module[URI_MAX]; /* "" if none is named */
};

static pthread_mutex_t engine_lock = PTHREAD_MUTEX_INITIALIZER;
static ENGINE *engine;
static char engine_module[URI_MAX];

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The value of an attribute, its percent signs resolved (RFC 3986 section 2.1). */
static bool value_read(const char *value, size_t length, char out[URI_MAX], struct err *err)
{
	size_t used = 0;

	for (size_t i = 0; i < length; i++) {
		char c = value[i];
		if (c == '%') {
			int high = i + 2 < length ? hex_digit(value[i + 1]) : -1;
			int low = i + 2 < length ? hex_digit(value[i + 2]) : -1;
			if (high < 0 || low < 0 || high + low == 0)
				return err_fail(
					err, E_KEY,
					"a percent sign in the PKCS#11 URI is not followed by "
					"two hex digits");
			c = (char)(high * 16 + low);
			i += 2;
		}
		out[used++] = c;
	}
	out[used] = '\0';
	return true;
}

static bool attribute_read(const char *at, size_t length, struct token_uri *uri, struct err *err)
{
	static const char pin[] = "pin-source=";
	static const char module[] = "module-path=";
	static const char scheme[] = "file:";

	if (strncmp(at, module, strlen(module)) == 0)
		return value_read(at + strlen(module), length - strlen(module), uri->module, err);
	if (strncmp(at, pin, strlen(pin)) != 0)
		return err_fail(err, E_KEY,
				"the query of a PKCS#11 URI may have pin-source=file:... and "
				"module-path=... only; a PIN never stands in the URI");
	if (!value_read(at + strlen(pin), length - strlen(pin), uri->pin, err))
		return false;
	if (strncmp(uri->pin, scheme, strlen(scheme)) == 0)
		memmove(uri->pin, uri->pin + strlen(scheme), strlen(uri->pin + strlen(scheme)) + 1);
	if (uri->pin[0] == '\0')
		return err_fail(err, E_KEY, "pin-source in the PKCS#11 URI names no file");
	return true;
}

static bool uri_read(const char *text, struct token_uri *uri, struct err *err)
{
	size_t length = strcspn(text, "?");

	if (strlen(text) >= URI_MAX)
		return err_fail(err, E_KEY, "a PKCS#11 URI may have %d bytes", URI_MAX - 1);
	memcpy(uri->path, text, length);
	uri->path[length] = '\0';
	const char *at = text + length;
	while (*at) {
		at++; /* over the question mark or ampersand */
		length = strcspn(at, "&");
		if (!attribute_read(at, length, uri, err))
			return false;
		at += length;
	}
	return true;
}

static ENGINE *engine_load(const char *module)
{
	ENGINE_load_dynamic();
	ENGINE *loaded = ENGINE_by_id("pkcs11");
	if (!loaded)
		return NULL;
	if ((module[0] && ENGINE_ctrl_cmd_string(loaded, "MODULE_PATH", module, 0) != 1) ||
	    ENGINE_init(loaded) != 1) {
		ENGINE_free(loaded);
		return NULL;
	}
	return loaded;
}

/* With the lock held. */
static bool engine_ready(const char *module, struct err *err)
{
	if (engine && strcmp(module, engine_module) != 0)
		return err_fail(err, E_KEY,
				"all PKCS#11 keys of one process must name the same module-path");
	if (engine)
		return true;
	engine = engine_load(module);
	if (!engine)
		return sign_library_failed(
			err, E_KEY,
			"the PKCS#11 engine or its module could not be loaded; "
			"install libengine-pkcs11-openssl and check module-path");
	memcpy(engine_module, module, strlen(module) + 1);
	return true;
}

/* With the lock held. The engine keeps the PIN and logs in with it while it loads the key. */
static EVP_PKEY *engine_key(const char *path, const char *pin, struct err *err)
{
	if (pin && ENGINE_ctrl_cmd_string(engine, "PIN", pin, 0) != 1) {
		sign_library_failed(err, E_KEY, "the PKCS#11 engine did not take the PIN");
		return NULL;
	}
	EVP_PKEY *pkey = ENGINE_load_private_key(engine, path, NULL, NULL);
	if (!pkey)
		sign_library_failed(err, E_KEY,
				    "the token has no such private key, or refused the PIN");
	return pkey;
}

static bool pin_read(const char *path, char **out, size_t *size, struct err *err)
{
	if (path[0] == '\0')
		return true; /* the token may need none, or have keys of its own */
	if (!sign_secret_read(path, PIN_MAX, out, size, err))
		return false;
	(*out)[strcspn(*out, "\r\n")] = '\0';
	return true;
}

bool sign_token_load(const char *text, EVP_PKEY **out, struct err *err)
{
	struct token_uri uri = {0};
	EVP_PKEY *pkey = NULL;
	char *pin = NULL;
	size_t pin_size = 0;

	if (!uri_read(text, &uri, err) || !pin_read(uri.pin, &pin, &pin_size, err))
		return false;
	pthread_mutex_lock(&engine_lock);
	if (engine_ready(uri.module, err))
		pkey = engine_key(uri.path, pin, err);
	pthread_mutex_unlock(&engine_lock);
	if (pin)
		digest_forget(pin, pin_size);
	free(pin);
	if (!pkey)
		return false;
	*out = pkey;
	return true;
}

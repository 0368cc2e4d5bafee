/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was this program told to do: its table of settings, filled from defaults, a JSON file and
 * the environment, in this order. Asked once, by main, before any thread begins.
 */

#include "common/config.h"

#include "common/doc.h"
#include "common/file.h"
#include "common/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONFIG_FILE_MAX = 1024 * 1024, ENV_NAME_MAX = 128, PATH_MAX_BYTES = 4096 };

/* What a setting will hold, kept back until all are known to be right. */
union held {
	const char *text;
	int64_t number;
	bool flag;
};

static const char *kind_words(enum config_kind kind)
{
	switch (kind) {
	case CONFIG_TEXT:
		return "a text";
	case CONFIG_PATH:
		return "a path";
	case CONFIG_INT:
		return "a whole number from 0 to 9007199254740991";
	case CONFIG_FLAG:
		break;
	}
	return "true or false";
}

static bool wrong(const struct config_key *key, const char *origin, struct err *err)
{
	return err_fail(err, E_CONFIG, "Setting '%s' (%s) must be %s", key->key, origin,
			kind_words(key->kind));
}

static const char *absolute(struct arena *arena, const char *base, const char *path)
{
	if (path[0] == '/')
		return arena_text(arena, path);
	return arena_printf(arena, "%s/%s", strcmp(base, "/") == 0 ? "" : base, path);
}

/* The folder that relative paths are taken from, absolute. */
static bool find_base(struct arena *arena, const char *path, const char **out, struct err *err)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	const char *folder = "";
	char here[PATH_MAX_BYTES];

	if (slash)
		folder = arena_text_of(arena, bytes_of(path, (size_t)(slash - path)));
	if (path && path[0] == '/') {
		*out = folder;
		return true;
	}
	if (!getcwd(here, sizeof(here)))
		return err_fail(err, E_CONFIG, "The current folder has no name; start elsewhere");
	*out = slash ? absolute(arena, here, folder) : arena_text(arena, here);
	return true;
}

/* A text or path from anywhere: NULL when it is empty. */
static const char *settled(struct arena *arena, const struct config_key *key, const char *base,
			   const char *text)
{
	if (text[0] == '\0')
		return NULL;
	return key->kind == CONFIG_PATH ? absolute(arena, base, text) : arena_text(arena, text);
}

/* From a default or the environment, where everything is text. */
static bool read_words(struct arena *arena, const struct config_key *key, const char *base,
		       const char *text, const char *origin, union held *out, struct err *err)
{
	long long number;

	switch (key->kind) {
	case CONFIG_TEXT:
	case CONFIG_PATH:
		out->text = settled(arena, key, base, text);
		return true;
	case CONFIG_INT:
		if (!text_int(text, 0, DOC_INT_MAX, &number))
			return wrong(key, origin, err);
		out->number = number;
		return true;
	case CONFIG_FLAG:
		break;
	}
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return wrong(key, origin, err);
	out->flag = strcmp(text, "true") == 0;
	return true;
}

static bool read_value(struct arena *arena, const struct config_key *key, const char *base,
		       const struct doc *value, const char *origin, union held *out,
		       struct err *err)
{
	enum doc_kind kind = doc_kind(value);

	switch (key->kind) {
	case CONFIG_TEXT:
	case CONFIG_PATH:
		if (kind != DOC_KIND_TEXT)
			return wrong(key, origin, err);
		out->text = settled(arena, key, base, doc_text(value));
		return true;
	case CONFIG_INT:
		if (kind != DOC_KIND_INT || doc_int(value, -1) < 0)
			return wrong(key, origin, err);
		out->number = doc_int(value, 0);
		return true;
	case CONFIG_FLAG:
		break;
	}
	if (kind != DOC_KIND_BOOL)
		return wrong(key, origin, err);
	out->flag = doc_bool(value, false);
	return true;
}

static bool read_file(struct arena *arena, const char *path, const struct config_key *keys,
		      size_t count, const struct doc **out, struct err *err)
{
	struct bytes bytes;
	size_t members;

	if (!file_read(arena, path, CONFIG_FILE_MAX, &bytes, err))
		return false;
	if (!doc_parse(arena, bytes, out, err)) {
		err_prefix(err, "%s", path);
		return false;
	}
	if (doc_kind(*out) != DOC_KIND_OBJECT)
		return err_fail(err, E_CONFIG, "%s must hold one JSON object", path);
	const struct doc_pair *pairs = doc_members(arena, *out, &members);
	for (size_t i = 0; i < members; i++) {
		size_t at = 0;
		while (at < count && strcmp(keys[at].key, pairs[i].key) != 0)
			at++;
		if (at == count)
			return err_fail(err, E_CONFIG, "%s: '%s' is no setting of this program",
					path,
					text_printable(arena, bytes_of_text(pairs[i].key), 64));
	}
	return true;
}

/* The variable of this key: prefix, "_" if the prefix does not end in one, upper case. */
static const char *find_env(const char *prefix, const char *key, char name[ENV_NAME_MAX])
{
	size_t length = strlen(prefix);
	const char *between = length > 0 && prefix[length - 1] != '_' ? "_" : "";
	int size = snprintf(name, ENV_NAME_MAX, "%s%s%s", prefix, between, key);

	if (size < 0 || size >= ENV_NAME_MAX)
		return NULL;
	for (char *at = name + length; *at; at++) {
		if (*at >= 'a' && *at <= 'z')
			*at = (char)(*at - 'a' + 'A');
		else if (*at == '-' || *at == '.')
			*at = '_';
	}
	return getenv(name); /* NOLINT(concurrency-mt-unsafe): before threads begin */
}

static bool read_key(struct arena *arena, const struct config_key *key, const char *base,
		     const struct doc *value, const char *env_prefix, union held *out,
		     struct err *err)
{
	char name[ENV_NAME_MAX] = "";
	const char *text = env_prefix ? find_env(env_prefix, key->key, name) : NULL;

	if (text)
		return read_words(arena, key, base, text, name, out, err);
	if (doc_kind(value) != DOC_KIND_NULL)
		return read_value(arena, key, base, value, "in the file", out, err);
	if (key->otherwise)
		return read_words(arena, key, base, key->otherwise, "default", out, err);
	return err_fail(err, E_CONFIG, "Setting '%s' is missing: %s", key->key, key->help);
}

static void store(const struct config_key *key, const union held *held, void *out)
{
	unsigned char *at = (unsigned char *)out + key->offset;

	if (key->kind == CONFIG_INT)
		memcpy(at, &held->number, sizeof(held->number));
	else if (key->kind == CONFIG_FLAG)
		memcpy(at, &held->flag, sizeof(held->flag));
	else
		memcpy(at, &held->text, sizeof(held->text));
}

bool config_read(struct arena *arena, const char *path, const char *env_prefix,
		 const struct config_key *keys, size_t count, void *out, struct err *err)
{
	const struct doc *file = NULL;
	const char *base = NULL;

	if (path && !read_file(arena, path, keys, count, &file, err))
		return false;
	if (!find_base(arena, path, &base, err))
		return false;
	union held *held = arena_array(arena, count, sizeof(*held));
	for (size_t i = 0; i < count; i++) {
		if (!read_key(arena, &keys[i], base, doc_get(file, keys[i].key), env_prefix,
			      &held[i], err))
			return false;
		bool text = keys[i].kind == CONFIG_TEXT || keys[i].kind == CONFIG_PATH;
		bool may_lack = keys[i].otherwise && keys[i].otherwise[0] == '\0';
		if (text && !held[i].text && !may_lack)
			return err_fail(err, E_CONFIG, "Setting '%s' is empty: %s", keys[i].key,
					keys[i].help);
	}
	for (size_t i = 0; i < count; i++)
		store(&keys[i], &held[i], out);
	return true;
}

void config_print(const struct config_key *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *otherwise = keys[i].otherwise;
		const char *state = ", must be given";
		if (otherwise)
			state = otherwise[0] ? ", default " : ", may be left out";
		printf("  %-24s %s (%s%s%s)\n", keys[i].key, keys[i].help, kind_words(keys[i].kind),
		       state, otherwise ? otherwise : "");
	}
}

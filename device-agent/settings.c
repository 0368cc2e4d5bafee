/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is this unit, where is its server, where are its banks? The table of settings and what has to
 * hold between them.
 */

#include "device-agent/settings.h"

#include "common/config.h"
#include "common/doc.h"
#include "common/id.h"
#include "device-agent/boot_record.h"

#include <stddef.h>
#include <string.h>

enum { COMMAND_WORDS_MAX = 32 };

/* clang-format off */
static const struct config_key keys[] = {
	{"url", CONFIG_TEXT, offsetof(struct settings, url), NULL,
	 "server, such as https://updates.example:8443"},
	{"tenant", CONFIG_TEXT, offsetof(struct settings, tenant), "DEFAULT", "tenant in the server's addresses"},
	{"device", CONFIG_TEXT, offsetof(struct settings, device), NULL, "id of this unit (DDI: controller id)"},
	{"product", CONFIG_TEXT, offsetof(struct settings, product), NULL, "what this unit is"},
	{"hardware", CONFIG_TEXT, offsetof(struct settings, hardware), NULL, "its hardware revision"},
	{"dir", CONFIG_PATH, offsetof(struct settings, dir), ".", "folder of the agent's memory"},
	{"bank_a", CONFIG_PATH, offsetof(struct settings, bank_a), "bank-a", "file or block device of bank A"},
	{"bank_b", CONFIG_PATH, offsetof(struct settings, bank_b), "bank-b", "file or block device of bank B"},
	{"bank_bytes", CONFIG_INT, offsetof(struct settings, bank_bytes), "536870912",
	 "bytes to which a bank that is a file may grow; block devices are as large as they are"},
	{"boot", CONFIG_PATH, offsetof(struct settings, boot), "boot", "boot record"},
	{"tls_authority", CONFIG_PATH, offsetof(struct settings, tls_authority), "",
	 "PEM file: who may certify the server (without: the system's store)"},
	{"tls_certificate", CONFIG_PATH, offsetof(struct settings, tls_certificate), "",
	 "PEM file: client certificate"},
	{"tls_key", CONFIG_PATH, offsetof(struct settings, tls_key), "", "PEM file: its key"},
	{"token_file", CONFIG_PATH, offsetof(struct settings, token_file), "",
	 "file with the device's token, instead of a client certificate"},
	{"report_key", CONFIG_PATH, offsetof(struct settings, report_key), "",
	 "PEM file: Ed25519 key that signs reports"},
	{"pins", CONFIG_PATH, offsetof(struct settings, pins), "", "file of pinned root keys"},
	{"papers", CONFIG_TEXT, offsetof(struct settings, papers), "required",
	 "required, or optional: takes firmware from servers without papers, as long as no root is pinned"},
	{"health", CONFIG_TEXT, offsetof(struct settings, health_word), "uimage-multi",
	 "check of new firmware: uimage-multi, command, none"},
	{"health_command", CONFIG_TEXT, offsetof(struct settings, health_command), "",
	 "JSON list of path and arguments of the check"},
	{"health_deadline_s", CONFIG_INT, offsetof(struct settings, health_deadline_s), "300",
	 "seconds after start in which new firmware has to prove healthy"},
	{"poll_s", CONFIG_INT, offsetof(struct settings, poll_s), "0",
	 "seconds between polls; 0: as the server says"},
	{"tries", CONFIG_INT, offsetof(struct settings, tries), "3", "boots that new firmware gets, 1 to 9"},
};
/* clang-format on */

static bool check_name(const char *key, const char *text, size_t max, struct err *err)
{
	return id_name_valid(text, max)
		       ? true
		       : err_fail(err, E_CONFIG, "%s: '%s' is no valid name", key, text);
}

static bool check_url(struct settings *settings, struct arena *arena, struct err *err)
{
	size_t length = strlen(settings->url);
	const char *host = strstr(settings->url, "://");

	if ((strncmp(settings->url, "https://", 8) != 0 &&
	     strncmp(settings->url, "http://", 7) != 0) ||
	    host[3] == '\0')
		return err_fail(err, E_CONFIG, "url has to begin with https:// or http://");
	if (settings->url[length - 1] == '/')
		length--;
	settings->url = arena_printf(arena, "%.*s", (int)length, settings->url);
	if (strpbrk(strstr(settings->url, "://") + 3, "/?#") != NULL)
		return err_fail(err, E_CONFIG, "url may hold a host and a port, no path");
	return true;
}

/* Who the unit is to the server, and how it signs. */
static bool check_credentials(const struct settings *settings, struct err *err)
{
	if ((settings->tls_certificate == NULL) != (settings->tls_key == NULL))
		return err_fail(err, E_CONFIG, "tls_certificate and tls_key go together");
	if ((settings->token_file == NULL) == (settings->tls_key == NULL))
		return err_fail(err, E_CONFIG,
				"either token_file or tls_certificate and tls_key has to be set");
	if (!settings->papers_optional && (settings->pins == NULL || settings->report_key == NULL))
		return err_fail(err, E_CONFIG,
				"papers are required, so pins and report_key have to be set");
	return true;
}

static bool read_command(struct arena *arena, struct settings *settings, struct err *err)
{
	const struct doc *list;
	const char **argv;

	if (settings->health.kind != HEALTH_COMMAND)
		return true;
	if (settings->health_command == NULL ||
	    !doc_parse(arena, bytes_of_text(settings->health_command), &list, err) ||
	    doc_kind(list) != DOC_KIND_ARRAY || doc_size(list) == 0 ||
	    doc_size(list) > COMMAND_WORDS_MAX) {
		err_clear(err);
		return err_fail(err, E_CONFIG,
				"health_command has to be a JSON list of 1 to %d texts",
				COMMAND_WORDS_MAX);
	}
	argv = arena_array(arena, doc_size(list) + 1, sizeof(*argv));
	for (size_t i = 0; i < doc_size(list); i++) {
		argv[i] = doc_text(doc_at(list, i));
		if (argv[i] == NULL || argv[0][0] != '/')
			return err_fail(err, E_CONFIG,
					"health_command has to begin with an absolute path, and "
					"hold texts only");
	}
	settings->health.argv = argv;
	return true;
}

static bool check_words(struct arena *arena, struct settings *settings, struct err *err)
{
	settings->papers_optional = strcmp(settings->papers, "optional") == 0;
	if (!settings->papers_optional && strcmp(settings->papers, "required") != 0)
		return err_fail(err, E_CONFIG, "papers has to be required or optional");
	if (settings->tries < 1 || settings->tries > BOOT_TRIES_MAX)
		return err_fail(err, E_CONFIG, "tries has to be 1 to %d", BOOT_TRIES_MAX);
	if (settings->health_deadline_s < 1 || settings->health_deadline_s > 86400)
		return err_fail(err, E_CONFIG, "health_deadline_s has to be 1 to 86400");
	if (settings->poll_s > 86400)
		return err_fail(err, E_CONFIG, "poll_s has to be 0 to 86400");
	settings->health.time_limit_ms = settings->health_deadline_s * 1000;
	return health_kind_of(settings->health_word, &settings->health.kind, err) &&
	       read_command(arena, settings, err);
}

bool settings_read(struct arena *arena, const char *path, struct settings *out, struct err *err)
{
	struct settings settings = {0};

	if (!config_read(arena, path, NULL, keys, sizeof(keys) / sizeof(keys[0]), &settings, err))
		return false;
	if (!check_words(arena, &settings, err) || !check_credentials(&settings, err) ||
	    !check_url(&settings, arena, err) ||
	    !check_name("tenant", settings.tenant, ID_NAME_MAX, err) ||
	    !check_name("device", settings.device, ID_DEVICE_MAX, err) ||
	    !check_name("product", settings.product, ID_NAME_MAX, err) ||
	    !check_name("hardware", settings.hardware, ID_NAME_MAX, err)) {
		err_prefix(err, "%s", path);
		return false;
	}
	*out = settings;
	return true;
}

void settings_print(void)
{
	config_print(keys, sizeof(keys) / sizeof(keys[0]));
}

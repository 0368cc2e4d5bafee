/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMMON_ID_H
#define COMMON_ID_H

/*
 * Identifiers, one struct type each, so that a release cannot be handed over where a campaign is
 * meant. Two families:
 *
 *   - names that people choose: person, product, device, site: 1 to 64 bytes (device: 128) of
 *     letters, digits and . _ : -, beginning with a letter or digit;
 *   - ids that we draw: event, release, campaign, record, signature, challenge: a lower-case
 *     UUID version 4 (RFC 4122), 36 bytes.
 */

#include "common/err.h"

#include <stddef.h>

enum { ID_NAME_MAX = 64, ID_DEVICE_MAX = 128, ID_UUID_BYTES = 36 };

#define ID_NAME_TYPE(name)                  \
	struct name##_id {                  \
		char text[ID_NAME_MAX + 1]; \
	}
#define ID_UUID_TYPE(name)                    \
	struct name##_id {                    \
		char text[ID_UUID_BYTES + 1]; \
	}

/* clang-format off */
ID_NAME_TYPE(person);
ID_NAME_TYPE(product);
ID_NAME_TYPE(site);
struct device_id { char text[ID_DEVICE_MAX + 1]; };
ID_UUID_TYPE(event);
ID_UUID_TYPE(release);
ID_UUID_TYPE(campaign);
ID_UUID_TYPE(record);
ID_UUID_TYPE(signature);
ID_UUID_TYPE(challenge);
/* clang-format on */

/* A SHA-256 as it stands in documents, URLs and tables: 64 lower-case hex digits. */
struct sha256_hex {
	char text[65];
};

bool id_name_valid(const char *text, size_t max);
bool id_uuid_valid(const char *text);
bool id_sha256_valid(const char *text);

/* Fill a text of the family's size: id_name_read(text, campaign.text, sizeof(campaign.text), err).
 * E_ID when it is not of that family. */
MUST_CHECK bool id_name_read(const char *text, char *out, size_t out_bytes, struct err *err);
MUST_CHECK bool id_uuid_read(const char *text, char out[ID_UUID_BYTES + 1], struct err *err);
MUST_CHECK bool id_sha256_read(const char *text, struct sha256_hex *out, struct err *err);

/* A fresh UUID version 4 from the system's random source. */
void id_uuid_draw(char out[ID_UUID_BYTES + 1]);

#endif

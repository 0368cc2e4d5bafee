/* SPDX-License-Identifier: Apache-2.0 */
/* Devices: which there are, what they did, and with what they may talk to the service. */

#include "common/file.h"
#include "common/sign.h"
#include "service/ctl/call.h"
#include "service/ctl/commands.h"
#include "service/ctl/show.h"

#include <string.h>

enum { CERT_MAX = 64 * 1024 };

bool ctl_device_list(struct ctl *ctl, struct err *err)
{
	static const struct show_column columns[] = {
		{"DEVICE", "device"},	    {"PRODUCT", "product"}, {"SERIAL", "serial"},
		{"HARDWARE", "hardware"},   {"MARKET", "market"},   {"SITE", "site"},
		{"ASSURANCE", "assurance"}, {"SEEN", "seen_at"},
	};
	const struct doc *items;

	if (!call_list(ctl, call_path(ctl->arena, "v1", "devices", NULL), "device", &items, err))
		return false;
	show_list(ctl, items, columns, SHOW_COUNT(columns), "There is no device yet");
	return true;
}

bool ctl_device_show(struct ctl *ctl, struct err *err)
{
	static const struct show_column head[] = {
		{"Device", "device"},	    {"Serial", "serial"}, {"Product", "product"},
		{"Hardware", "hardware"},   {"Market", "market"}, {"Site", "site"},
		{"Assurance", "assurance"}, {"Seen", "seen_at"},  {"Attributes", "attributes"},
	};
	static const struct show_column deployments[] = {
		{"CAMPAIGN", "campaign"}, {"STATE", "state"},	   {"ATTEMPT", "attempt"},
		{"BASIS", "basis"},	  {"SINCE", "changed_at"}, {"CODE", "code"},
	};
	const struct doc *answer;
	const char *device;

	if (!ctl_get_name(ctl, "DEVICE", ID_DEVICE_MAX, &device, err) ||
	    !call_get(ctl, call_path(ctl->arena, "v1", "devices", device, NULL), &answer, err))
		return false;
	show_object(ctl, answer, head, SHOW_COUNT(head));
	if (!ctl->json && doc_size(doc_get(answer, "deployments")) > 0) {
		show_line(ctl, "%s", "");
		show_line(ctl, "Deployments");
		show_list(ctl, doc_get(answer, "deployments"), deployments, SHOW_COUNT(deployments),
			  "");
	}
	return true;
}

/* ---- access ---- */

static bool access_body(struct ctl *ctl, struct doc *body, struct err *err)
{
	const char *path = ctl_find(ctl, "--certificate");
	struct sign_cert cert;
	struct bytes file;

	if (ctl_has(ctl, "--token-file") == (path != NULL))
		return err_fail(err, E_USAGE, "Say either --token-file or --certificate");
	if (!path) {
		doc_set_bool(body, "token", true);
		return true;
	}
	if (!file_read(ctl->arena, path, CERT_MAX, &file, err) ||
	    !sign_cert_read(ctl->arena, file, &cert, err))
		return false;
	doc_set_bytes(body, "certificate", cert.der);
	return true;
}

/* The token goes into the file and nowhere else. */
static bool keep_token(struct ctl *ctl, const struct doc *answer, struct err *err)
{
	const char *path = ctl_get(ctl, "--token-file");
	const char *token = doc_get_text(answer, "token");

	if (!token)
		return err_fail(err, E_FETCH, "The service gave no token");
	const char *line = arena_printf(ctl->arena, "%s\n", token);
	if (!file_replace(path, bytes_of_text(line), 0600, err))
		return false;
	show_line(ctl, "The token is in %s", path);
	return true;
}

bool ctl_device_access(struct ctl *ctl, struct err *err)
{
	struct doc *body = doc_object(ctl->arena);
	struct doc *shown = doc_object(ctl->arena);
	const struct doc *answer;
	const char *device;

	if (!ctl_get_name(ctl, "DEVICE", ID_DEVICE_MAX, &device, err) ||
	    !access_body(ctl, body, err) ||
	    !call_send_once(ctl, "POST",
			    call_path(ctl->arena, "v1", "devices", device, "access", NULL), body,
			    &answer, err))
		return false;
	doc_set_text(shown, "device", device);
	if (ctl_has(ctl, "--token-file")) {
		if (!keep_token(ctl, answer, err))
			return false;
	} else {
		const struct doc *sha256 = doc_get(answer, "certificate_sha256");
		show_line(ctl, "Registered: certificate %s", show_value(ctl->arena, sha256));
		doc_set_text(shown, "certificate_sha256", doc_text(sha256));
	}
	show_json(ctl, shown);
	return true;
}

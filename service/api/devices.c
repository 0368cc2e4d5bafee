/* SPDX-License-Identifier: Apache-2.0 */
/* Units over HTTP, and the means with which they speak. */

#include "service/api/devices.h"

#include "service/api/reply.h"
#include "service/model/device.h"

enum { CERTIFICATE_MAX = 16 * 1024 };

static bool device_param(struct request *request, const char **out, struct err *err)
{
	const char *id = web_param(request, "device");

	if (!id || !id_name_valid(id, ID_DEVICE_MAX))
		return err_fail(err, E_ID, "device must be the id of a device");
	*out = id;
	return true;
}

static struct doc *doc_of_device(struct arena *arena, const struct device *device)
{
	struct doc *doc = doc_object(arena);

	doc_set_text(doc, "device", device->id);
	doc_set_text(doc, "product", device->product);
	doc_set_text(doc, "serial", device->serial);
	doc_set_text(doc, "hardware", device->hardware);
	doc_set_text(doc, "market", device->market);
	doc_set_text(doc, "site", device->site);
	doc_set_text(doc, "assurance", device->assurance);
	doc_set_bool(doc, "revoked", device->revoked);
	if (device->seen_at)
		doc_set_time(doc, "seen_at", device->seen_at);
	else
		doc_set_null(doc, "seen_at");
	return doc;
}

bool api_devices(struct request *request, struct reply *reply, struct err *err)
{
	struct arena *arena = web_arena(request);
	struct doc *items = doc_array(arena);
	const struct device *devices;
	struct page page;
	size_t count;
	bool more;

	if (!api_page(request, ID_DEVICE_MAX, &page, err) ||
	    !device_list(api_model(request), arena, &page, &devices, &count, &more, err))
		return false;
	for (size_t i = 0; i < count; i++)
		doc_add(items, doc_of_device(arena, &devices[i]));
	api_list(request, reply, items, more);
	return true;
}

static const struct doc *
doc_of_deployments(struct arena *arena, const struct device_deployment *deployments, size_t count)
{
	struct doc *list = doc_array(arena);

	for (size_t i = 0; i < count; i++) {
		const struct device_deployment *one = &deployments[i];
		struct doc *doc = doc_object(arena);
		doc_set_text(doc, "campaign", one->campaign);
		doc_set_text(doc, "release", one->release);
		doc_set_int(doc, "action", one->action);
		doc_set_text(doc, "state", one->state);
		if (one->basis)
			doc_set_text(doc, "basis", one->basis);
		if (one->code)
			doc_set_text(doc, "code", one->code);
		doc_set_int(doc, "attempt", one->attempt);
		if (one->offered_at)
			doc_set_time(doc, "offered_at", one->offered_at);
		doc_set_time(doc, "changed_at", one->changed_at);
		if (one->ended_at)
			doc_set_time(doc, "ended_at", one->ended_at);
		doc_add(list, doc);
	}
	return list;
}

bool api_device_get(struct request *request, struct reply *reply, struct err *err)
{
	struct arena *arena = web_arena(request);
	const struct device_deployment *deployments;
	struct device device;
	const char *id;
	size_t count;

	if (!device_param(request, &id, err) ||
	    !device_get(api_model(request), arena, id, &device, &deployments, &count, err))
		return false;
	struct doc *answer = doc_of_device(arena, &device);
	doc_set(answer, "attributes", device.attributes ? device.attributes : doc_object(arena));
	doc_set(answer, "deployments", doc_of_deployments(arena, deployments, count));
	reply->doc = answer;
	return true;
}

struct access_body {
	bool token;
	struct bytes certificate;
};

bool api_device_access(struct request *request, struct reply *reply, struct err *err)
{
	static const struct doc_field fields[] = {
		DOC_FLAG_OPT(struct access_body, token),
		DOC_BYTES_OPT(struct access_body, certificate, CERTIFICATE_MAX),
	};
	struct act act = api_act(request);
	struct doc *answer = doc_object(act.arena);
	struct sha256_hex fingerprint;
	struct access_body body;
	const char *id, *token;
	clock_us expires_at;

	if (!device_param(request, &id, err) ||
	    !doc_read(act.arena, web_doc(request), fields, DOC_COUNT(fields), &body, err))
		return false;
	if (body.token == (body.certificate.size > 0))
		return err_fail(err, E_DOC_FIELD, "send either token: true or a certificate");
	if (body.token) {
		if (!device_give_token(api_model(request), &act, id, &token, &expires_at, err))
			return false;
		doc_set_text(answer, "token", token);
		doc_set_time(answer, "expires_at", expires_at);
	} else {
		if (!device_register_certificate(api_model(request), &act, id, body.certificate,
						 &fingerprint, err))
			return false;
		doc_set_text(answer, "certificate_sha256", fingerprint.text);
	}
	reply->doc = answer;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures, certificates and public keys from strangers: whatever is read can be read again from
 * what was kept of it, and a refusal always has a code and words.
 */

#include "tests/fuzz/fuzz.h"

#include "common/sign.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_MAX = 16 * 1024 * 1024 };

/* What tests/fuzz/corpus/cms/ was signed over, and a time in which its certificates are valid. */
static const char content[] = "{\"type\":\"countersign.manifest.v1\"}";
static const clock_us at = 1800000000 * CLOCK_SECOND;

static void must(bool condition)
{
	if (!condition)
		abort();
}

static void must_say(bool good, const struct err *err)
{
	must(good == (err->code == E_NONE));
	must(good || err->text[0]);
}

static void probe_cert(struct arena *arena, struct bytes bytes)
{
	struct sign_cert cert = {0};
	struct sign_cert again = {0};
	enum sign_alg alg;
	struct err err = {0};
	bool good = sign_cert_read(arena, bytes, &cert, &err);

	must_say(good, &err);
	if (!good)
		return;
	must(sign_cert_read(arena, cert.der, &again, &err));
	must(bytes_equal(cert.der, again.der) && bytes_equal(cert.spki, again.spki));
	must(cert.role == again.role && cert.not_after == again.not_after);
	must(sign_spki_alg(cert.spki, &alg, &err) && alg == cert.alg);
	for (int role = SIGN_ROOT; role <= SIGN_DEVICE; role++) {
		struct err why = {0};
		good = sign_cert_check(arena, &cert, (enum sign_role)role, &cert.der, 1, at, &why);
		must_say(good, &why);
		must(!good || (cert.role == (enum sign_role)role && !cert.authority));
	}
}

static void probe_cms(struct arena *arena, struct bytes bytes)
{
	struct sign_cert signer = {0};
	struct err err = {0};
	bool good =
		sign_cms_check(arena, bytes, bytes_of_text(content), SIGN_AUTHOR, 0, &signer, &err);

	must_say(good, &err);
	must(!good || (signer.role == SIGN_AUTHOR && signer.email_protection));
	must(good || !signer.der.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(ARENA_MAX);
	struct bytes bytes = bytes_of(data, size);
	enum sign_alg alg;
	struct err err = {0};

	must_say(sign_spki_alg(bytes, &alg, &err), &err);
	probe_cert(arena, bytes);
	probe_cms(arena, bytes);
	arena_free(arena);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of a TLS connection: the client certificate, judged once per connection
 * against the authority of the settings. TLS itself only asks for one; a certificate that does not
 * hold leaves the connection without a peer, and who needs one refuses by permission.
 */

#include "common/digest.h"
#include "common/web_internal.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

/* TLS 1.2 and 1.3, forward secrecy only. */
const char web_peer_priorities[] =
	"SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:%SERVER_PRECEDENCE";

bool web_peer_authority(const char *pem, struct err *err)
{
	gnutls_datum_t data = {.size = (unsigned)strlen(pem)};
	gnutls_x509_crt_t *list = NULL;
	unsigned count = 0;

	/* GnuTLS takes a pointer to bytes it only reads. */
	memcpy(&data.data, &pem, sizeof(pem));
	if (gnutls_x509_crt_list_import2(&list, &count, &data, GNUTLS_X509_FMT_PEM, 0) < 0)
		return err_fail(err, E_CONFIG,
				"the file of the client authority holds no PEM certificates");
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	return true;
}

static bool certificate_holds(gnutls_session_t session)
{
	char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st demand = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
					.data = (unsigned char *)purpose};
	unsigned status = ~0u;

	return gnutls_certificate_verify_peers(session, &demand, 1, &status) == 0 && status == 0;
}

static bool name_fits(const char *name, size_t size)
{
	if (size == 0 || size > ID_DEVICE_MAX || strlen(name) != size)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (name[i] < 0x20 || name[i] > 0x7e)
			return false;
	}
	return true;
}

static void certificate_read(struct web_connection *connection, gnutls_x509_crt_t certificate,
			     struct bytes der)
{
	char name[ID_DEVICE_MAX + 1] = "";
	size_t size = sizeof(name);

	if (gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name,
					  &size) < 0 ||
	    !name_fits(name, size))
		return;
	connection->fingerprint = digest_sha256_hex(der);
	connection->peer_until =
		(clock_us)gnutls_x509_crt_get_expiration_time(certificate) * CLOCK_SECOND;
	memcpy(connection->peer, name, size + 1);
}

void web_peer_check(struct web_connection *connection, void *tls_session)
{
	gnutls_session_t session = tls_session;
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	gnutls_x509_crt_t certificate = NULL;

	if (!chain || count == 0 || !certificate_holds(session))
		return;
	if (gnutls_x509_crt_init(&certificate) < 0)
		return;
	if (gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) == 0)
		certificate_read(connection, certificate, bytes_of(chain[0].data, chain[0].size));
	gnutls_x509_crt_deinit(certificate);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which commands are there? The table, and how a command is found in it. */

#include "service/ctl/commands.h"

#include <string.h>

/* Said where a personal key is used. */
#define KEY_HELP                                                                              \
	"KEY is a PEM file or a PKCS#11 URI (RFC 7512; the PIN comes from the file that its " \
	"pin-source names), CERT the certificate of that key."
#define PASSWORD_HELP "Without --password-file the password is asked for on the terminal."

/* clang-format off */
const struct command commands[] = {
	{"login", "PERSON [--password-file FILE]",
	 "Log in and keep the session for the commands after it\n"
	 "The address and the authority that were given are kept, too, so that later commands need "
	 "neither. " PASSWORD_HELP,
	 false, ctl_login},
	{"logout", "",
	 "End the session, here and at the service",
	 false, ctl_logout},
	{"whoami", "",
	 "Say who is logged in, and with which roles",
	 true, ctl_whoami},
	{"status", "",
	 "Say how the service is\n"
	 "Exits 3 when its database or its keeper is away.",
	 false, ctl_status},
	{"password set", "PERSON --token-file FILE [--password-file FILE]",
	 "Set a password with the one-time token of an invitation\n"
	 "A password has 12 to 256 bytes. " PASSWORD_HELP,
	 false, ctl_password_set},
	{"person list", "",
	 "List the people, their roles and keys",
	 true, ctl_person_list},

	{"trust init", "--dir DIR --entries FILE --origin NAME [--root CERT...] [--key KEY...] [--pki DIR] "
	 "[--roots N] [--k N] [--days N]",
	 "Make version 1 of the trust document, its signatures and the pin file\n"
	 "FILE is a JSON list of {role, name, person?, cert or key, products?, sites?, not_before?, not_after?}; "
	 "cert and key name PEM files, relative to FILE. What is left out: all products and sites, and the "
	 "time of the certificate, or of the document.\n"
	 "--root names the certificates of the root keys, --key the root keys that sign here and now; "
	 "others sign later with trust sign. --pki takes root1.pem, root1.key and so on from a folder that "
	 "tools/pki.sh made (--roots of them, 3 if not said) and signs with the first --k. "
	 "k is how many roots have to sign, 2 if not said; --origin is the name of the ledger; "
	 "the document ends after --days, 365 if not said.\n"
	 "Into DIR: trust.json, trust.json.N.p7s of root N, and trust-pin.json for devices, the keeper and "
	 "countersign-verify.",
	 false, ctl_trust_init},
	{"trust sign", "FILE --key KEY --cert CERT [--out FILE] [--yes]",
	 "Sign a trust document with a root key\n"
	 "Shows the document and asks first, unless --yes. Writes FILE.p7s if --out is not given. " KEY_HELP,
	 false, ctl_trust_sign},
	{"trust put", "--document FILE --cms FILE...",
	 "Put a trust document into force\n"
	 "The signatures of the roots are the permission; nobody has to be logged in.",
	 false, ctl_trust_put},
	{"trust show", "[--document FILE] [--pin FILE] [--cms FILE...]",
	 "Show the trust document that is in force, or the one in a file\n"
	 "With --pin, says whether the roots that are pinned there have signed it, and fails if not.",
	 false, ctl_trust_show},

	{"directory draft", "--acts FILE --reason TEXT --out FILE [--number N --previous SHA256]",
	 "Draft the next statement about people, roles, keys, products, rulesets and devices\n"
	 "FILE is a JSON list of acts as docs/protocol/documents.md describes them. Instead of what a "
	 "file holds, an act may name the file, relative to FILE: certificate_file (PEM or DER), "
	 "report_key_file (PEM public key), ruleset_file (for name and sha256), and token_file of a person.invite: "
	 "a one-time token is drawn into it if it does not exist. valid_hours may stand for expires_at.\n"
	 "Number and previous digest are asked from the service unless they are given.",
	 false, ctl_directory_draft},
	{"directory show", "FILE",
	 "Show what a directory statement says",
	 false, ctl_directory_show},
	{"directory sign", "FILE --key KEY --cert CERT [--out FILE] [--yes]",
	 "Sign a directory statement as an admin\n"
	 "Shows the acts and asks first, unless --yes. Writes FILE.p7s if --out is not given. " KEY_HELP,
	 false, ctl_directory_sign},
	{"directory put", "FILE --cms FILE...",
	 "Put a directory statement that two admins have signed\n"
	 "The signatures are the permission.",
	 false, ctl_directory_put},

	{"document put", "FILE",
	 "Store a canonical document, such as a ruleset before its adoption",
	 true, ctl_document_put},
	{"document get", "SHA256 [--out FILE]",
	 "Fetch a stored document and check its digest\n"
	 "To standard output if --out is not given.",
	 true, ctl_document_get},

	{"manifest make", "--product PRODUCT --version VERSION --sequence N --hardware HARDWARE... "
	 "--artifact NAME=FILE... --out FILE [--floor N]",
	 "Make the manifest of a release from its files\n"
	 "The first artifact is the image of the bank. --floor is the least sequence that a device still "
	 "takes once this release runs on it; 0 if not said.",
	 false, ctl_manifest_make},
	{"manifest sign", "FILE --key KEY --cert CERT [--out FILE]",
	 "Sign a manifest as its author\n"
	 "Writes FILE.p7s if --out is not given. " KEY_HELP,
	 false, ctl_manifest_sign},
	{"manifest show", "FILE",
	 "Show what a manifest says",
	 false, ctl_manifest_show},

	{"artifact put", "FILE...",
	 "Upload artifacts, named by their SHA-256",
	 true, ctl_artifact_put},
	{"artifact get", "SHA256 --out FILE",
	 "Download an artifact and check its digest\n"
	 "Goes on where an earlier download ended.",
	 true, ctl_artifact_get},

	{"release create", "--manifest FILE --cms FILE",
	 "Make a release from a manifest and its author's signature\n"
	 "Prints the id of the release. The artifacts have to be uploaded.",
	 true, ctl_release_create},
	{"release list", "", "List the releases", true, ctl_release_list},
	{"release show", "RELEASE",
	 "Show a release with its artifacts, records, signatures and history",
	 true, ctl_release_show},
	{"release seal", "RELEASE",
	 "Seal a release: from now on nothing in it changes",
	 true, ctl_release_seal},
	{"release withdraw", "RELEASE --reason TEXT",
	 "Withdraw a release: its gate closes for good",
	 true, ctl_release_withdraw},

	{"record add", "RELEASE --kind KIND --result RESULT --summary TEXT [--record ID] [--performed-at TIME]",
	 "Add a record of a test to a sealed release\n"
	 "KIND is test, RESULT passed or failed. It covers every artifact of the release, and its tester is who is "
	 "logged in; it counts once they sign it with meaning tested. --record makes the next "
	 "version of that record. Prints the id of the record.",
	 true, ctl_record_add},

	{"sign", "KIND ID --meaning MEANING [--reason TEXT] [--key KEY --cert CERT] [--password-file FILE] [--yes]",
	 "Sign a record, a release or a campaign\n"
	 "KIND is record (MEANING tested), release (approved) or campaign (released, or resumed while it is held). Fetches everything that "
	 "the signature covers, recomputes the digests from it, refuses if anything differs from what was asked, shows it, and "
	 "asks before it signs, unless --yes.\n"
	 "With --key and --cert it is a signature by personal key, else by password. " KEY_HELP " " PASSWORD_HELP,
	 true, ctl_sign},

	{"gate show", "KIND ID",
	 "Say whether a gate is open, and if not what is missing and what to do\n"
	 "KIND is release or campaign. Exits 0 when the gate is open, 1 when it is closed.",
	 true, ctl_gate_show},

	{"campaign create", "--name NAME --release RELEASE [--devices LIST] [--devices-file FILE] [--not-before TIME] "
	 "[--not-after TIME]",
	 "Plan a campaign: a release for these devices\n"
	 "LIST has commas between the devices, FILE one device a line. Prints the id of the campaign.",
	 true, ctl_campaign_create},
	{"campaign list", "", "List the campaigns", true, ctl_campaign_list},
	{"campaign show", "CAMPAIGN", "Show a campaign", true, ctl_campaign_show},
	{"campaign devices", "CAMPAIGN",
	 "List the devices of a campaign and how far each is",
	 true, ctl_campaign_devices},
	{"campaign start", "CAMPAIGN",
	 "Start a campaign whose gates are open",
	 true, ctl_campaign_start},
	{"campaign hold", "CAMPAIGN --reason TEXT",
	 "Stop all new offers and leases of a campaign, now",
	 true, ctl_campaign_hold},
	{"campaign resume", "CAMPAIGN --reason TEXT [--key KEY --cert CERT] [--password-file FILE] [--yes]",
	 "Sign that a hold is over, and go on\n"
	 "As sign campaign CAMPAIGN --meaning resumed, and then the resuming itself.",
	 true, ctl_campaign_resume},
	{"campaign abort", "CAMPAIGN --reason TEXT",
	 "End a campaign for good",
	 true, ctl_campaign_abort},
	{"campaign watch", "CAMPAIGN [--seconds N]",
	 "Follow a campaign until every device is done, a line for each change\n"
	 "Ends after --seconds, too, if given, with exit code 3. Exits 0 when every device is confirmed, else 1.",
	 true, ctl_campaign_watch},

	{"device list", "", "List the devices", true, ctl_device_list},
	{"device show", "DEVICE", "Show a device and its deployments", true, ctl_device_show},
	{"device access", "DEVICE [--token-file FILE] [--certificate FILE]",
	 "Give a device its token, or register its client certificate\n"
	 "A fresh token is written into FILE, readable by its owner alone, and is shown nowhere else; "
	 "the certificate (PEM or DER) is registered with the service.",
	 true, ctl_device_access},

	{"audit checkpoint", "", "Print the newest signed checkpoint of the ledger", false, ctl_audit_checkpoint},
	{"audit export", "DIR",
	 "Take away the evidence package into DIR, to be verified with countersign-verify\n"
	 "Every file is checked against its digest. Called again after an interruption it goes on with "
	 "what is missing: DIR.export beside DIR remembers which export it is, until all is there.",
	 true, ctl_audit_export},

	{"help", "[WORD...] [--page]",
	 "Explain a command, or list them all\n"
	 "--page prints the manual page.",
	 false, ctl_help},
};
/* clang-format on */
const size_t command_count = sizeof(commands) / sizeof(commands[0]);

/* How many of the given words this command's words are; 0: others. */
static size_t matches(const char *own, const char *const *words, size_t count)
{
	size_t used = 0;

	while (*own) {
		size_t length = strcspn(own, " ");
		if (used == count || strlen(words[used]) != length ||
		    strncmp(own, words[used], length) != 0)
			return 0;
		used++;
		own += length + (own[length] == ' ');
	}
	return used;
}

const struct command *command_find(const char *const *words, size_t count, size_t *used)
{
	const struct command *best = NULL;

	*used = 0;
	for (size_t i = 0; i < command_count; i++) {
		size_t here = matches(commands[i].words, words, count);
		if (here > *used) {
			best = &commands[i];
			*used = here;
		}
	}
	return best;
}

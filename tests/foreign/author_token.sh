#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The author's key in a token: countersign manifest sign with a PKCS#11 URI (SoftHSM), and what
# OpenSSL says of the signature under the author's policy.
. "$(dirname "$0")/../support/tap.sh"

cs=${COUNTERSIGN_TEST_PROGRAMS:-build/san/bin}/countersign
module=/usr/lib/softhsm/libsofthsm2.so
work=$tap_folder/work
mkdir -p "$work/tokens"
export SOFTHSM2_CONF=$work/softhsm2.conf
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$work/tokens" >"$SOFTHSM2_CONF"
arc=$(sed -n 's/^#define SIGN_POLICY_ARC "\([0-9.]*\)"$/\1/p' common/sign.h)
# The module leaks of its own at exit; what is ours is judged by every other test.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0

make_token()
{
	softhsm2-util --init-token --free --label EXAMPLE --pin 1234 --so-pin 5678 &&
		softhsm2-util --import "$work/pkcs8.pem" --token EXAMPLE --label author --id 01 --pin 1234
}

# A key and certificate of the development PKI, moved into the token: the file is gone afterwards.
tools/pki.sh "$work/pki" author author-1 >/dev/null || exit 1
openssl pkcs8 -topk8 -nocrypt -in "$work/keys/author/key.pem" -out "$work/pkcs8.pem"
expect_success 'a token holds the author key' make_token
rm -f "$work/keys/author/key.pem" "$work/pkcs8.pem"
(umask 077 && printf 1234 >"$work/pin" && printf 9999 >"$work/wrong-pin")
head -c 100000 /dev/urandom >"$work/image.bin"

uri="pkcs11:token=EXAMPLE;object=author;type=private?module-path=$module&pin-source=file:$work"
sign() { "$cs" manifest sign "$work/manifest.json" --key "$uri/$1" --cert "$work/keys/author/cert.pem" --out "$work/manifest.p7s"; }
verify()
{
	openssl cms -verify -binary -inform DER -in "$work/manifest.p7s" -content "$1" -CAfile "$work/pki/author-ca.pem" \
		-purpose smimesign -policy "$arc.$2" -explicit_policy -policy_check -out /dev/null
}

expect_success 'a manifest is made' "$cs" manifest make --product pump-a --version 1.0.0 --sequence 1 --hardware rev-1 \
	--artifact "image.bin=$work/image.bin" --out "$work/manifest.json"
expect_failure 'a wrong PIN signs nothing' sign wrong-pin
expect_failure 'nothing was left behind' test -e "$work/manifest.p7s"
expect_success 'the token signs the manifest' sign pin
expect_success 'OpenSSL verifies it under the author policy' verify "$work/manifest.json" 2
expect_failure 'and not under the keeper policy' verify "$work/manifest.json" 3
sed 's/pump-a/pump-b/' "$work/manifest.json" >"$work/changed.json"
expect_failure 'nor over another manifest' verify "$work/changed.json" 2
tap_end

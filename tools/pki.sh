#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A public key infrastructure for development: every key lies unprotected in a file and every subject
# says EXAMPLE. Real keys are made in a ceremony, not by this. What exists is kept, so it can be run
# again; remove a file to have it made anew. Files get mode 0600, folders 0700.
#
#   tools/pki.sh DIR                      roots 1 to 3, and the authorities below them
#   tools/pki.sh DIR leaf ROLE NAME OUTKEY OUTCERT
#                                         a key and certificate; ROLE: root (self-signed), author,
#                                         keeper, person, site, device (for TLS, as client)
#   tools/pki.sh DIR author NAME          the same into DIR/../keys/author/{key,cert}.pem
#   tools/pki.sh DIR keeper NAME          ... DIR/../keys/keeper/{key,cert}.pem
#   tools/pki.sh DIR site NAME            ... DIR/../keys/site/{key,cert}.pem
#   tools/pki.sh DIR person NAME          ... DIR/../keys/people/NAME/{key,cert}.pem
#   tools/pki.sh DIR device ID            ... DIR/../devices/ID/tls.{key,pem} and report.{key,pub}
#   tools/pki.sh DIR tls [HOST|IP]...     DIR/../keys/service/tls.{key,pem}; without names for
#                                         localhost and 127.0.0.1
#   tools/pki.sh DIR ed25519 OUT          a raw signing key (lease, ledger, git, report) into OUT,
#                                         its public half into OUT.pub (name.key: name.pub)
#
# In DIR afterwards: root{1,2,3}, author-ca, keeper-ca, approver-ca, site-ca, device-ca, tls-ca, each
# .key and .pem. Keys are P-256, roots P-384.
set -eu
umask 077

here=$(cd "$(dirname "$0")/.." && pwd)
arc=$(sed -n 's/^#define SIGN_POLICY_ARC "\([0-9.]*\)"$/\1/p' "$here/common/sign.h")
ca_days=3650
leaf_days=730

die()
{
	echo "tools/pki.sh: $*" >&2
	exit 2
}

usage()
{
	sed -n '/^#   tools/,/^#$/{/^#$/d; s/^#   //; p;}' "$0" >&2
	exit 2
}

# The number of a role under the arc, as enum sign_role in common/sign.h counts.
number_of()
{
	case $1 in
	root) echo 1 ;;
	author) echo 2 ;;
	keeper) echo 3 ;;
	person) echo 4 ;;
	site) echo 5 ;;
	device) echo 6 ;;
	*) die "no such role: $1" ;;
	esac
}

authority_of()
{
	case $1 in
	person) echo approver-ca ;;
	*) echo "$1-ca" ;;
	esac
}

# A common name may have 64 characters (RFC 5280, ub-common-name).
check_name()
{
	[[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$ ]] ||
		die "a name has 1 to 64 letters, digits and . _ : -, and begins with a letter or digit: $1"
}

# make CURVE DAYS UNIT NAME KEY CERT [AUTHORITY]: the extensions come from standard input. Under other
# names first, so that an interrupted run leaves no half file under a good name.
make()
{
	local curve=$1 days=$2 unit=$3 name=$4 key=$5 cert=$6 authority=${7-} work signer=()
	if [ -s "$key" ] && [ -s "$cert" ]; then
		cat >/dev/null
		return
	fi
	mkdir -p "$(dirname "$key")" "$(dirname "$cert")"
	work=$(mktemp -d "$dir/.make.XXXXXX")
	{
		printf '[req]\nprompt = no\ndistinguished_name = subject\nx509_extensions = v3\n'
		printf '[subject]\nO = EXAMPLE\nOU = %s\nCN = %s\n' "$unit" "$name"
		printf '[v3]\nsubjectKeyIdentifier = hash\n'
		cat
	} >"$work/config"
	if [ -n "$authority" ]; then
		signer=(-CA "$dir/$authority.pem" -CAkey "$dir/$authority.key")
		echo 'authorityKeyIdentifier = keyid:always' >>"$work/config"
	fi
	if ! openssl req -x509 -config "$work/config" -sha384 -days "$days" -newkey ec \
		-pkeyopt "ec_paramgen_curve:$curve" -nodes "${signer[@]}" \
		-keyout "$work/key" -out "$work/cert" 2>"$work/log"; then
		cat "$work/log" >&2
		rm -rf "$work"
		die "openssl could not make $cert"
	fi
	mv "$work/key" "$key"
	mv "$work/cert" "$cert"
	rm -rf "$work"
}

# What stands in the certificate of a leaf, but for its use: role, extended key usage.
leaf_extensions()
{
	echo 'basicConstraints = critical, CA:FALSE'
	echo 'keyUsage = critical, digitalSignature'
	[ -z "$1" ] || echo "certificatePolicies = $arc.$(number_of "$1")"
	echo "extendedKeyUsage = $2"
}

make_root()
{
	leaf_extensions root 'critical, emailProtection' |
		make P-384 $ca_days root "EXAMPLE root $1" "$dir/root$1.key" "$dir/root$1.pem"
}

make_authority()
{
	local role=$1 name=$2
	{
		echo 'basicConstraints = critical, CA:TRUE, pathlen:0'
		echo 'keyUsage = critical, keyCertSign, cRLSign'
		[ "$role" = tls ] || echo "certificatePolicies = $arc.$(number_of "$role")"
	} | make P-256 $ca_days authority "EXAMPLE $name" "$dir/$name.key" "$dir/$name.pem"
}

make_all()
{
	local role
	for n in 1 2 3; do
		make_root $n
	done
	for role in author keeper person site device; do
		make_authority $role "$(authority_of $role)"
	done
	make_authority tls tls-ca
}

make_leaf()
{
	local role=$1 name=$2 key=$3 cert=$4 use='critical, emailProtection'
	check_name "$name"
	number_of "$role" >/dev/null
	[ "$role" != device ] || use='critical, clientAuth'
	if [ "$role" = root ]; then
		leaf_extensions root "$use" | make P-384 $ca_days root "$name" "$key" "$cert"
		return
	fi
	make_authority "$role" "$(authority_of "$role")"
	leaf_extensions "$role" "$use" |
		make P-256 $leaf_days "$role" "$name" "$key" "$cert" "$(authority_of "$role")"
}

make_tls()
{
	local names='' host
	[ $# -gt 0 ] || set -- localhost 127.0.0.1
	for host in "$@"; do
		if [[ $host =~ ^[0-9.]+$ || $host == *:* ]]; then
			names+=",IP:$host"
		else
			check_name "$host"
			names+=",DNS:$host"
		fi
	done
	make_authority tls tls-ca
	{
		leaf_extensions '' serverAuth
		echo "subjectAltName = ${names#,}"
	} | make P-256 $leaf_days service "$1" "$dir/../keys/service/tls.key" \
		"$dir/../keys/service/tls.pem" tls-ca
}

make_ed25519()
{
	local key=$1 public=${1%.key}.pub
	mkdir -p "$(dirname "$key")"
	if ! [ -s "$key" ]; then
		openssl genpkey -algorithm ed25519 -out "$key.part"
		mv "$key.part" "$key"
	fi
	if ! [ -s "$public" ]; then
		openssl pkey -in "$key" -pubout -out "$public.part"
		mv "$public.part" "$public"
	fi
}

[ $# -ge 1 ] && [ "${1#-}" = "$1" ] || usage
[ -n "$arc" ] || die "SIGN_POLICY_ARC not found in common/sign.h"
mkdir -p "$1"
dir=$(cd "$1" && pwd)
verb=${2:-all}
[ $# -lt 2 ] && shift || shift 2

case $verb:$# in
all:0) make_all ;;
leaf:4) make_leaf "$@" ;;
author:1 | keeper:1 | site:1)
	make_leaf "$verb" "$1" "$dir/../keys/$verb/key.pem" "$dir/../keys/$verb/cert.pem"
	;;
person:1)
	check_name "$1"
	make_leaf person "$1" "$dir/../keys/people/$1/key.pem" "$dir/../keys/people/$1/cert.pem"
	;;
device:1)
	check_name "$1"
	make_leaf device "$1" "$dir/../devices/$1/tls.key" "$dir/../devices/$1/tls.pem"
	make_ed25519 "$dir/../devices/$1/report.key"
	;;
tls:*) make_tls "$@" ;;
ed25519:1) make_ed25519 "$1" ;;
*) usage ;;
esac

#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes an installation for development in a home (tools/home.sh), with invented people and devices:
#
#   tools/setup.sh HOME PROGRAMS DEVICES     PROGRAMS: folder of built programs; DEVICES: how many
#
# A private database, keys and certificates that all say EXAMPLE, configuration files, and an
# unsigned list of trust entries (HOME/trust/entries.json). Nothing is started but the database.
# Afterwards: tools/services.sh start.
set -eu
umask 022

tools=$(cd "$(dirname "$0")" && pwd)
home=$1
programs=$2
devices=$3

"$tools/home.sh" make "$home" "$programs"
. "$home/home.env"
H=$COUNTERSIGN_HOME
pki="$tools/pki.sh"

own()
{
	local part=$1
	shift
	if [ "$(id -u)" -eq 0 ]; then
		chown -R "$("$tools/as.sh" --id "$part")" "$@"
	fi
}

# Each home begins its search elsewhere, so that two set-ups at once do not find the same port.
free_port()
{
	local port first
	first=$((8443 + 0x$(printf '%s' "$H" | sha256sum | cut -c1-4) % 1000))
	for port in $(seq "$first" $((first + 100))); do
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return
		fi
	done
	echo 'tools/setup.sh: no free port from '"$first on" >&2
	return 1
}

make_database()
{
	"$tools/cluster.sh" -h "$home" init >"$H/logs/setup.log" 2>&1
	"$tools/cluster.sh" -h "$home" start >>"$H/logs/setup.log" 2>&1
	"$tools/cluster.sh" -h "$home" createdb countersign >>"$H/logs/setup.log" 2>&1
	"$tools/cluster.sh" -h "$home" migrate countersign >>"$H/logs/setup.log" 2>&1
}

make_keys()
{
	"$pki" "$H/pki"
	"$pki" "$H/pki" author author-1
	"$pki" "$H/pki" keeper keeper-1
	"$pki" "$H/pki" tls
	local person key
	for person in p-ada p-ben p-qa; do
		"$pki" "$H/pki" person "$person"
	done
	for key in lease ledger git; do
		"$pki" "$H/pki" ed25519 "$H/keys/keeper/$key.key"
	done
	head -c 32 /dev/urandom >"$H/keys/keeper/mac.key"
	head -c 32 /dev/urandom >"$H/keys/service/mac.key"
	mkdir -p "$H/keys/keeper/macs"
	cp "$H/keys/service/mac.key" "$H/keys/keeper/macs/1.key"
	chmod 0711 "$H/keys"
	chmod 0700 "$H/keys/keeper" "$H/keys/keeper/macs" "$H/keys/service"
	chmod 0600 "$H/keys/keeper/mac.key" "$H/keys/keeper/macs/1.key" "$H/keys/service/mac.key"
	mkdir -p "$H/share/ca"
	cp "$H/pki/tls-ca.pem" "$H/pki/device-ca.pem" "$H/share/ca/"
	chmod 0755 "$H/share/ca"
	chmod 0644 "$H/share/ca/"*
}

write_configs()
{
	port=$(free_port)
	url=https://127.0.0.1:$port
	local service_uid
	service_uid=$("$tools/as.sh" --id service)
	cat >"$H/keeper/keeper.json" <<-END
		{
		 "socket": "$COUNTERSIGN_RUNTIME/keeper/desk",
		 "database": "$("$tools/cluster.sh" -h "$home" conninfo countersign_keeper countersign)",
		 "origin": "countersign.example/ledger",
		 "keeper_key": "$H/keys/keeper/key.pem",
		 "keeper_certificate": "$H/keys/keeper/cert.pem",
		 "lease_key": "$H/keys/keeper/lease.key",
		 "ledger_key": "$H/keys/keeper/ledger.key",
		 "git_key": "$H/keys/keeper/git.key",
		 "keeper_mac_key": "$H/keys/keeper/mac.key",
		 "service_mac_keys": "$H/keys/keeper/macs",
		 "head_file": "$H/keeper/head",
		 "git": "$H/git",
		 "pin": "$H/share/trust-pin.json",
		 "service_uid": ${service_uid%%:*}
		}
	END
	cat >"$H/service/service.json" <<-END
		{
		 "port": $port,
		 "tls_certificate": "$H/keys/service/tls.pem",
		 "tls_key": "$H/keys/service/tls.key",
		 "device_authority": "$H/share/ca/device-ca.pem",
		 "database": "$("$tools/cluster.sh" -h "$home" conninfo countersign_service countersign)",
		 "keeper_socket": "$COUNTERSIGN_RUNTIME/keeper/desk",
		 "mac_key": "$H/keys/service/mac.key",
		 "artifacts": "$H/artifacts",
		 "exports": "$H/service/exports",
		 "git": "$H/git",
		 "base_url": "$url",
		 "poll_s": 1
		}
	END
	{
		echo "COUNTERSIGN_URL=$url"
		echo "COUNTERSIGN_CA=$H/share/ca/tls-ca.pem"
	} >>"$H/home.env"
	own keeper "$H/keeper" "$H/keys/keeper" "$H/git"
	own service "$H/service" "$H/keys/service" "$H/artifacts"
}

# Devices: the odd ones use a client certificate, the even ones a token.
make_devices()
{
	local number id dir credential
	for number in $(seq "$devices"); do
		id=unit-$number
		dir=$H/devices/$id
		"$pki" "$H/pki" device "$id"
		cp "$H/share/ca/tls-ca.pem" "$dir/ca.pem"
		if [ $((number % 2)) -eq 1 ]; then
			credential="\"tls_certificate\": \"tls.pem\", \"tls_key\": \"tls.key\""
		else
			credential="\"token_file\": \"token\""
		fi
		cat >"$dir/agent.json" <<-END
			{
			 "url": "$url",
			 "device": "$id",
			 "product": "pump-a",
			 "hardware": "rev-1",
			 "tls_authority": "ca.pem",
			 $credential,
			 "report_key": "report.key",
			 "pins": "$H/share/trust-pin.json",
			 "poll_s": 1,
			 "tries": 2,
			 "health_deadline_s": 20
			}
		END
	done
	own device "$H/devices"
}

make_database
make_keys
write_configs
make_devices

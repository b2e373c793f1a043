#!/usr/bin/env bash
# Installs the Debian packages that a level of work needs and that are missing.
# No package gets to start its service: nginx would be a public web server.
#
#   deps.sh run     build the program and run it in front of the stand-in
#   deps.sh test    and run the tests
#   deps.sh ci      and format, lint, and build with the other compiler
set -euo pipefail

# PACKAGE, or PACKAGE:COMMAND where another package may supply the command.
RUN=(gcc:gcc libc6-dev make:make pkg-config:pkg-config libfcgi-dev
	libcurl4-openssl-dev libjson-c-dev libconfig-dev libyaml-dev
	nginx:nginx spawn-fcgi:spawn-fcgi openssl:openssl curl:curl
	util-linux:setpriv python3:/usr/bin/python3 python3-aiohttp)
TEST=(libcmocka-dev valgrind:valgrind python3-pytest python3-requests
	python3-kubernetes python3-yaml kubernetes-client:kubectl
	systemd:systemd-analyze procps:/bin/kill)
CI=(clang:clang libclang-rt-14-dev clang-tidy:clang-tidy
	clang-format-14:clang-format-14 cppcheck:cppcheck shellcheck:shellcheck)

POLICY=/usr/sbin/policy-rc.d
# An ordinary user's PATH lacks the folders of nginx.
PATH=$PATH:/usr/sbin:/sbin

missing_of()
{
	local entry package command unknown=()
	for entry; do
		package=${entry%%:*} command=${entry#"$package"}
		if [[ -z $command ]]; then
			unknown+=("$package")
		elif ! command -v "${command#:}" >/dev/null; then
			printf '%s\n' "$package"
		fi
	done
	# One call for all. It fails when it knows one of them not at all, and
	# then prints nothing for that one.
	local installed
	installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' \
		"${unknown[@]}" 2>/dev/null || true)
	for package in "${unknown[@]}"; do
		grep -qx "installed $package" <<<"$installed" ||
			printf '%s\n' "$package"
	done
}

forbid_services()
{
	if [[ ! -e $POLICY ]]; then
		# The name first: the trap must know it when a signal comes.
		trap 'rm -f "$POLICY"' EXIT
		trap 'exit 1' HUP INT TERM
		printf '#!/bin/sh\nexit 101\n' >"$POLICY"
		chmod 755 "$POLICY"
	elif "$POLICY" nginx start >/dev/null 2>&1 || (($? != 101)); then
		echo "$POLICY lets packages start services: make it exit 101," \
			"or remove it, and run this again" >&2
		exit 1
	fi
}

install()
{
	export DEBIAN_FRONTEND=noninteractive
	forbid_services
	apt-get -qq update
	apt-get -qq -y -o Dpkg::Use-Pty=0 install --no-install-recommends \
		"$@" >/dev/null
	# Else it would be a public server after the next boot all the same.
	if [[ " $* " == *" nginx "* ]]; then
		update-rc.d nginx disable
		rm -f /etc/systemd/system/multi-user.target.wants/nginx.service
		echo "nginx is installed but neither started nor enabled"
	fi
}

case ${1-} in
run) wanted=("${RUN[@]}") ;;
test) wanted=("${RUN[@]}" "${TEST[@]}") ;;
ci) wanted=("${RUN[@]}" "${TEST[@]}" "${CI[@]}") ;;
*)
	echo "usage: $0 run|test|ci" >&2
	exit 2
	;;
esac

mapfile -t missing < <(missing_of "${wanted[@]}")
((${#missing[@]})) || exit 0

if ((EUID != 0)); then
	echo "Missing packages: ${missing[*]}" >&2
	echo "Install them with: sudo $0 $1" >&2
	exit 1
fi
echo "Installing ${missing[*]}"
install "${missing[@]}"

#!/usr/bin/env bash
# Installs the Debian packages that a level of work needs and that are missing.
# No package gets to start its service: nginx would be a public web server.
#
#   deps.sh run      build the program and run it in front of the stand-in
#   deps.sh test     and run the tests
#   deps.sh ci       and format, lint, and build with the other compiler
#   deps.sh cluster  run the control plane and the node of tests/cluster
#   deps.sh kube     and build them from Debian's source package
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
CLUSTER=(etcd-server:etcd containerd:containerd runc:runc
	containernetworking-plugins:/usr/lib/cni/bridge iptables:iptables
	conntrack:conntrack iproute2:ip procps:sysctl openssl:openssl
	python3:/usr/bin/python3 busybox-static kubernetes-client:kubectl)
KUBE=(golang-1.19-go:/usr/lib/go-1.19/bin/go
	golang-github-modern-go-reflect2-dev dpkg-dev:dpkg-source
	debian-archive-keyring make:make gcc:gcc libc6-dev rsync:rsync jq:jq bc:bc)

# Packages whose service must not run after the next boot either.
SERVICES=(nginx etcd-server:etcd containerd)

POLICY=/usr/sbin/policy-rc.d
MARK='# sandbox-provisioner: only while packages are installed'
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

# 101 is policy-rc.d's "not allowed". The administrator's own stays as it is; ours,
# left by a run that was killed, is known by its mark.
forbid_services()
{
	if [[ ! -e $POLICY && ! -L $POLICY ]] || grep -qxF "$MARK" "$POLICY"; then
		# The name first: the trap must know it when a signal comes.
		trap 'rm -f "$POLICY"' EXIT
		trap 'exit 1' HUP INT TERM
		printf '#!/bin/sh\n%s\nexit 101\n' "$MARK" >"$POLICY"
		chmod 755 "$POLICY"
	elif "$POLICY" nginx start >/dev/null 2>&1 || (($? != 101)); then
		echo "$POLICY lets packages start services: make it exit 101," \
			"or remove it, and run this again" >&2
		exit 1
	fi
}

disable_services()
{
	local entry package service
	for entry in "${SERVICES[@]}"; do
		package=${entry%%:*} service=${entry##*:}
		[[ " $* " == *" $package "* ]] || continue
		update-rc.d "$service" disable 2>/dev/null || true
		rm -f "/etc/systemd/system/multi-user.target.wants/$service.service"
		echo "$package is installed but neither started nor enabled"
	done
}

install()
{
	export DEBIAN_FRONTEND=noninteractive
	local apt=(apt-get -qq -o DPkg::Lock::Timeout=300)
	forbid_services
	dpkg --configure -a
	"${apt[@]}" update
	"${apt[@]}" -y -o Dpkg::Use-Pty=0 install --no-install-recommends \
		"$@" >/dev/null
	disable_services "$@"
}

case ${1-} in
run) wanted=("${RUN[@]}") ;;
test) wanted=("${RUN[@]}" "${TEST[@]}") ;;
ci) wanted=("${RUN[@]}" "${TEST[@]}" "${CI[@]}") ;;
cluster) wanted=("${CLUSTER[@]}") ;;
kube) wanted=("${CLUSTER[@]}" "${KUBE[@]}") ;;
*)
	sed -n '5,9s/^# *//p' "$0" >&2
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

# shellcheck shell=bash
# Debian packages, installed without starting a service. Needs process.sh.
# shellcheck disable=SC2034 # the lists are for those who source this

readonly POLICY=/usr/sbin/policy-rc.d
readonly POLICY_MARK='# sandbox-provisioner: only while packages are installed'

# A package, and what shows that it (or another vendor's equivalent) is there.
RUN_PACKAGES='
etcd-server               etcd
containerd                containerd
runc                      runc
containernetworking-plugins /usr/lib/cni/bridge
iptables                  iptables
conntrack                 conntrack
iproute2                  ip
procps                    sysctl
openssl                   openssl
python3                   /usr/bin/python3
busybox-static            dpkg:
kubernetes-client         kubectl
'
CLIENT_PACKAGES='
python3                   /usr/bin/python3
kubernetes-client         kubectl
'
BUILD_PACKAGES='
golang-1.19-go            /usr/lib/go-1.19/bin/go
golang-github-modern-go-reflect2-dev dpkg:
dpkg-dev                  dpkg-source
debian-archive-keyring    dpkg:
make                      make
gcc                       gcc
libc6-dev                 dpkg:
rsync                     rsync
jq                        jq
bc                        bc
'

packages_present() { # package proof
	case $2 in
	dpkg:) dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed ;;
	*) command -v "$2" >/dev/null ;;
	esac
}

packages_missing() { # list
	local package proof
	while read -r package proof; do
		if [ -n "$package" ] && ! packages_present "$package" "$proof"; then
			printf '%s ' "$package"
		fi
	done <<<"$1"
}

packages_need() { # list
	local missing
	missing=$(packages_missing "$1")
	if [ -z "$missing" ]; then return; fi
	if [ "$(id -u)" != 0 ]; then
		fail "packages are missing, root can install them: $missing"
	fi
	say "installing $missing"
	(packages_install "$missing")
}

# Own process: its EXIT trap takes the policy away again, whatever happens.
packages_install() { # names
	local fresh=() service
	# 101 is policy-rc.d's "not allowed". A policy of the administrator stays as it
	# is; ours, left by a killed run, is recognised by its mark.
	if [ -e "$POLICY" ] || [ -L "$POLICY" ]; then
		if grep -qxF "$POLICY_MARK" "$POLICY"; then
			trap 'rm -f "$POLICY"' EXIT
		elif "$POLICY" etcd start >/dev/null 2>&1; then
			fail "$POLICY would let services start; install by hand: apt-get install $1"
		fi
	else
		trap 'rm -f "$POLICY"' EXIT
		(umask 022 && set -o noclobber &&
		    printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY" && chmod 755 "$POLICY")
	fi
	for service in etcd containerd; do
		systemctl cat "$service.service" >/dev/null 2>&1 || fresh+=("$service.service")
	done
	export DEBIAN_FRONTEND=noninteractive
	dpkg --configure -a >&2
	apt-get -q -o DPkg::Lock::Timeout=300 update >&2
	# shellcheck disable=SC2086
	apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $1 >&2
	# Not at the next boot either.
	if command -v systemctl >/dev/null; then
		for service in "${fresh[@]}"; do
			systemctl disable "$service" >/dev/null 2>&1 || true
		done
	fi
}

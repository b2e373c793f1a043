#!/usr/bin/env bash
# A real Kubernetes 1.20.2 on this machine alone, for the tests: on loopback, from
# Debian 12's packages and source, and gone without a trace after `down`.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
KUBE_HOME=${KUBE_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/sandbox-provisioner/kube-1.20.2}
KUBE_STATE=${KUBE_STATE:-$KUBE_HOME/state}
KUBE_NODE_PORTS=${KUBE_NODE_PORTS:-30000-32767}
KUBE_BIN=$KUBE_HOME/bin
KUBE_PKI=$KUBE_STATE/pki
KUBE_DATA=$KUBE_STATE/data
KUBE_RUN=$KUBE_STATE/run
KUBE_LOGS=$KUBE_STATE/logs
KUBE_NODE=$KUBE_STATE/node
export KUBECONFIG=$KUBE_STATE/admin.kubeconfig

usage() {
	cat <<E
usage: kube.sh COMMAND

  build                 the programs, once: 9 minutes on 2 cores, 3 GB meanwhile
  up                    etcd, API server, controller manager, scheduler
  node-up               a node that runs Pods; NodePorts answer on 127.0.0.1
  kubeconfig NAMESPACE  make NAMESPACE, grant conf/rbac.yaml in it, print the
                        kubeconfig of the provisioner's service account there
  status                what runs, and where
  node-down             the node away, the control plane stays
  down                  everything away but data and logs
  wipe                  down, and data and logs as well

environment
  KUBE_HOME        programs ($KUBE_HOME)
  KUBE_STATE       one cluster: data, keys, logs/audit.log, admin.kubeconfig
                   ($KUBE_STATE)
  KUBE_NODE_PORTS  range of NodePorts ($KUBE_NODE_PORTS)

Several clusters can run side by side, each with a KUBE_STATE of its own; one of
them at a time can have the node, which needs root.
E
}

# shellcheck source=tests/cluster/process.sh
. "$HERE/process.sh"
# shellcheck source=tests/cluster/build.sh
. "$HERE/build.sh"
# shellcheck source=tests/cluster/control.sh
. "$HERE/control.sh"
# shellcheck source=tests/cluster/node.sh
. "$HERE/node.sh"
# shellcheck source=tests/cluster/access.sh
. "$HERE/access.sh"

# One command at a time works on a cluster; daemons do not inherit the lock.
lock() {
	mkdir -p "$KUBE_STATE"
	exec 9>"$KUBE_STATE/lock"
	flock 9
}

# Runs a command; when it fails or is interrupted, the second one clears up.
or_undo() { # command undo
	lock
	# Clearing up goes on past what fails; a second signal does not cut it short.
	# shellcheck disable=SC2064
	trap "set +e; trap '' INT TERM; $2" EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	"$1"
	trap - EXIT
}

down() {
	node_down
	control_down
}

wipe() {
	down
	rm -rf "$KUBE_STATE"
}

status() {
	local name pid
	for name in $CONTROL_DAEMONS node; do
		pid=$(process_pid "$name") || pid=-
		printf '%-24s %s\n' "$name" "$pid"
	done
	if process_alive kube-apiserver; then
		printf '%-24s %s\n' KUBECONFIG "$KUBECONFIG" 'audit log' "$KUBE_LOGS/audit.log"
	fi
}

case "${1-}" in
build) build ;;
up)
	or_undo control_up down
	echo "KUBECONFIG=$KUBECONFIG"
	;;
node-up) or_undo node_up node_down ;;
kubeconfig)
	access_grant "${2-}"
	access_kubeconfig "$2"
	;;
status) status ;;
node-down | down | wipe)
	lock
	"${1/-/_}"
	;;
*)
	usage >&2
	exit 2
	;;
esac

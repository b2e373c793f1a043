#!/usr/bin/env bash
# The system suite against a real cluster, in a namespace of its own, with the
# provisioner as a service account bound to conf/rbac.yaml. What `make test-cluster`
# runs.
#
#   run.sh [PYTEST-ARGUMENT...]                    control plane and node made for it
#   run.sh KUBECONFIG=FILE [PYTEST-ARGUMENT...]    the cluster of FILE
#
# Leaves with pytest's exit code; takes away all that it made, whatever happens.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SUITE=${SUITE:-$HERE/../system}
NAMESPACE=sandbox-provisioner-test-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
# shellcheck source=tests/cluster/process.sh
. "$HERE/process.sh"
# shellcheck source=tests/cluster/access.sh
. "$HERE/access.sh"

main() {
	WORK=$(mktemp -d)
	trap clean_up EXIT
	trap 'interrupted 130' INT
	trap 'interrupted 143' TERM
	if [[ ${1-} == KUBECONFIG=* ]]; then
		KUBECONFIG=$(realpath -e "${1#*=}")
		shift
	else
		own_cluster
		set -- --node --audit-log "$KUBE_STATE/logs/audit.log" "$@"
	fi
	export KUBECONFIG
	GRANTED=1
	kubectl create namespace "$NAMESPACE" >&2
	access_grant "$NAMESPACE"
	(umask 077 && access_kubeconfig "$NAMESPACE" >"$WORK/provisioner.kubeconfig")
	suite --cluster "$KUBECONFIG" --namespace "$NAMESPACE" \
	    --provisioner-kubeconfig "$WORK/provisioner.kubeconfig" "$@"
}

# In a state folder apart, so that a cluster which somebody works with lives on. Its
# logs stay until the next run.
own_cluster() {
	local home=${KUBE_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/sandbox-provisioner/kube-1.20.2}
	mkdir -p "$home"
	exec 8>"$home/run.lock"
	if ! flock -n 8; then fail "another run uses $home"; fi
	export KUBE_STATE=${KUBE_STATE:-$home/test}
	"$HERE/kube.sh" build
	"$HERE/kube.sh" wipe
	OWNED=1
	"$HERE/kube.sh" up 8>&-
	"$HERE/kube.sh" node-up 8>&-
	KUBECONFIG=$KUBE_STATE/admin.kubeconfig
}

# A job of its own: Ctrl-C then reaches this script alone, which passes it on, and a
# signal is handled while pytest runs, not after it. A script started in the background
# ignores SIGINT and hands that on, hence env.
suite() { # pytest-argument...
	local code=0
	set -m
	env --default-signal=INT /usr/bin/python3 -m pytest "$SUITE" "$@" </dev/null 8>&- &
	PYTEST=$!
	set +m
	wait "$PYTEST" || code=$?
	PYTEST=
	return "$code"
}

interrupted() { # exit code
	trap '' INT TERM
	if [ -n "${PYTEST-}" ]; then
		# As Ctrl-C does: fixtures are still torn down.
		kill -INT "$PYTEST" 2>/dev/null || true
		await 60 pytest_gone || kill -KILL -- "-$PYTEST" 2>/dev/null || true
	fi
	exit "$1"
}

pytest_gone() { ! kill -0 "$PYTEST"; }

clean_up() {
	trap '' INT TERM
	set +e
	if [ -n "${OWNED-}" ]; then
		"$HERE/kube.sh" down
	elif [ -n "${GRANTED-}" ]; then
		access_revoke "$NAMESPACE"
		kubectl wait --for=delete "namespace/$NAMESPACE" --timeout=120s >&2 ||
		    say "namespace $NAMESPACE is still being deleted"
	fi
	rm -rf "$WORK"
}

main "$@"

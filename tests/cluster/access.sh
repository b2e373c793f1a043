# shellcheck shell=bash
# The provisioner's service account in a namespace: conf/rbac.yaml, and a kubeconfig
# with its token. Works on the cluster of $KUBECONFIG. Needs process.sh.

readonly RBAC=$HERE/../../conf/rbac.yaml
readonly TOKEN_SECONDS=21600

access_grant() { # namespace
	# A DNS label, so that nothing but a name gets into sed and the manifest.
	if ! [[ $1 =~ ^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$ ]]; then
		fail "'$1' is not the name of a namespace"
	fi
	kubectl get namespace "$1" >/dev/null 2>&1 || kubectl create namespace "$1" >&2
	access_manifest "$1" | kubectl apply -f - >&2
	# Until this one exists, Pods are refused.
	await 30 kubectl -n "$1" get serviceaccount default ||
	    fail "namespace $1 gets no default service account"
}

access_revoke() { # namespace: what access_grant made, without waiting
	access_manifest "$1" | kubectl delete --ignore-not-found --wait=false -f - >&2
	kubectl delete namespace "$1" --ignore-not-found --wait=false >&2
}

access_manifest() { # namespace: the file is written so that this is all it takes
	sed "s/deer-flow/$1/g" "$RBAC"
}

access_kubeconfig() { # namespace
	local cluster token
	cluster=$(kubectl config view --raw --flatten --minify -o json)
	token=$(kubectl create -f - --raw \
	    "/api/v1/namespaces/$1/serviceaccounts/sandbox-provisioner/token" <<-E
	{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
	 "spec": {"expirationSeconds": $TOKEN_SECONDS}}
	E
	)
	printf '%s\n%s\n' "$cluster" "$token" | /usr/bin/python3 -c '
import json, sys

decode, text = json.JSONDecoder().raw_decode, sys.stdin.read()
config, end = decode(text)
token = decode(text[end:].lstrip())[0]["status"]["token"]
user = "sandbox-provisioner"
config["users"] = [{"name": user, "user": {"token": token}}]
config["contexts"] = [{"name": user, "context": {
    "cluster": config["clusters"][0]["name"], "user": user, "namespace": sys.argv[1]}}]
config["current-context"] = user
json.dump(config, sys.stdout, indent=2)
print()' "$1"
}

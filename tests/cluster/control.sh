# shellcheck shell=bash
# The control plane: keys, ports, four daemons. Needs process.sh.

readonly CONTROL_DAEMONS='etcd kube-apiserver kube-controller-manager kube-scheduler'
readonly NODE_IP=10.244.0.1 # of the bridge that node_up makes

control_up() {
	local daemon
	if control_is_up; then return; fi
	if ! build_is_complete; then fail "no programs in $KUBE_BIN yet: kube.sh build"; fi
	control_down
	mkdir -p "$KUBE_DATA" "$KUBE_RUN" "$KUBE_LOGS"
	rm -f "$KUBE_LOGS/audit.log"
	pki_make
	ports_choose >"$KUBE_RUN/ports"
	ports_load
	kubeconfig_write admin "$KUBECONFIG"
	for daemon in kube-controller-manager kube-scheduler kube-proxy kubelet; do
		kubeconfig_write "$daemon" "$KUBE_DATA/$daemon.kubeconfig"
	done
	etcd_start
	apiserver_start
	await_daemon 60 kube-apiserver kubectl get --raw /readyz
	# These two leave when the API server does not answer at once, so not earlier.
	process_start kube-controller-manager "$KUBE_BIN/kube-controller-manager" \
	    --kubeconfig="$KUBE_DATA/kube-controller-manager.kubeconfig" \
	    --leader-elect=false --port=0 --secure-port=0 \
	    --use-service-account-credentials \
	    --service-account-private-key-file="$KUBE_PKI/sa.key" \
	    --root-ca-file="$KUBE_PKI/ca.crt"
	process_start kube-scheduler "$KUBE_BIN/kube-scheduler" \
	    --kubeconfig="$KUBE_DATA/kube-scheduler.kubeconfig" \
	    --leader-elect=false --port=0 --secure-port=0
	await_daemon 60 kube-controller-manager kubectl get serviceaccount default
	await_daemon 5 kube-scheduler true
}

control_is_up() {
	local daemon
	for daemon in $CONTROL_DAEMONS; do
		process_alive "$daemon" || return
	done
}

control_down() {
	process_stop kube-scheduler kube-controller-manager kube-apiserver etcd
	rm -f "$KUBE_RUN/ports"
}

etcd_start() {
	local client=http://127.0.0.1:$PORT_ETCD peer=http://127.0.0.1:$PORT_ETCD_PEER
	# Test data: not worth an fsync.
	process_start etcd etcd --name=kube --data-dir="$KUBE_DATA/etcd" --unsafe-no-fsync \
	    --listen-client-urls="$client" --advertise-client-urls="$client" \
	    --listen-peer-urls="$peer" --initial-advertise-peer-urls="$peer" \
	    --initial-cluster="kube=$peer"
}

apiserver_start() {
	process_start kube-apiserver "$KUBE_BIN/kube-apiserver" \
	    --bind-address=127.0.0.1 --secure-port="$PORT_APISERVER" \
	    --advertise-address="$NODE_IP" \
	    --etcd-servers="http://127.0.0.1:$PORT_ETCD" \
	    --tls-cert-file="$KUBE_PKI/kube-apiserver.crt" \
	    --tls-private-key-file="$KUBE_PKI/kube-apiserver.key" \
	    --client-ca-file="$KUBE_PKI/ca.crt" \
	    --authorization-mode=Node,RBAC \
	    --service-account-issuer=https://kubernetes.default.svc \
	    --service-account-signing-key-file="$KUBE_PKI/sa.key" \
	    --service-account-key-file="$KUBE_PKI/sa.pub" \
	    --kubelet-client-certificate="$KUBE_PKI/apiserver-kubelet.crt" \
	    --kubelet-client-key="$KUBE_PKI/apiserver-kubelet.key" \
	    --kubelet-certificate-authority="$KUBE_PKI/ca.crt" \
	    --kubelet-preferred-address-types=InternalIP \
	    --service-cluster-ip-range=10.96.0.0/16 \
	    --service-node-port-range="$KUBE_NODE_PORTS" \
	    --allow-privileged=true \
	    --audit-policy-file="$HERE/audit-policy.yaml" \
	    --audit-log-path="$KUBE_LOGS/audit.log" --audit-log-maxsize=1000 \
	    --audit-log-mode=blocking
}

# Below both the NodePorts and the range that the kernel gives to outgoing
# connections, so that nobody takes one between here and the daemon's start.
ports_choose() {
	/usr/bin/python3 - ETCD ETCD_PEER APISERVER KUBELET PROXY_METRICS PROXY_HEALTH <<-'E'
	import random, socket, sys

	def is_free(port):
	    try:
	        socket.create_server(("", port)).close()
	    except OSError:
	        return False
	    return True

	free = filter(is_free, random.sample(range(20000, 29000), 500))
	for name, port in zip(sys.argv[1:], free):
	    print(f"PORT_{name}={port}")
	E
}

ports_load() {
	# shellcheck source=/dev/null
	. "$KUBE_RUN/ports"
}

# The folder is complete or not there.
pki_make() {
	local new=$KUBE_PKI.new
	if [ -d "$KUBE_PKI" ]; then return; fi
	rm -rf "$new"
	mkdir -m 700 "$new"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
	    -subj /CN=kube-ca -keyout "$new/ca.key" -out "$new/ca.crt" \
	    -addext keyUsage=critical,keyCertSign,digitalSignature 2>/dev/null
	openssl ecparam -genkey -name prime256v1 -noout -out "$new/sa.key"
	openssl ec -in "$new/sa.key" -pubout -out "$new/sa.pub" 2>/dev/null
	pki_issue "$new" kube-apiserver /CN=kube-apiserver \
	    DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1
	pki_issue "$new" kubelet /O=system:nodes/CN=system:node:node1 "DNS:node1,IP:$NODE_IP"
	pki_issue "$new" admin /O=system:masters/CN=admin
	pki_issue "$new" apiserver-kubelet /O=system:masters/CN=apiserver-kubelet
	pki_issue "$new" kube-controller-manager /CN=system:kube-controller-manager
	pki_issue "$new" kube-scheduler /CN=system:kube-scheduler
	pki_issue "$new" kube-proxy /CN=system:kube-proxy
	mv "$new" "$KUBE_PKI"
}

pki_issue() { # folder name subject [addresses, for a server]
	local file=$1/$2
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "$3" \
	    -keyout "$file.key" -out "$file.csr" 2>/dev/null
	{
		echo 'keyUsage=digitalSignature'
		echo "extendedKeyUsage=clientAuth${4:+,serverAuth}"
		if [ -n "${4-}" ]; then echo "subjectAltName=$4"; fi
	} >"$file.ext"
	openssl x509 -req -in "$file.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial \
	    -days 3650 -extfile "$file.ext" -out "$file.crt" 2>/dev/null
	rm "$file.csr" "$file.ext"
}

kubeconfig_write() { # certificate file
	(umask 077 && cat >"$2") <<E
apiVersion: v1
kind: Config
current-context: kube
contexts:
  - name: kube
    context: {cluster: kube, user: $1}
clusters:
  - name: kube
    cluster:
      server: https://127.0.0.1:$PORT_APISERVER
      certificate-authority-data: $(base64 -w0 "$KUBE_PKI/ca.crt")
users:
  - name: $1
    user:
      client-certificate-data: $(base64 -w0 "$KUBE_PKI/$1.crt")
      client-key-data: $(base64 -w0 "$KUBE_PKI/$1.key")
E
}

# shellcheck shell=bash
# The node: containerd, kubelet and kube-proxy. Needs process.sh and control.sh.
#
# They and every container live in one pid namespace and one mount namespace, see
# node-init.sh. So node_down kills a single process and the kernel takes all
# processes and mounts with it. What is left is what they did to the machine's
# network, settings and cgroups; node_down undoes that from what node_up noted.

readonly BRIDGE=kube-br0
readonly NODE_SYSCTLS='vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops
    net.ipv4.ip_forward net.ipv4.conf.all.route_localnet net.bridge.bridge-nf-call-iptables'
# Paths built into the node's programs: node-init.sh covers them by its own mounts.
readonly NODE_FOLDERS='/run/netns /run/containerd /var/lib/kubelet /var/lib/cni
    /var/log/pods /var/log/containers'

node_up() {
	if process_alive node; then return; fi
	if [ "$(id -u)" != 0 ]; then fail 'a node needs root'; fi
	if process_gone kube-apiserver; then fail 'no control plane: kube.sh up'; fi
	node_down
	if node_is_foreign; then
		fail 'this machine already runs containers or Kubernetes; its network is left alone'
	fi
	ports_load
	mkdir -p "$KUBE_NODE"/{cni,images,kubelet,containerd}
	node_note
	ip link add "$BRIDGE" type bridge
	ip address add "$NODE_IP/24" dev "$BRIDGE"
	ip link set "$BRIDGE" up
	node_configure
	node_images
	export KUBE_BIN KUBE_DATA KUBE_RUN KUBE_LOGS KUBE_NODE NODE_IP NODE_FOLDERS
	export PORT_PROXY_METRICS PORT_PROXY_HEALTH
	process_start node unshare --pid --fork --kill-child --mount --mount-proc \
	    --propagation slave "$HERE/node-init.sh"
	await_daemon 60 node node_is_ready
	say 'node1 is ready; images localhost/sandbox:1, localhost/pause:1'
}

# The taint outlives the condition for a moment and would delay the first Pod.
node_is_ready() {
	local path='{.status.conditions[?(@.type=="Ready")].status}{.spec.taints}'
	[ "$(kubectl get node node1 -o jsonpath="$path")" = True ]
}

node_is_foreign() {
	ip link show "$BRIDGE" || ip route show exact 10.244.0.0/24 | grep . ||
	    iptables-save | grep 'KUBE-\|CNI-' || node_cgroups | grep .
} >/dev/null 2>&1

node_cgroups() { find /sys/fs/cgroup -maxdepth 2 -type d -name kubepods; }

# Notes what is to be restored; the file "node" says that there is something.
node_note() {
	local folder
	# shellcheck disable=SC2086
	sysctl -e $NODE_SYSCTLS >"$KUBE_RUN/sysctls"
	: >"$KUBE_RUN/folders"
	touch "$KUBE_RUN/node"
	for folder in $NODE_FOLDERS; do
		node_missing_of "$folder" >>"$KUBE_RUN/folders"
		mkdir -p "$folder"
	done
}

node_missing_of() { # path: it and its parents, as far as they are missing, deepest first
	local path=$1
	while [ ! -d "$path" ]; do
		echo "$path"
		path=$(dirname "$path")
	done
}

node_down() {
	local pid cgroup folder
	if [ ! -e "$KUBE_RUN/node" ]; then return; fi
	# unshare itself ignores SIGTERM; it leaves when its child, the namespace's
	# first process, is gone, and that is when nothing in the namespace is left.
	if pid=$(process_pid node); then
		pkill -KILL -P "$pid" || true
		process_stop node
	fi
	ip link delete "$BRIDGE" 2>/dev/null || true
	node_firewall_clean iptables
	node_firewall_clean ip6tables
	sysctl -q -p "$KUBE_RUN/sysctls" || true
	for cgroup in $(node_cgroups); do
		find "$cgroup" -depth -type d -exec rmdir {} \; || true
	done
	while read -r folder; do
		rmdir "$folder" || true
	done <"$KUBE_RUN/folders"
	# A node that comes back is a new machine: nothing of it is kept.
	rm -rf "$KUBE_NODE" "$KUBE_RUN"/{containerd*,cni-ipam}
	rm -f "$KUBE_RUN"/{node,node.pid,sysctls,folders}
}

node_firewall_clean() { # iptables | ip6tables
	local table rules
	for table in nat filter mangle; do
		rules=$("$1-save" -c -t "$table" 2>/dev/null) || continue
		if grep -q 'KUBE-\|CNI-' <<<"$rules"; then
			grep -v 'KUBE-\|CNI-' <<<"$rules" | "$1-restore" -c -T "$table" || true
		fi
	done
}

# busybox twice: as pause it sleeps, as sandbox it answers GET /v1/sandbox on 8080,
# which is all that the provisioner's readiness probe asks for.
node_images() {
	node_image pause '["/bin/busybox","sleep","1000000000"]'
	# As process 1 httpd would ignore SIGTERM, and each deletion take its whole grace.
	node_image sandbox '["/bin/sh","-c","trap \"exit 0\" TERM; /bin/busybox httpd -f -p 8080 -h /www & wait"]' \
	    bin/sh=@busybox 'www/v1/sandbox=text:{"status":"ok"}'
}

node_image() { # name entrypoint entry...
	"$HERE/mkimage.py" "$KUBE_NODE/images/$1.tar" "localhost/$1:1" "$2" \
	    bin/busybox=/bin/busybox "${@:3}"
}

node_configure() {
	cat >"$KUBE_NODE/containerd.toml" <<E
version = 2
root = "$KUBE_NODE/containerd"
state = "$KUBE_RUN/containerd"
[grpc]
  address = "$KUBE_RUN/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$KUBE_NODE/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true # its profile would stay in the kernel
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$KUBE_NODE/cni"
E
	cat >"$KUBE_NODE/cni/pods.conflist" <<E
{"cniVersion": "0.4.0", "name": "pods", "plugins": [{
  "type": "bridge", "bridge": "$BRIDGE", "isGateway": true, "ipMasq": true, "hairpinMode": true,
  "ipam": {"type": "host-local", "dataDir": "$KUBE_RUN/cni-ipam",
    "ranges": [[{"subnet": "10.244.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
E
	cat >"$KUBE_NODE/kubelet.yaml" <<E
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $NODE_IP
port: $PORT_KUBELET
healthzPort: 0
readOnlyPort: 0
tlsCertFile: $KUBE_PKI/kubelet.crt
tlsPrivateKeyFile: $KUBE_PKI/kubelet.key
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: $KUBE_PKI/ca.crt}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
enforceNodeAllocatable: []
failSwapOn: false
# A developer's full disk is no reason to evict, nor to collect the only images.
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
serializeImagePulls: false
nodeStatusUpdateFrequency: 5s
syncFrequency: 10s
E
}

#!/usr/bin/env bash
# First process of the node's pid and mount namespace, started by node.sh. When it
# ends, so does the node with all that runs in it; bash reaps the orphans.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SOCKET=$KUBE_RUN/containerd.sock
# shellcheck source=tests/cluster/process.sh
. "$HERE/process.sh"

# Volumes may ask for mounts that propagate among the node's own namespaces; to
# the machine nothing propagates.
mount --make-rshared /
for folder in $NODE_FOLDERS; do
	mount -t tmpfs -o mode=755,size=256m node "$folder"
done

containerd --config "$KUBE_NODE/containerd.toml" >"$KUBE_LOGS/containerd.log" 2>&1 &
await 20 ctr --address "$SOCKET" version
for image in "$KUBE_NODE"/images/*.tar; do
	ctr --address "$SOCKET" --namespace k8s.io images import "$image"
done

"$KUBE_BIN/kubelet" --config="$KUBE_NODE/kubelet.yaml" \
    --kubeconfig="$KUBE_DATA/kubelet.kubeconfig" --root-dir="$KUBE_NODE/kubelet" \
    --hostname-override=node1 --node-ip="$NODE_IP" \
    --container-runtime=remote --container-runtime-endpoint="unix://$SOCKET" \
    >"$KUBE_LOGS/kubelet.log" 2>&1 &
# 0 keeps kube-proxy from changing the machine's connection tracking.
"$KUBE_BIN/kube-proxy" --kubeconfig="$KUBE_DATA/kube-proxy.kubeconfig" \
    --hostname-override=node1 --proxy-mode=iptables --cluster-cidr=10.244.0.0/16 \
    --nodeport-addresses=127.0.0.0/8 \
    --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 \
    --conntrack-tcp-timeout-close-wait=0 \
    --metrics-bind-address="127.0.0.1:$PORT_PROXY_METRICS" \
    --healthz-bind-address="127.0.0.1:$PORT_PROXY_HEALTH" \
    >"$KUBE_LOGS/kube-proxy.log" 2>&1 &

wait -n || true
echo 'containerd, kubelet or kube-proxy has ended' >&2

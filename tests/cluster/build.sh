# shellcheck shell=bash
# Kubernetes from Debian 12's source package. Needs process.sh.
#
# The package ships kubectl alone, but its source is the whole tree with all that
# it vendors. Every step leaves its mark in $KUBE_HOME/build only when complete, so
# an interrupted build goes on where it was; the folder goes away at the end.

readonly KUBE_VERSION=1.20.2
readonly KUBE_PROGRAMS='kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy'

build_is_complete() {
	[ "$(cat "$KUBE_BIN/.complete" 2>/dev/null)" = "$KUBE_VERSION" ]
}

build() {
	local work=$KUBE_HOME/build
	"$HERE/../../conf/deps.sh" cluster >&2
	if build_is_complete; then return; fi
	"$HERE/../../conf/deps.sh" kube >&2
	mkdir -p "$work" "$KUBE_BIN"
	(
		exec 9>"$KUBE_HOME/build.lock"
		flock 9
		if build_is_complete; then exit; fi
		mkdir -p "$work/src"
		build_fetch "$work/src"
		build_unpack "$work/src"
		build_compile "$work"
		echo "$KUBE_VERSION" >"$KUBE_BIN/.complete"
		rm -rf "$work"
	)
	say "built Kubernetes $KUBE_VERSION in $KUBE_BIN"
}

# The archive is the mirror that apt uses already, found by asking apt, so that it
# does not matter how it is written down. Everything else is private to the build:
# the system's source list and package lists stay as they are.
build_fetch() { # folder
	local apt=$1/apt mirror options
	if [ -e "$1/fetched" ]; then return; fi
	# shellcheck disable=SC2016
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
	    'Origin: Debian' 'Codename: bookworm' 'Component: main' | head -n 1)
	if [ -z "$mirror" ]; then
		fail 'apt knows no Debian 12 (bookworm) archive; no other release has this source'
	fi
	mkdir -p "$apt/lists/partial" "$apt/archives/partial"
	echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" \
	    >"$apt/sources.list"
	options=(-q -o Dir::State::Lists="$apt/lists" -o Dir::Cache="$apt"
	    -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
	    -o APT::Sandbox::User=root)
	apt-get "${options[@]}" update
	(cd "$1" && apt-get "${options[@]}" source --download-only kubernetes)
	touch "$1/fetched"
}

build_unpack() { # folder
	local dsc tree=$1/kubernetes reflect2=vendor/github.com/modern-go/reflect2
	if [ -e "$tree" ]; then return; fi
	dsc=("$1"/kubernetes_*really"$KUBE_VERSION"*.dsc)
	rm -rf "$1/unpacking"
	# apt verified the files against the signed index; the .dsc's own signature
	# would need the maintainers' keyring.
	dpkg-source --no-check -x "${dsc[0]}" "$1/unpacking"
	# The vendored 1.0.1 crashes when compiled by Go 1.18 or later, 1.0.2 does not.
	rm -r "$1/unpacking/${reflect2:?}"
	cp -rL /usr/share/gocode/src/github.com/modern-go/reflect2 "$1/unpacking/$reflect2"
	mv "$1/unpacking" "$tree"
}

build_compile() { # folder
	local tree=$1/gopath/src/k8s.io/kubernetes program
	mkdir -p "$1"/{home,tmp,gopath/src/k8s.io}
	ln -sfn "$1/src/kubernetes" "$tree"
	export PATH=/usr/lib/go-1.19/bin:$PATH HOME=$1/home GOTMPDIR=$1/tmp GOCACHE=$1/cache
	export GO111MODULE=off GOFLAGS='' CGO_ENABLED=0
	if [ ! -e "$1/generated" ]; then
		# The tarball lacks one file, pkg/generated/openapi.
		make -C "$1/src/kubernetes" generated_files
		touch "$1/generated"
	fi
	export GOPATH=$1/gopath
	cd "$tree" || exit
	for program in $KUBE_PROGRAMS; do
		say "building $program"
		go build -trimpath -ldflags "-s -w $(build_version_flags)" \
		    -o "$KUBE_BIN/" "./cmd/$program"
	done
}

# Without these the programs call themselves v0.0.0, which clients mistrust.
build_version_flags() {
	local package path
	for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
		for path in "$package" "k8s.io/kubernetes/vendor/$package"; do
			printf -- '-X %s.gitVersion=v%s -X %s.gitMajor=1 -X %s.gitMinor=20 ' \
			    "$path" "$KUBE_VERSION" "$path" "$path"
		done
	done
}

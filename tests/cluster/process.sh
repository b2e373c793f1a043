# shellcheck shell=bash
# Daemons by pid: start, ask, stop. Needs KUBE_RUN (pid files) and KUBE_LOGS.
#
# A pid file holds "PID STARTTIME". The kernel's start time tells our process
# from a later one that was given the same pid, so nothing else is ever killed.

say() { printf 'kube: %s\n' "$*" >&2; }

fail() { # sentence
	say "$*"
	return 1
}

process_start_time() { # pid
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	# The command name may hold spaces: count the fields after its ")".
	read -ra stat <<<"${stat##*) }"
	echo "${stat[19]}"
}

process_pid() { # name -> pid, when it lives
	local pid started
	[ -s "$KUBE_RUN/$1.pid" ] || return 1
	read -r pid started <"$KUBE_RUN/$1.pid"
	[ "$(process_start_time "$pid")" = "$started" ] && echo "$pid"
}

process_alive() { process_pid "$1" >/dev/null; }

process_start() { # name command...
	local name=$1
	shift
	if process_alive "$name"; then return; fi
	# A session of its own: Ctrl-C in the terminal must reach the script alone,
	# which then stops things in order. 9 is the lock of the caller.
	setsid "$@" >"$KUBE_LOGS/$name.log" 2>&1 </dev/null 9>&- &
	echo "$! $(process_start_time $!)" >"$KUBE_RUN/$name.pid"
}

process_gone() { ! process_alive "$1"; }

process_stop() { # name...: all at once, since each takes seconds to leave
	local name pid
	for name; do
		if pid=$(process_pid "$name"); then kill "$pid" 2>/dev/null || true; fi
	done
	for name; do
		if ! await 10 process_gone "$name" && pid=$(process_pid "$name"); then
			kill -KILL "$pid" 2>/dev/null || true
			await 5 process_gone "$name" || say "$name (pid $pid) does not die"
		fi
		rm -f "$KUBE_RUN/$name.pid"
	done
}

await() { # seconds command...: until the command succeeds
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ "$SECONDS" -ge "$end" ]; then return 1; fi
		sleep 0.1
	done
}

await_daemon() { # seconds name command...: gives up at once when name dies
	local seconds=$1 name=$2
	shift 2
	await "$seconds" daemon_settled "$name" "$@" && process_alive "$name" && return
	tail -n 5 "$KUBE_LOGS/$name.log" >&2
	fail "$name did not become ready: see $KUBE_LOGS/$name.log"
}

daemon_settled() { # name command...
	process_gone "$1" || "${@:2}"
}

# shellcheck shell=bash
# Starting, recognising and ending our processes. Each service leads a
# session of its own; $run/NAME.pid keeps its process id, start time, and a
# stamp of what it was started from. A process counts as ours only if its
# start time fits, so a reused id harms nobody.

# stat_of PID: sets stat_session and stat_start.
stat_of()
{
	local line fields
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
	read -r -a fields <<<"${line##*) }"
	stat_session=${fields[3]}
	stat_start=${fields[19]}
	# A zombie has ended.
	[ "${fields[0]}" != Z ]
}

# recorded NAME: sets its pid, started and stamp from the file.
recorded()
{
	pid='' started='' stamp=''
	[ ! -f "$run/$1.pid" ] || read -r pid started stamp <"$run/$1.pid" || true
	case $pid:$started in
	*[!0-9:]* | :* | *:) return 1 ;;
	esac
}

running()
{
	recorded "$1" && stat_of "$pid" && [ "$stat_start" = "$started" ]
}

# members NAME: the processes of its session, the leader's orphans too.
members()
{
	local path owner
	recorded "$1" || return 0
	owner=$(stat -c %u "$run")
	for path in /proc/[0-9]*; do
		stat_of "${path#/proc/}" || continue
		if [ "$stat_session" = "$pid" ] &&
		    [ "$stat_start" -ge "$started" ] &&
		    [ "$(stat -c %u "$path" 2>/dev/null)" = "$owner" ]; then
			printf '%s\n' "${path#/proc/}"
		fi
	done
}

# wait_until SECONDS COMMAND…: until it succeeds; fails after that time.
wait_until()
{
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

gone()
{
	[ -z "$(members "$1")" ]
}

# stop NAME [SIGNAL [SECONDS]]: the leader first, after that time all of them.
stop()
{
	if running "$1"; then
		kill -s "${2:-TERM}" "$pid" 2>/dev/null || true
		wait_until "${3:-10}" gone "$1" || true
	fi
	if ! gone "$1"; then
		local left
		for left in $(members "$1"); do
			kill -s KILL "$left" 2>/dev/null || true
		done
		wait_until 10 gone "$1" || die "$1 does not end"
	fi
	rm -f "$run/$1.pid"
}

# start NAME STAMP COMMAND…
start()
{
	local name=$1 new_stamp=$2 log=$logs/$1.log
	shift 2
	if [ -f "$log" ] && [ "$(stat -c %s "$log")" -gt 20000000 ]; then
		mv "$log" "$log.1"
	fi
	cd "$run"
	TMPDIR=/tmp setsid "$@" </dev/null >>"$log" 2>&1 9<&- &
	disown $!
	wait_until 5 leads $! || die_log "$name ended at once" "$log"
	stat_of $!
	printf '%s %s %s\n' $! "$stat_start" "$new_stamp" >"$run/$name.pid"
}

leads()
{
	stat_of "$1" && [ "$stat_session" = "$1" ]
}

# stamp_of FILE… -- COMMAND…: of a command, its program and the files that it
# reads.
stamp_of()
{
	local files=()
	while [ "$1" != -- ]; do
		files+=("$1")
		shift
	done
	shift
	{
		printf '%s\n' "$@"
		sha256sum -- "$1" "${files[@]}"
	} | sha256sum | cut -c 1-32
}

# same NAME STAMP: it runs, and from just this.
same()
{
	running "$1" && [ "$stamp" = "$2" ]
}

# ready NAME SECONDS COMMAND…: waits until the command says so.
ready()
{
	local name=$1 seconds=$2
	shift 2
	wait_until "$seconds" ready_or_ended "$name" "$@" ||
	    die_log "$name is not ready after $seconds s" "$logs/$name.log"
	running "$name" || die_log "$name has ended" "$logs/$name.log"
}

ready_or_ended()
{
	local name=$1
	shift
	"$@" || ! running "$name"
}

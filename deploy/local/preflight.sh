# shellcheck shell=bash
# What must hold before up changes anything. Each failure is collected with
# its mend, so that one run names them all.

problems=()
notes=()

problem()
{
	problems+=("$1" "    mend: $2")
}

# The first part of a path that exists.
existing()
{
	local path=$1
	while [ ! -d "$path" ]; do
		path=$(dirname -- "$path")
	done
	printf '%s\n' "$path"
}

# probe COMMAND…: runs it with the rights that everything will run with; the
# system user may not exist yet, any other without rights is as good.
probe()
{
	if $is_root; then
		local id=65534
		! id -u "$service_user" >/dev/null 2>&1 || id=$(id -u "$service_user")
		setpriv --reuid="$id" --regid="$id" --clear-groups \
		    --inh-caps=-all -- "$@"
	else
		"$@"
	fi
}

memory_free_kb()
{
	local free group used limit
	free=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
	group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
	[ -r "$group/memory.max" ] || group=/sys/fs/cgroup
	if [ -r "$group/memory.max" ]; then
		limit=$(cat "$group/memory.max")
		used=$(awk -v used="$(cat "$group/memory.current")" \
		    '$1 == "inactive_file" { used -= $2 } END { print used }' \
		    "$group/memory.stat")
		if [ "$limit" != max ] && [ $(((limit - used) / 1024)) -lt "$free" ]; then
			free=$(((limit - used) / 1024))
		fi
	fi
	printf '%s\n' "$free"
}

check_memory()
{
	local free
	free=$(memory_free_kb)
	[ "$free" -ge 2000000 ] ||
	    problem "memory: $((free / 1000)) MB are free, 2000 MB are needed" \
	        "end other programs, or give this machine more memory"
}

# check_disk WHAT PATH MEGABYTES MEND
check_disk()
{
	local free
	free=$(df -Pk -- "$(existing "$2")" | awk 'END { print $4 }')
	[ "$free" -ge $(($3 * 1000)) ] ||
	    problem "disk: $1, $2, has $((free / 1000)) MB left, $3 MB are needed" "$4"
}

check_disks()
{
	local need=4000
	# Once all is in place an update needs no more than a build.
	[ -z "$(remembered built)" ] || need=500
	check_disk "the folder for it all" "$state" "$need" \
	    "free some, or set LIVY_FCGI_HOME to a folder on a larger disk"
	check_disk "the temporary folder" "$UP_TMPDIR" "$need" \
	    "free some, or set TMPDIR to a folder on a larger disk"
}

# Root's own TMPDIR is of no use to another user: then the common one.
choose_tmpdir()
{
	local dir=${TMPDIR:-/tmp}
	probe test -w "$dir" && probe test -x "$dir" || dir=/tmp
	export UP_TMPDIR=$dir
	probe test -w "$dir" ||
	    problem "the temporary folder $dir cannot be written to" \
	        "chmod 1777 /tmp, or set TMPDIR to another folder"
}

check_state_folder()
{
	local have
	have=$(existing "$state")
	if ! $is_root && [ ! -w "$have" ]; then
		problem "the folder $have cannot be written to" \
		    "set LIVY_FCGI_HOME to a folder of yours"
	elif ! probe test -x "$have"; then
		problem "the system user that runs it all cannot enter $have" \
		    "set LIVY_FCGI_HOME to a folder below ones that all may enter"
	fi
	if [ -d "$state" ] && [ ! -d "$state/kept" ] &&
	    [ -n "$(ls -A "$state")" ]; then
		problem "$state is there already and not made by this command" \
		    "move it away, or set LIVY_FCGI_HOME to another folder"
	fi
}

check_user_namespaces()
{
	probe unshare --user --map-root-user --mount --pid --fork --mount-proc \
	    true 2>/dev/null && return
	local mend="in a container: allow unshare, mount, and an unmasked /proc"
	if [ "$(cat /proc/sys/kernel/unprivileged_userns_clone 2>/dev/null)" = 0 ]; then
		mend="sysctl kernel.unprivileged_userns_clone=1"
	elif [ "$(cat /proc/sys/user/max_user_namespaces 2>/dev/null)" = 0 ]; then
		mend="sysctl user.max_user_namespaces=10000"
	elif [ "$(cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns \
	    2>/dev/null)" = 1 ]; then
		mend="sysctl kernel.apparmor_restrict_unprivileged_userns=0"
	elif [ "$(stat -c %d:%i /)" != "$(stat -L -c %d:%i /proc/1/root/. \
	    2>/dev/null)" ]; then
		mend="in a chroot they cannot be made: enter it by pivot_root"
	fi
	problem "user namespaces: batches run in one, and they cannot be made" \
	    "$mend"
}

# listener PORT: who listens on the port of 127.0.0.1 or of any address, as
# "name (pid N)"; fails if nobody does.
listener()
{
	local inode uid pid
	read -r inode uid < <(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
	    awk -v port="$(printf ':%04X' "$1")" '
		$4 == "0A" && substr($2, length($2) - 4) == port &&
		    $2 ~ /^(0100007F|0+|0000000000000000FFFF00000100007F):/ {
			print $10, $8
			exit
		}') || return 1
	pid=$(find /proc/[0-9]*/fd -lname "socket:\[$inode\]" 2>/dev/null |
	    sed -n '1s|^/proc/\([0-9]*\)/.*|\1|p')
	if [ -n "$pid" ]; then
		printf "'%s' (pid %s)\n" "$(cat "/proc/$pid/comm")" "$pid"
	else
		printf "a program of user '%s'\n" "$(id -nu "$uid" 2>/dev/null ||
		    printf '%s' "$uid")"
	fi
}

# choose_port NAME WHAT PREFERRED: sets UP_PORT_NAME to the remembered port,
# else to the preferred one; to the next free one if that is taken.
choose_port()
{
	local port holder first
	port=$(remembered "port.$1")
	case $port in
	'' | *[!0-9]*) port=$3 ;;
	esac
	first=$port
	if gone "$1"; then
		while holder=$(listener "$port"); do
			notes+=("port $port for $2 is taken by $holder")
			port=$((port + 1))
			[ "$port" -lt $((first + 100)) ] || {
				problem "no free port from $first to $port for $2" \
				    "end the programs that hold them"
				return
			}
		done
		[ "$port" = "$first" ] || notes+=("$2 takes port $port instead")
	fi
	export "UP_PORT_$1=$port"
}

# The programs that run from packages, or from what is there already.

java_version()
{
	"$1" -XX:-UsePerfData -version 2>&1 |
	    sed -n 's/.* version "\(1\.\)\{0,1\}\([0-9]*\).*/\2/p' | head -n 1
}

# find_java: the home of a Java 17 or later that everything can use.
find_java()
{
	local java
	for java in "${JAVA_HOME:+$JAVA_HOME/bin/java}" \
	    "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
		[ -n "$java" ] && probe test -x "$java" || continue
		[ "$(java_version "$java")" -ge 17 ] 2>/dev/null || continue
		dirname -- "$(dirname -- "$(readlink -f -- "$java")")"
		return 0
	done
	return 1
}

# find_python: a Python 3.8 or later with venv that everything can use.
find_python()
{
	local python
	for python in /usr/bin/python3 "$(command -v python3 || true)"; do
		[ -n "$python" ] && [ -x "$python" ] || continue
		probe "$python" -c 'import ensurepip, ssl, sys, venv
sys.exit(sys.version_info < (3, 8))' 2>/dev/null || continue
		printf '%s\n' "$python"
		return 0
	done
	return 1
}

check_packages()
{
	find_missing
	[ ${#missing[@]} != 0 ] || return 0
	if ! command -v apt-get >/dev/null; then
		problem "programs are missing, and this system has no apt-get" \
		    "install what Debian calls: ${missing[*]}"
	elif ! $is_root; then
		problem "Debian packages are missing" \
		    "as root: apt-get install --no-install-recommends ${missing[*]}"
	elif ! find_java >/dev/null && compgen -G '/var/lib/apt/lists/*_Packages*' \
	    >/dev/null && ! has_package "$(java_package)"; then
		problem "Java 17 or later is not here, nor in this Debian's packages" \
		    "install one, and set JAVA_HOME to its folder"
	fi
}

check_spark_home()
{
	[ -n "${SPARK_HOME:-}" ] || return 0
	if ! spark_version "$SPARK_HOME" >/dev/null; then
		problem "SPARK_HOME=$SPARK_HOME is no unpacked Spark 3.5 or later" \
		    "name a folder with bin/spark-submit, jars and python in it"
	elif ! probe test -r "$SPARK_HOME/bin/spark-submit"; then
		problem "the system user that runs it all cannot read $SPARK_HOME" \
		    "move it below a folder that all may enter, as /opt"
	fi
}

choose_ports()
{
	local line
	notes=()
	choose_port https "the gateway" 8443
	choose_port kube "localkube" 6443
	for line in "${notes[@]}"; do
		say "note: $line"
	done
}

preflight()
{
	choose_tmpdir
	check_state_folder
	check_disks
	running https || check_memory
	check_user_namespaces
	check_packages
	check_spark_home
	choose_ports
	if [ ${#problems[@]} != 0 ]; then
		die "nothing was changed, because:" "${problems[@]/#/  }"
	fi
}

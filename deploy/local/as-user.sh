#!/bin/bash
# The part of up and down that runs as the user who owns everything, from the
# copy of the source: as-user.sh up | stop. Not for direct use.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=common.sh
. "$here/common.sh"
# shellcheck source=preflight.sh
. "$here/preflight.sh"
# shellcheck source=packages.sh
. "$here/packages.sh"
# shellcheck source=build.sh
. "$here/build.sh"
# shellcheck source=spark.sh
. "$here/spark.sh"
# shellcheck source=identity.sh
. "$here/identity.sh"
# shellcheck source=process.sh
. "$here/process.sh"
# shellcheck source=services.sh
. "$here/services.sh"
set_paths

# A folder of its own in the temporary one, gone at the end, or when this runs
# again if it was killed.
clean_tmp()
{
	local dir
	dir=$(remembered tmp)
	case $dir in
	*/livy-fcgi.??????)
		[ ! -O "$dir" ] || rm -rf -- "$dir"
		rm -f "$state/kept/tmp"
		;;
	esac
}

make_tmp()
{
	clean_tmp
	TMPDIR=$(mktemp -d "${UP_TMPDIR:-/tmp}/livy-fcgi.XXXXXX")
	export TMPDIR
	remember tmp "$TMPDIR"
	trap clean_tmp EXIT
	trap 'exit 1' HUP INT TERM
}

up()
{
	make_tmp
	unset "${!SPARK_@}" 2>/dev/null || true
	[ -z "${UP_SPARK_HOME+set}" ] || SPARK_HOME=$UP_SPARK_HOME
	mkdir -p "$private" "$run" "$logs" "$state/home"
	chmod 700 "$private" "$logs"
	python=$(find_python)
	java_home=$(find_java)
	build_all "$UP_HASH"
	choose_spark "$python" "${UP_WHEELHOUSE:-}"
	make_identity
	step "Starting localkube, localspark, the gateway and nginx"
	write_configs
	start_services
	if [ ${#restarted[@]} = 0 ]; then
		say "    all of them run already"
	else
		say "    started: ${restarted[*]}"
	fi
	if [ "${UP_JOB:-auto}" = always ] || {
		[ "${UP_JOB:-auto}" = auto ] && [ "$(remembered job)" != "$UP_HASH" ]
	}; then
		step "The main job: a PySpark batch, then statements in a session"
		"$python" -B "$local_src/mainjob.py" run
		remember job "$UP_HASH"
	fi
}

case ${1:-} in
up) up ;;
stop)
	stop_services
	clean_tmp
	;;
*) die "usage: as-user.sh up | stop" ;;
esac

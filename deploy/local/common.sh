# shellcheck shell=bash
# What up, down and env share: where everything lives, who runs it, how it
# speaks. Sourced; sets variables only.

umask 022
export LC_ALL=C.UTF-8

service_user=livy-fcgi
is_root=false
[ "$(id -u)" != 0 ] || is_root=true

say()
{
	printf '%s\n' "$*"
}

step()
{
	printf '\n==> %s\n' "$*"
}

# die TEXT [MORE…]: the reason, then lines that help.
die()
{
	printf '%s: %s\n' "${0##*/}" "$1" >&2
	shift
	[ $# = 0 ] || printf '%s\n' "$@" >&2
	exit 1
}

# die_log TEXT LOG: the reason and the end of the log that shows it.
die_log()
{
	printf '%s: %s\nThe end of %s:\n' "${0##*/}" "$1" "$2" >&2
	tail -n 25 -- "$2" >&2 || true
	exit 1
}

# Everything that is built, kept and run lies below $state; what other code
# on this machine must not read, a batch's above all, below $private.
set_paths()
{
	if [ -n "${LIVY_FCGI_HOME:-}" ]; then
		state=$LIVY_FCGI_HOME
	elif $is_root; then
		state=/var/lib/livy-fcgi
	else
		[ -n "${XDG_STATE_HOME:-}" ] || [ -n "${HOME:-}" ] ||
		    die "HOME is not set" "Set LIVY_FCGI_HOME to a folder for it all."
		state=${XDG_STATE_HOME:-$HOME/.local/state}/livy-fcgi
	fi
	case $state in
	/*) ;;
	*) die "'$state' is not an absolute path" ;;
	esac
	state=${state%/}
	case $state in
	*[!A-Za-z0-9_./+@-]*)
		die "the build cannot use the folder name '$state'" \
		    "Set LIVY_FCGI_HOME to a path of letters, digits and _./+@-." ;;
	'' | *//* | */../* | */./*)
		die "'$state' cannot be the folder for it all" ;;
	esac
	# A unix socket's path is bounded.
	[ ${#state} -le 80 ] ||
	    die "the folder name '$state' is too long" \
	        "Set LIVY_FCGI_HOME to a path of at most 80 characters."
	private=$state/private
	run=$private/run
	pki=$private/pki
	logs=$state/log
	inst=$state/inst
	venv=$state/venv
	# shellcheck disable=SC2034 # for those who source this
	{
		build=$state/build
		src=$state/src
		local_src=$src/deploy/local
	}
}

# as_user COMMAND…: as the user that runs everything: the caller, or with
# root's rights laid down, and root's environment too, the system user.
as_user()
{
	if ! $is_root; then
		env LIVY_FCGI_HOME="$state" "$@"
		return
	fi
	local keep=() name
	for name in http_proxy https_proxy no_proxy all_proxy HTTP_PROXY \
	    HTTPS_PROXY NO_PROXY ALL_PROXY SSL_CERT_FILE SSL_CERT_DIR \
	    REQUESTS_CA_BUNDLE CURL_CA_BUNDLE TERM COLUMNS NO_COLOR JAVA_HOME \
	    "${!PIP_@}" "${!UP_@}"; do
		[ -z "${!name+set}" ] || keep+=("$name=${!name}")
	done
	setpriv --reuid="$service_user" --regid="$service_user" --init-groups \
	    --inh-caps=-all env -i -C "$state" "${keep[@]}" \
	    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	    HOME="$state/home" USER="$service_user" LOGNAME="$service_user" \
	    LIVY_FCGI_HOME="$state" LC_ALL=C.UTF-8 "$@"
}

# One at a time: up and down hold the folder itself locked. Sets waited.
lock_state()
{
	waited=false
	while :; do
		exec 9<"$state"
		if ! flock --nonblock 9; then
			say "Another up or down is at work on $state: waiting for it."
			flock 9
			waited=true
		fi
		# It may have been purged meanwhile.
		[ "$(stat -L -c %d:%i /proc/self/fd/9)" != \
		    "$(stat -c %d:%i "$state" 2>/dev/null)" ] || return 0
		exec 9<&-
		[ -d "$state" ] || return 1
	done
}

# remembered NAME: the one-line value kept under that name, or nothing.
remembered()
{
	[ ! -f "$state/kept/$1" ] || head -n 1 "$state/kept/$1"
}

remember()
{
	mkdir -p "$state/kept"
	printf '%s\n' "$2" >"$state/kept/$1.new"
	mv "$state/kept/$1.new" "$state/kept/$1"
}

# shellcheck shell=bash
# Debian packages: which are missing, and their installation, which alone
# needs root. Debian's own nginx service is never started.

# Each line: a package, and how to see that what it brings is there.
packages="
ca-certificates     file /etc/ssl/certs/ca-certificates.crt
gcc                 program gcc
libc6-dev           file /usr/include/stdlib.h
make                program make
autoconf            program autoconf
automake            program automake
pkg-config          program pkg-config
libfcgi-dev         library fcgi
libcurl4-openssl-dev library libcurl
libjson-c-dev       library json-c
libconfig-dev       library libconfig
libyaml-dev         library yaml-0.1
libssl-dev          library libcrypto
zlib1g-dev          library zlib
libmicrohttpd-dev   library libmicrohttpd
libsqlite3-dev      library sqlite3
nginx               file /usr/sbin/nginx
openssl             program openssl
bubblewrap          program bwrap
"

there()
{
	case $1 in
	program) command -v "$2" >/dev/null ;;
	file) [ -e "$2" ] ;;
	library) pkg-config --exists "$2" 2>/dev/null ;;
	esac
}

installed()
{
	case $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) in
	installed) return 0 ;;
	esac
	return 1
}

all_installed()
{
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' |
	    sed -n 's/^installed //p' | sort -u
}

find_missing()
{
	local package kind what
	missing=()
	while read -r package kind what; do
		[ -n "$package" ] || continue
		there "$kind" "$what" || installed "$package" || missing+=("$package")
	done <<<"$packages"
	find_python >/dev/null || missing+=(python3 python3-venv)
	find_java >/dev/null || missing+=("$(java_package)")
	! $is_root || there program useradd || missing+=(passwd)
}

has_package()
{
	apt-cache show "$1" 2>/dev/null | grep -q '^Version:'
}

# The Java that Spark 3.5 was made for, else a later one.
java_package()
{
	local package
	for package in openjdk-17-jre-headless openjdk-21-jre-headless \
	    openjdk-25-jre-headless; do
		! has_package "$package" || break
		package=openjdk-17-jre-headless
	done
	printf '%s\n' "$package"
}

policy=/usr/sbin/policy-rc.d
policy_saved=/usr/sbin/policy-rc.d.before-livy-fcgi
policy_mark='# livy-fcgi, for the time of an installation'

# Undoes deny_nginx, also what a killed run left.
allow_nginx()
{
	grep -qsF "$policy_mark" "$policy" || return 0
	if [ -e "$policy_saved" ] || [ -L "$policy_saved" ]; then
		mv -f "$policy_saved" "$policy"
	else
		rm -f "$policy"
	fi
}

# Packages ask this program before they start a service.
deny_nginx()
{
	allow_nginx
	if [ -e "$policy" ] || [ -L "$policy" ]; then
		mv -f "$policy" "$policy_saved"
	fi
	cat >"$policy.livy-fcgi" <<EOF
#!/bin/sh
$policy_mark
for word; do
	case \$word in nginx | nginx.service) exit 101 ;; esac
done
[ ! -x $policy_saved ] || exec $policy_saved "\$@"
exit 0
EOF
	chmod 755 "$policy.livy-fcgi"
	mv -f "$policy.livy-fcgi" "$policy"
}

# Files that were cut off stay in apt's own partial folder and are gone on
# with, so a few attempts mend a bad network.
apt_install()
{
	local log=$1 try
	for try in 1 2 3; do
		if apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
		    update >>"$log" 2>&1 && find_missing &&
		    apt-get -q -y -o Acquire::Retries=3 \
		    -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
		    install --no-install-recommends "${missing[@]}" \
		    >>"$log" 2>&1; then
			return 0
		fi
		say "    apt-get failed (attempt $try of 3)"
		sleep 2
	done
	return 1
}

install_packages()
{
	local log before had_nginx=true
	find_missing
	if [ ${#missing[@]} = 0 ]; then
		allow_nginx
		return 0
	fi
	step "Installing Debian packages: ${missing[*]}"
	[ -e /usr/sbin/nginx ] || had_nginx=false
	log=$(mktemp)
	before=$(all_installed)
	(
		trap allow_nginx EXIT
		trap 'exit 1' HUP INT TERM
		deny_nginx
		export DEBIAN_FRONTEND=noninteractive
		export NEEDRESTART_SUSPEND=1
		apt_install "$log"
	) 9<&- </dev/null || {
		say "apt-get's last words:"
		tail -n 25 "$log"
		rm -f "$log"
		die "the packages could not be installed"
	}
	rm -f "$log"
	# Nor is it to start with the machine.
	if ! $had_nginx && command -v systemctl >/dev/null; then
		systemctl --quiet disable nginx.service >/dev/null 2>&1 || true
	fi
	mapfile -t installed_now < <(comm -13 <(printf '%s\n' "$before") \
	    <(all_installed))
	find_missing
	[ ${#missing[@]} = 0 ] ||
	    die "still missing after the installation: ${missing[*]}"
}
